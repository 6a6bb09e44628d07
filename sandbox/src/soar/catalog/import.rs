//! Reading an export document into the catalog.

use serde_json::{Map, Value};

use super::field::{Choice, Field, Kind, Required};
use super::{ArtifactType, Catalog, Destination, Function, Rule, Table, Workflow};
use crate::automation::{self, parse_workflow};
use crate::soar::limits;

/// What an import did, by kind of object.
pub(crate) type Summary = Vec<(&'static str, usize)>;

impl Catalog {
    /// Adds or replaces everything that the document defines; on an error the catalog is half changed and must be
    /// thrown away.
    pub(crate) fn import(&mut self, export: &Value) -> Result<Summary, String> {
        check_header(export)?;
        check_simulated(export)?;
        let mut summary = Summary::new();
        let mut done = |what, count| summary.push((what, count));
        done("message destinations", self.import_destinations(export)?);
        done("fields", self.import_fields(export)?);
        done("data tables", self.import_tables(export)?);
        done("artifact types", self.import_artifact_types(export)?);
        done("functions", self.import_functions(export)?);
        done("workflows", self.import_workflows(export)?);
        done("rules", self.import_rules(export)?);
        done("layouts", self.import_layouts(export));
        Ok(summary)
    }

    fn import_destinations(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "message_destinations")? {
            let name = text(object, "programmatic_name")?;
            let mut definition = object.clone();
            definition.insert("users".to_owned(), Value::Array(Vec::new()));
            definition.insert("api_keys".to_owned(), Value::Array(Vec::new()));
            if let Some(known) = self.destinations.iter_mut().find(|d| d.name == name) {
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

    fn import_fields(&mut self, export: &Value) -> Result<usize, String> {
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
            fields.insert(field.name.clone(), field);
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

    fn import_tables(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "types")? {
            let name = text(object, "type_name")?;
            let known = self.tables.get(&name);
            let id = known.map(|table| table.id);
            let id = id.unwrap_or_else(|| self.fresh_id());
            let fields = object.get("fields").and_then(Value::as_object);
            let fields = fields.ok_or_else(|| format!("data table {name} has no fields"))?;
            let mut columns = Vec::new();
            for (key, column) in fields {
                let column = column
                    .as_object()
                    .ok_or_else(|| format!("column {key} is no object"))?;
                let known = (self.tables.get(&name))
                    .and_then(|t| t.column(key))
                    .map(|c| c.id);
                let mut field = self.read_field(column, limits::CELL)?;
                if field.name != *key {
                    return Err(format!("column {key} of {name} is called {}", field.name));
                }
                field.id = known.unwrap_or(field.id);
                let order = column
                    .get("order")
                    .and_then(Value::as_u64)
                    .unwrap_or(u64::MAX);
                columns.push((order, field));
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

    fn import_artifact_types(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "incident_artifact_types")? {
            let programmatic_name = text(object, "programmatic_name")?;
            let named = |t: &&mut ArtifactType| t.programmatic_name == programmatic_name;
            let description = object.get("desc").and_then(Value::as_str).unwrap_or("");
            if let Some(known) = self.artifact_types.iter_mut().find(named) {
                known.name = text(object, "name")?;
                description.clone_into(&mut known.description);
                continue;
            }
            let id = self.fresh_id();
            self.artifact_types.push(ArtifactType {
                id,
                name: text(object, "name")?,
                programmatic_name,
                description: description.to_owned(),
                uuid: text(object, "uuid")?,
            });
        }
        count(export, "incident_artifact_types")
    }

    fn import_functions(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "functions")? {
            let name = text(object, "name")?;
            let destination = text(object, "destination_handle")?;
            if self.destination(&destination).is_none() {
                let message =
                    format!("function {name} uses the unknown message destination {destination}");
                return Err(message);
            }
            for item in objects(&Value::Object(object.clone()), "view_items")? {
                let uuid = text(item, "content")?;
                if !self.inputs.values().any(|input| input.uuid == uuid) {
                    return Err(format!("function {name} shows the unknown input {uuid}"));
                }
            }
            let known = self.functions.get(&name).map(|function| function.id);
            let id = known.unwrap_or_else(|| self.fresh_id());
            let function = Function {
                id,
                name: name.clone(),
                display_name: text(object, "display_name")?,
                destination,
                uuid: text(object, "uuid")?,
                definition: object.clone(),
            };
            self.functions.insert(name, function);
        }
        count(export, "functions")
    }

    fn import_workflows(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "workflows")? {
            let programmatic_name = text(object, "programmatic_name")?;
            let xml = object
                .get("content")
                .and_then(|content| content["xml"].as_str());
            let xml = xml.ok_or_else(|| format!("workflow {programmatic_name} has no XML"))?;
            let known = self
                .workflows
                .get(&programmatic_name)
                .map(|workflow| workflow.id);
            let id = known.unwrap_or_else(|| self.fresh_id());
            let workflow = Workflow {
                id,
                name: text(object, "name")?,
                programmatic_name: programmatic_name.clone(),
                parsed: self.read_workflow(xml)?,
            };
            self.workflows.insert(programmatic_name, workflow);
        }
        count(export, "workflows")
    }

    fn read_workflow(&self, xml: &str) -> Result<automation::Workflow, String> {
        let parsed = parse_workflow(xml).map_err(|error| error.to_string())?;
        for task in &parsed.tasks {
            if !self
                .functions
                .values()
                .any(|function| function.uuid == task.function)
            {
                let message = format!(
                    "workflow {} calls the unknown function {}",
                    parsed.id, task.function
                );
                return Err(message);
            }
        }
        Ok(parsed)
    }

    fn import_rules(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "actions")? {
            let name = text(object, "name")?;
            let workflows = object.get("workflows").and_then(Value::as_array);
            let workflows: Vec<String> = (workflows.into_iter().flatten())
                .filter_map(|workflow| workflow.as_str().map(str::to_owned))
                .collect();
            if let Some(unknown) = workflows.iter().find(|w| !self.workflows.contains_key(*w)) {
                return Err(format!("rule {name} starts the unknown workflow {unknown}"));
            }
            self.check_conditions(&name, object)?;
            let known = self.rule(&name).map(|rule| rule.id);
            let id = known.unwrap_or_else(|| self.fresh_id());
            self.rules.retain(|rule| rule.name != name);
            self.rules.push(Rule {
                id,
                enabled: object
                    .get("enabled")
                    .and_then(Value::as_bool)
                    .unwrap_or(true),
                automatic: object.get("type").and_then(Value::as_u64) == Some(0),
                workflows,
                definition: Value::Object(object.clone()),
                name,
            });
        }
        count(export, "actions")
    }

    fn check_conditions(&self, rule: &str, object: &Map<String, Value>) -> Result<(), String> {
        for condition in objects(&Value::Object(object.clone()), "conditions")? {
            let Some(name) = condition.get("field_name").and_then(Value::as_str) else {
                continue;
            };
            let name = name.strip_prefix("incident.").unwrap_or(name);
            if self.queried(name).is_none() {
                return Err(format!(
                    "rule {rule} has a condition on the unknown field {name}"
                ));
            }
        }
        Ok(())
    }

    /// As on a real platform, a layout in an import replaces the customer's own of the same kind.
    fn import_layouts(&mut self, export: &Value) -> usize {
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

/// What every import must have; the last two are how IBM's own tools write a minimal export.
fn check_header(export: &Value) -> Result<(), String> {
    if export["export_format_version"].as_u64() != Some(2) {
        return Err("export_format_version is not 2".to_owned());
    }
    if !export["server_version"]["version"].is_string() {
        return Err("server_version is missing".to_owned());
    }
    if objects(export, "incident_types")?.next().is_none() {
        return Err("an import needs at least one incident type".to_owned());
    }
    let incident = |field: &Map<String, Value>| {
        let key = field.get("export_key").and_then(Value::as_str);
        key.is_some_and(|key| key.starts_with("incident/"))
    };
    if !objects(export, "fields")?.any(incident) {
        return Err("an import needs at least one incident field".to_owned());
    }
    Ok(())
}

/// Refuses what would be accepted and then never happen.
fn check_simulated(export: &Value) -> Result<(), String> {
    if objects(export, "playbooks")?.next().is_some() {
        return Err("playbooks are not simulated".to_owned());
    }
    for rule in objects(export, "actions")? {
        let name = text(rule, "name")?;
        let empty = |list: &str| {
            rule.get(list)
                .and_then(Value::as_array)
                .is_none_or(Vec::is_empty)
        };
        if rule.get("object_type").and_then(Value::as_str) != Some("incident") {
            return Err(format!(
                "rule {name}: only rules of incidents are simulated"
            ));
        }
        if !empty("message_destinations") || !empty("automations") {
            return Err(format!("rule {name}: only workflows are simulated"));
        }
    }
    Ok(())
}

/// The objects of a list; an absent or null list is empty.
fn objects<'a>(
    owner: &'a Value,
    list: &'a str,
) -> Result<impl Iterator<Item = &'a Map<String, Value>>, String> {
    let items: &[Value] = match &owner[list] {
        Value::Null => &[],
        Value::Array(items) => items,
        _ => return Err(format!("{list} is no list")),
    };
    if items.iter().any(|item| !item.is_object()) {
        return Err(format!("{list} holds something that is no object"));
    }
    Ok(items.iter().filter_map(Value::as_object))
}

fn count(export: &Value, list: &str) -> Result<usize, String> {
    Ok(objects(export, list)?.count())
}

fn text(object: &Map<String, Value>, key: &str) -> Result<String, String> {
    let value = object.get(key).and_then(Value::as_str);
    value.map(str::to_owned).ok_or_else(|| {
        let name = object.get("name").or_else(|| object.get("export_key"));
        let name = name.cloned().unwrap_or_default();
        format!("{name} of the import has no {key}")
    })
}
