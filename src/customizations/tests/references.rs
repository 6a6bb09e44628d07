//! Every name and identifier leads somewhere, and everything that users rely on is there.

use std::collections::HashSet;

use serde_json::Value;

use super::{Call, field_names, list, texts};
use crate::customizations::{
    ARCHIVE_FINDING, MESSAGE_DESTINATION, REFRESH_FINDING, export_document,
};

#[test]
fn it_holds_what_users_of_the_ancestor_have() {
    let document = export_document();
    assert_eq!(
        texts(list(&document, "message_destinations"), "name"),
        [MESSAGE_DESTINATION]
    );
    assert_eq!(
        texts(list(&document, "functions"), "name"),
        [ARCHIVE_FINDING, REFRESH_FINDING]
    );
    assert_eq!(
        texts(list(&document, "workflows"), "programmatic_name"),
        [
            "wf_aws_guardduty_archive_finding",
            "wf_aws_guardduty_refresh_finding"
        ]
    );
    assert_eq!(
        texts(list(&document, "actions"), "name"),
        [
            "Example: AWS GuardDuty: Archive Finding",
            "Example: AWS GuardDuty: Refresh Finding Details",
            "Example: AWS GuardDuty: Update Finding Details",
        ]
    );
    assert_eq!(field_names(&document, "incident/aws_guardduty_").len(), 11);
    assert_eq!(
        texts(
            list(&document, "incident_artifact_types"),
            "programmatic_name"
        ),
        [
            "aws_iam_access_key_id",
            "aws_iam_user_name",
            "aws_s3_bucket_name"
        ]
    );
    let columns: Vec<(&str, usize)> = list(&document, "types")
        .iter()
        .map(|table| {
            (
                table["type_name"].as_str().unwrap(),
                table["fields"].as_object().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(
        columns,
        [
            ("gd_finding_overview", 8),
            ("gd_action_details", 21),
            ("gd_resource_affected", 5),
            ("gd_s3_bucket_details", 8),
            ("gd_instance_details", 8),
            ("gd_access_key_details", 5),
        ]
    );
}

#[test]
fn it_meets_what_an_import_needs_and_touches_no_layout() {
    let document = export_document();
    assert_eq!(list(&document, "incident_types").len(), 1);
    assert!(field_names(&document, "incident/").contains(&"internal_customizations_field"));
    assert!(list(&document, "layouts").is_empty());
    assert!(document["overrides"].is_null());
}

#[test]
fn functions_lead_to_their_queue_and_inputs() {
    let document = export_document();
    let queues = texts(list(&document, "message_destinations"), "programmatic_name");
    let inputs: Vec<&Value> = list(&document, "fields")
        .iter()
        .filter(|field| field["type_id"] == 11)
        .map(|field| &field["uuid"])
        .collect();
    for function in list(&document, "functions") {
        assert!(queues.contains(&function["destination_handle"].as_str().unwrap()));
        for item in list(function, "view_items") {
            assert!(
                inputs.contains(&&item["content"]),
                "{} has an unknown input",
                function["name"]
            );
        }
    }
}

#[test]
fn workflows_call_a_function_that_names_them() {
    let document = export_document();
    for workflow in list(&document, "workflows") {
        let call = Call::of(workflow);
        let name = workflow["programmatic_name"].as_str().unwrap();
        assert_eq!(call.process, name);
        assert_eq!(workflow["content"]["workflow_id"], name);
        let function = list(&document, "functions")
            .iter()
            .find(|function| function["uuid"] == call.function_uuid)
            .unwrap();
        assert_eq!(
            texts(list(function, "workflows"), "programmatic_name"),
            [name]
        );
    }
}

#[test]
fn rules_start_workflows_on_fields_that_exist() {
    let document = export_document();
    let workflows = texts(list(&document, "workflows"), "programmatic_name");
    let properties = field_names(&document, "incident/");
    for rule in list(&document, "actions") {
        let started = rule["workflows"].as_array().unwrap();
        assert!(!started.is_empty());
        assert!(
            started
                .iter()
                .all(|name| workflows.contains(&name.as_str().unwrap()))
        );
        for field in texts(list(rule, "conditions"), "field_name") {
            let known = field
                .strip_prefix("incident.properties.")
                .map_or(field == "incident.plan_status", |name| {
                    properties.contains(&name)
                });
            assert!(known, "{}: there is no field {field}", rule["name"]);
        }
    }
    let order: Vec<&str> = list(&document, "action_order")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(order, texts(list(&document, "actions"), "uuid"));
}

#[test]
fn only_a_set_trigger_field_starts_the_update_rule() {
    let document = export_document();
    let rule = list(&document, "actions")
        .iter()
        .find(|rule| rule["name"] == "Example: AWS GuardDuty: Update Finding Details")
        .unwrap();
    let of_trigger: Vec<(&str, &Value)> = list(rule, "conditions")
        .iter()
        .filter(|condition| {
            condition["field_name"] == "incident.properties.aws_guardduty_trigger_refresh"
        })
        .map(|condition| (condition["method"].as_str().unwrap(), &condition["value"]))
        .collect();
    assert_eq!(
        of_trigger,
        [("changed", &Value::Null), ("equals", &Value::Bool(true))]
    );
    assert_eq!(rule["type"], 0);
}

#[test]
fn no_two_objects_share_an_identity() {
    let document = export_document();
    let mut seen = HashSet::new();
    let lists = [
        "message_destinations",
        "functions",
        "workflows",
        "actions",
        "fields",
        "types",
        "incident_artifact_types",
        "incident_types",
    ];
    for object in lists.into_iter().flat_map(|name| list(&document, name)) {
        assert!(
            seen.insert(object["uuid"].as_str().unwrap()),
            "{} twice",
            object["uuid"]
        );
        let columns = object["fields"].as_object().into_iter().flatten();
        for (_, column) in columns {
            assert!(
                seen.insert(column["uuid"].as_str().unwrap()),
                "{} twice",
                column["uuid"]
            );
        }
    }
}

#[test]
fn examples_return_what_the_schema_has() {
    let document = export_document();
    for function in list(&document, "functions") {
        let example: Value =
            serde_json::from_str(function["output_json_example"].as_str().unwrap()).unwrap();
        let raw: Value = serde_json::from_str(example["raw"].as_str().unwrap()).unwrap();
        assert_eq!(raw, example["content"]);

        let given: Vec<&String> = example["inputs"].as_object().unwrap().keys().collect();
        assert_eq!(given.len(), list(function, "view_items").len());
        assert!(
            given
                .iter()
                .all(|name| field_names(&document, "__function/").contains(&name.as_str()))
        );

        let tables = example["content"]["data_tables"].as_object();
        assert_eq!(
            tables.map(serde_json::Map::len),
            (function["name"] == REFRESH_FINDING).then_some(6)
        );
    }
}
