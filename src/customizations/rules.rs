//! Rules in export form, where they are called actions.

use serde_json::{Value, json};

use super::definitions::{Condition, Rule, RuleKind, Workflow};
use super::identifiers::uuid_of;

/// How long the platform lets what a rule starts run.
const TIMEOUT_SECONDS: u32 = 86_400;

/// The rules that start `workflow`.
pub(super) fn rules_of(workflow: &Workflow) -> impl Iterator<Item = Value> + '_ {
    workflow.rules.iter().map(|rule| action(rule, workflow))
}

fn action(rule: &Rule, workflow: &Workflow) -> Value {
    let kind = match rule.kind {
        RuleKind::Automatic => 0,
        RuleKind::MenuItem => 1,
    };
    json!({
        "id": 0,
        "name": rule.name,
        "export_key": rule.name,
        "uuid": uuid_of("actions", &rule.name),
        "type": kind,
        "enabled": true,
        "object_type": workflow.definition.object_type,
        "logic_type": "all",
        "custom_condition": "",
        "conditions": rule.conditions.iter().map(condition).collect::<Vec<_>>(),
        "automations": [],
        "message_destinations": [],
        "workflows": [workflow.definition.name],
        "view_items": [],
        "timeout_seconds": TIMEOUT_SECONDS,
        "tags": [],
    })
}

fn condition(condition: &Condition) -> Value {
    json!({
        "evaluation_id": null,
        "field_name": condition.field,
        "method": condition.method,
        "type": null,
        "value": condition.value,
    })
}
