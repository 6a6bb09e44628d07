//! One page of findings: fetch, match with SOAR, write; and what it means for the watermark.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::apply::{Applied, Writer};
use super::refreshes::Refreshes;
use super::{Context, CycleError};
use crate::domain::{Finding, KnownIncident, WindowSettings, decide};
use crate::guardduty::GuardDuty;
use crate::soar::{FindingKey, SoarError};
use crate::state::DetectorState;

/// What a page is worked on with.
pub(super) struct Batch<'a> {
    pub(super) context: &'a Context,
    pub(super) guardduty: &'a GuardDuty,
    pub(super) detector: &'a str,
    /// Updates that are finished already.
    pub(super) finished: &'a BTreeMap<String, String>,
    pub(super) refreshes: &'a Refreshes,
    /// No finding is begun after this; those begun are finished.
    pub(super) halt: &'a CancellationToken,
    /// Whether incidents that seem up to date are looked at.
    pub(super) verify: bool,
}

/// How a page ended.
#[derive(Debug, Default)]
pub(super) struct PageOutcome {
    /// When AWS was asked for the findings.
    read_at: Option<Timestamp>,
    findings: Vec<FindingOutcome>,
    /// Why the cycle cannot go on.
    error: Option<CycleError>,
}

/// How one finding of a page ended.
#[derive(Debug)]
struct FindingOutcome {
    id: String,
    updated_at: String,
    end: End,
}

#[derive(Debug)]
enum End {
    /// This update was finished, or set aside, in an earlier cycle.
    Known,
    /// Its incident is complete and up to date.
    Finished,
    /// It is to be looked at again in the next cycle.
    Open,
    /// SOAR refuses it as it is.
    Refused(String),
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
            .partition(|finding| self.is_finished(finding));
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

    fn is_finished(&self, finding: &Finding) -> bool {
        self.finished
            .get(finding.id())
            .is_some_and(|updated_at| updated_at == finding.updated_at())
    }

    fn keys(&self, findings: &[Finding]) -> Vec<FindingKey> {
        let key = |finding: &Finding| FindingKey {
            finding_id: finding.id().to_owned(),
            detector_id: finding.detector_id().unwrap_or(self.detector).to_owned(),
            region: self.guardduty.region().to_owned(),
        };
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
        match writer.apply(finding, &verdict, self.refreshes).await {
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

/// Whether the error says something of SOAR and the account, not of one finding.
fn concerns_every_finding(error: &SoarError) -> bool {
    matches!(
        error,
        SoarError::Throttled { .. }
            | SoarError::Unavailable { .. }
            | SoarError::Unauthorized
            | SoarError::Forbidden { .. }
            | SoarError::Setup(_)
    )
}

impl PageOutcome {
    /// Takes how the findings of the page ended. An error that is one finding's own sets that one aside;
    /// lost answers alone, with nothing written beside them, are SOAR's own failure.
    fn take(&mut self, ends: Vec<(&Finding, Result<End, SoarError>)>) {
        let written = ends.iter().any(|(_, end)| matches!(end, Ok(End::Finished)));
        for (finding, end) in ends {
            let end = end.unwrap_or_else(|error| {
                let lost = matches!(error, SoarError::AnswerLost { .. }) && !written;
                if lost || concerns_every_finding(&error) {
                    self.error.get_or_insert(CycleError::Soar(error));
                    return End::Open;
                }
                End::Refused(error.to_string())
            });
            self.findings.push(FindingOutcome::new(finding, end));
        }
    }
}

impl FindingOutcome {
    fn new(finding: &Finding, end: End) -> Self {
        Self {
            id: finding.id().to_owned(),
            updated_at: finding.updated_at().to_owned(),
            end,
        }
    }
}

/// How far a listing has come; pages are taken in their order.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The oldest update that is not finished: the watermark stays before it.
    held: Option<Timestamp>,
    /// The newest update seen.
    reached: Option<Timestamp>,
    error: Option<CycleError>,
    /// Findings read so soon after their update that another may have followed within the same second: no
    /// listing tells those two apart, so they are read once more.
    unsettled: HashSet<String>,
}

/// How long after its update a finding must be read for no other to bear the same second.
const SETTLING: SignedDuration = SignedDuration::from_secs(2);

impl Progress {
    /// Begins a cycle with the findings that the last one left unsettled.
    pub(super) fn new(unsettled: HashSet<String>) -> Self {
        Self {
            unsettled,
            ..Self::default()
        }
    }

    /// Takes the outcome of the next page into the detector's state.
    pub(super) fn take(&mut self, outcome: PageOutcome, state: &mut DetectorState, now: Timestamp) {
        for finding in &outcome.findings {
            let updated: Option<Timestamp> = finding.updated_at.parse().ok();
            self.reached = self.reached.max(updated);
            self.settle(&finding.id, updated, outcome.read_at);
            match &finding.end {
                End::Known => {}
                End::Open => {
                    self.held = Some(earliest(self.held, updated));
                    state.cursor.reopen(&finding.id);
                }
                End::Finished => {
                    state.cursor.finish(&finding.id, &finding.updated_at);
                    state.quarantine.release(&finding.id);
                }
                End::Refused(reason) => {
                    set_aside(state, &finding.id, reason, now);
                    state.cursor.finish(&finding.id, &finding.updated_at);
                }
            }
        }
        if let Some(error) = outcome.error {
            self.fail(error);
        }
    }

    fn settle(&mut self, id: &str, updated: Option<Timestamp>, read_at: Option<Timestamp>) {
        let settled = updated
            .zip(read_at)
            .is_some_and(|(updated, read_at)| read_at.duration_since(updated) >= SETTLING);
        if settled {
            self.unsettled.remove(id);
        } else {
            self.unsettled.insert(id.to_owned());
        }
    }

    /// Notes why the cycle ends early.
    pub(super) fn fail(&mut self, error: CycleError) {
        self.error.get_or_insert(error);
    }

    /// Whether the cycle is to end early.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Ends a cycle whose listings were read `to_the_end`: moves the watermark, and answers the findings to be
    /// read again in the next cycle and this one's outcome.
    ///
    /// Only here, since a page says nothing about those after it: one of its findings may have been updated
    /// while the listing went on.
    pub(super) fn end(
        self,
        to_the_end: bool,
        state: &mut DetectorState,
        window: &WindowSettings,
        now: Timestamp,
    ) -> (HashSet<String>, Result<(), CycleError>) {
        if let Some(reached) = self.reached.filter(|_| to_the_end && self.error.is_none()) {
            let reached = self.held.map_or(reached, |held| held.min(reached));
            state.cursor.advance(reached, window.overlap, now);
        }
        let mut unsettled = self.unsettled;
        unsettled.retain(|id| state.cursor.finished.contains_key(id));
        (unsettled, self.error.map_or(Ok(()), Err))
    }
}

impl PageOutcome {
    /// Takes the outcome for findings that were set aside: written, archived or gone, they are released.
    pub(super) fn release(self, ids: &[String], state: &mut DetectorState, now: Timestamp) {
        if let Some(error) = self.error {
            for id in ids {
                set_aside(state, id, &error.to_string(), now);
            }
            return;
        }
        for id in ids {
            match self
                .findings
                .iter()
                .find(|finding| finding.id == *id)
                .map(|finding| &finding.end)
            {
                Some(End::Open | End::Known) => {}
                Some(End::Refused(reason)) => set_aside(state, id, reason, now),
                Some(End::Finished) | None => {
                    tracing::info!(finding = id, "finding {id} is no longer set aside");
                    state.quarantine.release(id);
                }
            }
        }
    }
}

fn set_aside(state: &mut DetectorState, id: &str, reason: &str, now: Timestamp) {
    tracing::error!(
        finding = id,
        "finding {id} is set aside and will be tried again: {reason}"
    );
    state.quarantine.put(id, reason.to_owned(), now);
}

fn earliest(held: Option<Timestamp>, updated: Option<Timestamp>) -> Timestamp {
    // An update without a readable time holds everything back: it is not known what it comes before.
    let updated = updated.unwrap_or(Timestamp::UNIX_EPOCH);
    held.map_or(updated, |held| held.min(updated))
}
