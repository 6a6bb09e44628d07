//! `func_aws_guardduty_refresh_finding`: reads a finding anew for the incident that stands for it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::inputs::{FindingInputs, incident_id};
use super::result::local_time;
use super::{FunctionError, Functions, Request};
use crate::domain::Finding;
use crate::domain::mapping::{MappingContext, incident_for, refresh_note};
use crate::soar::{KnownArtifacts, SoarError};

impl Functions {
    /// Content `timestamp, finding, region, payload, data_tables`, or `{}` for a finding AWS no longer
    /// has. The payload's note is posted here, not by the script.
    pub(super) async fn refresh_finding(&self, request: &Request) -> Result<Value, FunctionError> {
        let inputs = FindingInputs::read(&request.inputs)?;
        let incident = incident_id(&request.inputs)?;
        let guardduty = self.aws.region(inputs.region);
        let ids = [inputs.finding.to_owned()];
        let (found, known, traits) = tokio::join!(
            guardduty.findings(inputs.detector, &ids),
            self.soar.artifacts(incident),
            self.soar.traits(),
        );
        let Some(finding) = found?.into_iter().next() else {
            tracing::info!(
                finding = inputs.finding,
                "AWS has no finding {} any more",
                inputs.finding
            );
            return Ok(json!({}));
        };
        let now = Timestamp::now();
        let mapping = MappingContext {
            region: inputs.region,
            now,
            time_zone: &self.time_zone,
            has_critical: traits?.has_critical,
        };
        let known = known?;
        let content = self.content(&finding, &mapping, &known);
        self.post_note(incident, &finding, request).await?;
        Ok(content)
    }

    fn content(
        &self,
        finding: &Finding,
        mapping: &MappingContext<'_>,
        known: &KnownArtifacts,
    ) -> Value {
        let incident = incident_for(finding, mapping);
        json!({
            "timestamp": local_time(mapping.now, &self.time_zone),
            "finding": finding.document(),
            "region": mapping.region,
            "payload": incident.payload(|artifact| known.contains(artifact)),
            "data_tables": incident.data_tables(),
        })
    }

    /// A note that SOAR refuses is no reason to withhold the finding from the workflow.
    async fn post_note(
        &self,
        incident: i64,
        finding: &Finding,
        request: &Request,
    ) -> Result<(), SoarError> {
        let note = refresh_note(finding);
        if let Some(repeated) = request.repeated
            && self.soar.has_note(incident, &note, repeated.sent).await?
        {
            return Ok(());
        }
        match self.soar.add_note(incident, &note).await {
            Err(error @ SoarError::Rejected { .. }) => {
                tracing::error!(incident, "the finding's note could not be added: {error}");
                Ok(())
            }
            outcome => outcome,
        }
    }
}
