//! What is wrong with the worker.

use std::time::Duration;

/// What is wrong with the worker: nothing, or each thing on one line that names it, since when, and the last error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What hangs.
    pub stuck: Vec<String>,
    /// What works, but does not do what it is there for.
    pub unready: Vec<String>,
}

/// What is wrong with one part of the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Unready(String),
    Stuck(String),
}

impl Report {
    /// Whether nothing hangs.
    pub fn is_live(&self) -> bool {
        self.stuck.is_empty()
    }

    /// Whether the worker does what it is there for.
    pub fn is_ready(&self) -> bool {
        self.is_live() && self.unready.is_empty()
    }

    /// All that is wrong, the worst first.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.stuck.iter().chain(&self.unready).map(String::as_str)
    }

    pub(super) fn add(&mut self, part: &str, verdict: Verdict) {
        match verdict {
            Verdict::Good => {}
            Verdict::Unready(reason) => self.unready.push(format!("{part}: {reason}")),
            Verdict::Stuck(reason) => self.stuck.push(format!("{part}: {reason}")),
        }
    }
}

/// A time span as people say it.
pub(crate) fn spoken(span: Duration) -> String {
    match span.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// A reason behind what it explains, on the same line.
pub(super) fn because(reason: Option<&String>) -> String {
    reason.map_or_else(String::new, |reason| {
        let lines: Vec<&str> = reason.lines().map(str::trim).collect();
        format!(": {}", lines.join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_not_ready_either() {
        let mut report = Report::default();
        assert!(report.is_live() && report.is_ready());
        report.add("one", Verdict::Good);
        report.add("two", Verdict::Unready("away".into()));
        assert!(report.is_live() && !report.is_ready());
        report.add("three", Verdict::Stuck("hangs".into()));
        assert!(!report.is_live() && !report.is_ready());
        let reasons: Vec<&str> = report.reasons().collect();
        assert_eq!(reasons, ["three: hangs", "two: away"]);
    }

    #[test]
    fn spans_are_short_to_read() {
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (720, "12 min"),
            (90_000, "25 h"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), text);
        }
    }
}
