//! Workflows in export form: BPMN around one function call.

use quick_xml::escape::escape;
use serde_json::{Value, json};

use super::content;
use super::definitions::{Function, Workflow};
use super::document::{AUTHOR, MODIFIED};
use super::identifiers::{function_uuid, uuid_of};
use super::mark::{self, Mark};
use super::sources::ONE_FUNCTION_BPMN;

const SCRIPT_LANGUAGE: &str = "python3";

/// A workflow that calls `function`.
pub(super) fn workflow(workflow: &Workflow, function: &Function) -> Value {
    let definition = &workflow.definition;
    let description = description(workflow, function);
    json!({
        "workflow_id": 0,
        "name": definition.display_name,
        "programmatic_name": definition.name,
        "export_key": definition.name,
        "uuid": uuid_of("workflows", &definition.name),
        "object_type": definition.object_type,
        "description": description,
        "content_version": 1,
        "content": {
            "workflow_id": definition.name,
            "version": 1,
            "xml": bpmn(workflow, function, &description),
        },
        "last_modified_time": MODIFIED,
        "last_modified_by": AUTHOR,
        "actions": [],
        "tags": [],
    })
}

/// With the mark of what is in it; an unreadable template would show in every test.
fn description(workflow: &Workflow, function: &Function) -> String {
    let content = content::of_bpmn(&bpmn(workflow, function, ""));
    let digest = content.as_deref().map(mark::digest);
    Mark::own(digest).on(&workflow.definition.description)
}

/// The template filled in. The call comes last, since scripts may hold braces too.
fn bpmn(workflow: &Workflow, function: &Function, description: &str) -> String {
    let definition = &workflow.definition;
    let values = [
        ("{workflow}", definition.name.clone()),
        ("{workflow_name}", definition.display_name.clone()),
        ("{description}", description.to_owned()),
        ("{function_name}", function.display_name.clone()),
        ("{function_uuid}", function_uuid(&function.name)),
        ("{function_call}", function_call(workflow).to_string()),
    ];
    values
        .iter()
        .fold(ONE_FUNCTION_BPMN.to_owned(), |xml, (placeholder, value)| {
            xml.replace(placeholder, &escape(value.as_str()))
        })
}

/// The pre-process script sets every input, so none has a fixed value.
fn function_call(workflow: &Workflow) -> Value {
    json!({
        "inputs": {},
        "pre_processing_script": workflow.pre_process,
        "pre_processing_script_language": SCRIPT_LANGUAGE,
        "post_processing_script": workflow.post_process,
        "post_processing_script_language": SCRIPT_LANGUAGE,
    })
}
