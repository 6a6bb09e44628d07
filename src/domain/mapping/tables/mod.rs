//! The rows that a finding adds to the incident's data tables.

mod action;
mod resource;

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::{
        finding::Finding,
        incident::{Row, TABLES, Table},
    },
    MappingContext, limits,
    severity::severity_text,
    text::text_at,
};

/// A column and the JSON pointers at which its value may stand, the first that has one wins.
type Column = (&'static str, &'static [&'static str]);

/// The cells of a row to be, those without a value too.
type Cells = Vec<(&'static str, Option<String>)>;

/// What a finding adds to the data tables.
pub(super) struct Tables {
    /// The tables that have rows, in the order of [`TABLES`].
    pub(super) kept: Vec<Table>,
    /// How many rows a table has beyond [`limits::ROWS`].
    pub(super) left_out: Vec<(&'static str, usize)>,
}

/// Finds the rows of a finding.
pub(super) fn tables_of(finding: &Finding, context: &MappingContext<'_>) -> Tables {
    let document = finding.document();
    let queried_at = context
        .time_zone
        .to_datetime(context.now)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string();
    let cells = [
        vec![overview(finding, context)],
        action::rows(document),
        resource::affected(document),
        resource::buckets(document),
        resource::interfaces(document),
        vec![resource::access_key(document)],
    ];
    let mut tables = Tables {
        kept: Vec::new(),
        left_out: Vec::new(),
    };
    for (name, cells) in TABLES.into_iter().zip(cells) {
        let mut rows = distinct(&queried_at, cells);
        if rows.len() > limits::ROWS {
            tables.left_out.push((name, rows.len() - limits::ROWS));
            rows.truncate(limits::ROWS);
        }
        if !rows.is_empty() {
            tables.kept.push(Table { name, rows });
        }
    }
    tables
}

/// The rows, none of them twice.
fn distinct(queried_at: &str, cells: Vec<Cells>) -> Vec<Row> {
    let mut seen = HashSet::new();
    let row = |cells: Cells| {
        let clipped = cells
            .into_iter()
            .map(|(column, value)| (column, value.map(|text| limits::clip(text, limits::TEXT))));
        Row::new(queried_at, clipped)
    };
    let rows = cells.into_iter().filter_map(row);
    rows.filter(|row| seen.insert(row.clone())).collect()
}

fn overview(finding: &Finding, context: &MappingContext<'_>) -> Cells {
    let at = |pointer| text_at(finding.document(), pointer);
    vec![
        ("severity", severity_text(finding)),
        (
            "region",
            at("/Region").or_else(|| Some(context.region.to_owned())),
        ),
        ("count", at("/Service/Count")),
        ("account_id", at("/AccountId")),
        ("resource_id", resource::primary_id(finding.document())),
        ("created_at", at("/CreatedAt")),
        ("updated_at", at("/UpdatedAt")),
    ]
}

fn read(value: &Value, columns: &[Column]) -> Cells {
    let cell = |(column, pointers): &Column| {
        (
            *column,
            pointers.iter().find_map(|pointer| text_at(value, pointer)),
        )
    };
    columns.iter().map(cell).collect()
}
