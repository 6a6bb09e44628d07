//! The worker's own page: whether findings flow, and if not, why.

use jiff::{SignedDuration, Timestamp};
use maud::{DOCTYPE, Markup, html};
use tokio::time::Instant;

use super::chart;
use crate::health::{Health, Report, Snapshot, Standing, spoken};
use crate::measures::{CallOutcome, Calls, Detector, Detectors, Measures};
use crate::telemetry::Problem;

/// The whole page.
pub(super) fn page(health: &Health, problems: &[Problem], now: Timestamp) -> Markup {
    let (report, snapshot) = (health.report(), health.snapshot());
    let measures = health.measures();
    let detectors = measures.detectors();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (verdict(&report)) " – fn-aws-guardduty" }
                link rel="stylesheet" href="/page.css";
                script src="/page.js" defer {}
            }
            body {
                main {
                    (head(&report, now))
                    (connections(&snapshot, &measures.calls()))
                    (regions(&snapshot, &detectors, measures, now))
                    (functions(&snapshot, measures))
                    (set_aside(&detectors, now))
                    (told(problems, now))
                    section aria-labelledby="hours" {
                        h2 id="hours" { "Last hours" }
                        div.charts { (chart::charts(&measures.history())) }
                    }
                }
            }
        }
    }
}

fn verdict(report: &Report) -> &'static str {
    if !report.is_live() {
        "Hangs"
    } else if report.is_ready() {
        "Ready"
    } else {
        "Not ready"
    }
}

fn head(report: &Report, now: Timestamp) -> Markup {
    html! {
        header {
            h1 { "fn-aws-guardduty " (env!("CARGO_PKG_VERSION")) }
            p role="status" { (mark(report.is_ready(), verdict(report))) }
            @if !report.is_ready() {
                ul.reasons { @for reason in report.reasons() { li { (reason) } } }
            }
            p.aside { "As of " (time(now)) }
        }
    }
}

fn connections(snapshot: &Snapshot, calls: &Calls) -> Markup {
    html! {
        section aria-labelledby="connections" {
            h2 id="connections" { "Connections" }
            (table(&["Connection", "State"], &html! {
                (connection("Login to SOAR", &snapshot.login))
                @if let Some(broker) = &snapshot.broker { (connection("Message broker", broker)) }
                @if let Some(listing) = &snapshot.listing { (connection("List of regions", listing)) }
                @for (server, calls) in calls.servers() {
                    (connection(&format!("Calls to {server}"), &answers(calls.last, calls.since)))
                }
            }))
        }
    }
}

fn connection(name: &str, standing: &Standing) -> Markup {
    html! { tr { th scope="row" { (name) } td { (mark(standing.good, &standing.text)) } } }
}

fn answers(last: CallOutcome, since: Instant) -> Standing {
    let how = match last {
        CallOutcome::Answered => "are answered",
        CallOutcome::Rejected => "are rejected",
        CallOutcome::Throttled => "are throttled",
        CallOutcome::Failed => "fail",
    };
    Standing {
        good: matches!(last, CallOutcome::Answered | CallOutcome::Rejected),
        text: format!("{how}, for {}", spoken(since.elapsed())),
    }
}

fn regions(
    snapshot: &Snapshot,
    detectors: &Detectors,
    measures: &Measures,
    now: Timestamp,
) -> Markup {
    let columns = [
        "Region",
        "State",
        "Detector",
        "Watermark",
        "Lag",
        "Listed",
        "Escalated",
        "Refreshed",
        "Closed",
        "Set aside",
    ];
    let rows = html! {
        @for (region, of_region) in detectors.by_region() {
            @let counts = measures.counts(region);
            @let counts = [counts.listed, counts.escalated, counts.refreshed, counts.closed];
            @let standing = snapshot.regions.get(region);
            @if of_region.is_empty() {
                tr {
                    th scope="row" { (region) }
                    td { @if let Some(standing) = standing { (mark(standing.good, &standing.text)) } }
                    td { "none" } td {} td {}
                    @for count in counts { td.number { (count) } }
                    td.number { "0" }
                }
            }
            @for (id, detector) in of_region {
                tr {
                    th scope="row" { (region) }
                    td { @if let Some(standing) = standing { (mark(standing.good, &standing.text)) } }
                    td { code { (id) } }
                    (progress(detector, now))
                    @for count in counts { td.number { (count) } }
                    td.number { (detector.quarantine.len()) }
                }
            }
        }
    };
    html! {
        section aria-labelledby="regions" {
            h2 id="regions" { "Regions" }
            @if snapshot.listing.is_none() { p { "Findings are not polled: aws_gd_polling_interval is 0." } }
            @else { (table(&columns, &rows)) p.aside { "Counts are of this process, since its start." } }
        }
    }
}

fn progress(detector: &Detector, now: Timestamp) -> Markup {
    html! {
        td { @match detector.watermark { Some(watermark) => (time(watermark)), None => "none yet" } }
        td.number { @match detector.lag(now) { Some(lag) => (span(lag)), None => "not known yet" } }
    }
}

fn functions(snapshot: &Snapshot, measures: &Measures) -> Markup {
    let columns = [
        "Function",
        "A minute",
        "Half took at most",
        "99 of 100 took at most",
    ];
    let recent = measures.recent();
    let runs = recent.by_function(Instant::now());
    html! {
        section aria-labelledby="functions" {
            h2 id="functions" { "Functions" }
            @if snapshot.broker.is_none() {
                p { "Functions are not served: stomp is 0." }
            } @else {
                p { (snapshot.functions_in_hand) " in hand now." }
                @if runs.is_empty() { p { "None was called since the start." } }
                @else {
                    (table(&columns, &html! {
                        @for (name, runs) in runs {
                            tr {
                                th scope="row" { code { (name) } }
                                td.number { (format!("{:.1}", runs.per_minute)) }
                                td.number { (runs.median.as_millis()) " ms" }
                                td.number { (runs.p99.as_millis()) " ms" }
                            }
                        }
                    }))
                }
            }
        }
    }
}

fn set_aside(detectors: &Detectors, now: Timestamp) -> Markup {
    let columns = ["Finding", "Region", "Reason", "Tries", "Next try"];
    let any = detectors
        .by_region()
        .flat_map(|(_, of_region)| of_region.values())
        .any(|detector| !detector.quarantine.is_empty());
    html! {
        section aria-labelledby="quarantine" {
            h2 id="quarantine" { "Findings set aside" }
            @if any {
                (table(&columns, &html! {
                    @for (region, of_region) in detectors.by_region() {
                        @for entry in of_region.values().flat_map(|detector| detector.quarantine.entries()) {
                            tr {
                                th scope="row" { code { (entry.finding_id) } }
                                td { (region) }
                                td { (entry.reason) }
                                td.number { (entry.attempts) }
                                td.number { "in " (span(entry.next_try.duration_since(now))) }
                            }
                        }
                    }
                }))
            } @else { p { "None." } }
        }
    }
}

fn told(problems: &[Problem], now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="problems" {
            h2 id="problems" { "Last warnings and errors" }
            @if problems.is_empty() { p { "None since the start." } }
            @else {
                (table(&["Last", "Times", "Level", "What"], &html! {
                    @for problem in problems {
                        tr {
                            td.number { (span(now.duration_since(problem.last))) " ago" }
                            td.number { (problem.times) }
                            td { @if problem.error { span.bad { "error" } } @else { "warning" } }
                            td { (problem.text) }
                        }
                    }
                }))
            }
        }
    }
}

/// A table that scrolls by itself where it is wider than the screen.
fn table(columns: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scrolls tabindex="0" role="region" aria-label=(columns[0]) {
            table {
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// A state, told by more than its colour.
fn mark(good: bool, text: &str) -> Markup {
    html! { span class=(if good { "good" } else { "bad" }) { (if good { "✓ " } else { "✗ " }) (text) } }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A time span as people say it; what lies the wrong way is nothing.
pub(super) fn span(span: SignedDuration) -> String {
    spoken(span.try_into().unwrap_or_default())
}
