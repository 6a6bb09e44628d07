//! Everything the platform remembers, and the changes that can be made to it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::automation::Replies;
use super::catalog::field::{Required, text_content};
use super::catalog::{Catalog, Place};
use super::incident::{Artifact, Incident, Note, Principal, Row};
use super::index::Index;
use super::limits;
use super::refusal::Refusal;
use super::runs::WorkflowRun;

/// The first incident's number; the real platform's start anywhere.
const FIRST_INCIDENT: u64 = 2101;

pub(crate) struct State {
    pub(crate) catalog: Catalog,
    pub(crate) incidents: BTreeMap<u64, Incident>,
    pub(crate) index: Index,
    /// Session cookie to CSRF token.
    pub(crate) sessions: HashMap<String, String>,
    /// Workflow runs by number.
    pub(crate) runs: BTreeMap<u64, WorkflowRun>,
    /// Runs that are to be started once the change is made.
    pub(crate) outbox: Vec<u64>,
    pub(crate) replies: Replies,
    /// Imports that wait to be accepted.
    pub(crate) imports: BTreeMap<u64, Value>,
    next_incident: u64,
    next_id: u64,
}

/// Names a field of an incident independently of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) custom: bool,
    pub(crate) name: String,
}

/// A checked change of a field.
pub(crate) type FieldChange = (Slot, Value);

impl Slot {
    pub(crate) fn of(place: Place<'_>) -> Self {
        Self {
            custom: matches!(place, Place::Property(_)),
            name: place.field().name.clone(),
        }
    }

    fn is_core(&self, name: &str) -> bool {
        !self.custom && self.name == name
    }
}

impl State {
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            incidents: BTreeMap::new(),
            index: Index::default(),
            sessions: HashMap::new(),
            runs: BTreeMap::new(),
            outbox: Vec::new(),
            replies: Replies::default(),
            imports: BTreeMap::new(),
            next_incident: FIRST_INCIDENT,
            next_id: 1,
        }
    }

    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn incident(&self, id: u64) -> Result<&Incident, Refusal> {
        let incident = self.incidents.get(&id);
        incident.ok_or_else(|| Refusal::missing(format!("there is no incident {id}")))
    }

    fn incident_mut(&mut self, id: u64) -> Result<&mut Incident, Refusal> {
        let incident = self.incidents.get_mut(&id);
        incident.ok_or_else(|| Refusal::missing(format!("there is no incident {id}")))
    }

    /// Creates an incident with the artifacts and notes that come with it, all or nothing.
    pub(crate) fn create(
        &mut self,
        body: &Value,
        by: &Principal,
        now: i64,
    ) -> Result<u64, Refusal> {
        let body = body
            .as_object()
            .ok_or_else(|| Refusal::bad("an incident is an object"))?;
        let changes = self.read_new_fields(body)?;
        let artifacts = list(body, "artifacts")?;
        let artifacts = artifacts
            .iter()
            .map(|artifact| self.read_artifact(artifact));
        let artifacts: Vec<_> = artifacts.collect::<Result<_, _>>()?;
        let notes = list(body, "comments")?.iter().map(read_note);
        let notes: Vec<_> = notes.collect::<Result<_, _>>()?;

        let id = self.next_incident;
        self.next_incident += 1;
        let mut incident = Incident {
            id,
            version: 1,
            ..Incident::default()
        };
        let set_by_platform = [
            ("create_date", json!(now)),
            ("inc_last_modified_date", json!(now)),
            ("plan_status", json!("A")),
            ("creator_id", json!(by.id)),
            ("owner_id", json!(by.id)),
            ("phase_id", json!(1004)),
            ("workspace", json!(1)),
        ];
        let set_by_platform = set_by_platform.map(|(name, value)| (name.to_owned(), value));
        incident.core.extend(set_by_platform);
        self.incidents.insert(id, incident);
        self.store(id, changes);
        for (type_id, value, description) in artifacts {
            self.store_artifact(id, type_id, value, description, by, now)?;
        }
        for (format, content) in notes {
            self.store_note(id, format, content, by, now)?;
        }
        self.fire(id, None, now);
        Ok(id)
    }

    fn read_new_fields(&self, body: &Map<String, Value>) -> Result<Vec<FieldChange>, Refusal> {
        /// Parts of an incident that are no fields, or that only the platform writes.
        const NOT_FIELDS: [&str; 6] = [
            "properties",
            "artifacts",
            "comments",
            "vers",
            "tasks",
            "pii",
        ];
        let mut changes = Vec::new();
        for (name, value) in body {
            if NOT_FIELDS.contains(&name.as_str()) {
                continue;
            }
            let place = self.catalog.core.get(name).map(Place::Core);
            changes.extend(self.accept(name, place, value)?);
        }
        let none = Map::new();
        let properties = match body.get("properties") {
            None | Some(Value::Null) => &none,
            Some(properties) => {
                (properties.as_object()).ok_or_else(|| Refusal::bad("properties is no object"))?
            }
        };
        for (name, value) in properties {
            let place = self.catalog.properties.get(name).map(Place::Property);
            changes.extend(self.accept(name, place, value)?);
        }
        let given = |place: &Place<'_>| {
            let slot = Slot::of(*place);
            changes
                .iter()
                .any(|(s, value)| *s == slot && !is_empty(value))
        };
        let core = self.catalog.core.values().map(Place::Core);
        let all = core.chain(self.catalog.properties.values().map(Place::Property));
        for place in all.filter(|place| place.field().required == Some(Required::Always)) {
            if !given(&place) {
                return Err(Refusal::bad(format!(
                    "field {} is required",
                    place.field().name
                )));
            }
        }
        Ok(changes)
    }

    /// The changes that a whole incident sent back asks for; the platform's own fields are passed over.
    pub(crate) fn read_changes(&self, body: &Value) -> Result<Vec<FieldChange>, Refusal> {
        let body = body
            .as_object()
            .ok_or_else(|| Refusal::bad("an incident is an object"))?;
        let mut changes = Vec::new();
        for (name, value) in body {
            if let Some(field) = self.catalog.core.get(name) {
                changes.extend(self.accept(name, Some(Place::Core(field)), value)?);
            }
        }
        let properties = body.get("properties").and_then(Value::as_object);
        for (name, value) in properties.into_iter().flatten() {
            let place = self.catalog.properties.get(name).map(Place::Property);
            changes.extend(self.accept(name, place, value)?);
        }
        Ok(changes)
    }

    /// Checks an export and keeps it until it is accepted.
    pub(crate) fn begin_import(&mut self, export: Value) -> Result<Value, Refusal> {
        let summary = self.catalog.clone().import(&export).map_err(Refusal::bad)?;
        let messages = summary.into_iter().filter(|(_, count)| *count > 0);
        let messages = messages.map(|(what, count)| {
            json!({"type": "INFO", "text": format!("{count} {what} will be created or replaced")})
        });
        let messages: Vec<Value> = messages.collect();
        let id = self.fresh_id();
        self.imports.insert(id, export);
        Ok(json!({"id": id, "status": "PENDING", "messages": messages}))
    }

    /// Carries out a pending import.
    pub(crate) fn accept_import(&mut self, id: u64) -> Result<(), Refusal> {
        let missing = || Refusal::missing(format!("there is no pending import {id}"));
        let export = self.imports.remove(&id).ok_or_else(missing)?;
        let mut catalog = self.catalog.clone();
        catalog.import(&export).map_err(Refusal::bad)?;
        self.catalog = catalog;
        Ok(())
    }

    /// Lets a reader read the queues of all destinations.
    pub(crate) fn grant(&mut self, list: &str, reader: u64) {
        for destination in &mut self.catalog.destinations {
            let readers = destination
                .definition
                .entry(list)
                .or_insert_with(|| json!([]));
            if let Value::Array(readers) = readers
                && !readers.contains(&json!(reader))
            {
                readers.push(json!(reader));
            }
        }
    }

    /// Whether a destination lists a reader.
    pub(crate) fn may_read(&self, destination: &str, list: &str, reader: u64) -> bool {
        let destination = self.catalog.destination(destination);
        let readers = destination
            .and_then(|d| d.definition.get(list))
            .and_then(Value::as_array);
        readers.is_some_and(|readers| readers.contains(&json!(reader)))
    }

    /// A field's new value, unless only the platform writes it.
    fn accept(
        &self,
        name: &str,
        place: Option<Place<'_>>,
        value: &Value,
    ) -> Result<Option<FieldChange>, Refusal> {
        let place = place.ok_or_else(|| Refusal::bad(format!("there is no field {name:?}")))?;
        if place.field().read_only {
            return Ok(None);
        }
        let value = place.field().accept(value).map_err(Refusal::bad)?;
        Ok(Some((Slot::of(place), value)))
    }

    /// Changes fields, all or none; tells whether anything differs from before.
    pub(crate) fn apply(
        &mut self,
        id: u64,
        changes: Vec<FieldChange>,
        now: i64,
    ) -> Result<bool, Refusal> {
        let incident = self.incident(id)?;
        // Of several changes of a field the last counts.
        let last: BTreeMap<Slot, Value> = changes.into_iter().collect();
        let differs = |(slot, value): &FieldChange| current(incident, slot) != value;
        let mut changes: Vec<_> = last.into_iter().filter(differs).collect();
        if changes.is_empty() {
            return Ok(false);
        }
        self.check_required(incident, &changes)?;
        let status = changes.iter().find(|(slot, _)| slot.is_core("plan_status"));
        if let Some((_, status)) = status {
            let end = if status == "C" {
                json!(now)
            } else {
                Value::Null
            };
            changes.push((core("end_date"), end));
        }
        changes.push((core("inc_last_modified_date"), json!(now)));
        let before = incident.dto(&self.catalog, true);
        self.store(id, changes);
        self.incident_mut(id)?.version += 1;
        self.fire(id, Some(&before), now);
        Ok(true)
    }

    fn check_required(&self, incident: &Incident, changes: &[FieldChange]) -> Result<(), Refusal> {
        let after = |place: Place<'_>| {
            let slot = Slot::of(place);
            let change = changes.iter().find(|(s, _)| *s == slot);
            change.map_or_else(|| incident.get(place), |(_, value)| value.clone())
        };
        let closing =
            (changes.iter()).any(|(slot, value)| slot.is_core("plan_status") && value == "C");
        if closing {
            let missing = self
                .catalog
                .required_on_close()
                .find(|place| is_empty(&after(*place)));
            if let Some(place) = missing {
                let name = &place.field().name;
                return Err(Refusal::bad(format!(
                    "field {name} is required to close an incident"
                )));
            }
        }
        for (slot, value) in changes {
            let fields = if slot.custom {
                &self.catalog.properties
            } else {
                &self.catalog.core
            };
            let always = fields.get(&slot.name).and_then(|field| field.required);
            if always == Some(Required::Always) && is_empty(value) {
                return Err(Refusal::bad(format!("field {} is required", slot.name)));
            }
        }
        Ok(())
    }

    fn store(&mut self, id: u64, changes: Vec<FieldChange>) {
        let Some(incident) = self.incidents.get_mut(&id) else {
            return;
        };
        for (slot, value) in changes {
            let values = match slot.custom {
                true => &mut incident.properties,
                false => &mut incident.core,
            };
            let old = match value.is_null() {
                true => values.remove(&slot.name),
                false => values.insert(slot.name.clone(), value.clone()),
            };
            if slot.custom {
                self.index
                    .moved(id, &slot.name, &old.unwrap_or_default(), &value);
            }
        }
    }

    /// Deletes an incident with everything that belongs to it.
    pub(crate) fn delete(&mut self, id: u64) -> Result<(), Refusal> {
        self.incident(id)?;
        if let Some(incident) = self.incidents.remove(&id) {
            for (name, value) in &incident.properties {
                self.index.moved(id, name, value, &Value::Null);
            }
        }
        Ok(())
    }

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

    fn read_artifact(&self, artifact: &Value) -> Result<(u64, String, Option<String>), Refusal> {
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

    fn store_artifact(
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

    fn store_note(
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

fn current<'i>(incident: &'i Incident, slot: &Slot) -> &'i Value {
    let values = match slot.custom {
        true => &incident.properties,
        false => &incident.core,
    };
    values.get(&slot.name).unwrap_or(&Value::Null)
}

fn core(name: &str) -> Slot {
    Slot {
        custom: false,
        name: name.to_owned(),
    }
}

fn read_note(note: &Value) -> Result<(String, String), Refusal> {
    let content = text_content(&note["text"]).ok_or_else(|| Refusal::bad("a note needs a text"))?;
    if content.is_empty() {
        return Err(Refusal::bad("a note needs a text"));
    }
    limits::check("the note", content, limits::NOTE).map_err(Refusal::bad)?;
    let format = note["text"]["format"].as_str().unwrap_or("html");
    Ok((format.to_owned(), content.to_owned()))
}

fn list<'v>(body: &'v Map<String, Value>, name: &str) -> Result<&'v [Value], Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Refusal::bad(format!("{name} is no list"))),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
