//! From the GuardDuty API's camelCase JSON to the PascalCase that AWS's Python client shows.
//!
//! The rule is to upper-case the first letter of each member; the API's model (2017-11-28) names the exceptions.

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Map, Value};

/// Members whose two names differ in more than the first letter: (path of the object, wire name, PascalCase name).
const EXCEPTIONS: [(&str, &str, &str); 10] = [
    (
        "Resource.InstanceDetails.ProductCodes",
        "productCodeId",
        "Code",
    ),
    (
        "Resource.InstanceDetails.ProductCodes",
        "productCodeType",
        "ProductType",
    ),
    (
        "Resource.EcsClusterDetails.TaskDetails",
        "createdAt",
        "TaskCreatedAt",
    ),
    (
        "Service.Action.KubernetesApiCallAction",
        "sourceIPs",
        "SourceIps",
    ),
    (
        "Service.Detection.Sequence.Actors.User.Account",
        "account",
        "Name",
    ),
    (
        "Service.Detection.Sequence.Resources.Data.Ec2Instance.ProductCodes",
        "productCodeId",
        "Code",
    ),
    (
        "Service.Detection.Sequence.Resources.Data.Ec2Instance.ProductCodes",
        "productCodeType",
        "ProductType",
    ),
    (
        "Service.Detection.Sequence.Resources.Data.KubernetesWorkload",
        "type",
        "KubernetesResourcesTypes",
    ),
    (
        "Service.Detection.Sequence.Endpoints.Location",
        "lat",
        "Latitude",
    ),
    (
        "Service.Detection.Sequence.Endpoints.Location",
        "lon",
        "Longitude",
    ),
];

/// Objects whose keys are the customer's data, and for how many levels.
const CUSTOMER_KEYS: [(&str, usize); 3] = [
    ("Service.Action.AwsApiCallAction.AffectedResources", 1),
    ("Service.Detection.Anomaly.Profiles", 2),
    ("Service.Detection.Anomaly.Unusual.Behavior", 2),
];

/// Timestamps that the wire carries as seconds since 1970.
const TIMESTAMPS: [&str; 24] = [
    "Resource.S3BucketDetails.CreatedAt",
    "Resource.EksClusterDetails.CreatedAt",
    "Resource.EcsClusterDetails.TaskDetails.TaskCreatedAt",
    "Resource.EcsClusterDetails.TaskDetails.StartedAt",
    "Resource.LambdaDetails.LastModifiedAt",
    "Resource.RecoveryPointDetails.ContinuousScanDetails.StartTime",
    "Resource.RecoveryPointDetails.ContinuousScanDetails.EndTime",
    "Service.EbsVolumeScanDetails.ScanStartedAt",
    "Service.EbsVolumeScanDetails.ScanCompletedAt",
    "Service.RuntimeDetails.Process.StartTime",
    "Service.RuntimeDetails.Process.Lineage.StartTime",
    "Service.RuntimeDetails.Context.ModifiedAt",
    "Service.RuntimeDetails.Context.ModifyingProcess.StartTime",
    "Service.RuntimeDetails.Context.ModifyingProcess.Lineage.StartTime",
    "Service.RuntimeDetails.Context.TargetProcess.StartTime",
    "Service.RuntimeDetails.Context.TargetProcess.Lineage.StartTime",
    "Service.Detection.Sequence.Actors.Session.CreatedTime",
    "Service.Detection.Sequence.Resources.Data.S3Bucket.CreatedAt",
    "Service.Detection.Sequence.Resources.Data.EksCluster.CreatedAt",
    "Service.Detection.Sequence.Resources.Data.EcsTask.CreatedAt",
    "Service.Detection.Sequence.Signals.CreatedAt",
    "Service.Detection.Sequence.Signals.UpdatedAt",
    "Service.Detection.Sequence.Signals.FirstSeenAt",
    "Service.Detection.Sequence.Signals.LastSeenAt",
];

/// The finding with PascalCase members, numeric timestamps as RFC 3339 text, and without null members, which
/// AWS's Python client drops too. Unknown members are kept; a document in PascalCase keeps its names.
pub(super) fn pascal_case(value: Value) -> Value {
    convert(value, &mut Vec::new())
}

fn convert(value: Value, path: &mut Vec<String>) -> Value {
    match value {
        Value::Object(members) => Value::Object(convert_members(members, path)),
        Value::Array(items) => items.into_iter().map(|item| convert(item, path)).collect(),
        number @ Value::Number(_) if is_timestamp(path) => {
            timestamp_text(&number).unwrap_or(number)
        }
        scalar => scalar,
    }
}

fn convert_members(mut members: Map<String, Value>, path: &mut Vec<String>) -> Map<String, Value> {
    if let Some(levels) = customer_levels(path) {
        return customer_data(members, levels, path);
    }
    members.retain(|_, value| !value.is_null());
    // Two members that would get one name keep their own, so that neither is lost.
    let new_name =
        |key: &String| Some(pascal_name(path, key)).filter(|name| !members.contains_key(name));
    let names: Vec<Option<String>> = members.keys().map(new_name).collect();
    let mut converted = Map::with_capacity(members.len());
    for ((key, value), name) in members.into_iter().zip(names) {
        let name = name.filter(|name| !converted.contains_key(name));
        path.push(name.unwrap_or(key));
        let value = convert(value, path);
        let name = path.pop().unwrap_or_default();
        converted.insert(name, value);
    }
    converted
}

/// `levels` levels of keys as they are; the rule again below them.
fn customer_data(
    members: Map<String, Value>,
    levels: usize,
    path: &mut Vec<String>,
) -> Map<String, Value> {
    let keep = |(key, value): (String, Value)| {
        path.push(key);
        let value = match value {
            Value::Object(inner) if levels > 1 => {
                Value::Object(customer_data(inner, levels - 1, path))
            }
            other => convert(other, path),
        };
        (path.pop().unwrap_or_default(), value)
    };
    members.into_iter().map(keep).collect()
}

fn customer_levels(path: &[String]) -> Option<usize> {
    let object = CUSTOMER_KEYS
        .iter()
        .find(|(object, _)| is_at(path, object))?;
    Some(object.1)
}

fn pascal_name(path: &[String], key: &str) -> String {
    let exception = |(object, wire, _): &&(&str, &str, &str)| *wire == key && is_at(path, object);
    if let Some((_, _, name)) = EXCEPTIONS.iter().find(exception) {
        return (*name).to_owned();
    }
    let mut name = key.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

fn is_timestamp(path: &[String]) -> bool {
    TIMESTAMPS.iter().any(|member| is_at(path, member))
}

fn is_at(path: &[String], dotted: &str) -> bool {
    path.iter().map(String::as_str).eq(dotted.split('.'))
}

/// Seconds since 1970 as RFC 3339 UTC; none outside the years that text can name.
fn timestamp_text(seconds: &Value) -> Option<Value> {
    let since_epoch = SignedDuration::try_from_secs_f64(seconds.as_f64()?).ok()?;
    let exact = Timestamp::from_duration(since_epoch).ok()?;
    // A double holds today's time to the microsecond at best; AWS gives milliseconds.
    let rounded = exact.round(Unit::Millisecond).ok()?;
    Some(Value::String(rounded.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn capitalises_every_member_and_keeps_unknown_ones() {
        let converted = pascal_case(json!({"service": {"brandNew": [{"x": 1}], "asnOrg": "A"}}));
        assert_eq!(
            converted,
            json!({"Service": {"BrandNew": [{"X": 1}], "AsnOrg": "A"}})
        );
    }

    #[test]
    fn names_the_exceptions_of_the_model() {
        let converted = pascal_case(json!({
            "resource": {
                "instanceDetails": {"productCodes": [{"productCodeId": "c", "productCodeType": "t"}]},
                "ecsClusterDetails": {"taskDetails": {"createdAt": 0}},
            },
            "service": {
                "action": {"kubernetesApiCallAction": {"sourceIPs": ["192.0.2.1"]}},
                "detection": {"sequence": {
                    "actors": [{"user": {"account": {"account": "prod", "uid": "1"}}}],
                    "resources": [{"data": {"kubernetesWorkload": {"type": "PODS"}}}],
                    "endpoints": [{"location": {"lat": 1.5, "lon": 2.5}}],
                }},
            },
        }));
        assert_eq!(
            converted,
            json!({
                "Resource": {
                    "InstanceDetails": {"ProductCodes": [{"Code": "c", "ProductType": "t"}]},
                    "EcsClusterDetails": {"TaskDetails": {"TaskCreatedAt": "1970-01-01T00:00:00Z"}},
                },
                "Service": {
                    "Action": {"KubernetesApiCallAction": {"SourceIps": ["192.0.2.1"]}},
                    "Detection": {"Sequence": {
                        "Actors": [{"User": {"Account": {"Name": "prod", "Uid": "1"}}}],
                        "Resources": [{"Data": {"KubernetesWorkload": {"KubernetesResourcesTypes": "PODS"}}}],
                        "Endpoints": [{"Location": {"Latitude": 1.5, "Longitude": 2.5}}],
                    }},
                },
            })
        );
    }

    #[test]
    fn leaves_the_customers_keys_alone() {
        let converted = pascal_case(json!({"service": {
            "action": {"awsApiCallAction": {"affectedResources": {"aws::S3::Bucket": "b"}}},
            "detection": {"anomaly": {
                "profiles": {"api": {"getObject": [{"profileType": "FREQUENCY"}]}},
                "unusual": {"behavior": {"asn": {"asnOrg": {"profileSubtype": "RARE"}}}},
            }},
        }}));
        assert_eq!(
            converted,
            json!({"Service": {
                "Action": {"AwsApiCallAction": {"AffectedResources": {"aws::S3::Bucket": "b"}}},
                "Detection": {"Anomaly": {
                    "Profiles": {"api": {"getObject": [{"ProfileType": "FREQUENCY"}]}},
                    "Unusual": {"Behavior": {"asn": {"asnOrg": {"ProfileSubtype": "RARE"}}}},
                }},
            }})
        );
    }

    #[test]
    fn seconds_become_rfc_3339_text() {
        let bucket = |created_at: Value| {
            let converted =
                pascal_case(json!({"resource": {"s3BucketDetails": [{"createdAt": created_at}]}}));
            converted["Resource"]["S3BucketDetails"][0]["CreatedAt"].clone()
        };
        assert_eq!(bucket(json!(1_513_612_692)), json!("2017-12-18T15:58:12Z"));
        assert_eq!(
            bucket(json!(1_513_612_692.123)),
            json!("2017-12-18T15:58:12.123Z")
        );
        assert_eq!(bucket(json!("2017-12-18")), json!("2017-12-18"));
        assert_eq!(bucket(json!(1e300)), json!(1e300), "no year to name it by");
    }

    #[test]
    fn every_timestamp_of_the_model_becomes_text() {
        let process = json!({"startTime": 0, "lineage": [{"startTime": 0}]});
        let wire = json!({
            "resource": {
                "s3BucketDetails": [{"createdAt": 0}],
                "eksClusterDetails": {"createdAt": 0},
                "ecsClusterDetails": {"taskDetails": {"createdAt": 0, "startedAt": 0}},
                "lambdaDetails": {"lastModifiedAt": 0},
                "recoveryPointDetails": {"continuousScanDetails": {"startTime": 0, "endTime": 0}},
            },
            "service": {
                "ebsVolumeScanDetails": {"scanStartedAt": 0, "scanCompletedAt": 0},
                "runtimeDetails": {
                    "process": process.clone(),
                    "context": {"modifiedAt": 0, "modifyingProcess": process.clone(), "targetProcess": process},
                },
                "detection": {"sequence": {
                    "actors": [{"session": {"createdTime": 0}}],
                    "resources": [{"data": {
                        "s3Bucket": {"createdAt": 0}, "eksCluster": {"createdAt": 0}, "ecsTask": {"createdAt": 0},
                    }}],
                    "signals": [{"createdAt": 0, "updatedAt": 0, "firstSeenAt": 0, "lastSeenAt": 0}],
                }},
            },
        });
        let converted = pascal_case(wire).to_string();
        assert_eq!(
            converted.matches(r#":"1970-01-01T00:00:00Z""#).count(),
            24,
            "{converted}"
        );
    }

    #[test]
    fn null_members_are_dropped_and_list_places_kept() {
        assert_eq!(
            pascal_case(json!({"a": null, "b": [null, {"c": null}]})),
            json!({"B": [null, {}]})
        );
    }

    #[test]
    fn two_members_of_one_name_are_both_kept() {
        assert_eq!(
            pascal_case(json!({"id": 1, "Id": 2})),
            json!({"id": 1, "Id": 2})
        );
        let codes = json!({"resource": {"instanceDetails": {"productCodes": [{"productCodeId": 1, "code": 2}]}}});
        let converted = pascal_case(codes);
        assert_eq!(
            converted["Resource"]["InstanceDetails"]["ProductCodes"][0],
            json!({"Code": 1, "code": 2})
        );
    }
}
