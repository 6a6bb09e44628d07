//! What is to be done, and what became of it.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::RegionReport;
use super::page::Page;
use crate::guardduty::BATCH;
use crate::poller::CycleError;
use crate::poller::progress::{End, FindingOutcome, set_aside};
use crate::soar::SoarError;
use crate::state::DetectorState;

/// After so many failures at the same finding it is taken for the cause, and set aside.
const MOST_LOST: u32 = 3;

/// The findings of one detector that are not done with.
#[derive(Debug, Default)]
pub(super) struct Tally {
    todo: Vec<String>,
    /// Of these, the ones whose incident this import has begun to make.
    begun: HashSet<String>,
    /// How often SOAR failed at a finding.
    lost: HashMap<String, u32>,
}

/// What is to be done about a finding next.
enum Next {
    Nothing,
    TryAgain,
    /// The same, and not before a pause.
    TryLater(SoarError),
}

impl Tally {
    /// Adds what a listing tells of; answers how many that is.
    pub(super) fn add(&mut self, ids: impl Iterator<Item = String>) -> usize {
        let before = self.todo.len();
        self.todo.extend(ids);
        self.todo.len() - before
    }

    /// What is to be done, page by page; nothing of it is known here any more.
    pub(super) fn take_todo(&mut self) -> Vec<Vec<String>> {
        let todo = std::mem::take(&mut self.todo);
        todo.chunks(BATCH).map(<[String]>::to_vec).collect()
    }

    /// Notes which findings had their incident begun and not finished: who finishes it makes it whole, and does not find it.
    pub(super) fn note_begun(&mut self, begun: Vec<String>) {
        let todo: HashSet<&String> = self.todo.iter().collect();
        let begun = begun.into_iter().filter(|id| todo.contains(id));
        self.begun.extend(begun);
    }

    /// Takes what became of a page. Answers how many findings are done with, and why it cannot go on. `keeps` is the state in which
    /// findings are set aside for the worker to try again.
    pub(super) fn take(
        &mut self,
        page: Page,
        report: &mut RegionReport,
        mut keeps: Option<&mut DetectorState>,
    ) -> (usize, Result<(), CycleError>) {
        if !page.looked_at {
            self.todo.extend(page.ids);
            return (0, page.outcome.error.map_or(Ok(()), Err));
        }
        report.counts.listed -= page.gone;
        report.counts.other_type += page.other_type;
        let mut done = page.gone + page.other_type;
        let mut failure = page.outcome.error;
        for finding in page.outcome.findings {
            let id = finding.id.clone();
            match self.settle(finding, report, keeps.as_deref_mut()) {
                Next::Nothing => done += 1,
                Next::TryAgain => self.todo.push(id),
                Next::TryLater(error) => {
                    self.todo.push(id);
                    failure.get_or_insert(CycleError::Soar(error));
                }
            }
        }
        (done, failure.map_or(Ok(()), Err))
    }

    fn settle(
        &mut self,
        finding: FindingOutcome,
        report: &mut RegionReport,
        keeps: Option<&mut DetectorState>,
    ) -> Next {
        let FindingOutcome { id, end, .. } = finding;
        let counts = &mut report.counts;
        let reason = match end {
            End::Open => return Next::TryAgain,
            End::Lost(error) => {
                let times = self.lost.entry(id.clone()).or_default();
                *times += 1;
                if *times < MOST_LOST {
                    return Next::TryLater(error);
                }
                Some(error.to_string())
            }
            End::Refused(reason) => Some(reason),
            End::Created => {
                counts.created += 1;
                None
            }
            End::Completed | End::UpToDate if self.begun.remove(&id) => {
                counts.created += 1;
                None
            }
            End::Completed | End::Refreshing => {
                counts.updated += 1;
                None
            }
            End::UpToDate | End::Known => {
                counts.already_there += 1;
                None
            }
        };
        match (reason, keeps) {
            (None, Some(state)) => {
                state.quarantine.release(&id);
            }
            (Some(reason), Some(state)) => {
                set_aside(state, &id, &reason, Timestamp::now());
                report.set_aside(id, reason);
            }
            (Some(reason), None) => report.set_aside(id, reason),
            (None, None) => {}
        }
        Next::Nothing
    }
}
