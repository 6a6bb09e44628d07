//! The Artifacts tab.

use maud::{Markup, html};

use crate::pages::rich_text::rich_text;
use crate::pages::words::moment;
use crate::soar::{ArtifactView, IncidentView};

pub(super) fn panel(incident: &IncidentView) -> Markup {
    html! {
        h2 { "Artifacts" }
        @if incident.artifacts.is_empty() { p.empty { "There are no artifacts." } }
        @else {
            div.scroll #artifacts role="region" aria-label="Artifacts" tabindex="0" {
                table.cards role="table" {
                    thead role="rowgroup" {
                        tr role="row" {
                            @for heading in ["Type", "Value", "Description", "Created"] {
                                th role="columnheader" scope="col" { (heading) }
                            }
                        }
                    }
                    tbody role="rowgroup" { @for artifact in &incident.artifacts { (row(artifact)) } }
                }
            }
        }
    }
}

fn row(artifact: &ArtifactView) -> Markup {
    html! {
        tr role="row" {
            td role="cell" data-label="Type" { (artifact.kind) }
            td.value role="cell" data-label="Value" { (artifact.value) }
            td role="cell" data-label="Description" { (rich_text(artifact.description.as_deref().unwrap_or_default())) }
            td role="cell" data-label="Created" { (moment(Some(artifact.created))) }
        }
    }
}
