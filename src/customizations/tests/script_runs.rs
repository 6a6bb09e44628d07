//! Scripts run under `CPython`, against a platform that refuses what it does not know.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Call, field_names, list, texts};
use crate::customizations::{ARCHIVE_FINDING, REFRESH_FINDING, export_document};

const PLATFORM: &str = include_str!("platform.py");
const PRE: &str = "pre_processing_script";
const POST: &str = "post_processing_script";

#[test]
fn pre_scripts_pass_on_what_the_incident_knows() {
    let finding = json!({
        "aws_gd_region": "eu-central-1",
        "aws_gd_detector_id": "d1",
        "aws_gd_finding_id": "f1",
    });
    assert_eq!(run(ARCHIVE_FINDING, PRE, &Value::Null)["inputs"], finding);

    let mut with_incident = finding;
    with_incident["incident_id"] = json!(2105);
    assert_eq!(
        run(REFRESH_FINDING, PRE, &Value::Null)["inputs"],
        with_incident
    );
}

#[test]
fn b33_a_refresh_writes_the_content_of_the_result() {
    let effects = run(REFRESH_FINDING, POST, &refresh_example());
    assert_eq!(effects["severity_code"], "Medium");
    assert_eq!(
        effects["properties"],
        json!({
            "aws_guardduty_finding_updated_at": "2026-03-02T09:37:02.004Z",
            "aws_guardduty_count": "9",
            "aws_guardduty_archived": "False",
            "aws_guardduty_severity": "5",
        })
    );
    assert_eq!(
        texts(list(&effects, "rows"), "table"),
        [
            "gd_finding_overview",
            "gd_action_details",
            "gd_resource_affected",
            "gd_instance_details"
        ]
    );
    assert_eq!(
        effects["rows"][2]["cells"]["instance_id"],
        "i-0a1b2c3d4e5f60718"
    );
    assert_eq!(
        effects["rows"][2]["cells"]["query_execution_date"],
        "2026-03-02 09:41:07"
    );
    assert_eq!(effects["artifacts"][0]["value"], "198.51.100.23");
    assert_eq!(
        notes(&effects),
        [
            "AWS GuardDuty Integration: Workflow <b>Example: AWS GuardDuty: Refresh Finding</b>: \
          Finding data returned for SOAR function <b>func_aws_guardduty_refresh_finding</b>"
        ]
    );
}

#[test]
fn a_refresh_adds_artifacts_of_all_six_types() {
    let mut results = refresh_example();
    let api_names = [
        "aws_iam_access_key_id",
        "aws_iam_user_name",
        "aws_s3_bucket_name",
        "IP Address",
        "DNS Name",
        "Port",
    ];
    let artifacts: Vec<Value> = api_names
        .iter()
        .map(|name| json!({"type": {"name": name}, "value": "v", "description": {"format": "text", "content": "c"}}))
        .collect();
    results["content"]["payload"]["artifacts"] = json!(artifacts);
    let effects = run(REFRESH_FINDING, POST, &results);
    assert_eq!(
        texts(list(&effects, "artifacts"), "type"),
        [
            "AWS IAM Access Key ID",
            "AWS IAM User Name",
            "AWS S3 Bucket Name",
            "IP Address",
            "DNS Name",
            "Port"
        ]
    );
}

#[test]
fn a_refresh_fills_every_column_of_every_table() {
    let document = export_document();
    let mut results = refresh_example();
    for table in list(&document, "types") {
        let cell = |name: &String| (name.clone(), json!({"value": "x"}));
        let cells: serde_json::Map<String, Value> = table["fields"]
            .as_object()
            .unwrap()
            .keys()
            .map(cell)
            .collect();
        results["content"]["data_tables"][table["type_name"].as_str().unwrap()] =
            json!([{"cells": cells}, {"cells": cells}]);
    }
    assert_eq!(
        list(&run(REFRESH_FINDING, POST, &results), "rows").len(),
        12
    );
}

#[test]
fn b21_a_refresh_leaves_alone_what_guardduty_does_not_say() {
    let mut results = refresh_example();
    let payload = &mut results["content"]["payload"];
    payload["severity_code"] = Value::Null;
    payload["properties"] = json!({"aws_guardduty_count": null, "aws_guardduty_severity": null});
    payload["artifacts"] = Value::Null;
    results["content"]["data_tables"] = json!({"gd_finding_overview": [{"cells": {"severity": {"value": null}, "count": {"value": 3}}}]});
    let effects = run(REFRESH_FINDING, POST, &results);
    assert_eq!(effects["severity_code"], Value::Null);
    assert_eq!(effects["properties"], json!({}));
    assert_eq!(effects["rows"][0]["cells"], json!({"count": "3"}));
    assert_eq!(effects["artifacts"], json!([]));
}

#[test]
fn a_refresh_of_a_finding_that_is_gone_changes_nothing() {
    for content in [json!({}), Value::Null] {
        let effects = run(
            REFRESH_FINDING,
            POST,
            &json!({"success": true, "reason": null, "content": content}),
        );
        assert_unchanged(&effects);
        assert_eq!(
            notes(&effects),
            [
                "AWS GuardDuty Integration: Workflow <b>Example: AWS GuardDuty: Refresh Finding</b>: \
              No finding data returned for SOAR function <b>func_aws_guardduty_refresh_finding</b>"
            ]
        );
    }
}

#[test]
fn a_failed_refresh_changes_nothing_and_says_why() {
    let mut results = refresh_example();
    results["success"] = json!(false);
    results["reason"] = json!("GuardDuty answered <AccessDenied> & stopped");
    let effects = run(REFRESH_FINDING, POST, &results);
    assert_unchanged(&effects);
    let note = only_note(&effects);
    assert!(
        note.contains("failed with <b>GuardDuty answered &lt;AccessDenied&gt; &amp; stopped</b>"),
        "{note}"
    );
    assert!(!note.contains("data returned"), "{note}");
}

#[test]
fn results_that_are_missing_do_not_stop_a_workflow() {
    for function in [ARCHIVE_FINDING, REFRESH_FINDING] {
        for results in [Value::Null, json!({})] {
            let effects = run(function, POST, &results);
            assert_unchanged(&effects);
            assert!(only_note(&effects).contains(function));
        }
    }
}

#[test]
fn b20_an_archived_finding_is_marked_and_noted() {
    let effects = run(
        ARCHIVE_FINDING,
        POST,
        &archive_result(&json!({"status": "ok"})),
    );
    assert_eq!(
        effects["properties"],
        json!({"aws_guardduty_archived": "True"})
    );
    assert_eq!(
        notes(&effects),
        [
            "AWS GuardDuty Integration: Workflow <b>Example: AWS GuardDuty: Archive Finding</b>: \
          The finding with id <b>f1</b> and detector id <b>d1</b> in region <b>eu-central-1</b> \
          was successfully archived by SOAR function <b>func_aws_guardduty_archive_finding</b>"
        ]
    );
}

#[test]
fn b32_a_refused_archive_is_not_marked_and_the_refusal_noted() {
    let content = json!({"status": "error", "msg": "<script>alert('x')</script> & \"more\""});
    let effects = run(ARCHIVE_FINDING, POST, &archive_result(&content));
    assert_unchanged(&effects);
    let note = only_note(&effects);
    assert!(
        note.contains("in region <b>eu-central-1</b> was not archived"),
        "{note}"
    );
    assert!(
        note.contains(
            "<b>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;</b>"
        ),
        "{note}"
    );
    assert!(!note.contains("<script>"), "{note}");
}

#[test]
fn b32_a_failed_archive_is_not_marked_even_with_a_status() {
    let mut results = archive_result(&json!({"status": "ok"}));
    results["success"] = json!(false);
    results["reason"] = json!("no credentials");
    let effects = run(ARCHIVE_FINDING, POST, &results);
    assert_unchanged(&effects);
    assert!(only_note(&effects).contains("failed with <b>no credentials</b>"));
}

#[test]
fn b20_an_unexpected_status_and_the_region_are_not_swapped() {
    let effects = run(
        ARCHIVE_FINDING,
        POST,
        &archive_result(&json!({"status": "later"})),
    );
    assert_unchanged(&effects);
    let note = only_note(&effects);
    assert!(
        note.contains("in region <b>eu-central-1</b> got the unexpected status <b>later</b>"),
        "{note}"
    );
}

#[test]
fn b20_no_result_names_the_workflow_once_and_the_function() {
    let effects = run(ARCHIVE_FINDING, POST, &archive_result(&Value::Null));
    assert_unchanged(&effects);
    assert_eq!(
        notes(&effects),
        [
            "AWS GuardDuty Integration: Workflow <b>Example: AWS GuardDuty: Archive Finding</b>: \
          There was no result returned for SOAR function <b>func_aws_guardduty_archive_finding</b>"
        ]
    );
}

/// The platform itself is strict: else the tests above prove little.
#[test]
fn the_platform_refuses_what_the_export_does_not_define() {
    let mut results = refresh_example();
    results["content"]["data_tables"] =
        json!({"gd_finding_overview": [{"cells": {"colour": {"value": "red"}}}]});
    let refusal = try_run(REFRESH_FINDING, POST, &results).unwrap_err();
    assert!(
        refusal.contains("gd_finding_overview has no colour"),
        "{refusal}"
    );

    let mut results = refresh_example();
    results["content"]["payload"]["artifacts"][0]["type"]["name"] = json!("Hat Size");
    let refusal = try_run(REFRESH_FINDING, POST, &results).unwrap_err();
    assert!(refusal.contains("no artifact type Hat Size"), "{refusal}");
}

fn refresh_example() -> Value {
    let document = export_document();
    let function = list(&document, "functions")
        .iter()
        .find(|function| function["name"] == REFRESH_FINDING)
        .unwrap();
    serde_json::from_str(function["output_json_example"].as_str().unwrap()).unwrap()
}

fn archive_result(content: &Value) -> Value {
    json!({
        "version": "1.0",
        "success": true,
        "reason": null,
        "content": content,
        "inputs": {"aws_gd_region": "eu-central-1", "aws_gd_detector_id": "d1", "aws_gd_finding_id": "f1"},
    })
}

fn notes(effects: &Value) -> Vec<&str> {
    list(effects, "notes")
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect()
}

fn only_note(effects: &Value) -> &str {
    let notes = notes(effects);
    assert_eq!(notes.len(), 1);
    notes[0]
}

fn assert_unchanged(effects: &Value) {
    assert_eq!(effects["severity_code"], Value::Null);
    assert_eq!(effects["properties"], json!({}));
    assert_eq!(effects["rows"], json!([]));
    assert_eq!(effects["artifacts"], json!([]));
}

/// What a script of the workflow around `function` does to an incident.
fn run(function: &str, script: &str, results: &Value) -> Value {
    try_run(function, script, results).unwrap()
}

fn try_run(function: &str, script: &str, results: &Value) -> Result<Value, String> {
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
