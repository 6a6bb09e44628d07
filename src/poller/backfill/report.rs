//! What became of the findings of a region.

use std::ops::AddAssign;
use std::time::Duration;

/// How many findings came to what; of a dry run, would come to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Found in `GuardDuty`.
    pub listed: usize,
    /// Have a new incident.
    pub created: usize,
    /// Have an older incident, whose refresh was asked for, or one that lacked rows and has got them.
    pub updated: usize,
    /// Have their incident, and nothing was to do about it.
    pub already_there: usize,
    /// SOAR refuses or fails at them.
    pub set_aside: usize,
    /// Are of a type that is not asked for.
    pub other_type: usize,
}

impl Counts {
    /// Those that nothing became of: the import was stopped, or the region failed.
    pub fn left(&self) -> usize {
        self.listed
            .saturating_sub(self.in_soar() + self.set_aside + self.other_type)
    }

    /// Those whose incident is there.
    pub(super) fn in_soar(&self) -> usize {
        self.created + self.updated + self.already_there
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.listed += other.listed;
        self.created += other.created;
        self.updated += other.updated;
        self.already_there += other.already_there;
        self.set_aside += other.set_aside;
        self.other_type += other.other_type;
    }
}

/// A finding that could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The finding.
    pub finding_id: String,
    /// What SOAR says.
    pub reason: String,
}

/// What became of one region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegionReport {
    /// Its name.
    pub region: String,
    /// Its findings.
    pub counts: Counts,
    /// The first of those that were set aside.
    pub set_aside: Vec<SetAside>,
    /// Why it was not done to the end, unless it was, or was stopped.
    pub failure: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// So many findings that were set aside are told with their reasons; the log has all.
const MOST_TOLD: usize = 20;

impl RegionReport {
    /// Of a region that nothing is known of yet.
    pub(super) fn of(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn failed(region: &str, why: String) -> Self {
        Self {
            failure: Some(why),
            ..Self::of(region)
        }
    }

    pub(super) fn set_aside(&mut self, finding_id: String, reason: String) {
        self.counts.set_aside += 1;
        if self.set_aside.len() < MOST_TOLD {
            self.set_aside.push(SetAside { finding_id, reason });
        }
    }

    /// Whether all that was found is in SOAR.
    pub fn is_good(&self) -> bool {
        self.failure.is_none() && self.counts.set_aside == 0 && self.counts.left() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_became_of_is_left() {
        let mut counts = Counts {
            listed: 10,
            created: 3,
            updated: 2,
            already_there: 1,
            set_aside: 1,
            other_type: 1,
        };
        assert_eq!(counts.left(), 2);
        counts += counts;
        assert_eq!((counts.listed, counts.left()), (20, 4));
    }

    #[test]
    fn of_many_that_are_set_aside_the_first_are_told_and_all_counted() {
        let mut report = RegionReport::of("us-east-1");
        assert!(report.is_good());
        for number in 0..=MOST_TOLD {
            report.set_aside(format!("f{number}"), "refused".into());
        }
        assert_eq!(report.counts.set_aside, MOST_TOLD + 1);
        assert_eq!(report.set_aside.len(), MOST_TOLD);
        assert!(!report.is_good());
    }
}
