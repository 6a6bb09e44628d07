//! One region: all that there is listed first, then page after page.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::page::Page;
use super::tally::Tally;
use super::{Backfill, RegionReport, Told};
use crate::domain::{Cursor, Verify};
use crate::poller::region::{DetectorPoller, PAGES_IN_WORK, RegionPoller};
use crate::poller::{Context, CycleError, RETRY};

/// After so many failures on end a region is given up: somebody is waiting.
const MOST_FAILURES: u32 = 5;

/// Imports one region.
pub(super) struct RegionBackfill {
    poller: RegionPoller,
    backfill: Arc<Backfill>,
    report: RegionReport,
    /// `None` until AWS has told them.
    detectors: Option<Vec<Import>>,
}

/// How far one detector has come.
struct Import {
    id: String,
    detector: DetectorPoller,
    /// What the listing has told of, until it has come to its end.
    listed: Option<HashSet<String>>,
    tally: Tally,
}

impl RegionBackfill {
    pub(super) fn new(
        context: Arc<Context>,
        backfill: Arc<Backfill>,
        region: &str,
        stop: CancellationToken,
    ) -> Self {
        Self {
            poller: RegionPoller::new(context, region, stop),
            backfill,
            report: RegionReport::of(region),
            detectors: None,
        }
    }

    pub(super) async fn run(mut self) -> RegionReport {
        let begin = Instant::now();
        if let Err(error) = self.import().await {
            tracing::error!(
                region = self.poller.region(),
                "the import of {} failed: {error}",
                self.poller.region()
            );
            self.report.failure = Some(error.to_string());
        }
        self.report.took = begin.elapsed();
        self.report
    }

    /// Goes on after a failure that may pass, until there have been too many without anything done in between.
    async fn import(&mut self) -> Result<(), CycleError> {
        let mut failures = 0;
        loop {
            let before = self.report.counts.in_soar();
            let Err(error) = self.attempt().await else {
                return Ok(());
            };
            if self.report.counts.in_soar() > before {
                failures = 0;
            }
            failures += 1;
            if failures >= MOST_FAILURES || !error.is_transient() {
                return Err(error);
            }
            tracing::warn!(
                region = self.poller.region(),
                "the import of {} is soon tried again: {error}",
                self.poller.region()
            );
            let pause = tokio::time::sleep(RETRY.jittered(failures - 1, rand::random()));
            if self.poller.stop.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn attempt(&mut self) -> Result<(), CycleError> {
        let mut detectors = match self.detectors.take() {
            Some(detectors) => detectors,
            None => self.find_detectors().await?,
        };
        let mut outcome = Ok(());
        for import in &mut detectors {
            if let Err(error) = self.import_detector(import).await {
                outcome = Err(error);
            }
        }
        self.detectors = Some(detectors);
        outcome
    }

    async fn find_detectors(&self) -> Result<Vec<Import>, CycleError> {
        let ids = self.poller.guardduty.detectors().await?;
        let (context, region) = (&self.poller.context, self.poller.region());
        let load = |id: String| {
            let state = context.state.detector(region, &id);
            Import {
                detector: DetectorPoller::new(state, context.interval),
                id,
                listed: Some(HashSet::new()),
                tally: Tally::default(),
            }
        };
        Ok(ids.into_iter().map(load).collect())
    }

    async fn import_detector(&mut self, import: &mut Import) -> Result<(), CycleError> {
        if !self.backfill.dry_run {
            let (poller, detector) = (&self.poller, &mut import.detector);
            poller.finish_begun(&import.id, detector).await?;
        }
        self.list(import).await?;
        let outcome = self.bring(import).await;
        let (state, region) = (&self.poller.context.state, self.poller.region());
        import.tally.note_begun(state.begun(region, &import.id));
        outcome
    }

    /// Lists what there is. A listing that failed is begun again, and what it had told of is not told again.
    async fn list(&mut self, import: &mut Import) -> Result<(), CycleError> {
        let Some(listed) = &mut import.listed else {
            return Ok(());
        };
        let criteria = self.backfill.criteria(&self.poller.context.window);
        let stop = self.poller.stop.clone();
        let mut pages = std::pin::pin!(self.poller.pages(&import.id, criteria, stop));
        while let Some(page) = pages.next().await {
            // A finding that changes while the listing goes on is on a later page once more.
            let new = page?.into_iter().filter(|id| listed.insert(id.clone()));
            let new = import.tally.add(new);
            self.report.counts.listed += new;
            (self.backfill.tell)(Told::Listed(new));
        }
        import.listed = None;
        Ok(())
    }

    /// Brings to SOAR what is to be done; what is not done with then stays to be done. Nothing is begun after a failure or the
    /// stop.
    async fn bring(&mut self, import: &mut Import) -> Result<(), CycleError> {
        let Self {
            poller,
            backfill,
            report,
            ..
        } = self;
        let DetectorPoller {
            state, refreshes, ..
        } = &mut import.detector;
        let (halt, before) = (poller.stop.child_token(), Cursor::default());
        let batch = poller.batch(&import.id, refreshes, &before, &halt, Verify::Open);
        let pages = stream::iter(import.tally.take_todo())
            .map(|ids| Page::of(&batch, backfill, ids))
            .buffered(PAGES_IN_WORK);
        let mut pages = std::pin::pin!(pages);
        let mut outcome = Ok(());
        // To the end, also after a failure: what was begun is finished.
        while let Some(page) = pages.next().await {
            let keeps = (!backfill.dry_run).then_some(&mut *state);
            let (done, taken) = import.tally.take(page, report, keeps);
            (backfill.tell)(Told::Done(done));
            if let Err(error) = taken {
                halt.cancel();
                outcome = outcome.and(Err(error));
            }
            if !backfill.dry_run {
                let store = &poller.context.state;
                store.remember(poller.region(), &import.id, state);
                store.save(false).await;
            }
        }
        outcome
    }
}
