//! Reading an export document into the catalog.

mod automation;
mod schema;

use serde_json::{Map, Value};

use super::Catalog;

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
        done("playbooks", self.import_playbooks(export)?);
        done("layouts", self.import_layouts(export));
        Ok(summary)
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

/// An object that is known by the same name must be the same object: a platform would not tell which of the two is
/// meant by those that refer to it.
fn check_identity(
    what: &str,
    name: &str,
    known: Option<&Value>,
    object: &Map<String, Value>,
) -> Result<(), String> {
    match (known.and_then(Value::as_str), object.get("uuid")) {
        (Some(known), Some(Value::String(uuid))) if known != uuid => Err(format!(
            "{what} {name} exists with the uuid {known}, which is not {uuid}"
        )),
        _ => Ok(()),
    }
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
