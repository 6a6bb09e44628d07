//! How far the import has come: a bar on a terminal, else a line in the log now and then.

use std::io::{self, IsTerminal as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::LogConfig;
use crate::mutex::lock;
use crate::poller::backfill::Told;
use crate::telemetry::{self, TelemetryError};

/// How often the bar is drawn although nothing happens: the time goes on.
const TICK: Duration = Duration::from_millis(250);
/// How often the log tells.
const PAUSE: Duration = Duration::from_secs(10);
const LOOK: &str = "{bar:32} {pos}/{len} findings, {per_sec}, {eta} left";

pub(super) struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
    begin: Instant,
    last_told: Mutex<Instant>,
}

impl Progress {
    pub(super) fn begin() -> Self {
        let on_terminal = io::stderr().is_terminal();
        let target = if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template(LOOK) {
            bar.set_style(style);
        }
        if on_terminal {
            bar.enable_steady_tick(TICK);
        }
        let begin = Instant::now();
        Self {
            bar,
            on_terminal,
            begin,
            last_told: Mutex::new(begin),
        }
    }

    /// Starts the log. On a terminal it shows what is wrong only, above the bar.
    pub(super) fn start_log(&self, config: &LogConfig) -> Result<(), TelemetryError> {
        if self.on_terminal {
            let bar = self.bar.clone();
            telemetry::init_beside(config, move || Above(bar.clone()))?;
        } else {
            telemetry::init(config)?;
        }
        Ok(())
    }

    pub(super) fn tell(&self, told: Told) {
        match told {
            Told::Listed(findings) => self.bar.inc_length(findings as u64),
            Told::Done(findings) => self.bar.inc(findings as u64),
        }
        if !self.on_terminal {
            self.log();
        }
    }

    fn log(&self) {
        let now = Instant::now();
        let mut last = lock(&self.last_told);
        if now.duration_since(*last) < PAUSE {
            return;
        }
        *last = now;
        let (done, listed) = (self.bar.position(), self.bar.length().unwrap_or(0));
        tracing::info!("{}", line(done, listed, self.begin.elapsed()));
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn line(done: u64, listed: u64, took: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of findings")]
    let (done_so_far, to_do) = (done as f64, listed.saturating_sub(done) as f64);
    let rate = done_so_far / took.as_secs_f64();
    let left = Duration::try_from_secs_f64((to_do / rate).round());
    let left = left.map_or_else(
        |_| "time left unknown".to_owned(),
        |left| format!("{} s left", left.as_secs()),
    );
    format!("{done} of {listed} findings, {rate:.1} a second, {left}")
}

/// Writes above the bar, which must not be torn.
struct Above(ProgressBar);

impl io::Write for Above {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_findings_rate_and_time_left() {
        assert_eq!(
            line(150, 450, Duration::from_secs(10)),
            "150 of 450 findings, 15.0 a second, 20 s left"
        );
        let begin = line(0, 450, Duration::from_secs(10));
        assert!(begin.ends_with("time left unknown"), "{begin}");
    }
}
