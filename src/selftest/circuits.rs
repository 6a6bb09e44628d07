//! The report as `resilient-circuits selftest` tells it: App Host shows that text, and `resilient-sdk validate` reads the exit
//! code and the map in Python's notation.

use std::fmt::Write as _;
use std::time::Duration;

use super::report::{Area, Check, Reason, Report};

/// The name of the app's distribution, as `-l` takes it.
const PACKAGE: &str = "fn-aws-guardduty";

/// Exit codes that callers know.
mod code {
    pub(super) const SUCCESS: u8 = 0;
    pub(super) const APP_FAILED: u8 = 1;
    pub(super) const REST: u8 = 20;
    pub(super) const REST_UNAUTHORIZED: u8 = 21;
    pub(super) const REST_CA_FILE: u8 = 22;
    pub(super) const REST_CERTIFICATE: u8 = 23;
    pub(super) const REST_ORGANISATION: u8 = 24;
    pub(super) const STOMP: u8 = 30;
    pub(super) const STOMP_UNAUTHORIZED: u8 = 31;
    pub(super) const STOMP_QUEUE: u8 = 32;
    pub(super) const STOMP_TIMEOUT: u8 = 33;
}

/// What is said where the configuration cannot be used; the mistakes stand before it.
pub fn circuits_unconfigured() -> CircuitsOutcome {
    let code = code::APP_FAILED;
    let state = "{'state': 'failure', 'reason': 'the configuration cannot be used; correct what is named above'}";
    CircuitsOutcome {
        text: format!("\t{state}\n\nERROR: running selftest for App.\nError Code: {code}\n"),
        code,
    }
}

/// What is printed and how the process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitsOutcome {
    /// For standard error; standard output stays empty.
    pub text: String,
    /// The exit code.
    pub code: u8,
}

/// Tells a report in the words of `resilient-circuits`. `packages` are those of `-l`; none means all there are.
pub fn circuits_text(
    report: &Report,
    host: &str,
    user: &str,
    packages: &[String],
    elapsed: Duration,
) -> CircuitsOutcome {
    let mut text = String::new();
    divided(&mut text, "Running selftest with IBM SOAR");
    text.push_str("- Getting app.configs\n");
    divided(&mut text, "Testing REST connection to SOAR");
    let _ = writeln!(
        text,
        "- Checking if we can authenticate a REST connection with '{user}' to '{host}'"
    );
    if let Some(failed) = failure(report, Area::Rest) {
        return not_connected(text, host, failed, rest_code(failed.reason));
    }
    divided(&mut text, "Successfully connected via REST!");
    divided(&mut text, "Testing STOMP connection to SOAR");
    let _ = writeln!(
        text,
        "- Checking if we can authenticate a STOMP connection with '{user}' to '{host}'"
    );
    if let Some(failed) = failure(report, Area::Stomp) {
        return not_connected(text, host, failed, stomp_code(failed.reason));
    }
    divided(&mut text, "Successfully connected via STOMP!");
    app(text, report, packages, elapsed)
}

fn app(
    mut text: String,
    report: &Report,
    packages: &[String],
    elapsed: Duration,
) -> CircuitsOutcome {
    let is_ours = |package: &&String| package.replace('_', "-") == PACKAGE;
    let unknown: Vec<String> = packages
        .iter()
        .filter(|package| !is_ours(package))
        .map(|package| python_text(package))
        .collect();
    let mut exit = code::SUCCESS;
    if packages.is_empty() || packages.iter().any(|package| is_ours(&package)) {
        divided(&mut text, &format!("Running selftest for: '{PACKAGE}'"));
        let state = state(report);
        let word = if report.is_good() {
            "success"
        } else {
            "failure"
        };
        let _ = writeln!(
            text,
            "\n{PACKAGE}: \n\tselftest: {word}\n\tselftest output:\n\t{state}\n\tElapsed time: {:.6} seconds",
            elapsed.as_secs_f64()
        );
        if !report.is_good() {
            exit = code::APP_FAILED;
        }
    }
    if !unknown.is_empty() {
        let names = format!("[{}]", unknown.join(", "));
        let _ = writeln!(
            text,
            "\n{names} not found. Selftest not ran for {names}. Check package name(s)\n"
        );
    }
    if exit == code::SUCCESS {
        if unknown.is_empty() {
            divided(&mut text, "Successfully ran App's selftest!");
        }
        divided(&mut text, "selftest complete");
    } else {
        let _ = writeln!(
            text,
            "\nERROR: running selftest for App.\nError Code: {exit}"
        );
    }
    CircuitsOutcome { text, code: exit }
}

fn not_connected(mut text: String, host: &str, failed: &Check, code: u8) -> CircuitsOutcome {
    let _ = writeln!(
        text,
        "\nERROR: could not connect to SOAR at '{host}'.\nReason: {}\nError Code: {code}",
        told(failed)
    );
    CircuitsOutcome { text, code }
}

fn failure(report: &Report, area: Area) -> Option<&Check> {
    report.failures().find(|check| check.area == area)
}

fn rest_code(reason: Option<Reason>) -> u8 {
    match reason {
        Some(Reason::Login) => code::REST_UNAUTHORIZED,
        Some(Reason::CertificateFile) => code::REST_CA_FILE,
        Some(Reason::Certificate) => code::REST_CERTIFICATE,
        Some(Reason::Organisation) => code::REST_ORGANISATION,
        _ => code::REST,
    }
}

fn stomp_code(reason: Option<Reason>) -> u8 {
    match reason {
        Some(Reason::Login) => code::STOMP_UNAUTHORIZED,
        Some(Reason::Queue) => code::STOMP_QUEUE,
        Some(Reason::NoAnswer) => code::STOMP_TIMEOUT,
        _ => code::STOMP,
    }
}

/// The map that an app's selftest function returns.
fn state(report: &Report) -> String {
    let reasons: Vec<String> = report
        .failures()
        .map(|check| format!("{}: {}", check.name, told(check)))
        .collect();
    if reasons.is_empty() {
        return "{'state': 'success'}".to_owned();
    }
    // Readers take what is between the last two braces for the reason.
    let reason = reasons.join(". ").replace('{', "(").replace('}', ")");
    format!("{{'state': 'failure', 'reason': {}}}", python_text(&reason))
}

/// What was found and what to do about it.
fn told(check: &Check) -> String {
    match &check.remedy {
        Some(remedy) => format!("{}; {remedy}", check.detail),
        None => check.detail.clone(),
    }
}

/// A text as Python's `repr` writes it.
fn python_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut written = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            other if other == quote => {
                written.push('\\');
                written.push(other);
            }
            other if other.is_control() => {
                let _ = write!(written, "\\x{:02x}", u32::from(other));
            }
            other => written.push(other),
        }
    }
    written.push(quote);
    written
}

fn divided(text: &mut String, line: &str) {
    const DIVIDER: &str = "------------------------";
    let _ = writeln!(text, "\n{DIVIDER}\n{line}\n{DIVIDER}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(checks: Vec<Check>, packages: &[&str]) -> CircuitsOutcome {
        let packages: Vec<String> = packages.iter().map(|name| (*name).to_owned()).collect();
        let report = Report { checks };
        circuits_text(
            &report,
            "soar.example.com",
            "key",
            &packages,
            Duration::ZERO,
        )
    }

    fn good() -> Check {
        Check::ok(Area::Rest, "SOAR REST", "there")
    }

    #[test]
    fn success_is_told_as_the_readers_look_for_it() {
        let outcome = told_of(vec![good()], &["fn-aws-guardduty"]);
        assert_eq!(outcome.code, 0);
        let text = outcome.text;
        assert!(text.contains("\tselftest: success\n\tselftest output:\n\t{'state': 'success'}\n"));
        assert!(text.contains("Successfully ran App's selftest!"));
        assert!(!text.contains("ERROR"));
    }

    #[test]
    fn a_failure_of_the_app_is_between_the_last_braces() {
        let failed =
            Check::failed(Area::Aws, "AWS identity", "it's {refused}").remedy("check the keys");
        let outcome = told_of(vec![good(), failed], &["fn_aws_guardduty"]);
        assert_eq!(outcome.code, 1);
        let text = outcome.text;
        let between = &text[text.rfind('{').unwrap()..=text.rfind('}').unwrap()];
        assert_eq!(
            between,
            "{'state': 'failure', 'reason': \"AWS identity: it's (refused); check the keys\"}"
        );
        assert!(text.ends_with("ERROR: running selftest for App.\nError Code: 1\n"));
    }

    #[test]
    fn a_failed_connection_has_its_own_code() {
        let failed = |area, reason| vec![Check::failed(area, "x", "no").because(reason)];
        for (area, reason, code) in [
            (Area::Rest, Reason::Login, 21),
            (Area::Rest, Reason::CertificateFile, 22),
            (Area::Rest, Reason::Certificate, 23),
            (Area::Rest, Reason::Organisation, 24),
            (Area::Rest, Reason::NoAnswer, 20),
            (Area::Stomp, Reason::Login, 31),
            (Area::Stomp, Reason::Queue, 32),
            (Area::Stomp, Reason::NoAnswer, 33),
            (Area::Stomp, Reason::Certificate, 30),
        ] {
            let outcome = told_of(failed(area, reason), &[]);
            assert_eq!(outcome.code, code, "{area:?} {reason:?}");
            let end = format!("Reason: no\nError Code: {code}\n");
            assert!(outcome.text.ends_with(&end), "{}", outcome.text);
        }
    }

    #[test]
    fn a_package_that_is_not_ours_is_named_and_no_failure() {
        let outcome = told_of(vec![good()], &["fn-other"]);
        assert_eq!(outcome.code, 0);
        assert!(outcome.text.contains("['fn-other'] not found."));
        assert!(!outcome.text.contains("'state'"));
    }

    #[test]
    fn texts_are_quoted_as_in_python() {
        assert_eq!(python_text("a"), "'a'");
        assert_eq!(python_text("it's"), "\"it's\"");
        assert_eq!(python_text("it's \"x\"\n\\"), r#"'it\'s "x"\n\\'"#);
        assert_eq!(python_text("\u{1}"), "'\\x01'");
    }
}
