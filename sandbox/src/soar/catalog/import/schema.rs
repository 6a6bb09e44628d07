//! What incidents are made of, and where messages go.

use serde_json::{Map, Value};

use super::{check_identity, count, objects, text};
use crate::soar::catalog::field::{Choice, Field, Kind, Required};
use crate::soar::catalog::{ArtifactType, Catalog, Destination, Table};
use crate::soar::limits;

impl Catalog {
    pub(super) fn import_destinations(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "message_destinations")? {
            let name = text(object, "programmatic_name")?;
            let mut definition = object.clone();
            definition.insert("users".to_owned(), Value::Array(Vec::new()));
            definition.insert("api_keys".to_owned(), Value::Array(Vec::new()));
            if let Some(known) = self.destinations.iter_mut().find(|d| d.name == name) {
                let uuid = known.definition.get("uuid");
                check_identity("message destination", &name, uuid, object)?;
                for kept in ["users", "api_keys"] {
                    let value = known.definition.get(kept).cloned();
                    definition.insert(kept.to_owned(), value.unwrap_or_default());
                }
                known.definition = definition;
                continue;
            }
            let id = self.fresh_id();
            self.destinations.push(Destination {
                id,
                name,
                definition,
            });
        }
        count(export, "message_destinations")
    }

    pub(super) fn import_fields(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "fields")? {
            let key = text(object, "export_key")?;
            let (kind, _) = key
                .split_once('/')
                .ok_or_else(|| format!("field {key} names no type"))?;
            let limit = match text(object, "input_type")?.as_str() {
                "textarea" => limits::TEXT_AREA,
                _ => limits::TEXT_FIELD,
            };
            let field = self.read_field(object, limit)?;
            let fields = match kind {
                "incident" if self.core.contains_key(&field.name) => continue,
                "incident" => &mut self.properties,
                "__function" => &mut self.inputs,
                "actioninvocation" => &mut self.activity_fields,
                other => return Err(format!("field {key} belongs to the unknown type {other}")),
            };
            let known = fields.remove(&field.name);
            check_succession(&key, known.as_ref(), object)?;
            fields.insert(field.name.clone(), field.succeed(known.as_ref()));
        }
        count(export, "fields")
    }

    fn read_field(&mut self, object: &Map<String, Value>, limit: usize) -> Result<Field, String> {
        let name = text(object, "name")?;
        let input_type = text(object, "input_type")?;
        let kind = Kind::customizable(&input_type)
            .ok_or_else(|| format!("field {name} has the input type {input_type}"))?;
        let required = match object.get("required").and_then(Value::as_str) {
            None => None,
            Some("always") => Some(Required::Always),
            Some("close") => Some(Required::Close),
            Some(other) => return Err(format!("field {name} is required {other:?}")),
        };
        let values = object.get("values").and_then(Value::as_array);
        let choices = values.into_iter().flatten().map(|value| {
            let label = value["label"].as_str().or_else(|| value["value"].as_str());
            Choice {
                value: self.fresh_id().into(),
                label: label.unwrap_or_default().to_owned(),
                uuid: value["uuid"].as_str().unwrap_or_default().to_owned(),
            }
        });
        let choices = choices.collect();
        let field = Field {
            id: self.fresh_id(),
            uuid: text(object, "uuid")?,
            name,
            kind,
            required,
            read_only: false,
            limit,
            choices,
            definition: object.clone(),
        };
        Ok(field)
    }

    pub(super) fn import_tables(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "types")? {
            let name = text(object, "type_name")?;
            let earlier = self.tables.remove(&name);
            let uuid = earlier.as_ref().and_then(|t| t.definition.get("uuid"));
            check_identity("data table", &name, uuid, object)?;
            let id = earlier.as_ref().map(|table| table.id);
            let id = id.unwrap_or_else(|| self.fresh_id());
            let fields = object.get("fields").and_then(Value::as_object);
            let fields = fields.ok_or_else(|| format!("data table {name} has no fields"))?;
            let mut columns = Vec::new();
            for (key, column) in fields {
                let column = column
                    .as_object()
                    .ok_or_else(|| format!("column {key} is no object"))?;
                let field = self.read_field(column, limits::CELL)?;
                if field.name != *key {
                    return Err(format!("column {key} of {name} is called {}", field.name));
                }
                let earlier = earlier.as_ref().and_then(|table| table.column(key));
                check_succession(&format!("{name}/{key}"), earlier, column)?;
                let order = column
                    .get("order")
                    .and_then(Value::as_u64)
                    .unwrap_or(u64::MAX);
                columns.push((order, field.succeed(earlier)));
            }
            columns.sort_by_key(|(order, _)| *order);
            let table = Table {
                id,
                columns: columns.into_iter().map(|(_, field)| field).collect(),
                definition: object.clone(),
            };
            self.tables.insert(name, table);
        }
        count(export, "types")
    }

    pub(super) fn import_artifact_types(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "incident_artifact_types")? {
            let programmatic_name = text(object, "programmatic_name")?;
            let named = |t: &&mut ArtifactType| t.programmatic_name == programmatic_name;
            if let Some(known) = self.artifact_types.iter_mut().find(named) {
                let uuid = Value::from(known.uuid.clone());
                check_identity("artifact type", &programmatic_name, Some(&uuid), object)?;
                known.name = text(object, "name")?;
                known.definition.clone_from(object);
                continue;
            }
            let id = self.fresh_id();
            self.artifact_types.push(ArtifactType {
                id,
                name: text(object, "name")?,
                programmatic_name,
                definition: object.clone(),
                uuid: text(object, "uuid")?,
            });
        }
        count(export, "incident_artifact_types")
    }

    /// A playbook is known by its API name.
    pub(super) fn import_playbooks(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "playbooks")? {
            let name = text(object, "name")?;
            self.playbooks.retain(|known| known["name"] != name);
            self.playbooks.push(Value::Object(object.clone()));
        }
        count(export, "playbooks")
    }

    /// As on a real platform, a layout in an import replaces the customer's own of the same kind.
    pub(super) fn import_layouts(&mut self, export: &Value) -> usize {
        let layouts = export["layouts"].as_array().cloned().unwrap_or_default();
        for mut layout in layouts.iter().cloned() {
            let same =
                |known: &Value| known["type"] == layout["type"] && known["name"] == layout["name"];
            let place = self.layouts.iter().position(same);
            layout["id"] = match place {
                Some(at) => self.layouts[at]["id"].clone(),
                None => self.fresh_id().into(),
            };
            match place {
                Some(at) => self.layouts[at] = layout,
                None => self.layouts.push(layout),
            }
        }
        layouts.len()
    }
}

/// A field or column keeps its identity and its type: its values are stored already.
fn check_succession(
    key: &str,
    earlier: Option<&Field>,
    object: &Map<String, Value>,
) -> Result<(), String> {
    let Some(earlier) = earlier else {
        return Ok(());
    };
    let (known, wanted) = (
        earlier.definition.get("input_type"),
        object.get("input_type"),
    );
    if known != wanted {
        let (known, wanted) = (
            known.unwrap_or(&Value::Null),
            wanted.unwrap_or(&Value::Null),
        );
        return Err(format!("field {key} is {known} and cannot become {wanted}"));
    }
    let uuid = Value::from(earlier.uuid.clone());
    check_identity("field", key, Some(&uuid), object)
}
