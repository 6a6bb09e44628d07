//! Runs an exported script under `CPython`, in `platform.py`.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Call, field_names, list, texts};
use crate::customizations::export_document;

const PLATFORM: &str = include_str!("platform.py");
pub(super) const PRE: &str = "pre_processing_script";
pub(super) const POST: &str = "post_processing_script";

/// What a script of the workflow around `function` does to an incident.
pub(super) fn run(function: &str, script: &str, results: &Value) -> Value {
    try_run(function, script, results).unwrap()
}

/// [`run`], or why the platform refused.
pub(super) fn try_run(function: &str, script: &str, results: &Value) -> Result<Value, String> {
    let case = case(function, script, results);
    let mut python = Command::new("python3")
        .args(["-I", "-c", PLATFORM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(case.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The script as exported, and what a platform with this export would have around it.
fn case(function: &str, script: &str, results: &Value) -> Value {
    let document = export_document();
    let workflow = list(&document, "workflows")
        .iter()
        .find(|workflow| {
            workflow["content"]["xml"]
                .as_str()
                .unwrap()
                .contains(function)
        })
        .unwrap();
    let tables: serde_json::Map<String, Value> = list(&document, "types")
        .iter()
        .map(|table| {
            let columns: Vec<&String> = table["fields"].as_object().unwrap().keys().collect();
            (
                table["type_name"].as_str().unwrap().to_owned(),
                json!(columns),
            )
        })
        .collect();
    let mut artifact_types = texts(list(&document, "incident_artifact_types"), "name");
    artifact_types.extend(["IP Address", "DNS Name", "Port"]);
    json!({
        "name": script,
        "script": Call::of(workflow).script(script),
        "results": results,
        "incident": {
            "id": 2105,
            "properties": {
                "aws_guardduty_region": "eu-central-1",
                "aws_guardduty_detector_id": "d1",
                "aws_guardduty_finding_id": "f1",
            },
        },
        "incident_fields": field_names(&document, "incident/"),
        "inputs": field_names(&document, "__function/"),
        "data_tables": tables,
        "artifact_types": artifact_types,
    })
}

/// The notes that a script wrote.
pub(super) fn notes(effects: &Value) -> Vec<&str> {
    list(effects, "notes")
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect()
}

/// The note of a script that wrote one.
pub(super) fn only_note(effects: &Value) -> &str {
    let notes = notes(effects);
    assert_eq!(notes.len(), 1);
    notes[0]
}

/// A script wrote notes at most.
pub(super) fn assert_unchanged(effects: &Value) {
    assert_eq!(effects["severity_code"], Value::Null);
    assert_eq!(effects["properties"], json!({}));
    assert_eq!(effects["rows"], json!([]));
    assert_eq!(effects["artifacts"], json!([]));
}
