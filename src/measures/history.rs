//! The last hours, minute by minute, for the charts of the worker's page.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// Six hours.
const MOST: usize = 360;

/// The figures at one minute; counts are since the worker's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When they were taken.
    pub at: Timestamp,
    /// Incidents made.
    pub escalated: u64,
    /// Messages of the queue that were worked on.
    pub messages: u64,
    /// The longest lag of all detectors.
    pub lag: Option<SignedDuration>,
}

/// The samples, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History(VecDeque<Sample>);

impl History {
    pub(super) fn add(&mut self, sample: Sample) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// The samples, oldest first.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_six_hours_goes() {
        let mut history = History::default();
        for minute in 0..400 {
            history.add(Sample {
                at: Timestamp::from_second(minute * 60).unwrap(),
                escalated: 0,
                messages: 0,
                lag: None,
            });
        }
        let mut samples = history.samples();
        assert_eq!(samples.next().unwrap().at.as_second(), 40 * 60);
        assert_eq!(samples.count(), 359);
    }
}
