//! Findings that could not be written: set aside, tried again with a growing delay, never in the way.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Backoff;

const DELAYS: Backoff = Backoff::new(Duration::from_secs(15), Duration::from_hours(6), 2);

/// The findings set aside of one detector, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quarantine(BTreeMap<String, Entry>);

/// One finding set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// Why it could not be written.
    reason: String,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    next_try: Timestamp,
}

/// What there is to say of a finding set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside<'a> {
    /// The finding.
    pub finding_id: &'a str,
    /// Why it could not be written.
    pub reason: &'a str,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try: Timestamp,
}

impl Quarantine {
    /// Whether nothing is set aside.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many findings are set aside.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the finding is set aside.
    pub fn contains(&self, finding_id: &str) -> bool {
        self.0.contains_key(finding_id)
    }

    /// Sets a finding aside, or the next time further away.
    pub fn put(&mut self, finding_id: &str, reason: String, now: Timestamp) {
        let attempts = self.0.get(finding_id).map_or(0, |entry| entry.attempts);
        let delay = SignedDuration::try_from(DELAYS.delay(attempts)).unwrap_or(SignedDuration::MAX);
        let next_try = now.saturating_add(delay).unwrap_or(Timestamp::MAX);
        self.0.insert(
            finding_id.to_owned(),
            Entry {
                reason,
                attempts: attempts + 1,
                next_try,
            },
        );
    }

    /// Takes a finding out: it is written, archived or gone.
    pub fn release(&mut self, finding_id: &str) -> bool {
        self.0.remove(finding_id).is_some()
    }

    /// All that is set aside, by finding id.
    pub fn entries(&self) -> impl Iterator<Item = SetAside<'_>> {
        self.0.iter().map(|(finding_id, entry)| SetAside {
            finding_id,
            reason: &entry.reason,
            attempts: entry.attempts,
            next_try: entry.next_try,
        })
    }

    /// The findings whose time has come.
    pub fn due(&self, now: Timestamp) -> Vec<String> {
        self.0
            .iter()
            .filter(|(_, entry)| entry.next_try <= now)
            .map(|(id, _)| id.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_to_six_hours() {
        let mut quarantine = Quarantine::default();
        let now = Timestamp::UNIX_EPOCH;
        let mut delays = Vec::new();
        for _ in 0..13 {
            quarantine.put("f1", "refused".into(), now);
            delays.push(quarantine.0["f1"].next_try.as_second());
        }
        assert_eq!(delays[..4], [15, 30, 60, 120]);
        assert_eq!(delays[10..], [15_360, 21_600, 21_600]);
        assert!(quarantine.due(now).is_empty());
        assert_eq!(quarantine.due(Timestamp::MAX), ["f1"]);
        assert!(quarantine.release("f1") && quarantine.is_empty());
    }
}
