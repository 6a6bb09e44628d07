//! Findings archived in `GuardDuty`: their incidents are closed.
//!
//! Archiving is not known to move a finding's `UpdatedAt`, so nothing rests on it: each cycle compares the
//! open incidents with the findings that are not archived.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::CycleError;
use super::region::{DetectorPoller, RegionPoller};
use crate::domain::{Criteria, Finding, KnownIncident, field};
use crate::guardduty::BATCH;
use crate::soar::{Change, SoarError};

impl RegionPoller {
    /// Closes the open incidents whose finding is archived.
    pub(super) async fn reconcile(
        &self,
        id: &str,
        detector: &mut DetectorPoller,
    ) -> Result<(), CycleError> {
        let open = self.open_incidents(id).await?;
        if open.is_empty() {
            return Ok(());
        }
        let unarchived = self.unarchived(id).await?;
        let (current, absent): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|incident| unarchived.contains(&incident.finding_id));
        self.take_back_archived(&current).await?;
        for incidents in absent.chunks(BATCH) {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            self.close_archived(id, incidents, &mut detector.gone)
                .await?;
        }
        Ok(())
    }

    async fn open_incidents(&self, detector: &str) -> Result<Vec<KnownIncident>, SoarError> {
        let (mut open, mut start) = (Vec::new(), 0);
        loop {
            let page = self
                .context
                .soar
                .open_incidents(self.region(), start)
                .await?;
            start += page.length;
            open.extend(
                page.incidents
                    .into_iter()
                    .filter(|incident| incident.detector_id == detector),
            );
            if !page.more {
                return Ok(open);
            }
        }
    }

    async fn unarchived(&self, detector: &str) -> Result<HashSet<String>, CycleError> {
        let all = Criteria {
            severity_at_least: None,
            updated_since: None,
        };
        let pages = self.pages(detector, all, self.stop.clone());
        pages
            .try_fold(HashSet::new(), |mut ids, page| async {
                ids.extend(page);
                Ok(ids)
            })
            .await
    }

    /// An open incident says "True" although its finding is not archived: somebody reopened it, and closing it
    /// would not archive the finding again.
    async fn take_back_archived(&self, current: &[KnownIncident]) -> Result<(), SoarError> {
        let change = Change::new(field::ARCHIVED, "False");
        for incident in current {
            if !incident.says_archived() {
                continue;
            }
            self.context
                .soar
                .set_field_from(incident.id, "True", &change)
                .await?;
            tracing::info!(
                incident = incident.id,
                "incident {} is open and its finding not archived",
                incident.id
            );
        }
        Ok(())
    }

    async fn close_archived(
        &self,
        detector: &str,
        incidents: &[KnownIncident],
        gone: &mut HashSet<String>,
    ) -> Result<(), CycleError> {
        let ids: Vec<String> = incidents
            .iter()
            .map(|incident| incident.finding_id.clone())
            .filter(|id| !gone.contains(id))
            .collect();
        let findings = self.guardduty.findings(detector, &ids).await?;
        let archived: HashSet<&str> = findings
            .iter()
            .filter(|finding| finding.archived())
            .map(Finding::id)
            .collect();
        for id in ids
            .iter()
            .filter(|id| findings.iter().all(|finding| finding.id() != **id))
        {
            tracing::warn!(
                finding = id,
                "finding {id} is no longer in GuardDuty; its incident stays open"
            );
            gone.insert(id.clone());
        }
        if archived.is_empty() {
            return Ok(());
        }
        self.check_template().await?;
        let mut closings = Vec::new();
        for incident in incidents
            .iter()
            .filter(|incident| archived.contains(incident.finding_id.as_str()))
        {
            closings.push(self.close(incident));
        }
        let mut closed = stream::iter(closings).buffer_unordered(self.context.writers);
        while let Some(outcome) = closed.next().await {
            match outcome {
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => tracing::error!("an incident could not be closed: {error}"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// The property first: the rule that archives the finding of a closed incident must not fire.
    async fn close(&self, incident: &KnownIncident) -> Result<(), SoarError> {
        let id = incident.id;
        if !incident.says_archived() {
            let change = Change::new(field::ARCHIVED, "True");
            self.context
                .soar
                .set_field_from(id, incident.archived.clone(), &change)
                .await?;
        }
        let changes: Vec<Change> = self
            .context
            .close_template
            .fields()
            .iter()
            .map(|(field, value)| Change::new(field, value.clone()))
            .collect();
        self.context.soar.set_fields(id, &changes).await?;
        tracing::info!(
            finding = incident.finding_id,
            incident = id,
            "closed incident {id}: its finding {} was archived in GuardDuty",
            incident.finding_id
        );
        Ok(())
    }

    async fn check_template(&self) -> Result<(), SoarError> {
        let required = self.context.soar.fresh_traits().await?.required_on_close;
        let template = self.context.close_template.fields();
        let missing: Vec<&str> = required
            .iter()
            .filter(|name| !template.contains_key(*name))
            .map(String::as_str)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(SoarError::Setup(format!(
            "incidents of archived findings cannot be closed: the platform requires {} on close; add it to the \
             template that aws_gd_close_incident_template names",
            missing.join(", ")
        )))
    }
}
