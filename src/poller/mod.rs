//! The poller: finds the regions, and in each escalates findings and closes what `GuardDuty` archived.

mod apply;
pub mod backfill;
mod page;
mod progress;
mod reconcile;
mod refreshes;
mod refusal;
mod region;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::{CloseTemplate, RegionPattern};
use crate::domain::{Backoff, WindowSettings};
use crate::guardduty::{Aws, AwsError};
use crate::health::Health;
use crate::soar::{Soar, SoarError};
use crate::state::StateStore;
use region::RegionPoller;

/// How soon a cycle or a list of regions that failed is tried again.
const RETRY: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(1), 2);

/// How long the calls of a worker that was killed may still be under way: what they make is to be there before it is looked
/// for.
const AFTERMATH: Duration = Duration::from_secs(5);

/// What the pollers of all regions share.
#[derive(Debug)]
pub struct Context {
    /// SOAR.
    pub soar: Arc<Soar>,
    /// AWS.
    pub aws: Aws,
    /// What is remembered between starts.
    pub state: StateStore,
    /// The bounds of a listing.
    pub window: WindowSettings,
    /// Which regions.
    pub regions: RegionPattern,
    /// Pause between two cycles of a region.
    pub interval: Duration,
    /// Pause between two looks for new regions.
    pub regions_interval: Duration,
    /// What an incident is closed with.
    pub close_template: CloseTemplate,
    /// Whether incidents are closed whose finding has another, older one.
    pub close_duplicates: bool,
    /// Whether incidents are closed whose finding AWS has deleted.
    pub close_deleted: bool,
    /// Zone of the times in data tables.
    pub time_zone: TimeZone,
    /// How many findings of a region are written at a time.
    pub writers: usize,
    /// Where progress is reported.
    pub health: Health,
}

/// Why a cycle did not get to its end.
#[derive(Debug, thiserror::Error)]
enum CycleError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Soar(#[from] SoarError),
    #[error("AWS repeats the token of a page of ListFindings; the listing is begun again")]
    RepeatedToken,
}

impl CycleError {
    /// Whether the same may succeed later without anybody changing anything.
    fn is_transient(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_transient(),
            Self::Soar(error) => error.is_transient(),
            Self::RepeatedToken => true,
        }
    }
}

/// Polls every region that matches until `stop`; what is in hand then is finished.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    let Some(_alone) = stop.run_until_cancelled(context.state.alone()).await else {
        return;
    };
    if take_over(&context.state, &stop).await.is_break() {
        return;
    }
    // Its own token: where the poller of one region fails, those of the others finish what is in hand.
    let stop = stop.child_token();
    let mut pollers = Pollers {
        context,
        stop: stop.clone(),
        running: HashMap::new(),
        turns: HashMap::new(),
        tasks: JoinSet::new(),
        failed: false,
    };
    let mut failures = 0;
    while let Some(listed) = stop
        .run_until_cancelled(pollers.context.aws.describe_regions())
        .await
    {
        let delay = match listed {
            Ok(names) => {
                failures = 0;
                pollers.follow(&names);
                pollers.context.regions_interval
            }
            Err(error) => {
                tracing::error!("the regions cannot be listed: {error}");
                pollers.context.health.regions_not_listed(&error);
                failures += 1;
                RETRY.jittered(failures - 1, rand::random())
            }
        };
        if pollers.watch(delay).await.is_break() {
            break;
        }
    }
    stop.cancel();
    while let Some(ended) = pollers.tasks.join_next().await {
        pollers.take_end(ended);
    }
    // Calls of one that failed may still be under way: that is for the next worker to wait for.
    if !pollers.failed {
        pollers.context.state.end().await;
    }
}

/// Writes down that a poller is at work, and waits for what the one before it may have left under way. Breaks at the stop; that
/// is no end, since what this one would have waited for is for the next to wait for.
async fn take_over(state: &StateStore, stop: &CancellationToken) -> ControlFlow<()> {
    if !state.start().await {
        return ControlFlow::Continue(());
    }
    tracing::info!(
        "waiting {} s for calls that another worker may have left under way",
        AFTERMATH.as_secs()
    );
    match stop
        .run_until_cancelled(tokio::time::sleep(AFTERMATH))
        .await
    {
        Some(()) => ControlFlow::Continue(()),
        None => ControlFlow::Break(()),
    }
}

struct Pollers {
    context: Arc<Context>,
    stop: CancellationToken,
    running: HashMap<String, CancellationToken>,
    /// One poller of a region at a time: where the region comes back, the one that was told to stop may still have work in
    /// hand.
    turns: HashMap<String, Arc<Mutex<()>>>,
    tasks: JoinSet<()>,
    /// The poller of a region ended other than by being told to.
    failed: bool,
}

impl Pollers {
    /// Waits for the next look for regions. Breaks at the stop, and where the poller of a region ends other than
    /// by being told to.
    async fn watch(&mut self, delay: Duration) -> ControlFlow<()> {
        let next_look = tokio::time::sleep(delay);
        tokio::pin!(next_look);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return ControlFlow::Break(()),
                () = &mut next_look => return ControlFlow::Continue(()),
                Some(ended) = self.tasks.join_next() => {
                    self.take_end(ended);
                    if self.failed {
                        return ControlFlow::Break(());
                    }
                }
            }
        }
    }

    fn take_end(&mut self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            tracing::error!("the poller of a region ended by itself: {error}");
            self.failed = true;
        }
    }

    /// Starts a poller for each new region and stops those of regions that are gone.
    fn follow(&mut self, names: &[String]) {
        let wanted: Vec<&String> = names
            .iter()
            .filter(|name| self.context.regions.is_match(name))
            .collect();
        if wanted.is_empty() {
            tracing::warn!(
                "aws_gd_regions matches none of the account's regions: {}",
                names.join(", ")
            );
        }
        self.context.health.regions_listed(&wanted);
        self.running.retain(|name, stop| {
            let stays = wanted.contains(&name);
            if !stays {
                tracing::info!(region = name, "region {name} is gone, its polling stops");
                stop.cancel();
            }
            stays
        });
        for name in wanted {
            if !self.running.contains_key(name) {
                self.start(name);
            }
        }
    }

    fn start(&mut self, name: &str) {
        let stop = self.stop.child_token();
        let poller = RegionPoller::new(Arc::clone(&self.context), name, stop.clone());
        tracing::info!(region = name, "polling region {name}");
        self.running.insert(name.to_owned(), stop);
        let turn = Arc::clone(self.turns.entry(name.to_owned()).or_default());
        self.tasks.spawn(async move {
            let _turn = turn.lock().await;
            poller.run().await;
        });
    }
}
