//! Platforms made of our own export by changing what others would have changed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::{Plan, PlanError, Verdict};
use crate::customizations::export_document;
use crate::customizations::mark::Mark;

fn empty() -> Value {
    let mut platform = export_document();
    for list in platform.as_object_mut().unwrap().values_mut() {
        if let Value::Array(objects) = list {
            objects.clear();
        }
    }
    platform
}

fn plan(platform: &Value) -> Plan {
    Plan::new(platform, false).unwrap()
}

fn notes(plan: &Plan, verdict: Verdict) -> Vec<String> {
    plan.steps(verdict)
        .map(|step| format!("{} {}: {}", step.kind, step.name, step.note))
        .collect()
}

fn script(platform: &mut Value, workflow: usize, edit: impl Fn(&str) -> String) {
    let xml = &mut platform["workflows"][workflow]["content"]["xml"];
    *xml = edit(xml.as_str().unwrap()).into();
}

fn remark(platform: &mut Value, version: &str) {
    let own = format!("fn-aws-guardduty {}", env!("CARGO_PKG_VERSION"));
    let other = format!("fn-aws-guardduty {version}");
    let text = platform.to_string().replace(&own, &other);
    *platform = serde_json::from_str(&text).unwrap();
}

#[test]
fn an_empty_platform_gets_everything() {
    let plan = plan(&empty());
    assert!(plan.steps.iter().all(|step| step.verdict == Verdict::Add));
    let import = plan.import.unwrap();
    let whole = export_document();
    assert_eq!(
        import.as_object().unwrap().len(),
        whole.as_object().unwrap().len()
    );
    for list in [
        "functions",
        "workflows",
        "actions",
        "types",
        "message_destinations",
        "incident_types",
        "action_order",
    ] {
        assert_eq!(import[list], whole[list], "{list}");
    }
    assert_eq!(
        import["fields"].as_array().unwrap().len(),
        whole["fields"].as_array().unwrap().len()
    );
}

#[test]
fn a_platform_with_ours_needs_nothing() {
    let plan = plan(&export_document());
    assert!(plan.import.is_none());
    assert!(
        plan.steps.iter().all(|step| step.verdict == Verdict::Same),
        "{:?}",
        plan.steps
    );
}

#[test]
fn what_an_older_version_wrote_is_updated_and_keeps_its_identity() {
    let mut platform = export_document();
    remark(&mut platform, "2.0.9");
    platform["functions"][0]["uuid"] = json!("their-function");
    script(&mut platform, 0, |xml| {
        xml.replace("the-function", "their-function")
    });
    let plan = plan(&platform);
    // The workflows do the same as ours: only the functions are written again.
    assert_eq!(
        plan.steps(Verdict::Update).count(),
        2,
        "{:?}",
        notes(&plan, Verdict::Update)
    );
    let import = plan.import.unwrap();
    assert_eq!(import["functions"][0]["uuid"], "their-function");
    assert_eq!(import["workflows"], json!([]));
}

#[test]
fn an_unedited_workflow_of_an_older_version_is_updated() {
    let mut platform = export_document();
    script(&mut platform, 0, |xml| {
        xml.replace("successfully archived", "archived")
    });
    let xml = platform["workflows"][0]["content"]["xml"].as_str().unwrap();
    let digest = crate::customizations::content::of_bpmn(xml)
        .map(|c| crate::customizations::mark::digest(&c));
    let mark = Mark {
        version: "2.0.9".to_owned(),
        digest,
    };
    platform["workflows"][0]["description"] = json!(mark.on("Archives."));
    assert_eq!(
        notes(&plan(&platform), Verdict::Update),
        ["workflow wf_aws_guardduty_archive_finding: to this version"]
    );
}

#[test]
fn an_edit_is_kept_unless_ours_is_asked_for() {
    let mut platform = export_document();
    script(&mut platform, 1, |xml| {
        xml.replace("add_rows(content", "add_my_rows(content")
    });
    let kept = notes(&plan(&platform), Verdict::Keep);
    assert_eq!(kept.len(), 1);
    assert!(kept[0].contains("edited here"), "{kept:?}");
    let replaced = Plan::new(&platform, true).unwrap();
    let import = replaced.import.unwrap();
    assert_eq!(
        import["workflows"],
        json!([export_document()["workflows"][1]])
    );
    assert_eq!(import["functions"], json!([]));
}

#[test]
fn a_newer_version_is_refused() {
    let mut platform = export_document();
    remark(&mut platform, "9.9.9");
    let error = Plan::new(&platform, true).unwrap_err();
    assert!(
        matches!(&error, PlanError::Newer { version, .. } if version == "9.9.9"),
        "{error}"
    );
}

#[test]
fn workflows_call_the_functions_that_the_platform_has() {
    let mut platform = export_document();
    let ours = platform["functions"][1]["uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    platform["functions"][1]["uuid"] = json!("their-function");
    platform["workflows"] = json!([]);
    let import = plan(&platform).import.unwrap();
    let xml = import["workflows"][1]["content"]["xml"].as_str().unwrap();
    assert!(xml.contains("uuid=\"their-function\"") && !xml.contains(&ours));
}

#[test]
fn columns_and_inputs_are_completed_behind_those_that_are_there() {
    let mut platform = export_document();
    let table = platform["types"][0]["fields"].as_object_mut().unwrap();
    table.shift_remove("count");
    table.insert(
        "my_column".to_owned(),
        json!({"name": "my_column", "input_type": "number", "order": 40, "tags": ["t"]}),
    );
    platform["functions"][1]["view_items"]
        .as_array_mut()
        .unwrap()
        .pop();
    let plan = plan(&platform);
    assert_eq!(plan.steps(Verdict::Update).count(), 2);
    let import = plan.import.unwrap();
    let columns = import["types"][0]["fields"].as_object().unwrap();
    assert_eq!(columns["count"]["order"], 41);
    assert_eq!(columns["my_column"]["tags"], json!([]));
    assert_eq!(columns.len(), 9);
    assert_eq!(
        import["functions"][0]["view_items"],
        export_document()["functions"][1]["view_items"]
    );
}

#[test]
fn other_types_under_our_names_are_all_told_at_once() {
    let mut platform = export_document();
    platform["types"][0]["fields"]["count"]["input_type"] = json!("number");
    for field in platform["fields"].as_array_mut().unwrap() {
        if field["name"] == "aws_guardduty_severity" {
            field["input_type"] = json!("select");
        }
    }
    let error = Plan::new(&platform, false).unwrap_err().to_string();
    assert!(
        error.contains("incident field aws_guardduty_severity is of type select and not text"),
        "{error}"
    );
    assert!(
        error.contains("data table gd_finding_overview has a column count that is of type number"),
        "{error}"
    );
}

#[test]
fn a_rule_that_was_changed_or_switched_off_stays_so() {
    let mut platform = export_document();
    platform["actions"][0]["enabled"] = json!(false);
    platform["actions"][1]["conditions"]
        .as_array_mut()
        .unwrap()
        .pop();
    platform["actions"][2]["workflows"] = json!(["theirs"]);
    let plan = plan(&platform);
    assert_eq!(plan.steps(Verdict::Keep).count(), 3);
    assert!(plan.import.is_none());
}

#[test]
fn an_old_platform_and_no_export_are_refused() {
    let mut platform = export_document();
    platform["server_version"] = json!({"major": 43, "version": "43.1.49"});
    let error = Plan::new(&platform, false).unwrap_err().to_string();
    assert!(error.contains("43.1.49") && error.contains("45"), "{error}");
    platform["server_version"] = json!({"v": 51, "major": 0});
    platform["functions"] = Value::Null;
    assert_eq!(
        Plan::new(&platform, false).unwrap_err(),
        PlanError::Malformed("functions")
    );
}
