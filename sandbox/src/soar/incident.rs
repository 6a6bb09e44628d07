//! An incident as it is kept, and as REST shows it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::catalog::{Catalog, Place};

/// Who does something on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) id: u64,
    /// `user`, `apikey` or `system`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) display_name: String,
    /// Whether configuration may be changed and incidents deleted.
    pub(crate) administrator: bool,
}

impl Principal {
    /// In whose name workflows act.
    pub(crate) fn workflow() -> Self {
        Self {
            id: 2,
            kind: "system",
            name: "workflow".to_owned(),
            display_name: "Workflow".to_owned(),
            administrator: false,
        }
    }

    pub(crate) fn dto(&self) -> Value {
        json!({
            "id": self.id, "type": self.kind, "name": self.name, "display_name": self.display_name,
        })
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Incident {
    pub(crate) id: u64,
    /// Grows by one with every change of a field.
    pub(crate) version: u64,
    /// Built-in fields that have a value; selects by id.
    pub(crate) core: BTreeMap<String, Value>,
    /// Custom fields that have a value; selects by id.
    pub(crate) properties: BTreeMap<String, Value>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) notes: Vec<Note>,
    pub(crate) tables: BTreeMap<String, Vec<Row>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) id: u64,
    pub(crate) type_id: u64,
    pub(crate) value: String,
    pub(crate) description: Option<String>,
    pub(crate) created: i64,
    pub(crate) creator: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) id: u64,
    /// `text` or `html`.
    pub(crate) format: String,
    pub(crate) content: String,
    pub(crate) created: i64,
    pub(crate) author: Principal,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) cells: BTreeMap<String, Value>,
}

impl Incident {
    /// A field's value; null where it has none.
    pub(crate) fn get(&self, place: Place<'_>) -> &Value {
        let value = match place {
            Place::Core(field) => self.core.get(&field.name),
            Place::Property(field) => self.properties.get(&field.name),
        };
        value.unwrap_or(&Value::Null)
    }

    /// The incident's own fields, without what belongs to it.
    pub(crate) fn dto(&self, catalog: &Catalog, names: bool) -> Value {
        let mut dto = Map::new();
        dto.insert("vers".to_owned(), self.version.into());
        for (name, field) in &catalog.core {
            let stored = self.core.get(name).unwrap_or(&Value::Null);
            dto.insert(name.clone(), field.show(stored, names));
        }
        let properties = catalog.properties.iter().map(|(name, field)| {
            let stored = self.properties.get(name).unwrap_or(&Value::Null);
            (name.clone(), field.show(stored, names))
        });
        dto.insert("properties".to_owned(), Value::Object(properties.collect()));
        Value::Object(dto)
    }
}

impl Artifact {
    pub(crate) fn dto(&self, incident: u64, catalog: &Catalog, names: bool) -> Value {
        let known = catalog.artifact_types.iter().find(|t| t.id == self.type_id);
        let kind = match known {
            Some(kind) if names => Value::from(kind.name.clone()),
            _ => self.type_id.into(),
        };
        json!({
            "id": self.id, "type": kind, "value": self.value, "description": self.description,
            "inc_id": incident, "created": self.created, "creator_principal": {"id": self.creator},
            "attachment": null, "hits": [], "relating": true, "properties": null, "actions": [],
        })
    }
}

impl Note {
    /// `objects` keeps the format, where the caller asked for text content objects.
    pub(crate) fn dto(&self, incident: u64, objects: bool) -> Value {
        let text = if objects {
            json!({"format": self.format, "content": self.content})
        } else {
            Value::from(self.content.clone())
        };
        json!({
            "id": self.id, "type": "incident", "inc_id": incident, "parent_id": null, "text": text,
            "create_date": self.created, "user_id": self.author.id, "principal": self.author.dto(),
            "user_name": self.author.display_name, "is_deleted": false, "children": [],
            "mentioned_users": [], "actions": [],
        })
    }
}

impl Row {
    /// Cells are keyed by column id, or by column name where the caller asked for names.
    pub(crate) fn dto(&self, table: &str, catalog: &Catalog, names: bool) -> Value {
        let columns = catalog.tables.get(table).map(|table| &table.columns);
        let cells = columns.into_iter().flatten().filter_map(|column| {
            let value = column.show(self.cells.get(&column.name)?, names);
            let key = if names {
                column.name.clone()
            } else {
                column.id.to_string()
            };
            let cell = json!({"id": if names { json!(column.name) } else { json!(column.id) },
                "row_id": self.id, "value": value});
            Some((key, cell))
        });
        let cells: Map<String, Value> = cells.collect();
        json!({"id": self.id, "cells": cells, "actions": [], "playbooks": [], "version": 1})
    }
}
