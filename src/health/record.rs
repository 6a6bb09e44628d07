//! What was reported so far, and what is to be thought of it: instants in, sentences out.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Instant;

use super::functions::Functions;
use super::report::{because, spoken};
use super::rounds::Rounds;
use super::session::Session;
use super::snapshot::{Snapshot, Standing};
use super::{Bounds, Report};

/// What was reported so far.
#[derive(Debug)]
pub struct Record {
    phase: Phase,
    poller: Option<Poller>,
    session: Option<Session>,
    functions: Functions,
}

#[derive(Debug)]
enum Phase {
    LoggingIn {
        since: Instant,
        reason: Option<String>,
    },
    Working {
        bounds: Bounds,
        workers: usize,
        /// Everything finishes, as the next configuration is about to be taken up; that has limits of its own.
        handing_over: bool,
    },
    Stopping,
}

/// The poller, once it has the state folder for itself.
#[derive(Debug, Default)]
struct Poller {
    listing: Option<Rounds>,
    regions: BTreeMap<String, Rounds>,
}

impl Record {
    /// Of a worker that logs in to SOAR from now on.
    pub fn new(now: Instant) -> Self {
        Self {
            phase: Phase::LoggingIn {
                since: now,
                reason: None,
            },
            poller: None,
            session: None,
            functions: Functions::new(now),
        }
    }

    pub(super) fn login_failed(&mut self, failure: &dyn Display) {
        if let Phase::LoggingIn { reason, .. } = &mut self.phase {
            *reason = Some(failure.to_string());
        }
    }

    /// What the generation before had achieved stays, so that a reload does not look like an outage.
    pub(super) fn working(
        &mut self,
        bounds: Bounds,
        polls: bool,
        workers: Option<usize>,
        now: Instant,
    ) {
        self.phase = Phase::Working {
            bounds,
            workers: workers.unwrap_or_default(),
            handing_over: false,
        };
        self.poller = polls.then(|| self.poller.take().unwrap_or_default());
        for rounds in self.poller.iter_mut().flat_map(Poller::all) {
            rounds.progress(now);
        }
        self.session = workers.map(|_| self.session.take().unwrap_or_else(|| Session::new(now)));
    }

    pub(super) fn handing_over(&mut self) {
        if let Phase::Working { handing_over, .. } = &mut self.phase {
            *handing_over = true;
        }
    }

    pub(super) fn stopping(&mut self) {
        self.phase = Phase::Stopping;
    }

    pub(super) fn regions_listed(&mut self, names: &[&String], now: Instant) {
        let Some(poller) = &mut self.poller else {
            return;
        };
        let listing = poller.listing.get_or_insert_with(|| Rounds::new(now));
        listing.ended(now);
        poller.regions.retain(|name, _| names.contains(&name));
        for name in names {
            let known = poller.regions.entry((*name).clone());
            known.or_insert_with(|| Rounds::new(now));
        }
    }

    pub(super) fn regions_not_listed(&mut self, reason: &dyn Display, now: Instant) {
        if let Some(poller) = &mut self.poller {
            let listing = poller.listing.get_or_insert_with(|| Rounds::new(now));
            listing.failed(reason, now);
        }
    }

    /// A region that is not polled any more has nothing to report.
    pub(super) fn region(&mut self, name: &str, beat: impl FnOnce(&mut Rounds)) {
        let regions = self.poller.as_mut().map(|poller| &mut poller.regions);
        if let Some(rounds) = regions.and_then(|regions| regions.get_mut(name)) {
            beat(rounds);
        }
    }

    pub(super) fn session(&mut self, beat: impl FnOnce(&mut Session)) {
        if let Some(session) = &mut self.session {
            beat(session);
        }
    }

    pub(super) fn functions(&mut self) -> &mut Functions {
        &mut self.functions
    }

    /// How each part stands at `now`.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let login = match &self.phase {
            Phase::LoggingIn { since, reason } => {
                let (since, why) = (spoken(now - *since), because(reason.as_ref()));
                Standing::bad(format!("not logged in for {since}{why}"))
            }
            Phase::Working { .. } => Standing::good("logged in"),
            Phase::Stopping => Standing::bad("the worker is stopping"),
        };
        let poller = self.poller.as_ref();
        let regions = poller.iter().flat_map(|poller| &poller.regions);
        Snapshot {
            login,
            broker: self.session.as_ref().map(|session| session.stands(now)),
            listing: poller.map(|poller| poller.stands(now)),
            regions: regions
                .map(|(name, rounds)| (name.clone(), rounds.stands("cycle", now)))
                .collect(),
            functions_in_hand: self.functions.in_hand(),
        }
    }

    /// What is wrong at `now`.
    pub fn report(&self, now: Instant) -> Report {
        let mut report = Report::default();
        match &self.phase {
            Phase::LoggingIn { since, reason } => {
                let (since, why) = (spoken(now - *since), because(reason.as_ref()));
                let text = format!("SOAR: not logged in for {since}{why}");
                report.unready.push(text);
            }
            Phase::Stopping => report.unready.push("the worker is stopping".to_owned()),
            Phase::Working {
                bounds,
                workers,
                handing_over,
            } => {
                self.judge(bounds, *workers, now, &mut report);
                if *handing_over {
                    report
                        .unready
                        .splice(0..0, std::mem::take(&mut report.stuck));
                }
            }
        }
        report
    }

    fn judge(&self, bounds: &Bounds, workers: usize, now: Instant, report: &mut Report) {
        if let Some(session) = &self.session {
            report.add("message broker", session.verdict(bounds, now));
            let verdict = self.functions.verdict(workers, bounds, now);
            report.add("functions", verdict);
        }
        if let Some(poller) = &self.poller {
            poller.judge(bounds, now, report);
        }
    }
}

impl Poller {
    fn all(&mut self) -> impl Iterator<Item = &mut Rounds> {
        self.listing.iter_mut().chain(self.regions.values_mut())
    }

    fn stands(&self, now: Instant) -> Standing {
        self.listing.as_ref().map_or_else(
            || {
                Standing::bad(
                    "not listed yet, or another worker polls with the same aws_gd_state_dir",
                )
            },
            |listing| listing.stands("listing", now),
        )
    }

    fn judge(&self, bounds: &Bounds, now: Instant, report: &mut Report) {
        let Some(listing) = &self.listing else {
            let text = "poller: the regions are not listed yet, or another worker polls with the same aws_gd_state_dir";
            return report.unready.push(text.to_owned());
        };
        let verdict = listing.verdict("listing", bounds.regions_interval, bounds, now);
        report.add("list of regions", verdict);
        if self.regions.is_empty() && listing.has_ended() {
            let text = "poller: aws_gd_regions matches none of the account's regions";
            report.unready.push(text.to_owned());
        }
        for (name, rounds) in &self.regions {
            let verdict = rounds.verdict("cycle", bounds.interval, bounds, now);
            report.add(&format!("region {name}"), verdict);
        }
    }
}

#[cfg(test)]
mod tests;
