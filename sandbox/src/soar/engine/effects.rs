//! What a script is shown, and what it did carried out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::automation::{FieldKind, FunctionTask, NoteFormat, ScriptContext, ScriptEffects};
use crate::soar::catalog::field::{Field, Kind};
use crate::soar::catalog::{Catalog, Function};
use crate::soar::change::Slot;
use crate::soar::incident::Principal;
use crate::soar::refusal::Refusal;
use crate::soar::state::State;
use crate::soar::{Platform, now};

/// Everything around a task at a moment.
pub(super) struct Scene {
    pub(super) function: Function,
    pub(super) inputs: Vec<Field>,
    incident: Value,
    rule_properties: Map<String, Value>,
    fields: BTreeMap<String, FieldKind>,
    tables: BTreeMap<String, BTreeMap<String, FieldKind>>,
    artifact_types: BTreeSet<String>,
}

impl Scene {
    pub(super) fn context(&self, results: Option<Value>) -> ScriptContext {
        ScriptContext {
            incident: self.incident.clone(),
            inputs: self.inputs.iter().map(|input| input.name.clone()).collect(),
            results,
            fields: self.fields.clone(),
            tables: self.tables.clone(),
            artifact_types: self.artifact_types.clone(),
            rule_properties: self.rule_properties.clone(),
            workflow_properties: Map::new(),
        }
    }
}

impl Platform {
    pub(super) fn scene(&self, run: u64, task: &FunctionTask) -> Result<Scene, String> {
        self.read(|state| {
            let run = state.runs.get(&run).ok_or("the run is gone")?;
            let incident = state
                .incident(run.incident)
                .map_err(|refusal| refusal.message)?;
            let catalog = &state.catalog;
            let mut functions = catalog.functions.values();
            let function = functions.find(|function| function.uuid == task.function);
            let function = function.ok_or("the function is gone")?;
            Ok(Scene {
                inputs: inputs(function, catalog),
                function: function.clone(),
                incident: incident.dto(catalog, true),
                rule_properties: run.properties.clone(),
                fields: writable_fields(catalog),
                tables: tables(catalog),
                artifact_types: catalog
                    .artifact_types
                    .iter()
                    .map(|t| t.name.clone())
                    .collect(),
            })
        })
    }

    /// Carries out what a script did, with the checks that every caller has to pass.
    pub(super) fn apply_effects(&self, run: u64, effects: &ScriptEffects) -> Result<(), String> {
        let nothing = effects.fields.is_empty()
            && effects.rows.is_empty()
            && effects.artifacts.is_empty()
            && effects.notes.is_empty();
        if nothing {
            return Ok(());
        }
        let by = Principal::workflow();
        let applied = self.change(|state| {
            let incident = state.runs.get(&run).map(|run| run.incident);
            let incident = incident.ok_or_else(|| Refusal::missing("the run is gone"))?;
            state.apply_effects(incident, effects, &by)
        });
        applied.map_err(|refusal| refusal.message)
    }
}

impl State {
    fn apply_effects(
        &mut self,
        id: u64,
        effects: &ScriptEffects,
        by: &Principal,
    ) -> Result<(), Refusal> {
        let changes = effects.fields.iter().map(|(name, value)| {
            let place = self.catalog.queried(name);
            let place = place.ok_or_else(|| Refusal::bad(format!("there is no field {name:?}")))?;
            let value = match (place.field().kind, value) {
                // A script may give a plain text field a text with its format.
                (Kind::Text, Value::Object(content)) => content.get("content").unwrap_or(value),
                _ => value,
            };
            let value = place.field().accept(value).map_err(Refusal::bad)?;
            Ok((Slot::of(place), value))
        });
        let changes = changes.collect::<Result<Vec<_>, Refusal>>()?;
        self.apply(id, changes, now())?;
        for row in &effects.rows {
            let cells = row
                .cells
                .iter()
                .map(|(column, value)| (column.clone(), json!({"value": value})));
            let cells: Map<String, Value> = cells.collect();
            self.add_row(id, &row.table, &json!({"cells": cells}))?;
        }
        for artifact in &effects.artifacts {
            let artifact = json!({
                "type": {"name": artifact.artifact_type}, "value": artifact.value,
                "description": artifact.description,
            });
            self.add_artifact(id, &artifact, by, now())?;
        }
        for note in &effects.notes {
            let format = match note.format {
                NoteFormat::Text => "text",
                NoteFormat::Html => "html",
            };
            let note = json!({"text": {"format": format, "content": note.content}});
            self.add_note(id, &note, by, now())?;
        }
        Ok(())
    }
}

/// The inputs that a function shows, in their order.
fn inputs(function: &Function, catalog: &Catalog) -> Vec<Field> {
    let items = function
        .definition
        .get("view_items")
        .and_then(Value::as_array);
    let uuids = items
        .into_iter()
        .flatten()
        .filter_map(|item| item["content"].as_str());
    let input = |uuid: &str| {
        catalog
            .inputs
            .values()
            .find(|input| input.uuid == uuid)
            .cloned()
    };
    uuids.filter_map(input).collect()
}

fn kind_of(field: &Field) -> FieldKind {
    let input_type = field.definition.get("input_type").and_then(Value::as_str);
    FieldKind::from_input_type(input_type.unwrap_or_default())
}

fn writable_fields(catalog: &Catalog) -> BTreeMap<String, FieldKind> {
    let core = catalog.core.values().filter(|field| !field.read_only);
    let core = core.map(|field| (field.name.clone(), kind_of(field)));
    let custom = catalog.properties.values();
    let custom = custom.map(|field| (format!("properties.{}", field.name), kind_of(field)));
    core.chain(custom).collect()
}

fn tables(catalog: &Catalog) -> BTreeMap<String, BTreeMap<String, FieldKind>> {
    let tables = catalog.tables.iter().map(|(name, table)| {
        let columns = table
            .columns
            .iter()
            .map(|column| (column.name.clone(), kind_of(column)));
        (name.clone(), columns.collect())
    });
    tables.collect()
}
