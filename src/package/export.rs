//! The customizations as an app zip carries them: bearing the app's tag, outputs described.

use serde_json::{Value, json};

use super::app_json::NAME;
use super::schema::schema_of;
use crate::customizations::export_document;

/// The lists whose objects IBM's tool tags; playbooks are not among them.
const TAGGED: [&str; 13] = [
    "actions",
    "automatic_tasks",
    "fields",
    "functions",
    "incident_artifact_types",
    "incident_types",
    "message_destinations",
    "phases",
    "roles",
    "scripts",
    "types",
    "workflows",
    "workspaces",
];

/// The export document with the app's tag on each object, by which the platform knows whose it is.
pub(super) fn packaged() -> Value {
    let mut export = export_document();
    for list in TAGGED {
        tag(&mut export[list]);
    }
    for function in objects(&mut export["functions"]) {
        tag(&mut function["workflows"]);
        function["output_json_schema"] = output_schema(&function["output_json_example"]);
    }
    export
}

fn tag(list: &mut Value) {
    for object in objects(list) {
        object["tags"] = json!([{"tag_handle": NAME, "value": null}]);
    }
}

fn objects(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.as_array_mut().into_iter().flatten()
}

/// The schema as text, as the example is.
fn output_schema(example: &Value) -> Value {
    let example = example
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    example
        .as_ref()
        .map_or(Value::Null, |example| schema_of(example).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_bears_the_apps_tag_and_nothing_else_changes() {
        let ours = export_document();
        let packaged = packaged();
        let tags = json!([{"tag_handle": "fn_aws_guardduty", "value": null}]);
        for (list, objects) in packaged.as_object().unwrap() {
            let objects = objects.as_array().into_iter().flatten();
            for (object, before) in objects.zip(ours[list].as_array().into_iter().flatten()) {
                let Some(object) = object.as_object() else {
                    continue;
                };
                assert_eq!(object["tags"], tags, "{list}");
                for (key, value) in object {
                    let changes = ["tags", "output_json_schema", "workflows"];
                    assert!(
                        changes.contains(&key.as_str()) || value == &before[key],
                        "{list}: {key}"
                    );
                }
            }
        }
        assert_eq!(packaged["functions"][0]["workflows"][0]["tags"], tags);
    }

    #[test]
    fn each_function_has_the_schema_of_its_example_as_text() {
        let packaged = packaged();
        for function in packaged["functions"].as_array().unwrap() {
            let schema = function["output_json_schema"].as_str().unwrap();
            let schema: Value = serde_json::from_str(schema).unwrap();
            assert_eq!(schema["properties"]["success"]["type"], "boolean");
            assert_eq!(schema["properties"]["metrics"]["type"], "object");
        }
    }
}
