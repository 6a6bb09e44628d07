//! The organization's configuration: fields, tables, artifact types, functions, rules, workflows.

mod builtin;
mod export;
pub(crate) mod field;
mod import;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::automation;
pub(crate) use export::Selection;
use field::{Field, Required};

/// Everything that an administrator configures.
#[derive(Debug, Default, Clone)]
pub(crate) struct Catalog {
    last_id: u64,
    /// Built-in incident fields.
    pub(crate) core: BTreeMap<String, Field>,
    /// Custom incident fields, the `properties` of an incident.
    pub(crate) properties: BTreeMap<String, Field>,
    pub(crate) inputs: BTreeMap<String, Field>,
    pub(crate) activity_fields: BTreeMap<String, Field>,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) artifact_types: Vec<ArtifactType>,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) workflows: BTreeMap<String, Workflow>,
    pub(crate) layouts: Vec<Value>,
    /// Kept and shown as they were imported; they never run.
    pub(crate) playbooks: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) id: u64,
    pub(crate) columns: Vec<Field>,
    pub(crate) definition: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct ArtifactType {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) programmatic_name: String,
    pub(crate) definition: Map<String, Value>,
    pub(crate) uuid: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) definition: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) destination: String,
    pub(crate) uuid: String,
    pub(crate) definition: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) automatic: bool,
    pub(crate) workflows: Vec<String>,
    pub(crate) definition: Value,
}

#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) programmatic_name: String,
    pub(crate) parsed: automation::Workflow,
    pub(crate) definition: Map<String, Value>,
}

/// Where an incident keeps a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Core(&'a Field),
    Property(&'a Field),
}

impl<'a> Place<'a> {
    pub(crate) fn field(self) -> &'a Field {
        match self {
            Place::Core(field) | Place::Property(field) => field,
        }
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Field {}

impl Catalog {
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.last_id = self.last_id.max(1_000) + 1;
        self.last_id
    }

    /// A field by the name queries use: custom fields need their prefix.
    pub(crate) fn queried(&self, name: &str) -> Option<Place<'_>> {
        match name.strip_prefix("properties.") {
            Some(custom) => self.properties.get(custom).map(Place::Property),
            None => self.core.get(name).map(Place::Core),
        }
    }

    /// A field by the name changes use: a custom field may come without its prefix.
    pub(crate) fn changed(&self, name: &str) -> Option<Place<'_>> {
        let bare = || self.properties.get(name).map(Place::Property);
        self.queried(name).or_else(bare)
    }

    /// Names of the fields that must have a value when an incident is closed.
    pub(crate) fn required_on_close(&self) -> impl Iterator<Item = Place<'_>> {
        let core = self.core.values().map(Place::Core);
        let all = core.chain(self.properties.values().map(Place::Property));
        all.filter(|place| place.field().required == Some(Required::Close))
    }

    /// An artifact type by id, by name or by programmatic name; plain or in a handle.
    pub(crate) fn artifact_type(&self, value: &Value) -> Option<&ArtifactType> {
        let value = match value {
            Value::Object(handle) => handle.get("id").or_else(|| handle.get("name"))?,
            plain => plain,
        };
        self.artifact_types.iter().find(|kind| match value {
            Value::Number(id) => id.as_u64() == Some(kind.id),
            Value::String(name) => *name == kind.name || *name == kind.programmatic_name,
            _ => false,
        })
    }

    pub(crate) fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    pub(crate) fn destination(&self, name: &str) -> Option<&Destination> {
        self.destinations.iter().find(|d| d.name == name)
    }

    /// A type as `GET /types/<name>` shows it.
    pub(crate) fn type_dto(&self, name: &str) -> Option<Value> {
        if let Some(table) = self.tables.get(name) {
            return Some(table.dto());
        }
        let (id, display, fields) = match name {
            "incident" => (0, "Incident", self.fields("incident")?),
            "task" => (1, "Task", Vec::new()),
            "note" => (2, "Note", Vec::new()),
            "milestone" => (3, "Milestone", Vec::new()),
            "artifact" => (4, "Artifact", vec![self.artifact_type_field()]),
            "attachment" => (5, "Attachment", Vec::new()),
            "actioninvocation" => (6, "Action Invocation", self.fields(name)?),
            "organization" => (7, "Organization", Vec::new()),
            "__function" => (11, "Function", self.fields(name)?),
            _ => return None,
        };
        let by_name: Map<String, Value> = (fields.into_iter())
            .filter_map(|field| Some((field["name"].as_str()?.to_owned(), field)))
            .collect();
        Some(json!({
            "id": id, "type_id": id, "type_name": name, "display_name": display, "fields": by_name,
            "parent_types": [], "properties": null, "actions": [], "scripts": [], "tags": [],
        }))
    }

    /// All types by name, as `GET /types` shows them.
    pub(crate) fn types_dto(&self) -> Value {
        const BUILT_IN: [&str; 9] = [
            "incident",
            "task",
            "note",
            "milestone",
            "artifact",
            "attachment",
            "actioninvocation",
            "organization",
            "__function",
        ];
        let names = BUILT_IN
            .into_iter()
            .chain(self.tables.keys().map(String::as_str));
        let types = names.filter_map(|name| Some((name.to_owned(), self.type_dto(name)?)));
        Value::Object(types.collect())
    }

    /// The field definitions of a type, as `GET /types/<name>/fields` lists them.
    pub(crate) fn fields(&self, name: &str) -> Option<Vec<Value>> {
        let dtos = |fields: &BTreeMap<String, Field>| -> Vec<Value> {
            let mut sorted: Vec<&Field> = fields.values().collect();
            sorted.sort_by_key(|field| field.id);
            sorted.into_iter().map(Field::dto).collect()
        };
        Some(match name {
            "incident" => [dtos(&self.core), dtos(&self.properties)].concat(),
            "__function" => dtos(&self.inputs),
            "actioninvocation" => dtos(&self.activity_fields),
            "artifact" => vec![self.artifact_type_field()],
            table => self
                .tables
                .get(table)?
                .columns
                .iter()
                .map(Field::dto)
                .collect(),
        })
    }

    fn artifact_type_field(&self) -> Value {
        let values = self.artifact_types.iter().map(|kind| {
            json!({
                "value": kind.id, "label": kind.name, "uuid": kind.uuid, "enabled": true,
                "hidden": false, "default": false, "properties": null,
            })
        });
        json!({
            "id": 90, "name": "type", "text": "Type", "input_type": "select", "type_id": 4,
            "prefix": null, "required": "always", "values": values.collect::<Vec<_>>(),
        })
    }
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Field> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn dto(&self) -> Value {
        let mut dto = self.definition.clone();
        dto.insert("id".to_owned(), self.id.into());
        let fields = self.columns.iter().map(|c| (c.name.clone(), c.dto()));
        dto.insert("fields".to_owned(), Value::Object(fields.collect()));
        Value::Object(dto)
    }
}

impl Function {
    /// As REST shows it; the destination is a name only where the caller asked for names.
    pub(crate) fn dto(&self, destination: Option<&Destination>, names: bool) -> Value {
        let mut dto = self.definition.clone();
        dto.insert("id".to_owned(), self.id.into());
        let handle = match destination {
            Some(destination) if !names => destination.id.into(),
            _ => Value::from(self.destination.clone()),
        };
        dto.insert("destination_handle".to_owned(), handle);
        Value::Object(dto)
    }
}

impl Destination {
    pub(crate) fn dto(&self) -> Value {
        let mut dto = self.definition.clone();
        dto.insert("id".to_owned(), self.id.into());
        Value::Object(dto)
    }
}
