//! Functions, the workflows that call them, the rules that start those.

use serde_json::{Map, Value};

use super::{check_identity, count, objects, text};
use crate::automation::{self, parse_workflow};
use crate::soar::catalog::{Catalog, Function, Rule, Workflow};

impl Catalog {
    pub(super) fn import_functions(&mut self, export: &Value) -> Result<usize, String> {
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
            let known = self.functions.get(&name);
            let uuid = known.and_then(|known| known.definition.get("uuid"));
            check_identity("function", &name, uuid, object)?;
            let known = known.map(|function| function.id);
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

    pub(super) fn import_workflows(&mut self, export: &Value) -> Result<usize, String> {
        for object in objects(export, "workflows")? {
            let programmatic_name = text(object, "programmatic_name")?;
            let xml = object
                .get("content")
                .and_then(|content| content["xml"].as_str());
            let xml = xml.ok_or_else(|| format!("workflow {programmatic_name} has no XML"))?;
            let known = self.workflows.get(&programmatic_name);
            let uuid = known.and_then(|known| known.definition.get("uuid"));
            check_identity("workflow", &programmatic_name, uuid, object)?;
            let known = known.map(|workflow| workflow.id);
            let id = known.unwrap_or_else(|| self.fresh_id());
            let workflow = Workflow {
                id,
                name: text(object, "name")?,
                programmatic_name: programmatic_name.clone(),
                parsed: self.read_workflow(xml)?,
                definition: object.clone(),
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

    pub(super) fn import_rules(&mut self, export: &Value) -> Result<usize, String> {
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
            let known = self.rule(&name);
            let uuid = known.map(|rule| &rule.definition["uuid"]);
            check_identity("rule", &name, uuid, object)?;
            let known = known.map(|rule| rule.id);
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
}
