//! The Details tab: the incident's own fields, and those of our customizations under their heading.

use maud::{Markup, html};
use serde_json::Value;

use crate::pages::rich_text::rich_text;
use crate::pages::words::{moment, text};
use crate::soar::{IncidentView, Platform};

pub(super) fn panel(platform: &Platform, incident: &IncidentView) -> Markup {
    let labels = platform.property_labels();
    html! {
        h2 { "Incident" }
        dl.fields {
            (field("Name", "", &html! { (incident.name) }))
            (field("Description", "", &rich(incident.description.as_deref())))
            (field("Severity", "", &html! { (incident.severity.as_deref().unwrap_or_default()) }))
            (field("Date Discovered", "", &moment(incident.discovered_date)))
            (field("Date Created", "", &moment(incident.create_date)))
            (field("Date Closed", "", &moment(incident.end_date)))
            (field("Resolution", "", &html! { (incident.resolution.as_deref().unwrap_or_default()) }))
            (field("Resolution Summary", "", &rich(incident.resolution_summary.as_deref())))
        }
        h2 { "AWS GuardDuty Properties" }
        @if labels.is_empty() { p.empty { "No customizations have been imported." } }
        dl.fields #properties {
            @for label in labels {
                (field(&label.text, &label.hint, &property(incident.properties.get(&label.name))))
            }
        }
    }
}

fn field(label: &str, hint: &str, value: &Markup) -> Markup {
    html! {
        div {
            dt title=[Some(hint).filter(|hint| !hint.is_empty())] { (label) }
            dd { @if value.0.is_empty() { span.none { "–" } } @else { (value) } }
        }
    }
}

fn rich(html: Option<&str>) -> Markup {
    rich_text(html.unwrap_or_default())
}

fn property(value: Option<&Value>) -> Markup {
    html! { (text(value)) }
}
