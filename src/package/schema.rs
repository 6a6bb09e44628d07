//! A JSON schema for what an example shows.

use serde_json::{Map, Value, json};

/// The schema of `example`: the types of its values, all of its keys required.
pub(super) fn schema_of(example: &Value) -> Value {
    let mut schema = json!({"$schema": "http://json-schema.org/schema#"});
    if let (Some(schema), Value::Object(described)) = (schema.as_object_mut(), describe(example)) {
        schema.extend(described);
    }
    schema
}

/// A null says nothing of what else a value may be, so anything is allowed there.
fn describe(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(items) => match items.first() {
            Some(first) => json!({"type": "array", "items": describe(first)}),
            None => json!({"type": "array"}),
        },
        Value::Object(members) => {
            let properties: Map<String, Value> = members
                .iter()
                .map(|(key, value)| (key.clone(), describe(value)))
                .collect();
            let required: Vec<&String> = members.keys().collect();
            json!({"type": "object", "properties": properties, "required": required})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_has_the_types_of_the_example() {
        let example =
            json!({"a": 1, "b": 1.5, "c": null, "d": [{"e": "text"}], "f": [], "g": true});
        let expected = json!({
            "$schema": "http://json-schema.org/schema#",
            "type": "object",
            "properties": {
                "a": {"type": "integer"},
                "b": {"type": "number"},
                "c": {},
                "d": {"type": "array", "items": {
                    "type": "object", "properties": {"e": {"type": "string"}}, "required": ["e"],
                }},
                "f": {"type": "array"},
                "g": {"type": "boolean"},
            },
            "required": ["a", "b", "c", "d", "f", "g"],
        });
        assert_eq!(schema_of(&example), expected);
    }
}
