//! Looks at the health again and again, for the log and for systemd.

use std::time::Duration;

use tokio::time::sleep;

use super::Health;

/// What the log was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing: a start takes its time.
    Starting,
    Ready,
    Unready,
    Stuck,
}

impl Health {
    /// Tells the log when the worker is ready, no longer, or hangs, and beats as long as it does not hang.
    pub async fn watch(&self, pace: Duration, beat: impl Fn()) {
        let mut told = Told::Starting;
        loop {
            let report = self.report();
            if report.is_live() {
                beat();
            }
            let reasons = || report.reasons().collect::<Vec<_>>().join("; ");
            let state = match told {
                _ if !report.is_live() => Told::Stuck,
                _ if report.is_ready() => Told::Ready,
                Told::Starting => Told::Starting,
                _ => Told::Unready,
            };
            if state != told {
                match state {
                    Told::Starting => {}
                    Told::Ready => tracing::info!("ready"),
                    Told::Unready => tracing::warn!("not ready: {}", reasons()),
                    Told::Stuck => tracing::error!("the worker hangs: {}", reasons()),
                }
                told = state;
            }
            sleep(pace).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::Bounds;
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Beats in the next ten minutes, one a minute being due.
    async fn beats(health: &Health) -> usize {
        let beats = AtomicUsize::new(0);
        let count = || {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        let watch = health.watch(MINUTE, count);
        let _ = tokio::time::timeout(Duration::from_secs(9 * 60 + 30), watch).await;
        beats.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_fed_only_while_nothing_hangs() {
        let health = Health::new();
        assert_eq!(beats(&health).await, 10, "waiting for SOAR is no hanging");
        let bounds = Bounds {
            interval: MINUTE,
            regions_interval: MINUTE * 10_000,
            unready_after: MINUTE,
            stall: MINUTE * 15,
        };
        health.working(bounds, true, None);
        let region = "us-east-1".to_owned();
        health.regions_listed(&[&region]);
        health.cycle_ended(&region, MINUTE);
        assert_eq!(beats(&health).await, 10);
        sleep(MINUTE * 10).await;
        assert_eq!(beats(&health).await, 0, "no cycle for too long");
        health.progress(&region);
        assert_eq!(beats(&health).await, 10, "it goes on");
        sleep(MINUTE * 10).await;
        health.handing_over();
        assert_eq!(beats(&health).await, 10, "a handover has its own limit");
    }
}
