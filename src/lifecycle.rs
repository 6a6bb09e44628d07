//! Start and stop of the process: who may still work, and how it ends.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long work in hand may take after the first signal.
pub const GRACE_PERIOD: Duration = Duration::from_mins(1);

/// Two ways to be told to stop, and the tasks that are waited for.
///
/// The soft token says "begin nothing new, finish what is in hand"; the hard one, "let go".
/// The soft token is the hard one's child, so the hard stop implies the soft one.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
}

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitVerdict {
    /// It was asked to stop, and everything in hand was finished.
    Stopped,
    /// It was asked to stop, and work had to be left behind.
    Abandoned,
    /// A task that must not end did, so that a supervisor should start the process again.
    Failed,
}

impl From<ExitVerdict> for ExitCode {
    fn from(verdict: ExitVerdict) -> Self {
        match verdict {
            ExitVerdict::Stopped => Self::SUCCESS,
            ExitVerdict::Abandoned | ExitVerdict::Failed => Self::FAILURE,
        }
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// A process that nobody has asked to stop.
    pub fn new() -> Self {
        let hard = CancellationToken::new();
        Self {
            soft: hard.child_token(),
            hard,
            tasks: TaskTracker::new(),
            failed: Arc::default(),
        }
    }

    /// Cancelled when nothing new may begin. Only waiting races it, never work in hand.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when work in hand must be left behind.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Asks to begin nothing new.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Starts a task that may end at any time and is waited for at the end.
    /// The hard stop drops it wherever it waits.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let lifecycle = self.clone();
        self.tasks.spawn(async move {
            if lifecycle.run(task).await == End::Panicked {
                tracing::error!(task = name, "task {name} panicked");
            }
        });
    }

    /// Starts a task that must not end before the stop; when it does, the whole process stops and fails.
    pub fn spawn_essential(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let lifecycle = self.clone();
        self.tasks.spawn(async move {
            let end = lifecycle.run(task).await;
            match end {
                End::Panicked => tracing::error!(task = name, "task {name} panicked"),
                End::Returned if !lifecycle.soft.is_cancelled() => {
                    tracing::error!(task = name, "task {name} ended although nobody asked it to");
                }
                End::Returned | End::Dropped => return,
            }
            lifecycle.failed.store(true, Ordering::Release);
            lifecycle.stop();
        });
    }

    /// After [`Lifecycle::stop`]: waits for work in hand, until the grace period is over or `hurry` tells why
    /// there is no more time.
    pub async fn drain(
        &self,
        grace: Duration,
        hurry: impl Future<Output = &'static str>,
    ) -> ExitVerdict {
        self.stop();
        self.tasks.close();
        let abandoned = tokio::select! {
            () = self.tasks.wait() => None,
            reason = hurry => Some(reason),
            () = tokio::time::sleep(grace) => Some("the end of the grace period"),
        };
        if let Some(reason) = abandoned {
            let left = self.tasks.len();
            tracing::warn!(
                left,
                "stopping at once on {reason}: {left} tasks are left behind"
            );
            self.hard.cancel();
            self.tasks.wait().await;
        }
        self.verdict(abandoned.is_some())
    }

    fn verdict(&self, abandoned: bool) -> ExitVerdict {
        if self.failed.load(Ordering::Acquire) {
            ExitVerdict::Failed
        } else if abandoned {
            ExitVerdict::Abandoned
        } else {
            ExitVerdict::Stopped
        }
    }

    async fn run(&self, task: impl Future<Output = ()>) -> End {
        let task = AssertUnwindSafe(task).catch_unwind();
        match self.hard.run_until_cancelled(task).await {
            Some(Ok(())) => End::Returned,
            // The panic hook has printed the message; nothing of the task is used again.
            Some(Err(_)) => End::Panicked,
            None => End::Dropped,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Returned,
    Panicked,
    Dropped,
}

#[cfg(test)]
mod tests {
    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// Never asks to stop.
    async fn never() -> &'static str {
        std::future::pending().await
    }

    #[tokio::test]
    async fn work_in_hand_is_finished() {
        let lifecycle = Lifecycle::new();
        let finished = Arc::new(AtomicBool::new(false));
        let done = finished.clone();
        let soft = lifecycle.soft().clone();
        lifecycle.spawn_essential("worker", async move {
            soft.cancelled().await;
            tokio::task::yield_now().await;
            done.store(true, Ordering::Release);
        });
        let verdict = lifecycle.drain(LONG, never()).await;
        assert_eq!(verdict, ExitVerdict::Stopped);
        assert!(finished.load(Ordering::Acquire));
        assert!(!lifecycle.hard().is_cancelled());
    }

    #[tokio::test]
    async fn hurry_leaves_work_behind() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("stuck", std::future::pending());
        let verdict = lifecycle.drain(LONG, async { "a request" }).await;
        assert_eq!(verdict, ExitVerdict::Abandoned);
        assert!(lifecycle.hard().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_grace_period_leaves_work_behind() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_essential("stuck", std::future::pending());
        let verdict = lifecycle.drain(GRACE_PERIOD, never()).await;
        assert_eq!(verdict, ExitVerdict::Abandoned);
    }

    #[tokio::test]
    async fn b1_b3_an_essential_task_that_returns_uninvited_fails_the_process() {
        let lifecycle = Lifecycle::new();
        let (told, hears) = oneshot::channel();
        let soft = lifecycle.soft().clone();
        lifecycle.spawn_essential("listener", async move {
            soft.cancelled().await;
            told.send(()).unwrap();
        });
        lifecycle.spawn_essential("poller", async {});
        lifecycle.soft().cancelled().await;
        assert_eq!(lifecycle.drain(LONG, never()).await, ExitVerdict::Failed);
        hears.await.unwrap();
    }

    #[tokio::test]
    async fn b1_b3_an_essential_task_that_panics_fails_the_process() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_essential("poller", async { panic!("as the test wants") });
        lifecycle.soft().cancelled().await;
        assert_eq!(lifecycle.drain(LONG, never()).await, ExitVerdict::Failed);
    }

    #[tokio::test]
    async fn an_essential_task_that_panics_while_stopping_fails_the_process() {
        let lifecycle = Lifecycle::new();
        let soft = lifecycle.soft().clone();
        lifecycle.spawn_essential("poller", async move {
            soft.cancelled().await;
            panic!("as the test wants");
        });
        let verdict = lifecycle.drain(LONG, never()).await;
        assert_eq!(verdict, ExitVerdict::Failed);
    }

    #[tokio::test]
    async fn any_other_task_may_end_or_panic() {
        let lifecycle = Lifecycle::new();
        let ended = Arc::new(Semaphore::new(0));
        let end = ended.clone();
        lifecycle.spawn("job", async move { end.add_permits(1) });
        lifecycle.spawn("bad job", async { panic!("as the test wants") });
        ended.acquire().await.unwrap().forget();
        assert!(!lifecycle.soft().is_cancelled());
        let verdict = lifecycle.drain(LONG, never()).await;
        assert_eq!(verdict, ExitVerdict::Stopped);
    }
}
