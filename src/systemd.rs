//! What systemd is told: that the worker is ready, reloads, stops, and is alive.
//!
//! Where no one listens, which the variable `NOTIFY_SOCKET` tells, nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::task::AbortOnDropHandle;

use crate::health::Health;

/// How often it is looked where no watchdog waits for it.
const PACE: Duration = Duration::from_secs(30);

/// Everything is started: units that wait for this one may start.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The configuration is read again; [`ready`] tells the end of it.
pub fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    // Newer versions of systemd tell by the time which request is answered.
    states.extend(NotifyState::monotonic_usec_now());
    notify(&states);
}

/// The worker begins nothing new and finishes what is in hand.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Proves to systemd, twice in each interval of its watchdog, that tasks still run and none hangs, until what it answers is
/// dropped. Without a watchdog the log alone tells of what hangs.
pub fn prove_life(health: Health) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let limit = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero());
        let pace = limit.map_or(PACE, |limit| limit / 2);
        health
            .watch(pace, || notify(&[NotifyState::Watchdog]))
            .await;
    }))
}

fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("systemd could not be told {states:?}: {error}");
    }
}
