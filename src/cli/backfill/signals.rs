//! What asks the import to stop.

use std::fmt;
use std::io;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

/// A signal that asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Interrupt,
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

impl From<Signal> for ExitCode {
    /// As shells tell of a program that a signal has ended: 128 and its number.
    fn from(signal: Signal) -> Self {
        Self::from(match signal {
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        })
    }
}

/// Not SIGHUP: who closes the terminal ends the program, which can be repeated, unless it was started with `nohup`.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// May be dropped at any time: none is lost.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
