//! `func_aws_guardduty_refresh_finding`: reads a finding anew for the incident that stands for it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::inputs::{FindingInputs, incident_id};
use super::result::{Content, local_time};
use super::{FunctionError, Functions, Patience, Repeated, Request};
use crate::domain::Finding;
use crate::domain::mapping::{MappingContext, incident_for, refresh_note};
use crate::guardduty::{AwsError, GuardDuty};
use crate::soar::{KnownArtifacts, SoarError};

/// How long the last call of a worker that was killed may be under way.
const AFTERMATH: Duration = Duration::from_secs(2);

impl Functions {
    /// Content `timestamp, finding, region, payload, data_tables`, or `{}` for a finding AWS no longer
    /// has. The payload's note is posted here, not by the script.
    pub(super) async fn refresh_finding(
        &self,
        request: &Request,
    ) -> Result<Content, FunctionError> {
        let inputs = FindingInputs::read(&request.inputs)?;
        let incident = incident_id(&request.inputs)?;
        let guardduty = self.aws.region(inputs.region);
        let known = async {
            // AWS takes longer: its request goes first.
            yield_now().await;
            tokio::join!(self.soar.artifacts(incident), self.soar.traits())
        };
        let (found, (known, traits)) = tokio::join!(finding(&guardduty, &inputs), known);
        let Some(finding) = found? else {
            tracing::info!(
                finding = inputs.finding,
                "AWS has no finding {} any more",
                inputs.finding
            );
            return Ok(Content::of(&json!({})));
        };
        let now = Timestamp::now();
        let mapping = MappingContext {
            region: inputs.region,
            now,
            time_zone: &self.time_zone,
            has_critical: traits?.has_critical,
        };
        let known = known?;
        let note = refresh_note(&finding);
        // What the workflow gets is put together while the note is on its way; the connection has to take it first. The finding
        // goes with it: to let go of so many parts takes time, too.
        let content = async move {
            yield_now().await;
            tracing::info!(
                finding = inputs.finding,
                incident,
                region = inputs.region,
                "read finding {} anew for incident {incident}",
                inputs.finding
            );
            Content::of(&self.content(&finding, &mapping, &known))
        };
        let (posted, content) = tokio::join!(self.post_note(incident, &note, request), content);
        posted?;
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
        note: &str,
        request: &Request,
    ) -> Result<(), SoarError> {
        if let Some(repeated) = request.repeated
            && self.was_posted(incident, note, repeated).await?
        {
            return Ok(());
        }
        match self.soar.add_note(incident, note).await {
            Err(error @ SoarError::Rejected { .. }) => {
                tracing::error!(incident, "the finding's note could not be added: {error}");
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Whether a run of the same message before this one has posted the note. Where a worker was killed amid that run, its call
    /// may still be under way.
    async fn was_posted(
        &self,
        incident: i64,
        note: &str,
        repeated: Repeated,
    ) -> Result<bool, SoarError> {
        if self.soar.has_note(incident, note, repeated.sent).await? {
            return Ok(true);
        }
        if !repeated.redelivered {
            return Ok(false);
        }
        tokio::time::sleep(AFTERMATH).await;
        self.soar.has_note(incident, note, repeated.sent).await
    }
}

async fn finding(
    guardduty: &GuardDuty,
    inputs: &FindingInputs<'_>,
) -> Result<Option<Finding>, AwsError> {
    let ids = [inputs.finding.to_owned()];
    let mut patience = Patience::new();
    loop {
        match guardduty.findings(inputs.detector, &ids).await {
            Ok(findings) => return Ok(findings.into_iter().next()),
            Err(error) => patience.after(error).await?,
        }
    }
}
