//! The faults of the Python app that a mapping can have, by their number, each mended.

use fn_aws_guardduty::domain::{
    finding::Finding,
    incident::{ArtifactKind, NewIncident},
    mapping::{creation_note, refresh_note},
};
use serde_json::{Value, json};

use crate::{fixture, incident, map, rows};

fn values(incident: &NewIncident, kind: ArtifactKind) -> Vec<&str> {
    let of_kind = incident
        .artifacts
        .iter()
        .filter(|artifact| artifact.kind == kind);
    of_kind.map(|artifact| artifact.value.as_str()).collect()
}

fn column(rows: &[Value], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row[name].clone()).collect()
}

fn with_severity(severity: &Value) -> NewIncident {
    incident(json!({"id": "f", "severity": severity, "title": "t"}))
}

#[test]
fn b1_any_severity_or_none_becomes_an_incident() {
    for (severity, code, text) in [
        (json!(9.5), Some("Critical"), json!("9.5")),
        (json!(10), Some("Critical"), json!("10")),
        (json!(0), Some("Low"), json!("0")),
        (json!(0.5), Some("Low"), json!("0.5")),
        (json!(null), None, json!(null)),
        (json!("HIGH"), None, json!("HIGH")),
        (json!(-3), None, json!("-3")),
    ] {
        let incident = with_severity(&severity);
        assert_eq!(incident.severity_code, code, "{severity}");
        assert_eq!(
            incident.properties["aws_guardduty_severity"], text,
            "{severity}"
        );
        assert_eq!(incident.name, "AWS GuardDuty: t");
    }
    let dto = with_severity(&json!(null)).to_dto("note");
    assert!(dto["severity_code"].is_null());
}

#[test]
fn b12_an_empty_name_is_no_artifact_and_no_cell() {
    let private = incident(
        json!({"id": "f", "resource": {"instanceDetails": {"instanceId": "i-1", "networkInterfaces": [
            {"publicDnsName": "", "publicIp": null, "privateDnsName": "  ", "privateIpAddress": "10.0.0.9"},
        ]}}}),
    );
    let artifacts: Vec<_> = private
        .artifacts
        .iter()
        .map(|artifact| artifact.value.as_str())
        .collect();
    assert_eq!(artifacts, ["10.0.0.9"]);
    let row = &rows(&private, "gd_instance_details")[0];
    assert_eq!(row["private_ip"], "10.0.0.9");
    assert!(row.get("public_dns_name").is_none() && row.get("private_dns_name").is_none());
}

#[test]
fn b13_one_value_of_two_kinds_is_two_artifacts() {
    let found = incident(json!({"id": "f",
        "resource": {"accessKeyDetails": {"userName": "22"}, "s3BucketDetails": [{"name": "22"}]},
        "service": {"action": {"networkConnectionAction": {
            "localPortDetails": {"port": 22}, "remotePortDetails": {"port": 22},
        }}},
    }));
    let artifacts: Vec<_> = found
        .artifacts
        .iter()
        .map(|artifact| (artifact.kind, artifact.value.as_str()))
        .collect();
    assert_eq!(
        artifacts,
        [
            (ArtifactKind::UserName, "22"),
            (ArtifactKind::BucketName, "22"),
            (ArtifactKind::Port, "22")
        ]
    );
}

#[test]
fn b14_an_artifact_of_a_list_names_its_true_path() {
    let interfaces: Vec<Value> = (0..3)
        .map(|n| json!({"privateIpAddress": format!("10.0.0.{n}")}))
        .collect();
    let found = incident(
        json!({"id": "f", "resource": {"instanceDetails": {"networkInterfaces": interfaces}}}),
    );
    assert_eq!(
        found.artifacts[2].description,
        "'IP Address' extracted from GuardDuty from finding property 'PrivateIpAddress' at path \
         '['Resource', 'InstanceDetails', 'NetworkInterfaces', 2]'."
    );
}

#[test]
fn b15_each_probe_of_a_port_probe_has_a_row() {
    let found = incident(fixture("ec2_port_probe"));
    let rows = rows(&found, "gd_action_details");
    assert_eq!(column(&rows, "remote_ip"), ["192.0.2.10", "192.0.2.77"]);
    assert_eq!(column(&rows, "local_ip"), ["10.20.0.4", "10.20.0.4"]);
    assert_eq!(column(&rows, "local_port"), ["22", "3389"]);
    assert_eq!(column(&rows, "action_type"), ["PORT_PROBE", "PORT_PROBE"]);
    assert_eq!(values(&found, ArtifactKind::Port), ["22", "3389"]);
}

#[test]
fn b15_ipv6_addresses_and_requested_domains_are_artifacts() {
    let connection = incident(fixture("ec2_network_connection"));
    assert_eq!(
        values(&connection, ArtifactKind::IpAddress),
        [
            "10.20.0.4",
            "198.51.100.23",
            "10.30.0.4",
            "203.0.113.20",
            "2001:db8:ffff::23",
            "2001:db8:20::4"
        ]
    );
    let login = incident(fixture("rds_login_attempt"));
    assert_eq!(
        rows(&login, "gd_action_details")[0]["remote_ip"],
        "2001:db8:5::99"
    );
    let request = incident(fixture("ec2_dns_request"));
    assert!(values(&request, ArtifactKind::DnsName).contains(&"c2.badhost.example"));
}

#[test]
fn b15_newer_resources_and_actions_have_table_data() {
    let cases = [
        (
            "eks_kubernetes_api_call",
            "prod",
            "EKS cluster",
            json!("list /api/v1/namespaces/default/secrets"),
        ),
        ("ecs_malicious_file", "shop", "ECS cluster", json!(null)),
        (
            "rds_login_attempt",
            "orders-1",
            "Aurora PostgreSQL",
            json!("login as admin: 57 failed, 1 successful; login as report: 12 failed"),
        ),
        (
            "lambda_network_connection",
            "thumbnails",
            "Lambda function",
            json!(null),
        ),
    ];
    for (name, id, class, api) in cases {
        let found = incident(fixture(name));
        let affected = &rows(&found, "gd_resource_affected")[0];
        assert_eq!(
            (&affected["instance_id"], &affected["instance_type"]),
            (&json!(id), &json!(class)),
            "{name}"
        );
        assert_eq!(
            rows(&found, "gd_finding_overview")[0]["resource_id"],
            id,
            "{name}"
        );
        assert_eq!(
            rows(&found, "gd_action_details")[0]["action_api"],
            api,
            "{name}"
        );
    }
    let sequence = incident(fixture("attack_sequence_iam"));
    assert_eq!(
        column(&rows(&sequence, "gd_action_details"), "remote_ip"),
        [json!("192.0.2.200"), json!(null)]
    );
    assert_eq!(
        rows(&sequence, "gd_action_details")[0]["action_api"],
        "ListUsers, CreateRole, AttachRolePolicy"
    );
    assert_eq!(
        column(&rows(&sequence, "gd_resource_affected"), "resource_type"),
        ["AttackSequence", "ACCESS_KEY", "S3_BUCKET"]
    );
}

#[test]
fn b16_every_bucket_and_every_interface_has_a_row() {
    let mut finding = fixture("s3_two_buckets");
    let buckets = finding["resource"]["s3BucketDetails"]
        .as_array_mut()
        .unwrap();
    buckets.insert(0, json!({"unheardOf": true}));
    let found = incident(finding);
    assert_eq!(
        column(&rows(&found, "gd_s3_bucket_details"), "bucket_name"),
        ["billing-exports", "billing-archive"]
    );
    assert_eq!(
        values(&found, ArtifactKind::BucketName),
        ["billing-exports", "billing-archive"]
    );
    let instance = incident(fixture("ec2_network_connection"));
    assert_eq!(
        column(&rows(&instance, "gd_instance_details"), "private_ip"),
        ["10.20.0.4", "10.30.0.4"]
    );
}

#[test]
fn b17_severities_between_the_ranges_have_a_code() {
    assert_eq!(with_severity(&json!(3.95)).severity_code, Some("Low"));
    assert_eq!(with_severity(&json!(6.95)).severity_code, Some("Medium"));
    assert_eq!(with_severity(&json!(8.95)).severity_code, Some("High"));
}

#[test]
fn b18_a_severity_has_one_text_form() {
    for severity in [json!(8), json!(8.0), json!("8.0")] {
        let found = with_severity(&severity);
        assert_eq!(
            found.properties["aws_guardduty_severity"], "8",
            "{severity}"
        );
        assert_eq!(
            rows(&found, "gd_finding_overview")[0]["severity"],
            "8",
            "{severity}"
        );
    }
}

#[test]
fn b19_the_note_is_json_and_keeps_instants_whole() {
    let finding = Finding::from_wire(fixture("s3_two_buckets")).unwrap();
    for (note, heading) in [
        (creation_note(&finding), "AWS GuardDuty finding Payload:"),
        (
            refresh_note(&finding),
            "AWS GuardDuty finding Payload for refresh:",
        ),
    ] {
        let (first, payload) = note.split_once('\n').unwrap();
        assert_eq!(first, heading);
        let payload: Value = serde_json::from_str(payload).unwrap();
        assert_eq!(&payload, finding.document());
        assert_eq!(
            payload["Resource"]["S3BucketDetails"][0]["CreatedAt"],
            "2026-01-02T00:00:00.5Z"
        );
    }
}

#[test]
fn b22_values_of_unrelated_places_are_left_alone() {
    let found = incident(json!({"id": "f",
        "userName": "nobody", "resourceId": "elsewhere", "port": 1,
        "resource": {"resourceType": "Instance", "tags": [{"name": "n", "accessKeyId": "AKIANOTHING"}]},
        "service": {
            "count": 2,
            "additionalInfo": {"api": "Other", "userName": "nobody", "ipAddressV4": "192.0.2.1", "protocol": "ICMP"},
            "detection": {"sequence": {"endpoints": [{"id": "e", "port": 8443}]}},
        },
    }));
    assert!(found.artifacts.is_empty(), "{:?}", found.artifacts);
    let overview = &rows(&found, "gd_finding_overview")[0];
    assert_eq!(
        (&overview["count"], overview.get("resource_id")),
        (&json!("2"), None)
    );
    let action = &rows(&found, "gd_action_details")[0];
    assert!(action.get("action_api").is_none() && action.get("protocol").is_none());
}

#[test]
fn a_finding_of_another_region_is_filed_under_the_region_that_was_asked() {
    let finding = Finding::from_wire(json!({"id": "f", "region": "us-west-2"})).unwrap();
    let incident = map(&finding, "eu-central-1");
    assert_eq!(incident.properties["aws_guardduty_region"], "eu-central-1");
    assert_eq!(
        rows(&incident, "gd_finding_overview")[0]["region"],
        "us-west-2"
    );
    let without = map(
        &Finding::from_wire(json!({"id": "f"})).unwrap(),
        "eu-central-1",
    );
    assert_eq!(
        rows(&without, "gd_finding_overview")[0]["region"],
        "eu-central-1"
    );
}

#[test]
fn over_long_texts_are_cut_where_a_platform_may_refuse_them() {
    let long = "x".repeat(300_000);
    let document = json!({"id": "f", "title": long, "description": long, "type": long, "accountId": long,
        "resource": {"accessKeyDetails": {"userName": long, "accessKeyId": "AKIAEXAMPLE"}}});
    let found = incident(document.clone());
    let length = |text: &str| text.chars().count();
    assert_eq!(
        (length(&found.name), length(&found.description)),
        (500, 20_000)
    );
    assert_eq!(
        length(
            found.properties["aws_guardduty_finding_type"]
                .as_str()
                .unwrap()
        ),
        1_000
    );
    assert_eq!(
        length(
            rows(&found, "gd_finding_overview")[0]["account_id"]
                .as_str()
                .unwrap()
        ),
        1_000
    );
    assert_eq!(found.artifacts.len(), 1, "nobody is called that");
    assert!(
        found
            .description
            .ends_with("GuardDuty has the whole finding.")
    );
    let note = creation_note(&Finding::from_wire(document).unwrap());
    assert!((199_000..=200_000).contains(&length(&note)));
    let payload: Value = serde_json::from_str(note.lines().nth(1).unwrap()).unwrap();
    assert_eq!(payload["Id"], "f");
    assert!(
        payload["Title"]
            .as_str()
            .unwrap()
            .contains("… [shortened: ")
    );
    assert_eq!(
        payload["Resource"]["AccessKeyDetails"]["AccessKeyId"],
        "AKIAEXAMPLE"
    );
}

#[test]
fn a_note_too_long_to_be_indented_is_whole_json_on_one_line() {
    let document = json!({"id": "f", "resource": {"list": vec![json!({"a": 1}); 10_000]}});
    let finding = Finding::from_wire(document).unwrap();
    let note = creation_note(&finding);
    assert_eq!(note.lines().count(), 2);
    assert_eq!(
        &serde_json::from_str::<Value>(note.lines().nth(1).unwrap()).unwrap(),
        finding.document()
    );
}

#[test]
fn a_table_keeps_a_readable_number_of_rows() {
    let interfaces: Vec<Value> = (0..80)
        .map(|n| json!({"privateIpAddress": format!("10.0.0.{n}")}))
        .collect();
    let found = incident(
        json!({"id": "f", "resource": {"instanceDetails": {"networkInterfaces": interfaces}}}),
    );
    assert_eq!(rows(&found, "gd_instance_details").len(), 50);
    assert!(
        found
            .left_out
            .as_deref()
            .unwrap()
            .contains("30 rows of gd_instance_details"),
        "{:?}",
        found.left_out
    );
    let activities: Vec<Value> = (0..80)
        .map(|n| json!({"api": {"operation": format!("Call{n}")}}))
        .collect();
    let found = incident(
        json!({"id": "f", "service": {"detection": {"sequence": {"signals": [{"activities": activities}]}}}}),
    );
    let calls = rows(&found, "gd_action_details")[0]["action_api"]
        .as_str()
        .unwrap()
        .split(", ")
        .count();
    assert_eq!(calls, 20);
}

#[test]
fn an_interface_without_an_own_address_shows_the_one_it_has() {
    let found = incident(
        json!({"id": "f", "resource": {"instanceDetails": {"networkInterfaces": [
            {"privateIpAddresses": [{"privateIpAddress": "10.0.0.1", "privateDnsName": "one.internal"}]},
            {"ipv6Addresses": ["2001:db8::1"]},
        ]}}}),
    );
    let rows = rows(&found, "gd_instance_details");
    assert_eq!(column(&rows, "private_ip"), ["10.0.0.1", "2001:db8::1"]);
    assert_eq!(rows[0]["private_dns_name"], "one.internal");
}
