//! One page of findings: fetch, match with SOAR, write.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::apply::{Applied, Writer};
use super::progress::{End, FindingOutcome, PageOutcome, concerns_every_finding};
use super::refreshes::Refreshes;
use super::{Context, CycleError};
use crate::domain::{Cursor, Decision, Finding, KnownIncident, Verdict, Verify, decide};
use crate::guardduty::{AwsError, GuardDuty};
use crate::soar::{FindingKey, SoarError};
use crate::telemetry::trace;

/// What a finding needs, or why SOAR cannot be asked about it.
type Judged = Result<Verdict, String>;

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
    /// Which incidents that seem up to date are looked at.
    pub(super) verify: Verify,
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
        let findings = self.read(ids).await?;
        self.bring(findings, outcome).await
    }

    /// The findings with these ids that AWS has.
    pub(super) async fn read(&self, ids: &[String]) -> Result<Vec<Finding>, AwsError> {
        self.guardduty.present_findings(self.detector, ids).await
    }

    /// Brings these findings, at most 50, to SOAR.
    pub(super) async fn bring(
        &self,
        findings: Vec<Finding>,
        outcome: &mut PageOutcome,
    ) -> Result<(), CycleError> {
        let (finished, fresh): (Vec<_>, Vec<_>) = findings
            .into_iter()
            .partition(|finding| self.before.is_finished(finding.id(), finding.updated_at()));
        outcome.findings.extend(
            finished
                .iter()
                .map(|finding| FindingOutcome::new(finding, End::Known)),
        );
        let verdicts = self.judge(&fresh).await?;
        let begun = self.begin(&fresh, &verdicts).await;
        let writer = self.writer().await?;
        let write = async |(finding, verdict): (_, &Judged)| {
            let end = match verdict {
                Err(refused) => Ok(End::Refused(refused.clone())),
                Ok(_) if self.halt.is_cancelled() => Ok(self.leave(finding, &begun)),
                Ok(verdict) => self.write(&writer, finding, verdict).await,
            };
            (finding, end)
        };
        // Collected first: a closure inside the stream would make the future's lifetimes too special to spawn.
        let work: Vec<_> = fresh.iter().zip(&verdicts).map(write).collect();
        outcome.take(self.at_a_time(work).await);
        Ok(())
    }

    /// What [`Self::bring`] would come to, found out without changing anything.
    pub(super) async fn preview(
        &self,
        findings: &[Finding],
        outcome: &mut PageOutcome,
    ) -> Result<(), CycleError> {
        let verdicts = self.judge(findings).await?;
        let writer = self.writer().await?;
        let look = async |(finding, verdict): (_, &Judged)| {
            let end = match verdict {
                Err(refused) => Ok(End::Refused(refused.clone())),
                Ok(_) if self.halt.is_cancelled() => Ok(End::Open),
                Ok(verdict) => writer.preview(finding, verdict).await.map(End::from),
            };
            (finding, end)
        };
        let work: Vec<_> = findings.iter().zip(&verdicts).map(look).collect();
        outcome.take(self.at_a_time(work).await);
        Ok(())
    }

    /// What each of the findings needs.
    async fn judge(&self, findings: &[Finding]) -> Result<Vec<Judged>, SoarError> {
        let found = self.context.soar.find(&self.keys(findings)).await?;
        let mut known: HashMap<String, Vec<KnownIncident>> = HashMap::new();
        for incident in found.incidents {
            known
                .entry(incident.finding_id.clone())
                .or_default()
                .push(incident);
        }
        let refused: HashMap<String, String> = found.refused.into_iter().collect();
        let verdict = |finding: &Finding| {
            let known = known.get(finding.id()).map_or(&[][..], Vec::as_slice);
            refused.get(finding.id()).map_or_else(
                || Ok(decide(finding, known, self.verify)),
                |reason| Err(reason.clone()),
            )
        };
        Ok(findings.iter().map(verdict).collect())
    }

    async fn writer(&self) -> Result<Writer<'_>, SoarError> {
        Ok(Writer {
            context: self.context,
            region: self.guardduty.region(),
            detector: self.detector,
            has_critical: self.context.soar.traits().await?.has_critical,
        })
    }

    async fn at_a_time<F: Future>(&self, work: Vec<F>) -> Vec<F::Output> {
        stream::iter(work)
            .buffer_unordered(self.context.writers)
            .collect()
            .await
    }

    fn keys(&self, findings: &[Finding]) -> Vec<FindingKey> {
        let key = |finding| FindingKey::of(finding, self.detector, self.guardduty.region());
        findings.iter().map(key).collect()
    }

    /// Writes down what is to be made, before any of it is.
    async fn begin(&self, findings: &[Finding], verdicts: &[Judged]) -> HashSet<String> {
        let makes = |verdict: &Verdict| {
            matches!(
                verdict.decision,
                Decision::Create | Decision::CreateAgain { .. }
            )
        };
        let begun: Vec<String> = findings
            .iter()
            .zip(verdicts)
            .filter(|(_, verdict)| verdict.as_ref().is_ok_and(makes))
            .map(|(finding, _)| finding.id().to_owned())
            .collect();
        let region = self.guardduty.region();
        self.context.state.begin(region, self.detector, begun).await
    }

    /// A finding that is left to the next cycle. Where it was only just begun nothing of it was made: after a stop nobody
    /// has to look for it.
    fn leave(&self, finding: &Finding, begun: &HashSet<String>) -> End {
        if begun.contains(finding.id()) {
            let region = self.guardduty.region();
            let state = &self.context.state;
            state.finish(region, self.detector, finding.id());
        }
        End::Open
    }

    async fn write(
        &self,
        writer: &Writer<'_>,
        finding: &Finding,
        verdict: &Verdict,
    ) -> Result<End, SoarError> {
        let region = self.guardduty.region();
        let applied = writer.apply(finding, verdict, self.refreshes);
        let applied = applied.instrument(trace::finding(finding.id())).await;
        self.context.health.progress(region);
        match applied {
            Ok(applied) => Ok(self.end(finding, applied)),
            Err(error) => {
                if concerns_every_finding(&error) {
                    self.halt.cancel();
                }
                Err(error)
            }
        }
    }

    fn end(&self, finding: &Finding, applied: Applied) -> End {
        if applied != Applied::Refreshing {
            let region = self.guardduty.region();
            let state = &self.context.state;
            state.finish(region, self.detector, finding.id());
        }
        applied.into()
    }
}
