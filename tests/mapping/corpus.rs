//! Findings that others have published, where they lie beside the checkout: each one maps.

use std::path::Path;

use fn_aws_guardduty::domain::finding::{Finding, FindingError};

use crate::{json_files, map, read, shared};

/// The ids of the findings of a file, each of them mapped.
fn mapped(file: &Path) -> Result<Vec<String>, FindingError> {
    let findings = Finding::from_document(read(file))?;
    Ok(findings
        .iter()
        .map(|finding| {
            let incident = map(finding, "us-east-1");
            assert!(
                incident
                    .artifacts
                    .iter()
                    .all(|artifact| !artifact.value.trim().is_empty()),
                "{}",
                file.display()
            );
            assert!(!incident.tables.is_empty(), "{}", file.display());
            finding.id().to_owned()
        })
        .collect())
}

#[test]
fn every_complete_finding_maps() {
    for folder in ["findings", "findings/api", "findings/wire"] {
        for file in json_files(&shared(folder)) {
            assert!(
                mapped(&file).is_ok_and(|ids| ids.len() == 1),
                "{}",
                file.display()
            );
        }
    }
}

#[test]
fn every_event_maps_by_the_id_of_its_finding() {
    for file in json_files(&shared("findings/eventbridge")) {
        let detail = read(&file)["detail"].clone();
        match mapped(&file) {
            Ok(ids) => assert_eq!(ids, [detail["id"].as_str().unwrap()], "{}", file.display()),
            Err(FindingError::NoId { .. }) => {
                assert_eq!(detail["id"], serde_json::Value::Null, "{}", file.display());
            }
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }
}

#[test]
fn what_is_cut_down_maps_or_says_that_it_has_no_id() {
    for file in json_files(&shared("findings/partial")) {
        let document = read(&file);
        let has_id = ["id", "Id"]
            .iter()
            .any(|member| document[member].is_string());
        match mapped(&file) {
            Ok(_) => assert!(has_id, "{}", file.display()),
            Err(error) => {
                assert!(
                    !has_id && error.to_string().contains("has no id"),
                    "{}: {error}",
                    file.display()
                );
            }
        }
    }
}

/// What the API sends and what AWS's Python client makes of it are the same finding.
#[test]
fn the_wire_form_and_the_clients_form_agree() {
    for file in json_files(&shared("findings/wire")) {
        let client_form = shared("findings/api").join(file.file_name().unwrap());
        if client_form.exists() {
            let wire = Finding::from_document(read(&file)).unwrap();
            assert_eq!(
                wire,
                Finding::from_document(read(&client_form)).unwrap(),
                "{}",
                file.display()
            );
        }
    }
}
