//! What happened: one row, or one for each probe of a port probe and each endpoint of an attack sequence.

use serde_json::Value;

use super::{Cells, Column, read};
use crate::domain::mapping::{limits, path::find, text::text_at};

const SERVICE: [Column; 3] = [
    ("action_type", &["/Action/ActionType"]),
    ("event_first_seen", &["/EventFirstSeen"]),
    ("event_last_seen", &["/EventLastSeen"]),
];

const ACTION: [Column; 5] = [
    ("action_api", &["/Api"]),
    ("protocol", &["/Protocol"]),
    ("actor_caller_type", &["/CallerType"]),
    ("service_name", &["/ServiceName"]),
    ("connection_direction", &["/ConnectionDirection"]),
];

const DNS_REQUEST: [Column; 2] = [
    ("dns_domain_name", &["/Domain"]),
    ("dns_blocked", &["/Blocked"]),
];

/// The two ends of a connection, as most actions and every probe name them.
const ENDS: [Column; 10] = [
    (
        "local_ip",
        &["/LocalIpDetails/IpAddressV4", "/LocalIpDetails/IpAddressV6"],
    ),
    ("local_port", &["/LocalPortDetails/Port"]),
    (
        "remote_ip",
        &[
            "/RemoteIpDetails/IpAddressV4",
            "/RemoteIpDetails/IpAddressV6",
        ],
    ),
    ("remote_port", &["/RemotePortDetails/Port"]),
    ("city_name", &["/RemoteIpDetails/City/CityName"]),
    ("country_name", &["/RemoteIpDetails/Country/CountryName"]),
    ("asn", &["/RemoteIpDetails/Organization/Asn"]),
    ("asn_org", &["/RemoteIpDetails/Organization/AsnOrg"]),
    ("isp", &["/RemoteIpDetails/Organization/Isp"]),
    ("org", &["/RemoteIpDetails/Organization/Org"]),
];

/// A network endpoint of an attack sequence.
const ENDPOINT: [Column; 8] = [
    ("remote_ip", &["/Ip"]),
    ("remote_port", &["/Port"]),
    ("dns_domain_name", &["/Domain"]),
    ("connection_direction", &["/Connection/Direction"]),
    ("city_name", &["/Location/City"]),
    ("country_name", &["/Location/Country"]),
    ("asn", &["/AutonomousSystem/Number"]),
    ("asn_org", &["/AutonomousSystem/Name"]),
];

pub(super) fn rows(document: &Value) -> Vec<Cells> {
    let service = document.get("Service").unwrap_or(&Value::Null);
    let common = read(service, &SERVICE);
    let ends = match action(service) {
        Some((name, action)) => action_rows(name, action),
        None => sequence_rows(document),
    };
    ends.into_iter()
        .map(|cells| [common.clone(), cells].concat())
        .collect()
}

/// The action's own member, such as `NetworkConnectionAction`; one that AWS adds later is read by the same rules.
fn action(service: &Value) -> Option<(&str, &Value)> {
    let members = service.get("Action")?.as_object()?;
    let found = members
        .iter()
        .find(|(name, value)| name.ends_with("Action") && value.is_object())?;
    Some((found.0.as_str(), found.1))
}

fn action_rows(name: &str, action: &Value) -> Vec<Cells> {
    let mut common = read(action, &ACTION);
    match name {
        "DnsRequestAction" => common.extend(read(action, &DNS_REQUEST)),
        "KubernetesApiCallAction" => common.push(("action_api", kubernetes_request(action))),
        "RdsLoginAttemptAction" => common.push(("action_api", login_attempts(action))),
        _ => {}
    }
    let probes = action
        .get("PortProbeDetails")
        .and_then(Value::as_array)
        .filter(|probes| !probes.is_empty());
    let ends = probes.map_or(std::slice::from_ref(action), Vec::as_slice);
    ends.iter()
        .map(|ends| [common.clone(), read(ends, &ENDS)].concat())
        .collect()
}

/// `get /api/v1/secrets`
fn kubernetes_request(action: &Value) -> Option<String> {
    join(
        " ",
        [text_at(action, "/Verb"), text_at(action, "/RequestUri")]
            .into_iter()
            .flatten(),
    )
}

/// `login as admin: 12 failed, 1 successful`, one after another for each user tried.
fn login_attempts(action: &Value) -> Option<String> {
    let attempts = find(action, "LoginAttributes.*");
    let described = attempts.iter().filter_map(|attempt| {
        let user = text_at(attempt.value, "/User")?;
        let failed =
            text_at(attempt.value, "/FailedLoginAttempts").map(|count| format!("{count} failed"));
        let successful = text_at(attempt.value, "/SuccessfulLoginAttempts")
            .map(|count| format!("{count} successful"));
        let counts = join(", ", [failed, successful].into_iter().flatten());
        Some(counts.map_or_else(
            || format!("login as {user}"),
            |counts| format!("login as {user}: {counts}"),
        ))
    });
    join("; ", described)
}

fn sequence_rows(document: &Value) -> Vec<Cells> {
    let operations = vec![("action_api", operations(document))];
    let endpoints = find(document, "Service.Detection.Sequence.Endpoints.*");
    if endpoints.is_empty() {
        return vec![operations];
    }
    endpoints
        .iter()
        .map(|endpoint| [operations.clone(), read(endpoint.value, &ENDPOINT)].concat())
        .collect()
}

/// The API operations of an attack sequence, each once.
fn operations(document: &Value) -> Option<String> {
    let mut operations: Vec<String> = Vec::new();
    for hit in find(
        document,
        "Service.Detection.Sequence.Signals.*.Activities.*.Api.Operation",
    ) {
        let operation = text_at(hit.value, "").filter(|operation| !operations.contains(operation));
        operations.extend(operation);
    }
    operations.truncate(limits::OPERATIONS);
    join(", ", operations)
}

fn join(separator: &str, parts: impl IntoIterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().collect();
    (!parts.is_empty()).then(|| parts.join(separator))
}
