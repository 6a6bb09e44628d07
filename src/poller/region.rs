//! One region: cycle after cycle, each detector's findings and then its archived ones.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::page::Batch;
use super::progress::{Carried, Progress};
use super::reconcile::InStep;
use super::refreshes::Refreshes;
use super::{Context, CycleError, RETRY};
use crate::domain::{Criteria, Cursor, Verify};
use crate::guardduty::{AwsError, BATCH, GuardDuty};
use crate::state::DetectorState;

/// Pages in work at a time: while one is written the next is fetched. [`Listing`] relies on two.
pub(super) const PAGES_IN_WORK: usize = 2;

/// Polls one region.
pub(super) struct RegionPoller {
    pub(super) context: Arc<Context>,
    pub(super) guardduty: GuardDuty,
    pub(super) stop: CancellationToken,
    detectors: HashMap<String, DetectorPoller>,
}

/// What is known of a detector between two cycles.
#[derive(Debug, Default)]
pub(super) struct DetectorPoller {
    pub(super) state: DetectorState,
    pub(super) refreshes: Refreshes,
    /// Open incidents that are not the oldest of their finding, reported once.
    pub(super) doubles: HashSet<i64>,
    /// What was there when all was last in step, if nothing was left to do then.
    pub(super) in_step: Option<InStep>,
    pub(super) hasher: RandomState,
    /// What the last cycle left.
    carried: Carried,
    /// When the whole overlap was last read.
    reread: Option<Instant>,
    /// Set after a cycle that got to its end: only then are up-to-date incidents known to be complete.
    confirmed: bool,
}

impl RegionPoller {
    pub(super) fn new(context: Arc<Context>, region: &str, stop: CancellationToken) -> Self {
        let guardduty = context.aws.region(region);
        Self {
            context,
            guardduty,
            stop,
            detectors: HashMap::new(),
        }
    }

    /// Cycles until told to stop; a cycle that fails is tried again soon.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        loop {
            let begin = Instant::now();
            let outcome = self.cycle().await;
            let took = begin.elapsed();
            let delay = match outcome {
                Ok(()) => {
                    tracing::debug!(region = self.region(), "cycle of {} ended", self.region());
                    self.context.health.cycle_ended(self.region(), took);
                    failures = 0;
                    self.context.interval
                }
                Err(error) => {
                    tracing::error!(
                        region = self.region(),
                        "polling {} failed: {error}",
                        self.region()
                    );
                    self.context
                        .health
                        .cycle_failed(self.region(), took, &error);
                    failures += 1;
                    RETRY
                        .jittered(failures - 1, rand::random())
                        .min(self.context.interval)
                }
            };
            if self
                .stop
                .run_until_cancelled(tokio::time::sleep(delay))
                .await
                .is_none()
            {
                return;
            }
        }
    }

    pub(super) fn region(&self) -> &str {
        self.guardduty.region()
    }

    async fn cycle(&mut self) -> Result<(), CycleError> {
        if self.detectors.is_empty() {
            let ids = self.guardduty.detectors().await?;
            if ids.is_empty() {
                tracing::debug!(
                    region = self.region(),
                    "region {} has no detector",
                    self.region()
                );
            }
            let region = self.region();
            let load = |id: String| {
                let state = self.context.state.detector(region, &id);
                let measures = self.context.health.measures();
                measures.detector(region, &id, &state, None);
                (id, DetectorPoller::new(state, self.context.interval))
            };
            self.detectors = ids.into_iter().map(load).collect();
        }
        let mut detectors = std::mem::take(&mut self.detectors);
        let mut outcome = Ok(());
        for (id, detector) in &mut detectors {
            if let Err(error) = self.detector_cycle(id, detector).await {
                outcome = Err(error);
            }
        }
        if !matches!(outcome, Err(CycleError::Aws(AwsError::DetectorGone { .. }))) {
            self.detectors = detectors;
        }
        outcome
    }

    async fn detector_cycle(
        &self,
        id: &str,
        detector: &mut DetectorPoller,
    ) -> Result<(), CycleError> {
        let verify = if std::mem::take(&mut detector.confirmed) {
            Verify::Nothing
        } else {
            Verify::Open
        };
        let escalated = match self.finish_begun(id, detector).await {
            Ok(()) => self.escalate(id, detector, verify).await,
            failed => failed,
        };
        if escalated.is_ok() {
            self.retry_quarantined(id, detector).await;
        }
        self.remember(id, &detector.state, detector.carried.done_until);
        self.context.state.save(true).await;
        escalated?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.reconcile(id, detector, verify).await?;
        detector.confirmed = true;
        Ok(())
    }

    /// Brings what the window asks for to SOAR.
    ///
    /// The overlap lists the same findings again and again. Those that are finished are not read each time:
    /// what changed since the watermark comes with a listing of its own, and only now and then the whole
    /// overlap is read, for updates that were published late.
    async fn escalate(
        &self,
        id: &str,
        detector: &mut DetectorPoller,
        verify: Verify,
    ) -> Result<(), CycleError> {
        let (window, now) = (&self.context.window, Timestamp::now());
        // Without a mark there is no listing of what changed since.
        let unmarked = detector.state.cursor.watermark.is_none();
        let reread = detector.take_reread(window.overlap, Instant::now()) || unmarked;
        let carried = std::mem::take(&mut detector.carried);
        let unsettled = carried.unsettled.clone();
        let DetectorPoller {
            state, refreshes, ..
        } = detector;
        state.cursor.begin(window, now);
        let (overlap, changed) = (state.cursor.criteria(window), state.cursor.changed(window));
        let before = state.cursor.clone();
        let halt = self.stop.child_token();
        let batch = self.batch(id, refreshes, &before, &halt, verify);
        let known = |finding: &str| {
            !reread && before.finished.contains_key(finding) && !unsettled.contains(finding)
        };
        let mut progress = Progress::new(carried, now);
        let mut listing = Listing {
            whole: reread,
            ..Listing::default()
        };
        self.bring(&batch, overlap, known, &mut listing, state, &mut progress)
            .await;
        if let Some(changed) = changed.filter(|_| !reread) {
            let new = |finding: &str| !before.finished.contains_key(finding);
            self.bring(&batch, changed, new, &mut listing, state, &mut progress)
                .await;
        }
        // A finding that changed while the listing went on is on a later page once more.
        let again = Vec::from_iter(listing.again);
        for ids in again.chunks(BATCH) {
            let outcome = batch.process(ids.to_vec()).await;
            progress.take(outcome, state, Timestamp::now());
        }
        let to_the_end = !self.stop.is_cancelled();
        let (carried, outcome) = progress.end(to_the_end, state, window, Timestamp::now());
        detector.carried = carried;
        outcome
    }

    /// Lists and brings each page to SOAR but for the findings to be left out. Pages overlap in work and are
    /// confirmed in order.
    async fn bring(
        &self,
        batch: &Batch<'_>,
        criteria: Criteria,
        leave_out: impl Fn(&str) -> bool,
        listing: &mut Listing,
        state: &mut DetectorState,
        progress: &mut Progress,
    ) {
        let whole = listing.whole;
        let pages = self
            .pages(batch.detector, criteria, batch.halt.clone())
            .map_ok(|mut ids| {
                let measures = self.context.health.measures();
                measures.listed(self.region(), ids.len());
                ids.retain(|id| !leave_out(id));
                batch.process(listing.take_new(ids)).map(Ok)
            });
        let mut outcomes = std::pin::pin!(pages.try_buffered(PAGES_IN_WORK));
        // To the end, also after a failure: what was begun is finished, and nothing new is begun.
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(outcome) => {
                    let oldest = outcome.oldest().filter(|_| whole);
                    progress.take(outcome, state, Timestamp::now());
                    if let Some(oldest) = oldest {
                        progress.advance(oldest, state, &self.context.window);
                    }
                }
                Err(error) => progress.fail(error),
            }
            if progress.has_failed() {
                batch.halt.cancel();
            } else {
                self.context.health.page_done(self.region());
            }
            self.remember(batch.detector, state, None);
            self.context.state.save(false).await;
        }
    }

    fn remember(&self, id: &str, state: &DetectorState, done_until: Option<Timestamp>) {
        let region = self.region();
        self.context.state.remember(region, id, state);
        let measures = self.context.health.measures();
        measures.detector(region, id, state, done_until);
    }

    pub(super) fn batch<'a>(
        &'a self,
        detector: &'a str,
        refreshes: &'a Refreshes,
        before: &'a Cursor,
        halt: &'a CancellationToken,
        verify: Verify,
    ) -> Batch<'a> {
        Batch {
            context: &self.context,
            guardduty: &self.guardduty,
            detector,
            before,
            refreshes,
            halt,
            verify,
        }
    }

    /// The pages of one listing. The criteria stay as they are; a token that comes twice ends it with an
    /// error, `halt` without one.
    pub(super) fn pages<'a>(
        &'a self,
        detector: &'a str,
        criteria: Criteria,
        halt: CancellationToken,
    ) -> impl Stream<Item = Result<Vec<String>, CycleError>> + 'a {
        let begin = (Some(None::<String>), HashSet::new());
        stream::try_unfold(begin, move |(token, mut tokens)| {
            let halt = halt.clone();
            async move {
                let Some(token) = token.filter(|_| !halt.is_cancelled()) else {
                    return Ok(None);
                };
                let page = self
                    .guardduty
                    .list_findings(detector, &criteria, token)
                    .await?;
                self.context.health.progress(self.region());
                if let Some(next) = &page.next_token
                    && !tokens.insert(next.clone())
                {
                    return Err(CycleError::RepeatedToken);
                }
                Ok(Some((page.ids, (page.next_token.map(Some), tokens))))
            }
        })
    }

    /// Finishes the incidents that were begun and are not known to be whole, also where their finding was archived or
    /// they were closed meanwhile, which no listing would tell.
    pub(super) async fn finish_begun(
        &self,
        id: &str,
        detector: &mut DetectorPoller,
    ) -> Result<(), CycleError> {
        let (state, region) = (&self.context.state, self.region());
        let begun = state.begun(region, id);
        let (aside, begun): (Vec<_>, Vec<_>) = begun
            .into_iter()
            .partition(|finding| detector.state.quarantine.contains(finding));
        let before = Cursor::default();
        for ids in begun.chunks(BATCH) {
            let halt = self.stop.child_token();
            let batch = self.batch(id, &detector.refreshes, &before, &halt, Verify::Closed);
            let outcome = batch.process(ids.to_vec()).await;
            for gone in outcome.absent(ids) {
                state.finish(region, id, gone);
            }
            outcome.set_aside(&mut detector.state, Timestamp::now())?;
        }
        // The quarantine looks after these.
        for finding in &aside {
            state.finish(region, id, finding);
        }
        Ok(())
    }

    async fn retry_quarantined(&self, id: &str, detector: &mut DetectorPoller) {
        let due = detector.state.quarantine.due(Timestamp::now());
        let before = Cursor::default();
        for ids in due.chunks(BATCH) {
            let halt = self.stop.child_token();
            let batch = self.batch(id, &detector.refreshes, &before, &halt, Verify::Closed);
            let outcome = batch.process(ids.to_vec()).await;
            if self.stop.is_cancelled() {
                return;
            }
            outcome.release(ids, &mut detector.state, Timestamp::now());
        }
    }
}

impl DetectorPoller {
    pub(super) fn new(state: DetectorState, interval: Duration) -> Self {
        Self {
            state,
            refreshes: Refreshes::between(interval),
            ..Self::default()
        }
    }

    /// Whether this cycle reads the whole overlap: the first does, and one in every third of the overlap.
    fn take_reread(&mut self, overlap: Duration, now: Instant) -> bool {
        let due = self
            .reread
            .is_none_or(|last| now.duration_since(last) >= overlap / 3);
        if due {
            self.reread = Some(now);
        }
        due
    }
}

/// What the listings of one cycle told of.
#[derive(Debug, Default)]
struct Listing {
    /// Nothing of it is left out.
    whole: bool,
    /// The findings of the last page, which may still be in work.
    last: HashSet<String>,
    /// Told of again while they may still be in work.
    again: BTreeSet<String>,
}

impl Listing {
    /// What of the next page may be worked on at once: one incident must not be written by two pages.
    fn take_new(&mut self, ids: Vec<String>) -> Vec<String> {
        let mut page = HashSet::with_capacity(ids.len());
        let (new, again): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .partition(|id| page.insert(id.clone()) && !self.last.contains(id));
        self.last = page;
        self.again.extend(again);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_that_may_still_be_in_work_waits() {
        let ids = |ids: &str| ids.chars().map(String::from).collect::<Vec<_>>();
        let mut listing = Listing::default();
        assert_eq!(listing.take_new(ids("aba")), ids("ab"));
        assert_eq!(listing.take_new(ids("bc")), ids("c"));
        assert_eq!(listing.take_new(ids("ab")), ids("a"), "b waits once more");
        assert_eq!(Vec::from_iter(listing.again), ids("ab"));
    }
}
