//! The refreshes that were triggered and not yet seen to have happened.
//!
//! The poller only sets a field; that the platform's rule ran shows in the incident's own `UpdatedAt`.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::mutex::lock;

/// How long a refresh may take before it is triggered again, at most and at least; in between, so many cycles.
const LONGEST_PATIENCE: Duration = Duration::from_mins(2);
const SHORTEST_PATIENCE: Duration = Duration::from_secs(10);
const CYCLES: u32 = 5;
/// How often one update is triggered.
const MOST_TRIGGERS: u32 = 3;

/// What to do about an incident that is older than its finding.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Trigger its refresh.
    Trigger,
    /// It was triggered a moment ago.
    Wait,
    /// It was triggered often enough: the platform does not run the rule.
    GiveUp,
}

/// Triggered refreshes by finding id.
#[derive(Debug)]
pub(super) struct Refreshes {
    triggered: Mutex<HashMap<String, Triggered>>,
    patience: Duration,
}

impl Default for Refreshes {
    fn default() -> Self {
        Self::between(LONGEST_PATIENCE)
    }
}

#[derive(Debug)]
struct Triggered {
    updated_at: String,
    at: Instant,
    times: u32,
}

impl Refreshes {
    /// None triggered yet; cycles follow each other at this interval.
    pub(super) fn between(cycles: Duration) -> Self {
        let patience = cycles.saturating_mul(CYCLES);
        Self {
            triggered: Mutex::default(),
            patience: patience.clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE),
        }
    }

    /// What to do about this update of a finding.
    pub(super) fn ask(&self, finding_id: &str, updated_at: &str, now: Instant) -> Ask {
        let mut triggered = lock(&self.triggered);
        match triggered.get_mut(finding_id) {
            Some(last) if last.updated_at == updated_at => {
                if now.duration_since(last.at) < self.patience {
                    return Ask::Wait;
                }
                if last.times >= MOST_TRIGGERS {
                    triggered.remove(finding_id);
                    return Ask::GiveUp;
                }
                last.times += 1;
                last.at = now;
            }
            _ => {
                let first = Triggered {
                    updated_at: updated_at.to_owned(),
                    at: now,
                    times: 1,
                };
                triggered.insert(finding_id.to_owned(), first);
            }
        }
        Ask::Trigger
    }

    /// The incident is up to date, or the trigger could not be set: begin anew next time.
    pub(super) fn forget(&self, finding_id: &str) {
        lock(&self.triggered).remove(finding_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b25_a_refresh_that_did_not_happen_is_triggered_three_times() {
        let refreshes = Refreshes::default();
        let start = Instant::now();
        let ask = |seconds| refreshes.ask("f1", "t1", start + Duration::from_secs(seconds));
        assert_eq!(ask(0), Ask::Trigger);
        assert_eq!(ask(60), Ask::Wait);
        assert_eq!(ask(121), Ask::Trigger);
        assert_eq!(ask(242), Ask::Trigger);
        assert_eq!(ask(300), Ask::Wait);
        assert_eq!(ask(363), Ask::GiveUp);
    }

    #[test]
    fn a_newer_update_is_triggered_at_once() {
        let refreshes = Refreshes::default();
        let now = Instant::now();
        assert_eq!(refreshes.ask("f1", "t1", now), Ask::Trigger);
        assert_eq!(refreshes.ask("f1", "t2", now), Ask::Trigger);
        refreshes.forget("f1");
        assert_eq!(refreshes.ask("f1", "t2", now), Ask::Trigger);
    }
}
