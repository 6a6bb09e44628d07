//! Functions and their message destination in export form.

use serde_json::{Value, json};

use super::definitions::{Definitions, DestinationKind, Function, MessageDestination, Workflow};
use super::document::{AUTHOR, MODIFIED};
use super::identifiers::{function_input_uuid, function_uuid, uuid_of};
use super::mark::Mark;

/// The queue. Who may read it, an API key or a user, is granted on the platform.
pub(super) fn message_destination(destination: &MessageDestination) -> Value {
    let destination_type = match destination.kind {
        DestinationKind::Queue => 0,
        DestinationKind::Topic => 1,
    };
    json!({
        "name": destination.name,
        "programmatic_name": destination.name,
        "export_key": destination.name,
        "uuid": uuid_of("message_destinations", &destination.name),
        "destination_type": destination_type,
        "expect_ack": destination.expect_ack,
        "users": [],
        "api_keys": [],
        "tags": [],
    })
}

/// A function with the workflows that call it.
pub(super) fn function(function: &Function, definitions: &Definitions) -> Value {
    let callers: Vec<Value> = definitions
        .workflows
        .iter()
        .filter(|workflow| workflow.definition.function == function.name)
        .map(caller)
        .collect();
    json!({
        "id": 0,
        "name": function.name,
        "display_name": function.display_name,
        "export_key": function.name,
        "uuid": function_uuid(&function.name),
        "version": 1,
        "description": { "format": "text", "content": Mark::own(None).on(&function.description) },
        "destination_handle": function.message_destination,
        "view_items": function.inputs.iter().map(|name| view_item(name)).collect::<Vec<_>>(),
        "output_description": { "format": "text", "content": null },
        "output_json_example": output_example(&function.output_example),
        "output_json_schema": null,
        "workflows": callers,
        "created_date": MODIFIED,
        "last_modified_time": MODIFIED,
        "last_modified_by": { "id": 0, "type": "apikey", "name": AUTHOR, "display_name": AUTHOR },
        "tags": [],
    })
}

/// The example as text, `raw` filled in: what a function returns repeats its content there.
fn output_example(example: &Value) -> String {
    let mut example = example.clone();
    let raw = example["content"].to_string();
    example["raw"] = Value::String(raw);
    format!("{example:#}")
}

fn view_item(input: &str) -> Value {
    json!({
        "content": function_input_uuid(input),
        "element": "field_uuid",
        "field_type": "__function",
        "show_if": null,
        "show_link_header": false,
        "step_label": null,
    })
}

fn caller(workflow: &Workflow) -> Value {
    json!({
        "workflow_id": 0,
        "name": workflow.definition.display_name,
        "programmatic_name": workflow.definition.name,
        "object_type": workflow.definition.object_type,
        "description": null,
        "uuid": null,
        "actions": [],
        "tags": [],
    })
}
