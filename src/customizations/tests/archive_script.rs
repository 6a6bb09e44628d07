//! What the archive workflow's post-process script does to an incident.

use serde_json::{Value, json};

use super::platform::{POST, assert_unchanged, notes, only_note, run};
use crate::customizations::ARCHIVE_FINDING;

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

fn archive_result(content: &Value) -> Value {
    json!({
        "version": "1.0",
        "success": true,
        "reason": null,
        "content": content,
        "inputs": {"aws_gd_region": "eu-central-1", "aws_gd_detector_id": "d1", "aws_gd_finding_id": "f1"},
    })
}
