//! The export document around the customizations.

use serde_json::{Value, json};

use super::definitions::Definitions;
use super::{fields, functions, rules, workflows};

/// When everything here was made, in epoch milliseconds: fixed, since a clock would make every
/// build differ.
pub(super) const MODIFIED: u64 = 1_767_225_600_000;

/// Whom the export names as the last to change its functions and workflows.
pub(super) const AUTHOR: &str = "fn-aws-guardduty";

/// A platform refuses the export of a newer one, so this is an old one; it runs Python 3 scripts.
const SERVER_VERSION: (u64, u64, u64) = (LOWEST_PLATFORM, 0, 7888);

/// The lowest major release of a platform that runs these scripts, which are Python 3.
pub const LOWEST_PLATFORM: u64 = 45;

/// The first number of a platform's release, which newer ones tell as `v` and leave `major` at 0.
pub(super) fn export_version(version: &Value) -> Option<u64> {
    version["v"].as_u64().or_else(|| version["major"].as_u64())
}

/// The whole document, empty lists for what it does not touch.
pub(super) fn assemble(definitions: &Definitions) -> Value {
    let actions = numbered(definitions.workflows.iter().flat_map(rules::rules_of), "id");
    let action_order: Vec<&Value> = actions.iter().map(|action| &action["uuid"]).collect();
    let (major, minor, build_number) = SERVER_VERSION;
    json!({
        "export_format_version": 2,
        "export_type": null,
        "export_date": MODIFIED,
        "id": 1,
        "locale": null,
        "server_version": {
            "major": major,
            "minor": minor,
            "build_number": build_number,
            "version": format!("{major}.{minor}.{build_number}"),
        },
        "message_destinations": [functions::message_destination(&definitions.message_destination)],
        "functions": numbered(function_objects(definitions), "id"),
        "workflows": numbered(workflow_objects(definitions), "workflow_id"),
        "action_order": action_order,
        "actions": actions,
        "fields": numbered(field_objects(definitions), "id"),
        "types": fields::data_tables(&definitions.data_tables),
        "incident_artifact_types": definitions.artifact_types.iter().map(fields::artifact_type).collect::<Vec<_>>(),
        "incident_types": [internal_incident_type()],
        "apps": [],
        "automatic_tasks": [],
        "inbound_destinations": [],
        "layouts": [],
        "phases": [],
        "playbooks": [],
        "roles": [],
        "scripts": [],
        "tags": [],
        "task_order": [],
        "workspaces": [],
        "geos": null,
        "groups": null,
        "inbound_mailboxes": null,
        "industries": null,
        "notifications": null,
        "overrides": null,
        "regulators": null,
        "timeframes": null,
    })
}

fn function_objects(definitions: &Definitions) -> impl Iterator<Item = Value> + '_ {
    definitions
        .functions
        .iter()
        .map(|function| functions::function(function, definitions))
}

fn workflow_objects(definitions: &Definitions) -> impl Iterator<Item = Value> + '_ {
    definitions.workflows.iter().filter_map(|workflow| {
        let function = definitions.function_of(workflow)?;
        Some(workflows::workflow(workflow, function))
    })
}

fn field_objects(definitions: &Definitions) -> impl Iterator<Item = Value> + '_ {
    let inputs = definitions
        .function_inputs
        .iter()
        .map(fields::function_input);
    let of_incidents = definitions
        .incident_fields
        .iter()
        .map(fields::incident_field);
    inputs.chain(of_incidents).chain([internal_field()])
}

/// Within its list an object has a number of its own; the platform gives it another.
fn numbered(objects: impl Iterator<Item = Value>, key: &str) -> Vec<Value> {
    (1..)
        .zip(objects)
        .map(|(number, mut object)| {
            object[key] = Value::from(number);
            object
        })
        .collect()
}

/// An import needs an incident type; every app of IBM's brings this one, disabled.
fn internal_incident_type() -> Value {
    let name = "Customization Packages (internal)";
    json!({
        "id": 0,
        "name": name,
        "export_key": name,
        "uuid": "bfeec2d4-3770-11e8-ad39-4a0004044aa0",
        "description": name,
        "enabled": false,
        "hidden": false,
        "parent_id": null,
        "system": false,
        "create_date": MODIFIED,
        "update_date": MODIFIED,
        "tags": [],
    })
}

/// An import needs an incident field as well, and this one every platform has.
fn internal_field() -> Value {
    json!({
        "id": 0,
        "name": "internal_customizations_field",
        "export_key": "incident/internal_customizations_field",
        "uuid": "bfeec2d4-3770-11e8-ad39-4a0004044aa1",
        "type_id": 0,
        "text": "Customizations Field (internal)",
        "input_type": "text",
        "internal": true,
        "read_only": true,
        "tags": [],
    })
}
