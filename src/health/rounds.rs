//! Work that comes round again and again: the cycles of a region, and the listing of the regions.

use std::fmt::Display;
use std::time::{Duration, Instant};

use super::Bounds;
use super::report::{Verdict, because, spoken};
use super::snapshot::Standing;

/// How the rounds of one piece of work went so far.
#[derive(Debug)]
pub(super) struct Rounds {
    begun: Instant,
    /// The last sign of life, be it a failure.
    beat: Instant,
    /// The end of the last round that got there.
    ended: Option<Instant>,
    /// A first round may take hours; from its first page on it is known to work.
    works: bool,
    /// Of the last round that failed, unless one has ended well since.
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    reason: String,
}

impl Rounds {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            begun: now,
            beat: now,
            ended: None,
            works: false,
            failure: None,
        }
    }

    pub(super) fn progress(&mut self, now: Instant) {
        self.beat = now;
    }

    pub(super) fn page_done(&mut self, now: Instant) {
        self.beat = now;
        self.works = true;
    }

    pub(super) fn ended(&mut self, now: Instant) {
        self.page_done(now);
        self.ended = Some(now);
        self.failure = None;
    }

    pub(super) fn failed(&mut self, reason: &dyn Display, now: Instant) {
        self.beat = now;
        self.failure = Some(Failure {
            at: now,
            reason: reason.to_string(),
        });
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// How it went last.
    pub(super) fn stands(&self, what: &str, now: Instant) -> Standing {
        let why = because(self.failure.as_ref().map(|failure| &failure.reason));
        match (&self.failure, self.ended) {
            (Some(failure), _) => Standing::bad(format!(
                "the last {what} failed {} ago{why}",
                spoken(now - failure.at)
            )),
            (None, Some(ended)) => {
                Standing::good(format!("last complete {what} {} ago", spoken(now - ended)))
            }
            (None, None) if self.works => Standing::good(format!(
                "first {what} under way for {}",
                spoken(now - self.begun)
            )),
            (None, None) => {
                Standing::bad(format!("no {what} yet for {}", spoken(now - self.begun)))
            }
        }
    }

    /// How things stand, where `what` comes round in `interval`.
    pub(super) fn verdict(
        &self,
        what: &str,
        interval: Duration,
        bounds: &Bounds,
        now: Instant,
    ) -> Verdict {
        let bound = bounds.round(interval);
        let quiet = now - self.beat;
        let unfinished = now - self.ended.unwrap_or(self.begun);
        let overdue = self.ended.is_none() || unfinished > bound;
        // A round that goes on for so long after a failure works off what has piled up.
        let fails = |failure: &Failure| now - failure.at <= bound;
        let fails = self.failure.as_ref().is_some_and(fails);
        let why = because(self.failure.as_ref().map(|failure| &failure.reason));
        if quiet > interval.saturating_add(bounds.stall) {
            Verdict::Stuck(format!("no progress for {}{why}", spoken(quiet)))
        } else if fails && overdue {
            Verdict::Unready(format!(
                "no complete {what} for {}{why}",
                spoken(unfinished)
            ))
        } else if quiet > interval.saturating_add(bounds.unready_after) {
            Verdict::Unready(format!("no progress for {}{why}", spoken(quiet)))
        } else if !self.works {
            Verdict::Unready(format!("no {what} yet"))
        } else {
            Verdict::Good
        }
    }
}
