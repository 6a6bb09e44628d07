//! The incident list: filter, search, sort and paging, all in its address.

mod asked;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::frame::{self, Place};
use super::paging::{self, Asked as _, pager};
use super::words::{clipped, count, moment, severity, state};
use super::{Pages, frame::refused};
use crate::soar::{Found, IncidentView};
use asked::{Asked, Column, Order, Status};

pub(super) async fn show(State(pages): State<Pages>, Query(asked): Query<Asked>) -> Response {
    let platform = &pages.platform;
    let found = platform.browse(&asked.query(), &asked.q, asked.skip(), paging::SIZE);
    let found = match found {
        Ok(found) => found,
        Err(refusal) => return refused(&refusal),
    };
    let state = count(found.total, "incident");
    let regions = platform.property_values(asked::REGION);
    let severities = platform.choices("severity_code");
    let content = html! {
        h1 { "Incidents" }
        (filter(&asked, regions.iter(), severities.iter()))
        p.count #count { (state) ", times in UTC" }
        (table(&asked, &found))
        (pager(&asked, found.total))
    };
    frame::page("Incidents", Place::Incidents, &state, &content).into_response()
}

fn filter<'a>(
    asked: &Asked,
    regions: impl Iterator<Item = &'a String>,
    severities: impl Iterator<Item = &'a String>,
) -> Markup {
    html! {
        form.filter action="/" method="get" role="search" aria-label="Filter incidents" {
            label for="q" { "Search"
                input #q type="search" name="q" value=(asked.q) placeholder="Name, description, finding or number" autocomplete="off";
            }
            label for="status" { "Status"
                select #status name="status" {
                    @for &status in Status::ALL {
                        option value=(status.value()) selected[status == asked.status] { (status.label()) }
                    }
                }
            }
            (choice("region", "Region", &asked.region, regions))
            (choice("severity", "Severity", &asked.severity, severities))
            label for="sort" { "Sort by"
                select #sort name="sort" {
                    @for &column in Column::ALL {
                        option value=(column.value()) selected[column == asked.sort] { (column.label()) }
                    }
                }
            }
            label for="order" { "Order"
                select #order name="order" {
                    @for &order in Order::ALL {
                        option value=(order.value()) selected[order == asked.order] { (order.label()) }
                    }
                }
            }
            button.primary #apply { "Apply" }
            a.button href="/" { "Clear" }
        }
    }
}

fn choice<'a>(
    name: &str,
    label: &str,
    chosen: &str,
    values: impl Iterator<Item = &'a String>,
) -> Markup {
    html! {
        label for=(name) { (label)
            select id=(name) name=(name) {
                option value="" selected[chosen.is_empty()] { "All" }
                @for value in values {
                    option value=(value) selected[value == chosen] { (value) }
                }
            }
        }
    }
}

fn table(asked: &Asked, found: &Found) -> Markup {
    html! {
        div.scroll #list role="region" aria-label="Incidents" tabindex="0" {
            table.cards role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for &column in Column::ALL { (heading(asked, column)) }
                    }
                }
                tbody role="rowgroup" {
                    @for incident in &found.incidents { (row(incident)) }
                }
            }
            @if found.incidents.is_empty() { p.empty { "No incident is as asked for." } }
        }
    }
}

fn heading(asked: &Asked, column: Column) -> Markup {
    let sorted = column == asked.sort;
    let spoken = match asked.order {
        Order::Ascending => "ascending",
        Order::Descending => "descending",
    };
    html! {
        th role="columnheader" scope="col" aria-sort=[sorted.then_some(spoken)] {
            a href=(asked.sorted_by(column).address()) { (column.label()) }
        }
    }
}

fn row(incident: &IncidentView) -> Markup {
    let cell = |column: Column, content: Markup| {
        html! {
            td role="cell" data-label=(column.label()) class=(column.value()) { (content) }
        }
    };
    let closed = incident.plan_status == "C";
    let property = |name: &str| incident.property(name).unwrap_or_default().to_owned();
    let address = format!("/incidents/{}", incident.id);
    let name = html! {
        a href=(address) { (incident.name) } " "
        (severity(incident.severity.as_deref())) " "
        (state(if closed { "Closed" } else { "Active" }, closed))
    };
    let description = clipped(incident.description.as_deref().unwrap_or_default());
    html! {
        tr role="row" id={ "incident-" (incident.id) } {
            (cell(Column::FindingId, html! { (property(asked::FINDING_ID)) }))
            (cell(Column::Region, html! { (property(asked::REGION)) }))
            (cell(Column::Closed, moment(incident.end_date)))
            (cell(Column::Name, name))
            (cell(Column::Description, html! { div { (description) } }))
            (cell(Column::Id, html! { a href=(address) { (incident.id) } }))
            (cell(Column::Discovered, moment(incident.discovered_date)))
            (cell(Column::Created, moment(incident.create_date)))
        }
    }
}
