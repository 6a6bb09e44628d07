//! What pages of findings mean for the detector: what is finished, set aside, and how far it has come.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::CycleError;
use super::apply::Applied;
use crate::domain::{Finding, WindowSettings};
use crate::soar::SoarError;
use crate::state::DetectorState;
use crate::telemetry::trace;

/// How a page ended.
#[derive(Debug, Default)]
pub(super) struct PageOutcome {
    /// When AWS was asked for the findings.
    pub(super) read_at: Option<Timestamp>,
    pub(super) findings: Vec<FindingOutcome>,
    /// Why the cycle cannot go on.
    pub(super) error: Option<CycleError>,
}

/// How one finding of a page ended.
#[derive(Debug)]
pub(super) struct FindingOutcome {
    pub(super) id: String,
    updated_at: String,
    pub(super) end: End,
}

#[derive(Debug)]
pub(super) enum End {
    /// This update was finished, or set aside, in an earlier cycle.
    Known,
    /// Its incident was complete and up to date before.
    UpToDate,
    /// It has a new incident, complete.
    Created,
    /// Its incident has got what it lacked.
    Completed,
    /// Its incident is older, and the platform has been asked to refresh it: to be looked at again in the next cycle.
    Refreshing,
    /// It is to be looked at again in the next cycle.
    Open,
    /// SOAR refuses it as it is.
    Refused(String),
    /// SOAR failed at it, and at everything else of the page: it is the finding or SOAR itself.
    Lost(SoarError),
}

impl From<Applied> for End {
    fn from(applied: Applied) -> Self {
        match applied {
            Applied::UpToDate => Self::UpToDate,
            Applied::Created => Self::Created,
            Applied::Completed => Self::Completed,
            Applied::Refreshing => Self::Refreshing,
        }
    }
}

/// Whether the error says something of SOAR and the account, not of one finding.
pub(super) fn concerns_every_finding(error: &SoarError) -> bool {
    matches!(
        error,
        SoarError::Throttled { .. }
            | SoarError::Unavailable { .. }
            | SoarError::Unauthorized
            | SoarError::Forbidden { .. }
            | SoarError::Setup(_)
    )
}

impl PageOutcome {
    /// Takes how the findings of the page ended. An error that is one finding's own sets that one aside.
    pub(super) fn take(&mut self, ends: Vec<(&Finding, Result<End, SoarError>)>) {
        let written = ends
            .iter()
            .any(|(_, end)| matches!(end, Ok(End::Created | End::Completed)));
        for (finding, end) in ends {
            let end = match end {
                Ok(end) => end,
                Err(error) if concerns_every_finding(&error) => {
                    self.error.get_or_insert(CycleError::Soar(error));
                    End::Open
                }
                Err(error @ SoarError::AnswerLost { .. }) if !written => End::Lost(error),
                Err(error) => End::Refused(error.to_string()),
            };
            self.findings.push(FindingOutcome::new(finding, end));
        }
    }
}

impl FindingOutcome {
    pub(super) fn new(finding: &Finding, end: End) -> Self {
        Self {
            id: finding.id().to_owned(),
            updated_at: finding.updated_at().to_owned(),
            end,
        }
    }
}

/// How far a listing has come; pages are taken in their order.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The oldest update that is not finished: the watermark stays before it.
    held: Option<Timestamp>,
    /// The newest update seen.
    reached: Option<Timestamp>,
    /// When the cycle began: a finding that was read after that may have changed since.
    began: Timestamp,
    error: Option<CycleError>,
    /// What the cycle before left.
    before: Carried,
    /// What this cycle leaves.
    carried: Carried,
}

/// What one cycle leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Findings read so soon after their update that another may have followed within the same second: no
    /// listing tells those two apart, so they are read once more.
    pub(super) unsettled: HashSet<String>,
    /// In how many cycles on end SOAR failed at a finding.
    lost: HashMap<String, u32>,
    /// Up to when all updates are done.
    pub(super) done_until: Option<Timestamp>,
}

/// After so many cycles a finding that SOAR fails at is taken for the cause, and set aside.
const MOST_LOST: u32 = 3;

/// How long after its update a finding must be read for no other to bear the same second.
const SETTLING: SignedDuration = SignedDuration::from_secs(2);

/// So many findings are not all updated between their listing and their reading.
const TELLING: usize = 10;

impl Progress {
    /// Begins a cycle with what the last one left.
    pub(super) fn new(before: Carried, began: Timestamp) -> Self {
        let unsettled = before.unsettled.clone();
        let carried = Carried {
            unsettled,
            ..Carried::default()
        };
        Self {
            began,
            before,
            carried,
            ..Self::default()
        }
    }

    /// Takes the outcome of the next page into the detector's state.
    pub(super) fn take(&mut self, outcome: PageOutcome, state: &mut DetectorState, now: Timestamp) {
        for finding in outcome.findings {
            let updated: Option<Timestamp> = finding.updated_at.parse().ok();
            self.reached = self.reached.max(updated);
            self.settle(&finding.id, updated, outcome.read_at);
            let end = self.judge(&finding.id, finding.end);
            match end {
                End::Known => {}
                End::Refreshing | End::Open | End::Lost(_) => {
                    self.held = Some(earliest(self.held, updated));
                    state.cursor.reopen(&finding.id);
                }
                End::UpToDate | End::Created | End::Completed => {
                    state.cursor.finish(&finding.id, &finding.updated_at);
                    state.quarantine.release(&finding.id);
                }
                End::Refused(reason) => {
                    set_aside(state, &finding.id, &reason, now);
                    state.cursor.finish(&finding.id, &finding.updated_at);
                }
            }
        }
        if let Some(error) = outcome.error {
            self.fail(error);
        }
    }

    /// A lost answer ends the cycle, until it was lost in several cycles on end.
    fn judge(&mut self, id: &str, end: End) -> End {
        let End::Lost(error) = end else { return end };
        let times = self.before.lost.get(id).copied().unwrap_or(0) + 1;
        if times >= MOST_LOST {
            return End::Refused(error.to_string());
        }
        self.carried.lost.insert(id.to_owned(), times);
        self.fail(CycleError::Soar(error));
        End::Open
    }

    fn settle(&mut self, id: &str, updated: Option<Timestamp>, read_at: Option<Timestamp>) {
        let settled = updated
            .zip(read_at)
            .is_some_and(|(updated, read_at)| read_at.duration_since(updated) >= SETTLING);
        if settled {
            self.carried.unsettled.remove(id);
        } else {
            self.carried.unsettled.insert(id.to_owned());
        }
    }

    /// Notes why the cycle ends early.
    pub(super) fn fail(&mut self, error: CycleError) {
        self.error.get_or_insert(error);
    }

    /// Whether the cycle is to end early.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Moves the watermark amid a listing that leaves nothing out, to before the page that ends: a long first listing that is
    /// cut short goes on from there, and what lies further back need not be remembered.
    ///
    /// `oldest` is the oldest update of a whole page. It stands before all that is on the pages to come, as the listing goes
    /// by the time of the update, unless each single finding of the page was updated between its listing and its reading;
    /// those updates come after the cycle's begin.
    pub(super) fn advance(
        &self,
        oldest: Timestamp,
        state: &mut DetectorState,
        window: &WindowSettings,
    ) {
        let begin = self.settled_begin();
        if self.error.is_none() && oldest < begin {
            self.move_mark(oldest, begin, state, window);
        }
    }

    /// Moves the watermark to `reached`, but never past what is held back, nor past `most`.
    fn move_mark(
        &self,
        reached: Timestamp,
        most: Timestamp,
        state: &mut DetectorState,
        window: &WindowSettings,
    ) {
        let reached = self.held.map_or(reached, |held| held.min(reached));
        state.cursor.advance(reached, window.overlap, most);
    }

    /// What was updated before this has not changed since, unless a listing of this cycle tells it once more.
    fn settled_begin(&self) -> Timestamp {
        self.began.saturating_sub(SETTLING).unwrap_or(self.began)
    }

    /// Ends a cycle whose listings were read `to_the_end`: moves the watermark to the newest update, and answers what is left
    /// to the next cycle and how this one ended.
    ///
    /// That far only here, since a page says nothing about those after it: one of its findings may have been updated
    /// while the listing went on. And only to where the cycle began, since what changed after that may have been read before
    /// it changed.
    pub(super) fn end(
        self,
        to_the_end: bool,
        state: &mut DetectorState,
        window: &WindowSettings,
        now: Timestamp,
    ) -> (Carried, Result<(), CycleError>) {
        let complete = to_the_end && self.error.is_none();
        let most = self.settled_begin().min(now);
        if let Some(reached) = self.reached.filter(|_| complete) {
            self.move_mark(reached, most, state, window);
        }
        let mut carried = self.carried;
        carried.done_until = complete.then(|| self.held.map_or(most, |held| held.min(most)));
        carried
            .unsettled
            .retain(|id| state.cursor.finished.contains_key(id));
        (carried, self.error.map_or(Ok(()), Err))
    }
}

impl PageOutcome {
    /// The oldest update on the page; `None` where one cannot be read, or the page holds so few findings that all of them may
    /// have been updated just now.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        if self.findings.len() < TELLING {
            return None;
        }
        let updates = self.findings.iter().map(|finding| &finding.updated_at);
        let updates: Result<Vec<Timestamp>, _> = updates.map(|at| at.parse()).collect();
        updates.ok()?.into_iter().min()
    }

    /// Those of the findings asked for that AWS does not have any more.
    pub(super) fn absent<'a>(&self, ids: &'a [String]) -> Vec<&'a str> {
        if self.error.is_some() {
            return Vec::new();
        }
        let absent = |id: &&String| !self.findings.iter().any(|finding| finding.id == **id);
        ids.iter().filter(absent).map(String::as_str).collect()
    }

    /// Sets aside what SOAR refuses or fails at, so that it is not tried before all else in every cycle. What else is not
    /// finished is looked at again in the next.
    ///
    /// # Errors
    /// When SOAR or AWS itself failed.
    pub(super) fn set_aside(
        self,
        state: &mut DetectorState,
        now: Timestamp,
    ) -> Result<(), CycleError> {
        for finding in self.findings {
            match finding.end {
                End::Refused(reason) => set_aside(state, &finding.id, &reason, now),
                End::Lost(error) => set_aside(state, &finding.id, &error.to_string(), now),
                End::Known
                | End::UpToDate
                | End::Created
                | End::Completed
                | End::Refreshing
                | End::Open => {}
            }
        }
        self.error.map_or(Ok(()), Err)
    }

    /// Takes the outcome for findings that were set aside: written, archived or gone, they are released.
    /// A failure of SOAR or AWS itself says nothing about them.
    pub(super) fn release(self, ids: &[String], state: &mut DetectorState, now: Timestamp) {
        if let Some(error) = self.error {
            tracing::warn!("findings set aside could not be tried again: {error}");
            return;
        }
        let mut ends: HashMap<String, End> = HashMap::new();
        for finding in self.findings {
            ends.insert(finding.id, finding.end);
        }
        for id in ids {
            match ends.remove(id) {
                Some(End::Refreshing | End::Open | End::Known) => {}
                Some(End::Refused(reason)) => set_aside(state, id, &reason, now),
                Some(End::Lost(error)) => set_aside(state, id, &error.to_string(), now),
                Some(End::UpToDate | End::Created | End::Completed) | None => {
                    let _trace = trace::finding(id).entered();
                    tracing::info!(finding = id, "finding {id} is no longer set aside");
                    state.quarantine.release(id);
                }
            }
        }
    }
}

pub(super) fn set_aside(state: &mut DetectorState, id: &str, reason: &str, now: Timestamp) {
    let _trace = trace::finding(id).entered();
    tracing::error!(
        finding = id,
        "finding {id} is set aside and will be tried again: {reason}"
    );
    state.quarantine.put(id, reason.to_owned(), now);
}

fn earliest(held: Option<Timestamp>, updated: Option<Timestamp>) -> Timestamp {
    // An update without a readable time holds everything back: it is not known what it comes before.
    let updated = updated.unwrap_or(Timestamp::UNIX_EPOCH);
    held.map_or(updated, |held| held.min(updated))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::ops::Range;
    use std::time::Duration;

    const WINDOW: WindowSettings = WindowSettings {
        lookback: None,
        overlap: Duration::from_mins(15),
        threshold: None,
    };

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn time(minute: u32) -> String {
        format!("2026-03-01T11:{minute:02}:00.000Z")
    }

    fn page(findings: Vec<(&str, u32, End)>) -> PageOutcome {
        let finding = |(id, minute, end): (&str, u32, End)| FindingOutcome {
            id: id.into(),
            updated_at: time(minute),
            end,
        };
        PageOutcome {
            read_at: Some(now()),
            findings: findings.into_iter().map(finding).collect(),
            error: None,
        }
    }

    fn lost() -> End {
        End::Lost(SoarError::AnswerLost {
            action: "POST /incidents".into(),
            reason: "HTTP 500".into(),
        })
    }

    fn watermark(state: &DetectorState) -> Option<String> {
        state
            .cursor
            .watermark
            .map(|at| at.strftime("%H:%M").to_string())
    }

    #[test]
    fn b9_the_mark_stays_where_a_listing_was_not_read_to_its_end() {
        for (to_the_end, fails) in [(false, false), (true, true)] {
            let mut state = DetectorState::default();
            let mut progress = Progress::new(Carried::default(), now());
            progress.take(page(vec![("f1", 50, End::Created)]), &mut state, now());
            if fails {
                progress.fail(CycleError::RepeatedToken);
            }
            let (_, outcome) = progress.end(to_the_end, &mut state, &WINDOW, now());
            assert_eq!(watermark(&state), None);
            assert_eq!(outcome.is_err(), fails);
            assert!(
                state.cursor.is_finished("f1", &time(50)),
                "it costs nothing the next time"
            );
        }
    }

    #[test]
    fn b25_a_finding_that_waits_holds_the_mark_and_is_looked_at_again() {
        let mut state = DetectorState::default();
        state.cursor.finish("f2", &time(10));
        let mut progress = Progress::new(Carried::default(), now());
        let findings = vec![
            ("f1", 20, End::Created),
            ("f2", 30, End::Open),
            ("f3", 40, End::Created),
        ];
        progress.take(page(findings), &mut state, now());
        let (_, outcome) = progress.end(true, &mut state, &WINDOW, now());
        assert!(outcome.is_ok());
        assert_eq!(watermark(&state).as_deref(), Some("11:30"));
        assert!(!state.cursor.finished.contains_key("f2"));
    }

    #[test]
    fn b28_a_refused_finding_is_set_aside_and_holds_nothing() {
        let mut state = DetectorState::default();
        let mut progress = Progress::new(Carried::default(), now());
        let refused = End::Refused("no such field".into());
        progress.take(
            page(vec![("f1", 20, refused), ("f2", 30, End::Created)]),
            &mut state,
            now(),
        );
        let (_, outcome) = progress.end(true, &mut state, &WINDOW, now());
        assert!(outcome.is_ok());
        assert_eq!(watermark(&state).as_deref(), Some("11:30"));
        // Listed again in the overlap it is known, and stays set aside.
        let mut progress = Progress::new(Carried::default(), now());
        progress.take(page(vec![("f1", 20, End::Known)]), &mut state, now());
        assert_eq!(state.quarantine.len(), 1);
        page(vec![("f1", 20, End::Created)]).release(&["f1".into()], &mut state, now());
        assert!(state.quarantine.is_empty());
    }

    #[test]
    fn a_finding_that_soar_fails_at_three_times_is_set_aside() {
        let mut state = DetectorState::default();
        let mut carried = Carried::default();
        for failures in 1..=3 {
            let mut progress = Progress::new(carried, now());
            progress.take(page(vec![("f1", 20, lost())]), &mut state, now());
            let outcome;
            (carried, outcome) = progress.end(true, &mut state, &WINDOW, now());
            assert_eq!(outcome.is_err(), failures < 3);
            assert_eq!(state.quarantine.is_empty(), failures < 3);
        }
    }

    #[test]
    fn the_mark_does_not_pass_the_begin_of_the_reading() {
        let mut state = DetectorState::default();
        let mut progress = Progress::new(Carried::default(), time(40).parse().unwrap());
        for (id, minute) in [("f1", 10), ("f2", 41)] {
            let outcome = page(vec![(id, minute, End::Created)]);
            progress.take(outcome, &mut state, now());
        }
        let (_, outcome) = progress.end(true, &mut state, &WINDOW, now());
        assert!(outcome.is_ok());
        assert_eq!(
            watermark(&state).as_deref(),
            Some("11:39"),
            "f1 may have changed at 11:40, after it was read"
        );
    }

    #[test]
    fn amid_a_listing_the_mark_moves_to_before_the_page() {
        let whole = |minutes: Range<u32>| {
            let finding = |minute| FindingOutcome {
                id: format!("f{minute}"),
                updated_at: time(minute),
                end: End::Created,
            };
            PageOutcome {
                findings: minutes.map(finding).collect(),
                ..PageOutcome::default()
            }
        };
        let listed = |outcome: PageOutcome, began: &str| {
            let mut state = DetectorState::default();
            let mut progress = Progress::new(Carried::default(), began.parse().unwrap());
            let oldest = outcome.oldest();
            progress.take(outcome, &mut state, now());
            if let Some(oldest) = oldest {
                progress.advance(oldest, &mut state, &WINDOW);
            }
            watermark(&state)
        };
        assert_eq!(listed(whole(5..20), &time(40)).as_deref(), Some("11:05"));
        assert_eq!(listed(whole(5..10), &time(40)), None, "too few");
        assert_eq!(
            listed(whole(5..20), &time(3)),
            None,
            "all of them may have been updated since they were listed"
        );
        let mut waits = whole(5..20);
        waits.findings.push(FindingOutcome {
            id: "z".into(),
            updated_at: time(2),
            end: End::Open,
        });
        assert_eq!(listed(waits, &time(40)).as_deref(), Some("11:02"));
    }

    #[test]
    fn what_was_up_to_date_before_says_nothing_of_a_lost_answer() {
        let finding = |id| Finding::from_wire(json!({"id": id, "updatedAt": time(20)})).unwrap();
        let (first, second) = (finding("f1"), finding("f2"));
        let outcome = |other: End| {
            let End::Lost(error) = lost() else {
                unreachable!()
            };
            let mut outcome = PageOutcome::default();
            outcome.take(vec![(&first, Ok(other)), (&second, Err(error))]);
            outcome.findings.pop().unwrap().end
        };
        assert!(matches!(outcome(End::UpToDate), End::Lost(_)));
        assert!(matches!(outcome(End::Created), End::Refused(_)));
    }

    #[test]
    fn what_is_read_within_the_second_of_its_update_is_read_once_more() {
        let mut state = DetectorState::default();
        let mut progress = Progress::new(Carried::default(), now());
        let mut outcome = page(vec![("f1", 59, End::Created), ("f2", 30, End::Created)]);
        outcome.read_at = time(59).parse().ok();
        progress.take(outcome, &mut state, now());
        let (carried, _) = progress.end(true, &mut state, &WINDOW, now());
        assert_eq!(carried.unsettled, HashSet::from(["f1".to_owned()]));
    }
}
