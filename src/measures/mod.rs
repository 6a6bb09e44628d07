//! What the worker counts and times, for Prometheus and for its own page.
//!
//! Whoever does something reports it here; nothing is asked back by those who work. What stands, such as how far a detector has
//! come, is kept as it was last reported, and becomes a figure when somebody reads it.

mod detectors;
mod families;
mod history;
mod process;
mod recent;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::mutex::lock;
use crate::state::DetectorState;

pub use detectors::{Detector, Detectors};
use families::Families;
pub use families::{CallOutcome, Calls, Server};
pub use history::{History, Sample};
pub use recent::{Recent, Runs};

/// What became of a message of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOutcome {
    /// Its function ended with a result.
    Done,
    /// Its function ended without one.
    Failed,
    /// It could not be read.
    Unreadable,
    /// It came again and was given the answer it has had before.
    AnsweredAgain,
}

/// Counts of one region since the worker's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RegionCounts {
    /// Findings that listings told of, each time they did.
    pub listed: u64,
    /// Incidents made.
    pub escalated: u64,
    /// Refreshes asked for.
    pub refreshed: u64,
    /// Incidents closed.
    pub closed: u64,
}

/// Where figures are reported; a cheap handle to share.
#[derive(Debug, Clone, Default)]
pub struct Measures(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    families: Families,
    detectors: Mutex<Detectors>,
    recent: Mutex<Recent>,
    history: Mutex<History>,
    /// Held while gauges are set and read, so that two readers do not mix.
    reading: Mutex<()>,
}

impl Measures {
    /// The times of calls, to be reported where they are made.
    pub fn calls(&self) -> Calls {
        self.0.families.calls.clone()
    }

    /// A page of findings was listed.
    pub fn listed(&self, region: &str, findings: usize) {
        self.0.families.listed(region, findings);
    }

    /// An incident was made of a finding.
    pub fn escalated(&self, region: &str) {
        self.0.families.escalated(region);
    }

    /// An incident's refresh was asked for.
    pub fn refreshed(&self, region: &str) {
        self.0.families.refreshed(region);
    }

    /// An incident was closed.
    pub fn closed(&self, region: &str) {
        self.0.families.closed(region);
    }

    /// A cycle of a region ended, well or not.
    pub fn cycle(&self, region: &str, took: Duration, well: bool) {
        self.0.families.cycle(region, took, well);
    }

    /// How far a detector has come, what is set aside, and up to when all of its updates are done, where that is known.
    pub fn detector(
        &self,
        region: &str,
        detector: &str,
        state: &DetectorState,
        done_until: Option<Timestamp>,
    ) {
        lock(&self.0.detectors).detector(region, detector, state, done_until);
    }

    /// These regions are polled from now on, and no others.
    pub fn regions(&self, names: &[&String]) {
        for name in names {
            self.0.families.begin_region(name);
        }
        lock(&self.0.detectors).regions(names);
    }

    /// A message of the queue was worked on. Where a function ran, `took` tells for how long.
    pub fn message(&self, function: &str, outcome: MessageOutcome, took: Option<Duration>) {
        self.0.families.message(function, outcome, took);
        if let Some(took) = took {
            lock(&self.0.recent).took(function, took, Instant::now());
        }
    }

    /// The message broker has confirmed every subscription.
    pub fn subscribed(&self) {
        self.0.families.subscriptions.inc();
    }

    /// Takes a sample for the charts.
    pub fn sample(&self, now: Timestamp) {
        let sample = Sample {
            at: now,
            escalated: self.0.families.all_escalated.get(),
            messages: self.0.families.all_messages.get(),
            lag: lock(&self.0.detectors).longest_lag(now),
        };
        lock(&self.0.history).add(sample);
    }

    /// The counts of a region.
    pub fn counts(&self, region: &str) -> RegionCounts {
        self.0.families.counts(region)
    }

    /// How far each detector has come.
    pub fn detectors(&self) -> Detectors {
        lock(&self.0.detectors).clone()
    }

    /// The functions that ran lately.
    pub fn recent(&self) -> Recent {
        lock(&self.0.recent).clone()
    }

    /// The samples of the last hours.
    pub fn history(&self) -> History {
        lock(&self.0.history).clone()
    }

    /// All figures in Prometheus's own form. `ready` is whether the worker does what it is there for.
    pub fn exposition(&self, ready: bool, now: Timestamp) -> String {
        let _reading = lock(&self.0.reading);
        let detectors = self.detectors();
        self.0.families.stand(&detectors, ready, now);
        self.0.families.exposition()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reported_can_be_scraped() {
        let measures = Measures::default();
        let region = "eu-west-1".to_owned();
        measures.regions(&[&region]);
        measures.listed(&region, 50);
        measures.escalated(&region);
        measures.cycle(&region, Duration::from_secs(2), true);
        let mut state = DetectorState::default();
        state.cursor.watermark = Some(Timestamp::from_second(1000).unwrap());
        state
            .quarantine
            .put("f1", "refused".into(), Timestamp::UNIX_EPOCH);
        measures.detector(&region, "d1", &state, None);
        let took = Some(Duration::from_millis(30));
        measures.message("func_a", MessageOutcome::Done, took);
        let calls = measures.calls();
        calls.took("soar", CallOutcome::Throttled, Duration::from_millis(20));
        let text = measures.exposition(true, Timestamp::from_second(1060).unwrap());
        for line in [
            r#"fn_aws_guardduty_findings_listed_total{region="eu-west-1"} 50"#,
            r#"fn_aws_guardduty_findings_escalated_total{region="eu-west-1"} 1"#,
            r#"fn_aws_guardduty_findings_quarantined{region="eu-west-1"} 1"#,
            r#"fn_aws_guardduty_lag_seconds{region="eu-west-1",detector="d1"} 60"#,
            r#"fn_aws_guardduty_watermark_timestamp_seconds{region="eu-west-1",detector="d1"} 1000"#,
            r#"fn_aws_guardduty_queue_messages_total{function="func_a",outcome="done"} 1"#,
            r#"fn_aws_guardduty_call_duration_seconds_count{server="soar",outcome="throttled"} 1"#,
            r#"fn_aws_guardduty_cycle_duration_seconds_bucket{region="eu-west-1",outcome="done",le="2.5"} 1"#,
            "fn_aws_guardduty_ready 1",
        ] {
            assert!(
                text.lines().any(|told| told.trim_end_matches(".0") == line),
                "no {line} in {text}"
            );
        }
        assert_eq!(measures.counts(&region).listed, 50);
    }
}
