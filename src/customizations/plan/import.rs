//! The document to import: as small as a platform accepts it, in the platform's own identities.

use serde_json::{Value, json};

use super::objects::COLLECTIONS;

/// Our document, in which everything that the platform has under the same name bears the platform's uuid. Workflows refer
/// to functions by uuid, and functions to their inputs.
pub(super) fn with_identities_of(platform: &Value, mut ours: Value) -> Value {
    let identities: Vec<(String, String)> = COLLECTIONS
        .iter()
        .flat_map(|collection| collection.identities(&ours, platform))
        .collect();
    replace(&mut ours, &identities);
    ours
}

/// Also within texts, since BPMN is one.
fn replace(value: &mut Value, identities: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (ours, theirs) in identities {
                if text.contains(ours) {
                    *text = text.replace(ours, theirs);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, identities)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| replace(member, identities)),
        _ => {}
    }
}

/// `ours` with nothing in it but these objects, and what every import must have.
pub(super) fn document(mut ours: Value, imported: Vec<(&'static str, Value)>) -> Option<Value> {
    if imported.is_empty() {
        return None;
    }
    let internal_field: Vec<Value> = ours["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|field| field["internal"] == true)
        .cloned()
        .collect();
    for collection in COLLECTIONS {
        ours[collection.list] = json!([]);
    }
    ours["fields"] = Value::from(internal_field);
    for (list, object) in imported {
        if let Some(objects) = ours[list].as_array_mut() {
            objects.push(object);
        }
    }
    let rules = ours["actions"].as_array().into_iter().flatten();
    ours["action_order"] = rules.map(|rule| rule["uuid"].clone()).collect();
    untag(&mut ours);
    Some(ours)
}

/// A tag of the platform it comes from is unknown to an import; IBM's own tools leave them out too.
fn untag(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(untag),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::Array(tags) if name == "tags" => tags.clear(),
                    other => untag(other),
                }
            }
        }
        _ => {}
    }
}
