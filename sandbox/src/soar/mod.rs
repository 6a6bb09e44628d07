//! The REST side of the platform, and a handle to look behind it.
//!
//! [`Platform`] is what tests and the demo hold: it sees everything the platform knows and acts as an analyst
//! would. Whatever a worker needs is also reachable over REST alone.

mod account;
mod analyst;
mod browse;
mod catalog;
mod change;
mod create;
mod engine;
mod incident;
mod index;
mod labels;
mod limits;
mod misconfigure;
mod parts;
mod patch;
mod query;
mod refusal;
mod rest;
mod runs;
mod state;
mod view;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Options;
use crate::broker::{Authenticate, Authorize, Broker, BrokerOptions};
use account::Organization;
use catalog::Catalog;
use state::State;

pub use browse::Found;
pub use engine::{Invocation, Reply};
pub use labels::{Label, TableLabels};
pub use refusal::Refusal;
pub use runs::{RunState, WorkflowRun};
pub use view::{ArtifactView, IncidentView, NoteView};

/// The simulated platform; a cheap handle to share.
#[derive(Clone)]
pub struct Platform(Arc<Inner>);

struct Inner {
    organization: Organization,
    state: Shared,
    broker: Broker,
    /// Numbers of the workflow runs to start.
    starts: mpsc::UnboundedSender<u64>,
    changed: watch::Sender<u64>,
}

type Shared = Arc<Mutex<State>>;

impl Platform {
    /// Starts the platform with its broker and what runs its workflows.
    pub(crate) async fn start(
        options: &Options,
        tls: Arc<rustls::ServerConfig>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> io::Result<Self> {
        let organization = Organization::generate();
        let catalog = Catalog::builtin(options.critical_severity);
        let state = Arc::new(Mutex::new(State::new(catalog)));
        let broker = BrokerOptions {
            addr: SocketAddr::new(options.address, options.stomp_port),
            tls,
            authenticate: authenticate(&organization),
            authorize: authorize(&organization, &state),
            heart_beat: options.heart_beat,
        };
        let (starts, started) = mpsc::unbounded_channel();
        let platform = Self(Arc::new(Inner {
            organization,
            state,
            broker: Broker::start(broker).await?,
            starts,
            changed: watch::Sender::new(0),
        }));
        engine::start(&platform, started, tracker, stop)?;
        Ok(platform)
    }

    /// The REST API.
    pub(crate) fn router(&self) -> Router {
        rest::router(self.clone())
    }

    pub(crate) fn organization(&self) -> &Organization {
        &self.0.organization
    }

    /// Waits until the condition holds; `false` when it does not within the time. Woken by changes.
    pub async fn wait_for(
        &self,
        condition: impl Fn(&Platform) -> bool + Send,
        timeout: Duration,
    ) -> bool {
        let mut changed = self.0.changed.subscribe();
        let held = async { while !condition(self) && changed.changed().await.is_ok() {} };
        tokio::time::timeout(timeout, held).await.is_ok()
    }

    /// Tells of every change from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// How many wait for changes at this moment.
    pub fn watchers(&self) -> usize {
        self.0.changed.receiver_count()
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state())
    }

    /// Changes something that is no business of rules or of those who wait.
    pub(crate) fn update<T>(&self, update: impl FnOnce(&mut State) -> T) -> T {
        update(&mut self.state())
    }

    /// Makes a change; afterwards those who wait for one look again.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let (outcome, starts) = {
            let mut state = self.state();
            let outcome = change(&mut state);
            (outcome, std::mem::take(&mut state.outbox))
        };
        for run in starts {
            // Nobody takes it any more only when the sandbox is being shut down.
            let _ = self.0.starts.send(run);
        }
        self.0.changed.send_modify(|n| *n += 1);
        outcome
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.0.broker
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

/// A panic in one test must not fail the others with a poisoned lock.
fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn authenticate(organization: &Organization) -> Authenticate {
    let organization = organization.clone();
    Arc::new(move |login, secret| organization.log_in(login, secret).is_some())
}

/// The queues of a message destination may be used by those whom the destination lists: the one of its invocations
/// be read, the one of its answers be written.
fn authorize(organization: &Organization, state: &Shared) -> Authorize {
    let (organization, state) = (organization.clone(), Arc::clone(state));
    Arc::new(move |login, access, queue| {
        let reader = organization
            .reader(login)
            .zip(organization.destination_of(access, queue));
        reader.is_some_and(|((list, id), destination)| lock(&state).may_read(destination, list, id))
    })
}

/// Epoch milliseconds.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
