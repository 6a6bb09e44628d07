//! What is asked of the running process: by a signal, or by changing its configuration file.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a watched file is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// To finish what is in hand and end; the name of the signal.
    Stop(&'static str),
    /// To take up the configuration anew; what asks for it.
    Reload(&'static str),
}

/// Where requests come from.
#[derive(Debug)]
pub struct Requests {
    stop: StopSignals,
    hang_up: Signal,
    watch: Option<Watch>,
}

impl Requests {
    /// Listens to SIGTERM, SIGINT and SIGHUP, and looks after `watched` where there is such a file.
    ///
    /// # Errors
    /// When the system lets no signal be listened to.
    pub fn listen(watched: Option<PathBuf>) -> io::Result<Self> {
        Ok(Self {
            stop: StopSignals::listen()?,
            hang_up: signal(SignalKind::hangup())?,
            watch: watched.map(Watch::new),
        })
    }

    /// The next request. May be dropped at any time: none is lost.
    pub async fn next(&mut self) -> Request {
        let changed = async {
            match &mut self.watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            signal = self.stop.next() => Request::Stop(signal.name()),
            _ = self.hang_up.recv() => Request::Reload("SIGHUP"),
            () = changed => Request::Reload("a change of the file"),
        }
    }
}

/// A signal that asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl StopSignal {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }
}

impl From<StopSignal> for ExitCode {
    /// As shells tell of a program that a signal has ended: 128 and its number.
    fn from(signal: StopSignal) -> Self {
        Self::from(match signal {
            StopSignal::Interrupt => 130,
            StopSignal::Terminate => 143,
        })
    }
}

/// Where they come from.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens to SIGINT and SIGTERM.
    ///
    /// # Errors
    /// When the system lets no signal be listened to.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one. May be dropped at any time: none is lost.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}

/// Looks at what a file holds: that notices also a file that is put in place of another, and one behind a link.
#[derive(Debug)]
struct Watch {
    path: PathBuf,
    pace: Interval,
    seen: Option<u64>,
}

impl Watch {
    fn new(path: PathBuf) -> Self {
        let mut pace = interval(WATCH_INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let seen = std::fs::read(&path).ok().map(|text| digest(&text));
        Self { path, pace, seen }
    }

    async fn changed(&mut self) {
        loop {
            self.pace.tick().await;
            // A file that is away for a moment is being replaced.
            let Ok(text) = tokio::fs::read(&self.path).await else {
                continue;
            };
            let now = digest(&text);
            if self.seen.replace(now) != Some(now) {
                return;
            }
        }
    }
}

fn digest(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_replaced_by_another_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.config");
        std::fs::write(&path, "one").unwrap();
        let mut watch = Watch::new(path.clone());
        let other = folder.path().join("other");
        std::fs::write(&other, "two").unwrap();
        std::fs::rename(&other, &path).unwrap();
        watch.changed().await;
        let again = tokio::time::timeout(WATCH_INTERVAL * 3, watch.changed());
        assert!(again.await.is_err(), "the same text is no change");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_away_for_a_while_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.config");
        std::fs::write(&path, "one").unwrap();
        let mut watch = Watch::new(path.clone());
        std::fs::remove_file(&path).unwrap();
        let away = tokio::time::timeout(WATCH_INTERVAL * 3, watch.changed());
        assert!(away.await.is_err());
        std::fs::write(&path, "one").unwrap();
        let back = tokio::time::timeout(WATCH_INTERVAL * 3, watch.changed());
        assert!(back.await.is_err());
    }
}
