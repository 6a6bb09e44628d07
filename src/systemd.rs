//! What systemd is told: that the worker is ready, reloads, stops, and is alive.
//!
//! Where no one listens, which the variable `NOTIFY_SOCKET` tells, nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::lifecycle::Lifecycle;

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

/// Starts the task of `lifecycle` that proves to systemd, twice in each interval of its watchdog, that
/// tasks still run, and tells it when the stop begins, after which the watchdog rests.
pub fn watch(lifecycle: &Lifecycle) {
    let soft = lifecycle.soft().clone();
    let interval = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    lifecycle.spawn("systemd watchdog", async move {
        soft.run_until_cancelled(prove_life(interval)).await;
        stopping();
    });
}

async fn prove_life(interval: Option<Duration>) {
    let Some(interval) = interval.filter(|interval| !interval.is_zero()) else {
        return std::future::pending().await;
    };
    loop {
        notify(&[NotifyState::Watchdog]);
        tokio::time::sleep(interval).await;
    }
}

fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("systemd could not be told {states:?}: {error}");
    }
}
