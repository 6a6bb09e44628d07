//! One page of findings: fetch, match with SOAR, write.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::apply::{Applied, Writer};
use super::progress::{End, FindingOutcome, PageOutcome, concerns_every_finding};
use super::refreshes::Refreshes;
use super::{Context, CycleError};
use crate::domain::{Cursor, Finding, KnownIncident, decide};
use crate::guardduty::GuardDuty;
use crate::soar::{FindingKey, SoarError};

/// What a page is worked on with.
pub(super) struct Batch<'a> {
    pub(super) context: &'a Context,
    pub(super) guardduty: &'a GuardDuty,
    pub(super) detector: &'a str,
    /// What was finished before this cycle.
    pub(super) before: &'a Cursor,
    pub(super) refreshes: &'a Refreshes,
    /// No finding is begun after this; those begun are finished.
    pub(super) halt: &'a CancellationToken,
    /// Whether incidents that seem up to date are looked at.
    pub(super) verify: bool,
}

impl Batch<'_> {
    /// Brings the findings with these ids, at most 50, to SOAR.
    pub(super) async fn process(&self, ids: Vec<String>) -> PageOutcome {
        let mut outcome = PageOutcome::default();
        if let Err(error) = self.fill(&ids, &mut outcome).await {
            outcome.error = Some(error);
        }
        outcome
    }

    async fn fill(&self, ids: &[String], outcome: &mut PageOutcome) -> Result<(), CycleError> {
        outcome.read_at = Some(Timestamp::now());
        let findings = self.guardduty.present_findings(self.detector, ids).await?;
        let (finished, fresh): (Vec<_>, Vec<_>) = findings
            .into_iter()
            .partition(|finding| self.before.is_finished(finding.id(), finding.updated_at()));
        outcome.findings.extend(
            finished
                .iter()
                .map(|finding| FindingOutcome::new(finding, End::Known)),
        );
        let found = self.context.soar.find(&self.keys(&fresh)).await?;
        let mut known: HashMap<String, Vec<KnownIncident>> = HashMap::new();
        for incident in found.incidents {
            known
                .entry(incident.finding_id.clone())
                .or_default()
                .push(incident);
        }
        let writer = Writer {
            context: self.context,
            region: self.guardduty.region(),
            detector: self.detector,
            has_critical: self.context.soar.traits().await?.has_critical,
        };
        let refused: HashMap<String, String> = found.refused.into_iter().collect();
        let write = async |finding| {
            let end = self
                .write(
                    &writer,
                    finding,
                    refused.get(finding.id()),
                    known.get(finding.id()),
                )
                .await;
            (finding, end)
        };
        // Collected first: a closure inside the stream would make the future's lifetimes too special to spawn.
        let work: Vec<_> = fresh.iter().map(write).collect();
        let ends: Vec<_> = stream::iter(work)
            .buffer_unordered(self.context.writers)
            .collect()
            .await;
        outcome.take(ends);
        Ok(())
    }

    fn keys(&self, findings: &[Finding]) -> Vec<FindingKey> {
        let key = |finding| FindingKey::of(finding, self.detector, self.guardduty.region());
        findings.iter().map(key).collect()
    }

    async fn write(
        &self,
        writer: &Writer<'_>,
        finding: &Finding,
        refused: Option<&String>,
        known: Option<&Vec<KnownIncident>>,
    ) -> Result<End, SoarError> {
        if let Some(reason) = refused {
            return Ok(End::Refused(reason.clone()));
        }
        if self.halt.is_cancelled() {
            return Ok(End::Open);
        }
        let verdict = decide(finding, known.map_or(&[], Vec::as_slice), self.verify);
        let applied = writer.apply(finding, &verdict, self.refreshes).await;
        self.context.health.progress(self.guardduty.region());
        match applied {
            Ok(Applied::Finished) => Ok(End::Finished),
            Ok(Applied::Waiting) => Ok(End::Open),
            Err(error) => {
                if concerns_every_finding(&error) {
                    self.halt.cancel();
                }
                Err(error)
            }
        }
    }
}
