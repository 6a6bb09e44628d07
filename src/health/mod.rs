//! Whether the worker is alive and does what it is there for, told by its own beats.
//!
//! Whoever must make progress reports it here; [`Health::report`] says what is wrong. Ready is a worker that is logged in to SOAR,
//! polls its regions and is subscribed at the message broker. Alive is one of which nothing hangs, whatever it waits for: only
//! one that is not alive is better off started again.

mod bounds;
mod functions;
mod record;
mod report;
mod rounds;
mod session;
mod snapshot;
mod watch;

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::measures::Measures;
use crate::mutex::lock;

pub use bounds::Bounds;
pub use record::Record;
pub use report::Report;
pub(crate) use report::spoken;
pub use snapshot::{Snapshot, Standing};

/// Where beats are reported; a cheap handle to share.
#[derive(Debug, Clone)]
pub struct Health {
    record: Arc<Mutex<Record>>,
    measures: Measures,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Of a worker that logs in to SOAR from now on.
    pub fn new() -> Self {
        Self {
            record: Arc::new(Mutex::new(Record::new(now()))),
            measures: Measures::default(),
        }
    }

    /// The figures of the same worker.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// What is wrong now.
    pub fn report(&self) -> Report {
        self.record().report(now())
    }

    /// How each part stands now.
    pub fn snapshot(&self) -> Snapshot {
        self.record().snapshot(now())
    }

    /// SOAR did not let us in, and will be asked again.
    pub fn login_failed(&self, reason: &dyn Display) {
        self.record().login_failed(reason);
    }

    /// Listener and poller are started. `workers` is how many functions run at a time, `None` where none are served.
    pub fn working(&self, bounds: Bounds, polls: bool, workers: Option<usize>) {
        self.record().working(bounds, polls, workers, now());
    }

    /// Listener and poller finish what is in hand, to make way for the next.
    pub fn handing_over(&self) {
        self.record().handing_over();
    }

    /// The worker finishes what is in hand, and ends.
    pub fn stopping(&self) {
        self.record().stopping();
    }

    /// These regions are polled from now on, and no others.
    pub fn regions_listed(&self, names: &[&String]) {
        self.record().regions_listed(names, now());
        self.measures.regions(names);
    }

    /// The regions could not be listed, and will be again.
    pub fn regions_not_listed(&self, reason: &dyn Display) {
        self.record().regions_not_listed(reason, now());
    }

    /// Something of a region's cycle is done.
    pub fn progress(&self, region: &str) {
        self.record()
            .region(region, |rounds| rounds.progress(now()));
    }

    /// A page of findings is in SOAR, none of them failed.
    pub fn page_done(&self, region: &str) {
        self.record()
            .region(region, |rounds| rounds.page_done(now()));
    }

    /// A cycle of a region got to its end.
    pub fn cycle_ended(&self, region: &str, took: Duration) {
        self.measures.cycle(region, took, true);
        self.record().region(region, |rounds| rounds.ended(now()));
    }

    /// A cycle of a region failed, and the next will be tried.
    pub fn cycle_failed(&self, region: &str, took: Duration, reason: &dyn Display) {
        self.measures.cycle(region, took, false);
        self.record()
            .region(region, |rounds| rounds.failed(reason, now()));
    }

    /// The message broker has confirmed every subscription.
    pub fn subscribed(&self) {
        self.measures.subscribed();
        self.record().session(session::Session::subscribed);
    }

    /// There is no subscription at the message broker, or none any more.
    pub fn not_subscribed(&self, reason: Option<&dyn Display>) {
        self.record().session(|session| session.lost(reason, now()));
    }

    /// A function runs until the answer is dropped.
    pub fn function(&self, name: &str) -> FunctionInHand {
        let number = self.record().functions().begin(name, now());
        FunctionInHand {
            health: self.clone(),
            number,
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }
}

/// A function that runs.
#[derive(Debug)]
pub struct FunctionInHand {
    health: Health,
    number: u64,
}

impl Drop for FunctionInHand {
    fn drop(&mut self) {
        self.health.record().functions().end(self.number, now());
    }
}

/// The clock that the runtime's timers go by.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
