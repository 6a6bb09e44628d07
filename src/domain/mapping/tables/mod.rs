//! The rows that a finding adds to the incident's data tables.

mod action;
mod resource;

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

/// The tables that have rows, in the order of [`TABLES`].
pub(super) fn tables_of(finding: &Finding, context: &MappingContext<'_>) -> Vec<Table> {
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
    let tables = TABLES.into_iter().zip(cells).map(|(name, cells)| Table {
        name,
        rows: distinct(&queried_at, cells),
    });
    tables.filter(|table| !table.rows.is_empty()).collect()
}

/// At most [`limits::ROWS`] rows, none of them twice.
fn distinct(queried_at: &str, cells: Vec<Cells>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for cells in cells {
        let clipped = cells
            .into_iter()
            .map(|(column, value)| (column, value.map(|text| limits::clip(text, limits::TEXT))));
        let Some(row) = Row::new(queried_at, clipped) else {
            continue;
        };
        if rows.len() < limits::ROWS && !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
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
