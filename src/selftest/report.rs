//! What a self-test found.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::permissions::{IAM_POLICY, NEEDED};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, but somebody should know.
    Warning,
    /// It does not work.
    Failed,
    /// It could not be looked at, which is no fault.
    Unknown,
    /// It was not looked at, since something before it failed.
    Skipped,
}

impl Outcome {
    /// As it stands in front of a line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warn",
            Self::Failed => "FAIL",
            Self::Unknown => "?",
            Self::Skipped => "skip",
        }
    }

    fn in_json(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

/// Why a connection failed, as far as callers tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The login is refused.
    Login,
    /// The file of trusted certificates cannot be used.
    CertificateFile,
    /// The server's certificate is not accepted.
    Certificate,
    /// The account is no member of the organisation.
    Organisation,
    /// The queue may not be read.
    Queue,
    /// No answer in time.
    NoAnswer,
    /// AWS does not allow a call.
    AwsPermission,
    /// The account lacks a permission on the platform.
    SoarPermission,
}

/// What part of the world a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// This machine and its configuration.
    Machine,
    /// The connection to the REST interface.
    Rest,
    /// What is on the platform.
    Platform,
    /// The message broker.
    Stomp,
    /// AWS.
    Aws,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What part of the world it is in.
    pub area: Area,
    /// What was looked at.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, on one line.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Why it failed, where callers tell it apart.
    pub reason: Option<Reason>,
}

impl Check {
    fn new(area: Area, name: &str, outcome: Outcome, detail: impl Into<String>) -> Self {
        Self {
            area,
            name: name.to_owned(),
            outcome,
            detail: one_line(&detail.into()),
            remedy: None,
            reason: None,
        }
    }

    pub(super) fn ok(area: Area, name: &str, detail: impl Into<String>) -> Self {
        Self::new(area, name, Outcome::Ok, detail)
    }

    pub(super) fn warning(area: Area, name: &str, detail: impl Into<String>) -> Self {
        Self::new(area, name, Outcome::Warning, detail)
    }

    pub(super) fn failed(area: Area, name: &str, detail: impl Into<String>) -> Self {
        Self::new(area, name, Outcome::Failed, detail)
    }

    pub(super) fn unknown(area: Area, name: &str, detail: impl Into<String>) -> Self {
        Self::new(area, name, Outcome::Unknown, detail)
    }

    pub(super) fn skipped(area: Area, name: &str, detail: impl Into<String>) -> Self {
        Self::new(area, name, Outcome::Skipped, detail)
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(one_line(&remedy.into()));
        self
    }

    pub(super) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All checks, in the order of the world: this machine, SOAR, the broker, AWS.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing failed.
    pub fn is_good(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.of(Outcome::Failed)
    }

    fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(move |check| check.outcome == outcome)
    }

    fn failed_for(&self, reason: Reason) -> bool {
        self.failures().any(|check| check.reason == Some(reason))
    }

    /// The needed SOAR permissions and the IAM policy, each where one is missing.
    pub fn needed(&self) -> Option<String> {
        let mut text = String::new();
        if self.failed_for(Reason::SoarPermission) {
            text.push_str("permissions that the API key needs:\n");
            for (permission, purpose) in NEEDED {
                let _ = writeln!(text, "  {permission:<26}  {purpose}");
            }
        }
        if self.failed_for(Reason::AwsPermission) {
            text.push_str("policy that the AWS keys need:\n");
            text.push_str(IAM_POLICY);
        }
        (!text.is_empty()).then_some(text)
    }

    /// The last line: how it stands and what to do.
    pub fn verdict(&self) -> String {
        let failures: Vec<&Check> = self.failures().collect();
        let count = |outcome, word: &str| match self.of(outcome).count() {
            0 => String::new(),
            1 => format!(", 1 {word}"),
            many => format!(", {many} {word}s"),
        };
        let asides = format!(
            "{}{}",
            count(Outcome::Warning, "warning"),
            count(Outcome::Unknown, "unknown")
        );
        match failures.as_slice() {
            [] => format!("selftest passed{asides}: start the worker with `fn-aws-guardduty run`"),
            [only] => format!(
                "selftest failed{asides}: {}: {}",
                only.name,
                only.remedy.as_deref().unwrap_or(&only.detail)
            ),
            many => format!(
                "selftest failed{asides}: follow the {} remedies above from the top, then run it again",
                many.len()
            ),
        }
    }

    /// The report as one JSON document.
    pub fn to_json(&self) -> Value {
        let checks: Vec<Value> = self.checks.iter().map(in_json).collect();
        let mut document = json!({
            "program": "fn-aws-guardduty",
            "version": env!("CARGO_PKG_VERSION"),
            "passed": self.is_good(),
            "verdict": self.verdict(),
            "checks": checks,
        });
        if self.failed_for(Reason::SoarPermission) {
            let names: Vec<&str> = NEEDED.iter().map(|(name, _)| *name).collect();
            document["needed_soar_permissions"] = json!(names);
        }
        if self.failed_for(Reason::AwsPermission) {
            document["needed_iam_policy"] =
                serde_json::from_str(IAM_POLICY).unwrap_or_else(|_| json!(IAM_POLICY));
        }
        document
    }
}

fn in_json(check: &Check) -> Value {
    json!({
        "name": check.name,
        "outcome": check.outcome.in_json(),
        "detail": check.detail,
        "remedy": check.remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_of_one_failure_says_what_to_do() {
        let failed = Check::failed(Area::Aws, "AWS identity", "refused").remedy("check the keys");
        let mut report = Report {
            checks: vec![Check::ok(Area::Rest, "SOAR REST", "there"), failed.clone()],
        };
        assert_eq!(
            report.verdict(),
            "selftest failed: AWS identity: check the keys"
        );
        report.checks.push(failed);
        report
            .checks
            .push(Check::warning(Area::Platform, "rules", "one is off"));
        assert!(
            report
                .verdict()
                .starts_with("selftest failed, 1 warning: follow the 2")
        );
        assert_eq!(report.to_json()["checks"][1]["outcome"], "failed");
        assert!(report.needed().is_none());
    }

    #[test]
    fn what_is_needed_is_told_where_it_is_missing() {
        let soar = Check::failed(Area::Platform, "permissions", "lacks read_data")
            .because(Reason::SoarPermission);
        let aws = Check::failed(Area::Aws, "GuardDuty in r", "denied\nin r")
            .because(Reason::AwsPermission);
        assert_eq!(aws.detail, "denied in r");
        let report = Report {
            checks: vec![soar, aws],
        };
        let needed = report.needed().unwrap();
        assert!(needed.contains("edit_all_incidents_status") && needed.contains("guardduty:"));
        let document = report.to_json();
        assert_eq!(document["needed_soar_permissions"][0], "read_data");
        assert!(document["needed_iam_policy"]["Statement"].is_array());
    }
}
