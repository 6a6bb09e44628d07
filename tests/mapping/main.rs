//! From findings to incidents: snapshots of each kind, the mended faults, properties, and two corpora where present.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod ancestor;
mod corpus;
mod faults;
mod properties;
mod snapshots;

use std::{
    fs,
    path::{Path, PathBuf},
};

use fn_aws_guardduty::domain::{
    finding::Finding,
    incident::NewIncident,
    mapping::{MappingContext, incident_for},
};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// The incident of one finding, as a worker in Berlin makes it on a platform that has "Critical".
fn map(finding: &Finding, region: &str) -> NewIncident {
    let context = MappingContext {
        region,
        now: "2026-03-02T23:30:00Z".parse().unwrap(),
        time_zone: &TimeZone::get("Europe/Berlin").unwrap(),
        has_critical: true,
    };
    incident_for(finding, &context)
}

/// The incident of a finding written in a test.
fn incident(document: Value) -> NewIncident {
    map(&Finding::from_wire(document).unwrap(), "eu-central-1")
}

/// The rows of a table as (column, value) objects.
fn rows(incident: &NewIncident, table: &str) -> Vec<Value> {
    let tables = incident.tables.iter().filter(|found| found.name == table);
    let object = |cells: Vec<(&str, &str)>| {
        Value::Object(
            cells
                .into_iter()
                .map(|(column, value)| (column.to_owned(), json!(value)))
                .collect(),
        )
    };
    tables
        .flat_map(|table| &table.rows)
        .map(|row| object(row.cells().collect()))
        .collect()
}

fn fixture(name: &str) -> Value {
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/findings")
            .join(name)
            .with_extension("json"),
    )
}

fn read(file: &Path) -> Value {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The JSON files of a folder, sorted; none where the folder is not there.
fn json_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files
}

/// Material beside the checkout that is no part of the project.
fn shared(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(folder)
}
