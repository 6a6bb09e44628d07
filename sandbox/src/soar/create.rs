//! New incidents, and incidents sent back whole.

use serde_json::{Map, Value, json};

use super::catalog::Place;
use super::catalog::field::Required;
use super::change::{FieldChange, Slot, is_empty};
use super::incident::{Incident, Principal};
use super::parts::read_note;
use super::refusal::Refusal;
use super::state::State;

impl State {
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
            ("id", json!(id)),
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
            changes.extend(accept(name, place, value)?);
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
            changes.extend(accept(name, place, value)?);
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
                changes.extend(accept(name, Some(Place::Core(field)), value)?);
            }
        }
        let properties = body.get("properties").and_then(Value::as_object);
        for (name, value) in properties.into_iter().flatten() {
            let place = self.catalog.properties.get(name).map(Place::Property);
            changes.extend(accept(name, place, value)?);
        }
        Ok(changes)
    }
}

/// A field's new value, unless only the platform writes it.
fn accept(
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

fn list<'v>(body: &'v Map<String, Value>, name: &str) -> Result<&'v [Value], Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Refusal::bad(format!("{name} is no list"))),
    }
}
