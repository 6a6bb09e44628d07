//! `GuardDuty`'s console: the detectors, and the findings of one of them.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Pages;
use super::frame::{self, Place};
use super::paging::{self, Asked as _, pager};
use super::words::{count, state, text};
use crate::aws::{Aws, DetectorView};
use crate::soar::Platform;

/// What is shown, as the query of the page's address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Empty for the first that has a detector.
    region: String,
    #[serde(skip_serializing_if = "is_all")]
    show: Which,
    #[serde(skip_serializing_if = "is_first")]
    page: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Which {
    #[default]
    All,
    Current,
    Archived,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_all(which: &Which) -> bool {
    *which == Which::All
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_first(page: &usize) -> bool {
    *page <= 1
}

impl Asked {
    /// The first page of a region.
    pub(super) fn of(region: String) -> Self {
        Self {
            region,
            ..Self::default()
        }
    }

    /// What an address's query asks for; as usual where it cannot be read.
    pub(super) fn read(query: &str) -> Self {
        serde_urlencoded::from_str(query).unwrap_or_default()
    }

    fn query(&self) -> String {
        serde_urlencoded::to_string(self).unwrap_or_default()
    }
}

impl paging::Asked for Asked {
    const PATH: &'static str = "/guardduty";

    fn page(&self) -> usize {
        self.page
    }

    fn at_page(self, page: usize) -> Self {
        Self { page, ..self }
    }
}

pub(super) async fn show(State(pages): State<Pages>, Query(mut asked): Query<Asked>) -> Response {
    let detectors = pages.aws.detectors();
    if let (true, Some(first)) = (asked.region.is_empty(), detectors.first()) {
        asked.region.clone_from(&first.region);
    }
    let archived = match asked.show {
        Which::All => None,
        Which::Current => Some(false),
        Which::Archived => Some(true),
    };
    let found = pages
        .aws
        .findings_page(&asked.region, archived, asked.skip(), paging::SIZE);
    let (current, archived) = detectors
        .iter()
        .fold((0, 0), |(current, archived), detector| {
            (current + detector.current, archived + detector.archived)
        });
    let state = format!(
        "{}, {archived} archived",
        count(current + archived, "finding")
    );
    let content = html! {
        h1 { "GuardDuty" }
        (samples_form(&detectors, &asked.region))
        h2 { "Detectors" }
        (detectors_table(&detectors, &asked.region))
        h2 #findings-heading { "Findings in " (asked.region) }
        (which_links(&asked))
        (findings(&pages.platform, &asked, &found.findings))
        (pager(&asked, found.total))
    };
    frame::page("GuardDuty", Place::GuardDuty, &state, &content).into_response()
}

fn samples_form(detectors: &[DetectorView], chosen: &str) -> Markup {
    html! {
        form.filter method="post" action="/guardduty/samples" aria-label="Create sample findings" {
            label for="sample-region" { "Region"
                select #sample-region name="region" {
                    @for detector in detectors {
                        option selected[detector.region == chosen] { (detector.region) }
                    }
                }
            }
            label for="sample-kind" { "Type"
                select #sample-kind name="kind" {
                    option value="" { "One of every type" }
                    @for kind in Aws::sample_kinds() { option value=(kind) { (kind.replace('_', " ")) } }
                }
            }
            button.primary #create { "Create sample findings" }
        }
    }
}

fn detectors_table(detectors: &[DetectorView], shown: &str) -> Markup {
    html! {
        div.scroll #detectors role="region" aria-label="Detectors" tabindex="0" {
            table.cards role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for heading in ["Region", "Detector", "Current findings", "Archived findings"] {
                            th role="columnheader" scope="col" { (heading) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for detector in detectors {
                        tr role="row" id={ "detector-" (detector.region) } {
                            td role="cell" data-label="Region" {
                                a href=(Asked::of(detector.region.clone()).address())
                                    aria-current=[(detector.region == shown).then_some("true")] { (detector.region) }
                            }
                            td.value role="cell" data-label="Detector" { (detector.id) }
                            td role="cell" data-label="Current findings" { (detector.current) }
                            td role="cell" data-label="Archived findings" { (detector.archived) }
                        }
                    }
                }
            }
        }
    }
}

fn which_links(asked: &Asked) -> Markup {
    let all = [
        (Which::All, "All"),
        (Which::Current, "Current"),
        (Which::Archived, "Archived"),
    ];
    html! {
        nav.tabs aria-label="Which findings" {
            @for (show, label) in all {
                a href=(Asked { show, page: 1, ..asked.clone() }.address())
                    aria-current=[(show == asked.show).then_some("page")] { (label) }
            }
        }
    }
}

const HEADINGS: [&str; 6] = [
    "Finding",
    "Severity",
    "Count",
    "Updated at",
    "Incident",
    "Actions",
];

fn findings(platform: &Platform, asked: &Asked, findings: &[Value]) -> Markup {
    html! {
        div.scroll #findings role="region" aria-label="Findings" tabindex="0" {
            table.cards role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for heading in HEADINGS { th role="columnheader" scope="col" { (heading) } }
                    }
                }
                tbody role="rowgroup" { @for finding in findings { (row(platform, asked, finding)) } }
            }
            @if findings.is_empty() { p.empty { "There are no findings." } }
        }
    }
}

fn row(platform: &Platform, asked: &Asked, finding: &Value) -> Markup {
    let id = finding["id"].as_str().unwrap_or_default();
    let archived = finding["service"]["archived"] == true;
    let title = finding["title"].as_str().filter(|title| !title.is_empty());
    html! {
        tr role="row" id={ "finding-" (id) } {
            td.name role="cell" data-label=(HEADINGS[0]) {
                strong { (title.unwrap_or("Untitled")) } " "
                (state(if archived { "Archived" } else { "Current" }, archived))
                div { (text(finding.get("type"))) }
                div.value { (id) }
            }
            td role="cell" data-label=(HEADINGS[1]) { (text(finding.get("severity"))) }
            td role="cell" data-label=(HEADINGS[2]) { (text(finding["service"].get("count"))) }
            td role="cell" data-label=(HEADINGS[3]) { (text(finding.get("updatedAt"))) }
            td role="cell" data-label=(HEADINGS[4]) {
                @for incident in platform.incident_for_finding(id) {
                    a href={ "/incidents/" (incident.id) } { (incident.id) } " "
                }
            }
            td role="cell" data-label=(HEADINGS[5]) { (buttons(asked, id, archived)) }
        }
    }
}

fn buttons(asked: &Asked, id: &str, archived: bool) -> Markup {
    // One place in the page for both, so that the focus stays on it.
    let turn = if archived {
        ("turn", "unarchive", "Unarchive")
    } else {
        ("turn", "archive", "Archive")
    };
    let all = [
        ("update", "update", "Update"),
        turn,
        ("delete", "delete", "Delete"),
    ];
    html! {
        form.buttons method="post" action="/guardduty/findings" {
            input type="hidden" name="region" value=(asked.region);
            input type="hidden" name="finding" value=(id);
            input type="hidden" name="list" value=(asked.query());
            @for (place, action, label) in all {
                button id={ (place) "-" (id) } name="action" value=(action)
                    aria-label={ (label) " finding " (id) } { (label) }
            }
        }
    }
}
