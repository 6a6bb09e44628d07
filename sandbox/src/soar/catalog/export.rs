//! The configuration as an export document, the form in which it can be imported elsewhere.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::field::Field;
use super::{Catalog, Destination, Function, Table};

/// Which parts an export is to hold; fields, tables and types are always in it.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(crate) struct Selection {
    layouts: bool,
    /// Rules and what they lead to: workflows, functions, message destinations.
    actions: bool,
    playbooks: bool,
}

impl Selection {
    /// Everything.
    pub(crate) const ALL: Self = Self {
        layouts: true,
        actions: true,
        playbooks: true,
    };
}

impl Catalog {
    /// The document without the header that names the platform; `reader` names an API key by its id.
    pub(crate) fn export(&self, selection: Selection, reader: &dyn Fn(u64) -> String) -> Value {
        let when = |wanted: bool, list: Vec<Value>| if wanted { list } else { Vec::new() };
        let actions = |list| when(selection.actions, list);
        json!({
            "action_order": actions(self.rules.iter().map(|rule| rule.definition["uuid"].clone()).collect()),
            "actions": actions(self.rules_exported()),
            "apps": [],
            "automatic_tasks": [],
            "fields": self.fields_exported(),
            "functions": actions(self.functions.values().map(Function::exported).collect()),
            "inbound_destinations": [],
            "incident_artifact_types": self.artifact_types_exported(),
            "incident_types": [internal_incident_type()],
            "layouts": when(selection.layouts, self.layouts.clone()),
            "message_destinations": actions(self.destinations.iter().map(|d| d.exported(reader)).collect()),
            "phases": [],
            "playbooks": when(selection.playbooks, self.playbooks.clone()),
            "roles": [],
            "scripts": [],
            "tags": [],
            "task_order": [],
            "types": self.tables.values().map(Table::exported).collect::<Vec<_>>(),
            "workflows": actions(self.workflows_exported()),
            "workspaces": [],
            "geos": null, "groups": null, "inbound_mailboxes": null, "industries": null,
            "notifications": null, "overrides": [], "regulators": null, "timeframes": null,
        })
    }

    fn rules_exported(&self) -> Vec<Value> {
        let rules = self.rules.iter().map(|rule| {
            let mut object = rule.definition.clone();
            object["id"] = rule.id.into();
            object["enabled"] = rule.enabled.into();
            object
        });
        rules.collect()
    }

    fn fields_exported(&self) -> Vec<Value> {
        let kinds = [
            &self.core,
            &self.properties,
            &self.inputs,
            &self.activity_fields,
        ];
        let fields = kinds.into_iter().flat_map(|fields| fields.values());
        fields.map(Field::dto).collect()
    }

    fn artifact_types_exported(&self) -> Vec<Value> {
        let types = self.artifact_types.iter();
        types
            .map(|kind| Value::Object(kind.definition.clone()))
            .collect()
    }

    fn workflows_exported(&self) -> Vec<Value> {
        let workflows = self.workflows.values().map(|workflow| {
            let mut object = workflow.definition.clone();
            object.insert("workflow_id".to_owned(), workflow.id.into());
            Value::Object(object)
        });
        workflows.collect()
    }
}

impl Function {
    fn exported(&self) -> Value {
        self.dto(None, true)
    }
}

impl Table {
    fn exported(&self) -> Value {
        let mut object = self.dto();
        object["id"] = Value::Null;
        object
    }
}

impl Destination {
    /// Who may read it is named and not numbered here; users stay with their platform.
    fn exported(&self, reader: &dyn Fn(u64) -> String) -> Value {
        let mut object: Map<String, Value> = self.definition.clone();
        let keys = object.get("api_keys").and_then(Value::as_array);
        let keys = keys.into_iter().flatten().filter_map(Value::as_u64);
        let keys: Vec<String> = keys.map(reader).collect();
        object.insert("api_keys".to_owned(), keys.into());
        object.insert("users".to_owned(), json!([]));
        Value::Object(object)
    }
}

fn internal_incident_type() -> Value {
    let name = "Customization Packages (internal)";
    json!({
        "id": 0, "name": name, "export_key": name, "uuid": "bfeec2d4-3770-11e8-ad39-4a0004044aa0",
        "description": name, "enabled": false, "hidden": false, "parent_id": null, "system": false,
        "create_date": 0, "update_date": 0, "tags": [],
    })
}
