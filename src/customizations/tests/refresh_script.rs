//! What the refresh workflow's scripts, and those of both, do to an incident.

use serde_json::{Value, json};

use super::platform::{POST, PRE, assert_unchanged, notes, only_note, run, try_run};
use super::{list, texts};
use crate::customizations::{ARCHIVE_FINDING, REFRESH_FINDING, export_document};

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
fn b12_an_artifact_without_a_value_is_left_out() {
    let mut results = refresh_example();
    let artifacts = &mut results["content"]["payload"]["artifacts"];
    let (mut empty, mut absent) = (artifacts[0].clone(), artifacts[0].clone());
    empty["value"] = json!("");
    absent["value"] = Value::Null;
    artifacts
        .as_array_mut()
        .unwrap()
        .splice(0..0, [empty, absent]);
    let effects = run(REFRESH_FINDING, POST, &results);
    assert_eq!(
        texts(list(&effects, "artifacts"), "value"),
        ["198.51.100.23"]
    );
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
