//! What holds for any JSON.

use fn_aws_guardduty::domain::{
    finding::Finding,
    incident::{Artifact, TABLES, field},
    mapping::{creation_note, refresh_note},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use crate::{fixture, map};

/// Member names that the mapping and the PascalCase rule look for, and a few that they do not.
const NAMES: [&str; 24] = [
    "id",
    "Id",
    "ID",
    "resource",
    "Resource",
    "service",
    "Service",
    "Action",
    "action",
    "NetworkInterfaces",
    "InstanceDetails",
    "productCodeId",
    "Code",
    "productCodes",
    "createdAt",
    "CreatedAt",
    "AffectedResources",
    "Sequence",
    "Endpoints",
    "Severity",
    "Title",
    "ärger",
    "",
    "type",
];

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        ".{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![4 => proptest::sample::select(NAMES.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"];
    scalar.prop_recursive(5, 48, 5, move |inner| {
        let members = vec((name.clone(), inner.clone()), 0..5);
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every place in a finding that the mapping may read: all containers and scalars of the fixtures.
fn places(document: &Value, prefix: &str, found: &mut Vec<String>) {
    found.push(prefix.to_owned());
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                places(
                    value,
                    &format!("{prefix}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                places(value, &format!("{prefix}/{place}"), found);
            }
        }
        _ => {}
    }
}

/// A finding of a known kind in which one place holds something else altogether.
fn damaged_finding() -> impl Strategy<Value = Value> {
    let kinds = [
        "ec2_network_connection",
        "ec2_port_probe",
        "s3_two_buckets",
        "rds_login_attempt",
        "attack_sequence_eks",
    ];
    let whole = kinds.map(fixture);
    (0..whole.len(), any::<prop::sample::Index>(), any_json()).prop_map(
        move |(kind, place, damage)| {
            let mut document = whole[kind].clone();
            let mut pointers = Vec::new();
            places(&document, "", &mut pointers);
            // The root itself stays, and so does the id: without them there is no finding.
            pointers.retain(|pointer| !pointer.is_empty() && pointer != "/id");
            let pointer: &String = place.get(&pointers);
            *document.pointer_mut(pointer).unwrap() = damage;
            document
        },
    )
}

/// Members (null ones apart) and list items, counted all the way down.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .values()
            .filter(|value| !value.is_null())
            .map(|value| 1 + size(value))
            .sum(),
        Value::Array(items) => items.iter().map(|value| 1 + size(value)).sum(),
        _ => 0,
    }
}

fn check(finding: &Finding) -> Result<(), TestCaseError> {
    let incident = map(finding, "eu-central-1");
    for (place, artifact) in incident.artifacts.iter().enumerate() {
        prop_assert!(!artifact.value.trim().is_empty());
        let same = |other: &&Artifact| artifact.kind == other.kind && artifact.value == other.value;
        prop_assert_eq!(incident.artifacts.iter().take(place).find(same), None);
    }
    for table in &incident.tables {
        prop_assert!(TABLES.contains(&table.name) && !table.rows.is_empty());
        for row in &table.rows {
            let cells: Vec<_> = row.cells().collect();
            prop_assert_eq!(cells[1], ("query_execution_date", "2026-03-03 00:30:00"));
            prop_assert!(cells.iter().all(|(_, value)| !value.is_empty()));
            prop_assert_eq!(
                row.to_dto()["cells"].as_object().map(Map::len),
                Some(cells.len())
            );
        }
    }
    prop_assert!(
        incident
            .properties
            .values()
            .all(|value| value.is_string() || value.is_null())
    );
    prop_assert_eq!(&incident.properties[field::FINDING_ID], finding.id());
    let updated_at = incident.properties[field::FINDING_UPDATED_AT].as_str();
    prop_assert_eq!(updated_at.unwrap_or_default(), finding.updated_at());
    for note in [creation_note(finding), refresh_note(finding)] {
        let (_, payload) = note.split_once('\n').unwrap();
        prop_assert_eq!(
            &serde_json::from_str::<Value>(payload).unwrap(),
            finding.document()
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_object_with_an_id_becomes_an_incident(members in vec((proptest::sample::select(NAMES.to_vec()), any_json()), 0..8)) {
        let mut document: Map<String, Value> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        document.remove("Id");
        document.insert("id".to_owned(), json!("f"));
        check(&Finding::from_wire(Value::Object(document)).unwrap())?;
    }

    #[test]
    fn a_finding_damaged_in_any_place_becomes_an_incident(document in damaged_finding()) {
        check(&Finding::from_wire(document).unwrap())?;
    }

    #[test]
    fn a_document_never_panics(document in any_json()) {
        let _ = Finding::from_document(document);
    }

    #[test]
    fn pascal_case_loses_no_member(inner in any_json()) {
        let document = json!({"id": "f", "resource": inner});
        let finding = Finding::from_wire(document.clone()).unwrap();
        prop_assert_eq!(size(finding.document()), size(&document));
    }

    #[test]
    fn pascal_case_is_the_same_twice(inner in any_json()) {
        let once = Finding::from_wire(json!({"id": "f", "service": inner})).unwrap();
        let twice = Finding::from_wire(once.document().clone()).unwrap();
        prop_assert_eq!(once, twice);
    }
}
