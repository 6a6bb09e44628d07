//! The "AWS GuardDuty Details" tab: the data tables.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use crate::pages::words::{count, text};
use crate::soar::{IncidentView, Platform, TableLabels};

pub(super) fn panel(platform: &Platform, incident: &IncidentView) -> Markup {
    let tables = platform.table_labels();
    html! {
        @if tables.is_empty() { p.empty { "No customizations have been imported." } }
        @for table in tables { (table_of(&table, incident.table(&table.name))) }
    }
}

fn table_of(table: &TableLabels, rows: &[BTreeMap<String, Value>]) -> Markup {
    html! {
        h2 { (table.text) " " span.number { (count(rows.len(), "row")) } }
        @if !rows.is_empty() {
            div.scroll id=(table.name) role="region" aria-label=(table.text) tabindex="0" {
                table.cards role="table" {
                    thead role="rowgroup" {
                        tr role="row" {
                            @for column in &table.columns {
                                th role="columnheader" scope="col" { (column.text) }
                            }
                        }
                    }
                    tbody role="rowgroup" { @for cells in rows { (row(table, cells)) } }
                }
            }
        }
    }
}

fn row(table: &TableLabels, cells: &BTreeMap<String, Value>) -> Markup {
    html! {
        tr role="row" {
            @for column in &table.columns {
                td role="cell" data-label=(column.text) { (text(cells.get(&column.name))) }
            }
        }
    }
}
