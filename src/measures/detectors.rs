//! How far each detector has come, as its poller last told.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Quarantine;
use crate::state::DetectorState;

/// One detector.
#[derive(Debug, Clone, Default)]
pub struct Detector {
    /// Update time of the newest finding before which all are done.
    pub watermark: Option<Timestamp>,
    /// Up to when all updates are done, as far as this process has seen: later than the watermark where nothing happens.
    pub done_until: Option<Timestamp>,
    /// What is set aside.
    pub quarantine: Quarantine,
}

impl Detector {
    /// For how long before `now` there may be updates that are not in SOAR yet; `None` where that was never known.
    pub fn lag(&self, now: Timestamp) -> Option<SignedDuration> {
        let until = self.done_until.max(self.watermark)?;
        Some(now.duration_since(until).max(SignedDuration::ZERO))
    }
}

/// The detectors by region; a region that has none is there too.
#[derive(Debug, Clone, Default)]
pub struct Detectors(BTreeMap<String, BTreeMap<String, Detector>>);

impl Detectors {
    pub(super) fn detector(
        &mut self,
        region: &str,
        id: &str,
        state: &DetectorState,
        done_until: Option<Timestamp>,
    ) {
        let detectors = self.0.entry(region.to_owned()).or_default();
        let detector = detectors.entry(id.to_owned()).or_default();
        detector.watermark = state.cursor.watermark;
        detector.done_until = done_until.max(detector.done_until);
        detector.quarantine.clone_from(&state.quarantine);
    }

    pub(super) fn regions(&mut self, names: &[&String]) {
        self.0.retain(|region, _| names.contains(&region));
        for name in names {
            self.0.entry((*name).clone()).or_default();
        }
    }

    /// Each region with its detectors by id.
    pub fn by_region(&self) -> impl Iterator<Item = (&String, &BTreeMap<String, Detector>)> {
        self.0.iter()
    }

    /// Of all detectors.
    pub fn longest_lag(&self, now: Timestamp) -> Option<SignedDuration> {
        let detectors = self.0.values().flat_map(BTreeMap::values);
        detectors.filter_map(|detector| detector.lag(now)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_quiet_detector_does_not_lag() {
        let mut detectors = Detectors::default();
        let mut state = DetectorState::default();
        let (region, other) = ("us-east-1".to_owned(), "eu-west-1".to_owned());
        detectors.regions(&[&region]);
        detectors.detector(&region, "d", &state, None);
        assert_eq!(detectors.longest_lag(at(100)), None, "nothing is known yet");
        state.cursor.watermark = Some(at(10));
        detectors.detector(&region, "d", &state, None);
        assert_eq!(
            detectors.longest_lag(at(100)),
            Some(SignedDuration::from_secs(90))
        );
        detectors.detector(&region, "d", &state, Some(at(95)));
        detectors.detector(&region, "d", &state, Some(at(80)));
        assert_eq!(
            detectors.longest_lag(at(100)),
            Some(SignedDuration::from_secs(5))
        );
        detectors.regions(&[&other]);
        assert_eq!(detectors.longest_lag(at(100)), None, "its region is gone");
    }
}
