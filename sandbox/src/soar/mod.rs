//! The REST side of the platform, and a handle to look behind it.
//!
//! [`Platform`] is what tests and the demo hold: it sees everything the platform knows and acts as an analyst
//! would. Whatever a worker needs is also reachable over REST alone.

mod account;
mod analyst;
mod catalog;
mod incident;
mod index;
mod limits;
mod patch;
mod query;
mod refusal;
mod rest;
mod state;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use tokio::sync::watch;

use account::Organization;
use catalog::Catalog;
use state::State;

pub use refusal::Refusal;
pub use view::{ArtifactView, IncidentView, NoteView};

/// The simulated platform; a cheap handle to share.
#[derive(Clone)]
pub struct Platform(Arc<Inner>);

struct Inner {
    organization: Organization,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Platform {
    pub(crate) fn new(critical_severity: bool) -> Self {
        Self(Arc::new(Inner {
            organization: Organization::generate(),
            state: Mutex::new(State::new(Catalog::builtin(critical_severity))),
            changed: watch::Sender::new(0),
        }))
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
        let outcome = change(&mut self.state());
        self.0.changed.send_modify(|n| *n += 1);
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Epoch milliseconds.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
