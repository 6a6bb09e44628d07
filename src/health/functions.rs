//! The functions in hand.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Bounds;
use super::report::{Verdict, spoken};

/// The functions in hand.
#[derive(Debug)]
pub(super) struct Functions {
    /// By a number that grows, so the oldest is the first.
    in_hand: BTreeMap<u64, InHand>,
    next: u64,
    /// When one last began or ended.
    beat: Instant,
}

#[derive(Debug)]
struct InHand {
    name: String,
    since: Instant,
}

impl Functions {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            in_hand: BTreeMap::new(),
            next: 0,
            beat: now,
        }
    }

    pub(super) fn begin(&mut self, name: &str, now: Instant) -> u64 {
        let number = self.next;
        self.next += 1;
        self.beat = now;
        let name = name.to_owned();
        self.in_hand.insert(number, InHand { name, since: now });
        number
    }

    pub(super) fn end(&mut self, number: u64, now: Instant) {
        self.in_hand.remove(&number);
        self.beat = now;
    }

    /// How many run now.
    pub(super) fn in_hand(&self) -> usize {
        self.in_hand.len()
    }

    /// How things stand, where at most `workers` run at a time. One that hangs leaves the others room to work.
    pub(super) fn verdict(&self, workers: usize, bounds: &Bounds, now: Instant) -> Verdict {
        let Some((_, oldest)) = self.in_hand.first_key_value() else {
            return Verdict::Good;
        };
        let (quiet, age) = (now - self.beat, now - oldest.since);
        if self.in_hand.len() >= workers && quiet > bounds.stall {
            let quiet = spoken(quiet);
            Verdict::Stuck(format!(
                "all {workers} are in hand, and none ended for {quiet}"
            ))
        } else if age > bounds.function() {
            Verdict::Unready(format!("{} in hand for {}", oldest.name, spoken(age)))
        } else {
            Verdict::Good
        }
    }
}
