//! An incident's page: what it is, what can be done, and one of its tabs.

mod artifacts;
mod details;
mod notes;
mod tables;
mod workflows;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;

use super::Pages;
use super::actions::REFRESH_RULE;
use super::frame::{self, Place, refusal};
use super::words::{count, moment, severity, state};
use crate::soar::{IncidentView, Platform};

/// The tabs, named in the address.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tab {
    #[default]
    Details,
    Notes,
    Artifacts,
    GuardDuty,
    Workflows,
}

/// The query of the page's address, and of what is done there.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    tab: Tab,
}

impl Asked {
    /// A path below `/incidents` with this query.
    pub(super) fn address(self, path: &str) -> String {
        format!("/incidents/{path}?tab={}", self.tab.value())
    }
}

pub(super) async fn show(
    State(pages): State<Pages>,
    Path(id): Path<u64>,
    Query(asked): Query<Asked>,
) -> Response {
    let platform = &pages.platform;
    let Some(incident) = platform.incident(id) else {
        return refusal(
            StatusCode::NOT_FOUND,
            &format!("There is no incident {id}."),
        );
    };
    let content = html! {
        p.path { a href="/" { "Incidents" } " / " (id) }
        h1 { (incident.name) }
        (facts(&incident))
        (actions(platform, &incident, asked))
        (tabs(platform, &incident, asked.tab))
        section.tab aria-label=(asked.tab.label()) { (panel(platform, &incident, asked.tab)) }
    };
    let title = format!("Incident {id}");
    frame::page(&title, Place::Incidents, &summary(&incident), &content).into_response()
}

/// What the script says when it has changed.
fn summary(incident: &IncidentView) -> String {
    let rows = incident.rows.values().map(Vec::len).sum();
    format!(
        "{}: {}, {}, {}",
        status(incident),
        count(incident.notes.len(), "note"),
        count(incident.artifacts.len(), "artifact"),
        count(rows, "row")
    )
}

fn is_closed(incident: &IncidentView) -> bool {
    incident.plan_status == "C"
}

fn status(incident: &IncidentView) -> &'static str {
    if is_closed(incident) {
        "Closed"
    } else {
        "Active"
    }
}

fn facts(incident: &IncidentView) -> Markup {
    html! {
        p.facts {
            (state(status(incident), is_closed(incident)))
            (severity(incident.severity.as_deref()))
            span { "Created " (moment(incident.create_date)) " UTC" }
            @if is_closed(incident) { span { "Closed " (moment(incident.end_date)) " UTC" } }
        }
    }
}

fn actions(platform: &Platform, incident: &IncidentView, asked: Asked) -> Markup {
    let act = |action: &str| asked.address(&format!("{}/{action}", incident.id));
    let offers_refresh = platform
        .menu(incident.id)
        .iter()
        .any(|item| item == REFRESH_RULE);
    html! {
        div.actions {
            @if offers_refresh {
                form method="post" action=(act("refresh")) {
                    button #refresh { "Refresh Finding" }
                }
            }
            @if is_closed(incident) {
                form method="post" action=(act("reopen")) {
                    button #reopen { "Reopen" }
                }
            } @else {
                (close_form(platform, &act("close")))
            }
        }
    }
}

fn close_form(platform: &Platform, target: &str) -> Markup {
    html! {
        details.close #close {
            summary.button { "Close incident" }
            form method="post" action=(target) {
                label for="resolution" { "Resolution"
                    select #resolution name="resolution" {
                        @for choice in platform.choices("resolution_id") {
                            option selected[choice == "Resolved"] { (choice) }
                        }
                    }
                }
                label for="summary" { "Resolution Summary"
                    textarea #summary name="summary" rows="3" required {}
                }
                button.primary #confirm { "Close" }
            }
        }
    }
}

fn tabs(platform: &Platform, incident: &IncidentView, shown: Tab) -> Markup {
    let number = |tab: Tab| match tab {
        Tab::Notes => Some(incident.notes.len()),
        Tab::Artifacts => Some(incident.artifacts.len()),
        Tab::GuardDuty => Some(incident.rows.values().map(Vec::len).sum()),
        Tab::Workflows => Some(platform.workflow_runs_of(incident.id).len()),
        Tab::Details => None,
    };
    html! {
        nav.tabs aria-label="Parts of the incident" {
            @for tab in Tab::ALL {
                a id={ "tab-" (tab.value()) } href={ "?tab=" (tab.value()) }
                    aria-current=[(tab == shown).then_some("page")] {
                    (tab.label())
                    @if let Some(number) = number(tab) { " " span.number { (number) } }
                }
            }
        }
    }
}

fn panel(platform: &Platform, incident: &IncidentView, tab: Tab) -> Markup {
    match tab {
        Tab::Details => details::panel(platform, incident),
        Tab::Notes => notes::panel(incident),
        Tab::Artifacts => artifacts::panel(incident),
        Tab::GuardDuty => tables::panel(platform, incident),
        Tab::Workflows => workflows::panel(platform, incident),
    }
}

impl Tab {
    const ALL: [Self; 5] = [
        Tab::Details,
        Tab::Notes,
        Tab::Artifacts,
        Tab::GuardDuty,
        Tab::Workflows,
    ];

    fn value(self) -> &'static str {
        match self {
            Tab::Details => "details",
            Tab::Notes => "notes",
            Tab::Artifacts => "artifacts",
            Tab::GuardDuty => "guardduty",
            Tab::Workflows => "workflows",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Tab::Details => "Details",
            Tab::Notes => "Notes",
            Tab::Artifacts => "Artifacts",
            Tab::GuardDuty => "AWS GuardDuty Details",
            Tab::Workflows => "Workflow Status",
        }
    }
}
