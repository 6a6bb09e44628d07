//! What the Python app made of published findings, where its incidents lie beside the checkout: equal values, and
//! every difference in one of a few classes, each with its reason.

use std::{collections::BTreeMap, path::PathBuf};

use fn_aws_guardduty::domain::{
    finding::Finding,
    incident::{Artifact, NewIncident, TABLES},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{json_files, map, read, rows, shared};

/// One value that differs: where, what we have, what the Python app had. A side without the value has null.
#[derive(Debug)]
struct Difference {
    place: String,
    ours: Value,
    theirs: Value,
}

/// A kind of difference that is meant.
struct Class {
    reason: &'static str,
    fits: fn(&Difference, &Value) -> bool,
}

const CLASSES: [Class; 8] = [
    Class {
        reason: "B18: severity has one text form, the shortest decimal, whatever the client library made of it",
        fits: |difference, _| {
            let number = |side: &Value| side.as_str().and_then(|text| text.parse::<f64>().ok());
            difference.place.ends_with("severity")
                && number(&difference.ours) == number(&difference.theirs)
        },
    },
    Class {
        reason: "B14: an artifact beyond the first of a list names its true path",
        fits: |difference, _| {
            let sentence =
                |side: &Value| Some(side.as_str()?.split_once(" at path ")?.0.to_owned());
            difference.place.starts_with("artifact")
                && sentence(&difference.ours).is_some()
                && sentence(&difference.ours) == sentence(&difference.theirs)
        },
    },
    Class {
        reason: "B15: IPv6 addresses, and the source addresses of a Kubernetes call, are artifacts",
        fits: |difference, _| {
            let is_source = difference
                .ours
                .as_str()
                .is_some_and(|sentence| sentence.contains("'SourceIps'"));
            let place = difference.place.strip_prefix("artifact.IP Address.");
            place.is_some_and(|address| address.contains(':') || is_source) && is_added(difference)
        },
    },
    Class {
        reason: "B15: the domain of a DNS request is an artifact",
        fits: |difference, finding| {
            let domain = finding
                .pointer("/Service/Action/DnsRequestAction/Domain")
                .and_then(Value::as_str);
            domain.is_some_and(|domain| difference.place == format!("artifact.DNS Name.{domain}"))
                && is_added(difference)
        },
    },
    Class {
        reason: "B15: a port probe has a row for each probe, with addresses and ports",
        fits: |difference, finding| {
            let is_probe = finding.pointer("/Service/Action/PortProbeAction").is_some();
            is_probe && difference.place.starts_with("gd_action_details.") && is_added(difference)
        },
    },
    Class {
        reason: "B15: what GuardDuty covers since buckets and instances has an id, a type and its API call in the tables",
        fits: |difference, finding| {
            let newer = [
                "EksClusterDetails",
                "EcsClusterDetails",
                "ContainerDetails",
                "RdsDbInstanceDetails",
                "KubernetesDetails",
            ];
            let place = difference.place.as_str();
            let is_place = place.starts_with("gd_resource_affected.")
                || [
                    "gd_finding_overview.0.resource_id",
                    "gd_action_details.0.action_api",
                ]
                .contains(&place);
            is_place
                && newer
                    .iter()
                    .any(|kind| finding["Resource"].get(kind).is_some())
                && is_added(difference)
        },
    },
    Class {
        reason: "B16: each network interface has a row",
        fits: |difference, _| {
            let later = difference
                .place
                .strip_prefix("gd_instance_details.")
                .is_some_and(|place| !place.starts_with('0'));
            later && is_added(difference)
        },
    },
    Class {
        reason: "of several interfaces, the main addresses and names come before the further ones",
        fits: |difference, finding| {
            let sorted = |side: &Value| {
                let mut artifacts: Vec<String> = side
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(Value::to_string)
                    .collect();
                artifacts.sort();
                artifacts
            };
            let several = finding
                .pointer("/Resource/InstanceDetails/NetworkInterfaces/1")
                .is_some();
            several
                && difference.place == "artifact order"
                && sorted(&difference.ours) == sorted(&difference.theirs)
        },
    },
];

fn is_added(difference: &Difference) -> bool {
    difference.theirs.is_null()
}

#[test]
fn every_difference_from_the_python_app_is_meant() {
    let mut used = [0_usize; CLASSES.len()];
    let dumps = dumps();
    for (dump, finding) in &dumps {
        let incident = map(finding, "us-east-1");
        if dump["incident"].is_null() {
            // B1: the Python app's poller died of these.
            assert!(
                !incident.tables.is_empty() && incident.severity_code.is_some(),
                "{}",
                dump["source"]
            );
            continue;
        }
        for difference in differences(&incident, &dump["incident"]) {
            let class = CLASSES
                .iter()
                .position(|class| (class.fits)(&difference, finding.document()));
            used[class.unwrap_or_else(|| panic!("{}: {difference:?}", dump["source"]))] += 1;
        }
    }
    for (class, count) in CLASSES.iter().zip(used) {
        assert!(
            count > 0 || dumps.is_empty(),
            "no difference is left of this kind: {}",
            class.reason
        );
    }
}

/// The Python app's incidents, each with its finding as it was served: under an id and a detector of its own, current.
fn dumps() -> Vec<(Value, Finding)> {
    let with_finding = |file: PathBuf| {
        let dump = read(&file);
        let source =
            shared("findings/api").join(format!("{}.json", dump["source"].as_str().unwrap()));
        let mut finding = read(&source);
        finding["Id"] = dump["finding_id"].clone();
        if let Some(properties) = dump.pointer("/incident/properties") {
            finding["Service"]["DetectorId"] = properties["aws_guardduty_detector_id"].clone();
        }
        finding["Service"]["Archived"] = json!(false);
        (dump, Finding::from_wire(finding).unwrap())
    };
    json_files(&shared("ancestor-incidents"))
        .into_iter()
        .map(with_finding)
        .collect()
}

fn differences(incident: &NewIncident, dump: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |place: String, ours: Value, theirs: &Value| {
        if ours != *theirs {
            found.push(Difference {
                place,
                ours,
                theirs: theirs.clone(),
            });
        }
    };
    let fields = &dump["fields"];
    compare("name".to_owned(), json!(incident.name), &fields["name"]);
    compare(
        "description".to_owned(),
        json!(incident.description),
        &fields["description"],
    );
    compare(
        "severity_code".to_owned(),
        json!(incident.severity_code),
        &fields["severity_code"],
    );
    let discovered: Timestamp = incident.discovered_date.parse().unwrap();
    compare(
        "discovered_date".to_owned(),
        json!(discovered.as_millisecond()),
        &fields["discovered_date"],
    );
    for (name, value) in &incident.properties {
        compare(
            format!("properties.{name}"),
            value.clone(),
            &dump["properties"][name],
        );
    }
    let (ours, theirs) = (artifacts_of(incident), artifacts_in(dump));
    for place in ours
        .keys()
        .chain(theirs.keys().filter(|place| !ours.contains_key(*place)))
    {
        let side =
            |artifacts: &BTreeMap<String, Value>| artifacts.get(place).cloned().unwrap_or_default();
        compare(place.clone(), side(&ours), &side(&theirs));
    }
    compare(
        "artifact order".to_owned(),
        common_order(incident, &theirs),
        &dump["artifact_order"],
    );
    for table in TABLES {
        let ours = rows(incident, table);
        let theirs = dump["rows"][table].as_array().cloned().unwrap_or_default();
        for place in 0..ours.len().max(theirs.len()) {
            let cells = |rows: &[Value]| {
                rows.get(place)
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default()
            };
            let (ours, theirs) = (cells(&ours), cells(&theirs));
            for column in ours
                .keys()
                .chain(theirs.keys().filter(|column| !ours.contains_key(*column)))
            {
                if column != "query_execution_date" {
                    let cell = |row: &serde_json::Map<String, Value>| {
                        row.get(column).cloned().unwrap_or_default()
                    };
                    compare(
                        format!("{table}.{place}.{column}"),
                        cell(&ours),
                        &cell(&theirs),
                    );
                }
            }
        }
    }
    found
}

/// Type and value of an artifact, and its description.
fn artifacts_of(incident: &NewIncident) -> BTreeMap<String, Value> {
    let artifacts = incident.artifacts.iter();
    artifacts
        .map(|artifact| (place_of(artifact), json!(artifact.description)))
        .collect()
}

fn artifacts_in(dump: &Value) -> BTreeMap<String, Value> {
    let place = |artifact: &Value| {
        format!(
            "artifact.{}.{}",
            text(artifact, "type"),
            text(artifact, "value")
        )
    };
    let artifacts = dump["artifacts"].as_array().unwrap().iter();
    artifacts
        .map(|artifact| (place(artifact), artifact["description"].clone()))
        .collect()
}

fn text<'a>(artifact: &'a Value, member: &str) -> &'a str {
    artifact[member].as_str().unwrap()
}

fn place_of(artifact: &Artifact) -> String {
    format!("artifact.{}.{}", artifact.kind.api_name(), artifact.value)
}

/// Our artifacts in order, those left out that the Python app does not have.
fn common_order(incident: &NewIncident, theirs: &BTreeMap<String, Value>) -> Value {
    let common = incident
        .artifacts
        .iter()
        .filter(|artifact| theirs.contains_key(&place_of(artifact)));
    common
        .map(|artifact| json!([artifact.kind.api_name(), artifact.value]))
        .collect()
}
