//! The whole incident of one finding of each kind.

use fn_aws_guardduty::domain::{finding::Finding, incident::ArtifactKind, mapping::creation_note};
use serde_json::json;

use crate::{fixture, json_files, map, read};

#[test]
fn every_kind_of_finding_becomes_the_incident_of_its_snapshot() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/findings");
    let files = json_files(&folder);
    assert_eq!(files.len(), 14, "one fixture for each kind");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    let _scope = settings.bind_to_scope();
    for file in files {
        let finding = Finding::from_wire(read(&file)).unwrap();
        let incident = map(&finding, finding.region().unwrap());
        let mut dto = incident.to_dto("note");
        dto["data_tables"] = incident.data_tables();
        insta::assert_json_snapshot!(file.file_stem().unwrap().to_str().unwrap(), dto);
    }
}

/// The example that the app's users know: eight artifacts in this order, one row in each table.
#[test]
fn the_seed_example_gives_its_artifacts_and_rows() {
    let finding = Finding::from_wire(fixture("seed_s3_bucket")).unwrap();
    let incident = map(&finding, "us-west-2");
    let artifacts: Vec<_> = incident
        .artifacts
        .iter()
        .map(|artifact| (artifact.kind, artifact.value.as_str()))
        .collect();
    assert_eq!(
        artifacts,
        [
            (ArtifactKind::AccessKeyId, "GeneratedFindingAccessKeyId"),
            (ArtifactKind::UserName, "GeneratedFindingUserName"),
            (ArtifactKind::BucketName, "bucketName"),
            (ArtifactKind::IpAddress, "198.51.100.0"),
            (ArtifactKind::IpAddress, "10.0.0.1"),
            (ArtifactKind::DnsName, "GeneratedFindingPublicDNSName"),
            (ArtifactKind::DnsName, "GeneratedFindingPrivateDnsName"),
            (ArtifactKind::DnsName, "GeneratedFindingPrivateName"),
        ]
    );
    assert_eq!(
        incident
            .tables
            .iter()
            .map(|table| table.rows.len())
            .collect::<Vec<_>>(),
        [1; 6]
    );
    assert_eq!(
        crate::rows(&incident, "gd_finding_overview")[0]["resource_id"],
        "bucketName"
    );
    let affected = &crate::rows(&incident, "gd_resource_affected")[0];
    assert_eq!(
        (&affected["instance_id"], &affected["instance_type"]),
        (&json!("bucketName"), &json!("Destination"))
    );
    assert_eq!(
        incident.artifacts[3].description,
        "'IP Address' extracted from GuardDuty from finding property 'IpAddressV4' at path \
         '['Service', 'Action', 'AwsApiCallAction', 'RemoteIpDetails']'."
    );
}

#[test]
fn every_form_of_a_finding_gives_the_same_incident() {
    let wire = fixture("ec2_network_connection");
    let from_api = Finding::from_wire(wire.clone()).unwrap();
    let event = json!({"id": "event", "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "detail": wire});
    let from_event = Finding::from_document(event).unwrap().remove(0);
    let from_client = Finding::from_document(from_api.document().clone())
        .unwrap()
        .remove(0);
    assert_eq!(from_event, from_api);
    assert_eq!(from_client, from_api);
    assert_eq!(creation_note(&from_event), creation_note(&from_client));
}
