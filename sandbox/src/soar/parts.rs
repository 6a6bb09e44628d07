//! What belongs to an incident: artifacts, notes, rows of data tables.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::field::text_content;
use super::incident::{Artifact, Note, Principal, Row};
use super::limits;
use super::refusal::Refusal;
use super::state::State;

impl State {
    /// Adds an artifact; one of equal type and value is kept instead. Gives its id.
    pub(crate) fn add_artifact(
        &mut self,
        id: u64,
        artifact: &Value,
        by: &Principal,
        now: i64,
    ) -> Result<u64, Refusal> {
        let (type_id, value, description) = self.read_artifact(artifact)?;
        self.store_artifact(id, type_id, value, description, by, now)
    }

    pub(super) fn read_artifact(
        &self,
        artifact: &Value,
    ) -> Result<(u64, String, Option<String>), Refusal> {
        let kind = self.catalog.artifact_type(&artifact["type"]);
        let kind = kind.ok_or_else(|| {
            Refusal::bad(format!("there is no artifact type {}", artifact["type"]))
        })?;
        let value = artifact["value"].as_str().unwrap_or_default().trim();
        if value.is_empty() {
            return Err(Refusal::bad("an artifact needs a value"));
        }
        limits::check("the artifact's value", value, limits::ARTIFACT_VALUE)
            .map_err(Refusal::bad)?;
        let description = text_content(&artifact["description"]).map(str::to_owned);
        Ok((kind.id, value.to_owned(), description))
    }

    pub(super) fn store_artifact(
        &mut self,
        id: u64,
        type_id: u64,
        value: String,
        description: Option<String>,
        by: &Principal,
        now: i64,
    ) -> Result<u64, Refusal> {
        let fresh = self.fresh_id();
        let incident = self.incident_mut(id)?;
        let same = |a: &&Artifact| a.type_id == type_id && a.value == value;
        if let Some(known) = incident.artifacts.iter().find(same) {
            return Ok(known.id);
        }
        incident.artifacts.push(Artifact {
            id: fresh,
            type_id,
            value,
            description,
            created: now,
            creator: by.id,
        });
        Ok(fresh)
    }

    /// Adds a note and gives its id.
    pub(crate) fn add_note(
        &mut self,
        id: u64,
        note: &Value,
        by: &Principal,
        now: i64,
    ) -> Result<u64, Refusal> {
        let (format, content) = read_note(note)?;
        self.store_note(id, format, content, by, now)
    }

    pub(super) fn store_note(
        &mut self,
        id: u64,
        format: String,
        content: String,
        by: &Principal,
        now: i64,
    ) -> Result<u64, Refusal> {
        let fresh = self.fresh_id();
        self.incident_mut(id)?.notes.push(Note {
            id: fresh,
            format,
            content,
            created: now,
            author: by.clone(),
        });
        Ok(fresh)
    }

    /// Adds a row to a data table and gives its id; cells are `{column: {"value": ..}}`.
    pub(crate) fn add_row(&mut self, id: u64, table: &str, row: &Value) -> Result<u64, Refusal> {
        self.incident(id)?;
        let known = self.catalog.tables.get(table);
        let known =
            known.ok_or_else(|| Refusal::missing(format!("there is no data table {table}")))?;
        let sent = row["cells"]
            .as_object()
            .ok_or_else(|| Refusal::bad("a row needs cells"))?;
        let mut cells = BTreeMap::new();
        for (name, cell) in sent {
            let column = known.column(name);
            let column = column
                .ok_or_else(|| Refusal::bad(format!("data table {table} has no column {name}")))?;
            let value = cell
                .get("value")
                .ok_or_else(|| Refusal::bad(format!("the cell of column {name} has no value")))?;
            cells.insert(name.clone(), column.accept(value).map_err(Refusal::bad)?);
        }
        let fresh = self.fresh_id();
        let rows = self.incident_mut(id)?.tables.entry(table.to_owned());
        rows.or_default().push(Row { id: fresh, cells });
        Ok(fresh)
    }
}

/// Format and content of a note.
pub(super) fn read_note(note: &Value) -> Result<(String, String), Refusal> {
    let content = text_content(&note["text"]).ok_or_else(|| Refusal::bad("a note needs a text"))?;
    if content.is_empty() {
        return Err(Refusal::bad("a note needs a text"));
    }
    limits::check("the note", content, limits::NOTE).map_err(Refusal::bad)?;
    let format = note["text"]["format"].as_str().unwrap_or("html");
    Ok((format.to_owned(), content.to_owned()))
}
