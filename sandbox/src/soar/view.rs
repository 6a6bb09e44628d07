//! What tests see of an incident: names, not ids.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::catalog::{Catalog, Place};
use super::incident::Incident;

/// An incident with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentView {
    /// Number of the incident.
    pub id: u64,
    /// Grows with every change of a field.
    pub version: u64,
    /// The name.
    pub name: String,
    /// The description's text.
    pub description: Option<String>,
    /// `A` active, `C` closed.
    pub plan_status: String,
    /// Label of the severity.
    pub severity: Option<String>,
    /// Label of the resolution.
    pub resolution: Option<String>,
    /// Text of the resolution summary.
    pub resolution_summary: Option<String>,
    /// Epoch milliseconds.
    pub discovered_date: Option<i64>,
    /// Epoch milliseconds.
    pub create_date: Option<i64>,
    /// Epoch milliseconds; only while closed.
    pub end_date: Option<i64>,
    /// Custom fields that have a value; selects by label.
    pub properties: BTreeMap<String, Value>,
    /// In the order they were added.
    pub artifacts: Vec<ArtifactView>,
    /// In the order they were added.
    pub notes: Vec<NoteView>,
    /// Cells of each row by data table, in the order they were added.
    pub rows: BTreeMap<String, Vec<BTreeMap<String, Value>>>,
}

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactView {
    /// The type's display name.
    pub kind: String,
    /// The value.
    pub value: String,
    /// The description's text.
    pub description: Option<String>,
    /// Epoch milliseconds.
    pub created: i64,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoteView {
    /// `text` or `html`.
    pub format: String,
    /// The text.
    pub content: String,
    /// Login of the user, or id of the API key, that wrote it.
    pub author: String,
    /// What screens call the author.
    pub author_name: String,
    /// Epoch milliseconds.
    pub created: i64,
}

impl IncidentView {
    pub(crate) fn of(incident: &Incident, catalog: &Catalog) -> Self {
        let value = |name: &str| {
            let place = catalog.queried(name);
            let place: Option<Place<'_>> = place.filter(|_| incident.core.contains_key(name));
            place.map(|place| place.field().show(incident.get(place), true))
        };
        let text = |name: &str| value(name).and_then(|v| v.as_str().map(str::to_owned));
        let number = |name: &str| value(name).and_then(|v| v.as_i64());
        let properties = incident.properties.iter().map(|(name, stored)| {
            let field = catalog.properties.get(name);
            let shown = field.map_or_else(|| stored.clone(), |field| field.show(stored, true));
            (name.clone(), shown)
        });
        Self {
            id: incident.id,
            version: incident.version,
            name: text("name").unwrap_or_default(),
            description: text("description"),
            plan_status: text("plan_status").unwrap_or_default(),
            severity: text("severity_code"),
            resolution: text("resolution_id"),
            resolution_summary: text("resolution_summary"),
            discovered_date: number("discovered_date"),
            create_date: number("create_date"),
            end_date: number("end_date"),
            properties: properties.collect(),
            artifacts: artifacts(incident, catalog),
            notes: notes(incident),
            rows: (incident.tables.iter())
                .map(|(table, rows)| {
                    let cells = rows.iter().map(|row| row.cells.clone());
                    (table.clone(), cells.collect())
                })
                .collect(),
        }
    }

    /// A custom field's text.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str)
    }

    /// The rows of a data table; none if it has none.
    pub fn table(&self, name: &str) -> &[BTreeMap<String, Value>] {
        self.rows.get(name).map_or(&[], Vec::as_slice)
    }
}

fn artifacts(incident: &Incident, catalog: &Catalog) -> Vec<ArtifactView> {
    let artifacts = incident.artifacts.iter().map(|artifact| {
        let kind = catalog
            .artifact_types
            .iter()
            .find(|t| t.id == artifact.type_id);
        ArtifactView {
            kind: kind.map(|kind| kind.name.clone()).unwrap_or_default(),
            value: artifact.value.clone(),
            description: artifact.description.clone(),
            created: artifact.created,
        }
    });
    artifacts.collect()
}

fn notes(incident: &Incident) -> Vec<NoteView> {
    let notes = incident.notes.iter().map(|note| NoteView {
        format: note.format.clone(),
        content: note.content.clone(),
        author: note.author.name.clone(),
        author_name: note.author.display_name.clone(),
        created: note.created,
    });
    notes.collect()
}
