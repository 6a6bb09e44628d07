//! The session with the message broker.

use std::fmt::Display;
use std::time::Instant;

use super::Bounds;
use super::report::{Verdict, because, spoken};
use super::snapshot::Standing;

/// How the session with the message broker stands.
///
/// That a silent broker counts as lost is the session's own affair: its heart-beats see to it.
#[derive(Debug)]
pub(super) struct Session {
    was_subscribed: bool,
    lost: Option<Lost>,
}

#[derive(Debug)]
struct Lost {
    since: Instant,
    /// The last attempt to get it back.
    tried: Instant,
    reason: Option<String>,
}

impl Session {
    pub(super) fn new(now: Instant) -> Self {
        let mut session = Self {
            was_subscribed: false,
            lost: None,
        };
        session.lost(None, now);
        session
    }

    pub(super) fn subscribed(&mut self) {
        self.was_subscribed = true;
        self.lost = None;
    }

    pub(super) fn lost(&mut self, reason: Option<&dyn Display>, now: Instant) {
        let lost = self.lost.get_or_insert(Lost {
            since: now,
            tried: now,
            reason: None,
        });
        lost.tried = now;
        if let Some(reason) = reason {
            lost.reason = Some(reason.to_string());
        }
    }

    /// How it is at this moment.
    pub(super) fn stands(&self, now: Instant) -> Standing {
        match &self.lost {
            None => Standing::good("subscribed"),
            Some(lost) => {
                let (away, why) = (spoken(now - lost.since), because(lost.reason.as_ref()));
                Standing::bad(format!("not subscribed for {away}{why}"))
            }
        }
    }

    pub(super) fn verdict(&self, bounds: &Bounds, now: Instant) -> Verdict {
        let Some(lost) = &self.lost else {
            return Verdict::Good;
        };
        let (away, quiet) = (now - lost.since, now - lost.tried);
        let why = because(lost.reason.as_ref());
        if quiet > bounds.stall {
            Verdict::Stuck(format!(
                "no attempt to subscribe for {}{why}",
                spoken(quiet)
            ))
        } else if !self.was_subscribed || away > bounds.unready_after {
            Verdict::Unready(format!("not subscribed for {}{why}", spoken(away)))
        } else {
            Verdict::Good
        }
    }
}
