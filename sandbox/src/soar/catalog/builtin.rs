//! What a platform has before anything is imported; the parts that clients look at.

use serde_json::{Value, json};
use uuid::Uuid;

use super::field::{Choice, Field, Kind, Required};
use super::{ArtifactType, Catalog};
use crate::soar::limits;

/// Name, label, input type, when it is required, whether only the platform writes it.
type Definition = (
    &'static str,
    &'static str,
    &'static str,
    Option<Required>,
    bool,
);

const INCIDENT_FIELDS: &[Definition] = &[
    ("id", "ID", "number", None, true),
    ("name", "Name", "text", Some(Required::Always), false),
    ("description", "Description", "textarea", None, false),
    (
        "discovered_date",
        "Date Discovered",
        "datetimepicker",
        Some(Required::Always),
        false,
    ),
    ("start_date", "Date Occurred", "datetimepicker", None, false),
    ("due_date", "Next Due Date", "datetimepicker", None, false),
    ("create_date", "Date Created", "datetimepicker", None, true),
    ("end_date", "Date Closed", "datetimepicker", None, true),
    (
        "inc_last_modified_date",
        "Last Modified",
        "datetimepicker",
        None,
        true,
    ),
    ("plan_status", "Status", "select", None, false),
    ("severity_code", "Severity", "select", None, false),
    (
        "resolution_id",
        "Resolution",
        "select",
        Some(Required::Close),
        false,
    ),
    (
        "resolution_summary",
        "Resolution Summary",
        "textarea",
        Some(Required::Close),
        false,
    ),
    (
        "incident_type_ids",
        "Incident Type",
        "multiselect",
        None,
        false,
    ),
    ("owner_id", "Owner", "select_owner", None, false),
    ("creator_id", "Created By", "select_user", None, true),
    ("members", "Members", "multiselect_members", None, false),
    ("phase_id", "Phase", "select", None, false),
    ("workspace", "Workspace", "select", None, false),
    ("confirmed", "Incident Disposition", "boolean", None, false),
    ("reporter", "Reporting Individual", "text", None, false),
    ("addr", "Address", "text", None, false),
    ("city", "City", "text", None, false),
    ("zip", "Zip", "text", None, false),
    ("inc_training", "Simulation", "boolean", None, false),
    ("negative_pr_likely", "Negative PR", "boolean", None, false),
];

/// Choices of a built-in select field: value and label.
fn choices(field: &str, critical: bool) -> Vec<(Value, &'static str)> {
    match field {
        "plan_status" => vec![(json!("A"), "Active"), (json!("C"), "Closed")],
        "severity_code" if critical => vec![
            (json!(4), "Low"),
            (json!(5), "Medium"),
            (json!(6), "High"),
            (json!(7), "Critical"),
        ],
        "severity_code" => vec![(json!(4), "Low"), (json!(5), "Medium"), (json!(6), "High")],
        "resolution_id" => vec![
            (json!(7), "Unresolved"),
            (json!(8), "Duplicate"),
            (json!(9), "Not an Issue"),
            (json!(10), "Resolved"),
        ],
        "incident_type_ids" => vec![
            (json!(19), "Malware"),
            (json!(21), "Denial of Service"),
            (json!(22), "Phishing"),
            (json!(25), "System Intrusion"),
        ],
        "phase_id" => vec![(json!(1004), "Initial"), (json!(1005), "Respond")],
        "workspace" => vec![(json!(1), "Default workspace")],
        _ => Vec::new(),
    }
}

/// Id, name and programmatic name of the artifact types that clients ask for.
const ARTIFACT_TYPES: &[(u64, &str)] = &[
    (1, "IP Address"),
    (2, "DNS Name"),
    (3, "URL"),
    (12, "Malware Sample"),
    (13, "Malware MD5 Hash"),
    (14, "Malware SHA-1 Hash"),
    (16, "Other File"),
    (17, "File Name"),
    (18, "File Path"),
    (19, "Port"),
    (20, "Process Name"),
    (21, "String"),
    (22, "System Name"),
    (23, "User Account"),
    (24, "Service"),
    (25, "Network CIDR Range"),
    (26, "MAC Address"),
    (27, "User Agent"),
    (38, "Malware SHA-256 Hash"),
];

impl Catalog {
    /// The catalog of a platform without customizations.
    pub(crate) fn builtin(critical: bool) -> Self {
        let mut catalog = Self::default();
        for (index, definition) in INCIDENT_FIELDS.iter().enumerate() {
            let field = incident_field(100 + index as u64, definition, critical);
            catalog.core.insert(field.name.clone(), field);
        }
        for (id, name) in ARTIFACT_TYPES {
            catalog.artifact_types.push(artifact_type(*id, name));
        }
        catalog.layouts = layouts();
        catalog
    }
}

fn artifact_type(id: u64, name: &str) -> ArtifactType {
    let uuid = Uuid::new_v4().to_string();
    let definition = json!({
        "id": 0, "name": name, "programmatic_name": name, "export_key": name, "uuid": uuid, "desc": "",
        "enabled": true, "system": true, "file": false, "tags": [], "version": 0,
    });
    ArtifactType {
        id,
        name: name.to_owned(),
        programmatic_name: name.to_owned(),
        definition: definition.as_object().cloned().unwrap_or_default(),
        uuid,
    }
}

fn incident_field(id: u64, definition: &Definition, critical: bool) -> Field {
    let (name, label, input_type, required, read_only) = *definition;
    let uuid = Uuid::new_v4().to_string();
    let mut shown = json!({
        "name": name, "text": label, "input_type": input_type, "prefix": null, "type_id": 0,
        "internal": false, "read_only": read_only, "changeable": !read_only, "uuid": uuid,
        "export_key": format!("incident/{name}"), "tooltip": "", "placeholder": "",
        "templates": [], "tags": [], "operations": [], "operation_perms": {},
    });
    if let Some(required) = required {
        shown["required"] = match required {
            Required::Always => json!("always"),
            Required::Close => json!("close"),
        };
    }
    let choice = |(value, label): (Value, &str)| Choice {
        value,
        label: label.to_owned(),
        uuid: Uuid::new_v4().to_string(),
    };
    let Value::Object(definition) = shown else {
        unreachable!("the literal above is an object")
    };
    Field {
        id,
        name: name.to_owned(),
        uuid,
        kind: Kind::customizable(input_type).unwrap_or(Kind::Other),
        required,
        read_only,
        limit: match (name, input_type) {
            ("name", _) => limits::INCIDENT_NAME,
            (_, "textarea") => limits::TEXT_AREA,
            _ => limits::TEXT_FIELD,
        },
        choices: choices(name, critical).into_iter().map(choice).collect(),
        definition,
    }
}

/// The Details tab of every platform has this identity, whatever it is called.
const DETAILS_TAB: &str = "ccf4e648-5af4-4dc0-8f6a-19aff3a7eeb6";

/// The four layouts every organization has: incident tabs, new-incident wizard, close dialogue, summary.
fn layouts() -> Vec<Value> {
    let field = |name: &str| {
        json!({
            "element": "field", "content": name, "field_type": "incident", "show_if": null,
            "show_link_header": false, "step_label": null,
        })
    };
    let tab = |label: &str, fields: Vec<Value>| {
        json!({
            "element": "tab", "field_type": "incident", "step_label": label, "show_if": [],
            "show_link_header": false, "predefined_uuid": Uuid::new_v4().to_string(), "fields": fields,
        })
    };
    let layout = |id: u64, kind: u64, name: &str, key: &str, content: Vec<Value>| {
        json!({
            "id": id, "name": name, "type": kind, "export_key": format!("{key}/{name}/null"),
            "public": true, "owner_id": null, "perms": null, "description": null,
            "uuid": Uuid::new_v4().to_string(), "content": content,
        })
    };
    let header = |label: &str| {
        json!({
            "element": "header", "content": label, "field_type": null, "show_if": null,
            "show_link_header": false, "step_label": null,
        })
    };
    let mut details = tab(
        "Details",
        vec![
            header("Basic Details"),
            field("description"),
            field("severity_code"),
        ],
    );
    details["predefined_uuid"] = json!(DETAILS_TAB);
    let closing = vec![field("resolution_id"), field("resolution_summary")];
    vec![
        layout(1, 2, "wizard", "INCIDENT_WIZARD", vec![field("name")]),
        layout(2, 5, "incident.close", "INCIDENT_CLOSED", closing),
        layout(
            3,
            7,
            "incident",
            "INCIDENT_TABS",
            vec![details, tab("Notes", Vec::new())],
        ),
        layout(
            4,
            8,
            "incident.summary",
            "INCIDENT_SUMMARY",
            vec![field("plan_status")],
        ),
    ]
}
