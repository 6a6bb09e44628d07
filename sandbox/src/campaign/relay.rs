//! Passes messages between the sandbox's broker, where the platform puts them, and a real one, where the workers are.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::broker::client::{Account, Client};

/// A broker that is being started again is tried so often.
const PACE: Duration = Duration::from_millis(100);

/// Two tasks, one each way; they end with this value.
pub(super) struct Relay {
    /// Held while a message is passed on: who holds it may end a broker without a message being in two places or in none.
    passing: Arc<Mutex<()>>,
    _down: AbortOnDropHandle<()>,
    _up: AbortOnDropHandle<()>,
}

/// One way: from a queue of one broker to a queue of the other.
struct Way {
    from: (Account, String),
    to: (Account, String),
    passing: Arc<Mutex<()>>,
}

impl Relay {
    /// Passes invocations on from `sandbox` to `real`, and answers back.
    pub(super) fn start(
        sandbox: &Account,
        real: &Account,
        invocations: &str,
        answers: &str,
    ) -> Self {
        let passing = Arc::new(Mutex::new(()));
        let way = |from: &Account, to: &Account, queue: &str| {
            let way = Way {
                from: (from.clone(), queue.to_owned()),
                to: (to.clone(), queue.to_owned()),
                passing: Arc::clone(&passing),
            };
            AbortOnDropHandle::new(tokio::spawn(way.keep_passing()))
        };
        Self {
            _down: way(sandbox, real, invocations),
            _up: way(real, sandbox, answers),
            passing,
        }
    }

    /// Until the guard is dropped nothing is under way.
    pub(super) async fn pause(&self) -> MutexGuard<'_, ()> {
        self.passing.lock().await
    }
}

impl Way {
    async fn keep_passing(self) {
        loop {
            if let Err(error) = self.pass().await {
                tracing::debug!(%error, "the relay lost a broker");
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn pass(&self) -> io::Result<()> {
        let mut from = Client::connect(&self.from.0).await?;
        let mut to = Client::connect(&self.to.0).await?;
        from.subscribe(&self.from.1).await?;
        loop {
            let message = from.next().await?;
            let _passing = self.passing.lock().await;
            to.pass_on(&message, &self.to.1).await?;
            from.acknowledge(&message).await?;
        }
    }
}
