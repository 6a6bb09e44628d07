//! What the platform has of our customizations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::platform::Snapshot;
use super::report::{Area, Check};
use crate::customizations::{FOR_UNSERVED, ancestor_only_functions, export_document};
use crate::soar::SoarError;

const NAME: &str = "customizations";
const RULES: &str = "rules";
const CUSTOMIZE: &str = "run `fn-aws-guardduty customize`";

/// What a comparison with our own export found.
#[derive(Debug, Default)]
struct Difference {
    /// Not there.
    missing: Vec<String>,
    /// There, but such that it cannot work.
    wrong: Vec<String>,
    /// There and another's, which will do.
    other: Vec<String>,
    /// Not to be looked at by this account.
    unseen: Vec<String>,
    /// Could not be read for another reason.
    errors: Vec<String>,
}

/// Functions, fields, data tables and artifact types, against our own export.
pub(super) fn check(platform: &Snapshot) -> Check {
    let ours = export_document();
    let mut found = Difference::default();
    functions(&ours, platform, &mut found);
    fields(&ours, platform, &mut found);
    tables(&ours, platform, &mut found);
    artifact_types(&ours, platform, &mut found);
    found.into_check()
}

impl Difference {
    fn into_check(self) -> Check {
        let failed = |text: String| Check::failed(Area::Platform, NAME, text);
        if !self.missing.is_empty() {
            return failed(format!("the platform lacks {}", self.missing.join(", ")))
                .remedy(CUSTOMIZE);
        }
        if !self.wrong.is_empty() {
            return failed(self.wrong.join("; ")).remedy(format!(
                "rename or delete what is of another kind, then {CUSTOMIZE}"
            ));
        }
        if !self.errors.is_empty() {
            return failed(self.errors.join("; "))
                .remedy("see the platform's log for the cause, then run this again");
        }
        if !self.unseen.is_empty() {
            let unseen = self.unseen.join(", ");
            return Check::unknown(
                Area::Platform,
                NAME,
                format!("the account may not look at {unseen}; the rest is there"),
            );
        }
        if !self.other.is_empty() {
            let other = self.other.join(", ");
            return Check::ok(
                Area::Platform,
                NAME,
                format!("all there; not as this version brings them, but served as well: {other}"),
            );
        }
        Check::ok(
            Area::Platform,
            NAME,
            "all there and as this version brings them",
        )
    }

    /// The answer where there is one; otherwise it is noted why not.
    fn read<'a>(&mut self, what: &str, answer: &'a Result<Value, SoarError>) -> Option<&'a Value> {
        match answer {
            Ok(value) => Some(value),
            Err(SoarError::Forbidden { .. } | SoarError::NotFound { .. }) => {
                self.unseen.push(what.to_owned());
                None
            }
            Err(error) => {
                self.errors.push(format!("{what}: {error}"));
                None
            }
        }
    }
}

fn functions(ours: &Value, platform: &Snapshot, found: &mut Difference) {
    let Some(functions) = found.read("the functions", &platform.functions) else {
        return;
    };
    let functions = by_name(functions, "name");
    let inputs = found
        .read("the function inputs", &platform.function_inputs)
        .map(|fields| by_name(fields, "uuid"));
    let our_inputs = by_name(&ours["fields"], "uuid");
    for function in list(&ours["functions"]) {
        let name = text(function, "name");
        let Some(theirs) = functions.get(name) else {
            found.missing.push(format!("the function {name}"));
            continue;
        };
        if let Some(inputs) = &inputs {
            let has = input_names(theirs, inputs);
            let lacks = input_names(function, &our_inputs);
            for input in lacks.iter().filter(|input| !has.contains(input)) {
                found
                    .wrong
                    .push(format!("the function {name} has no input {input}"));
            }
        }
        if theirs["uuid"] != function["uuid"] {
            found.other.push(format!("the function {name}"));
        }
        let destination = text(theirs, "destination_handle");
        if destination != text(function, "destination_handle") {
            found
                .other
                .push(format!("{name} is queued on {destination}"));
        }
    }
}

/// The inputs that a function's form shows, by name.
fn input_names<'a>(function: &Value, inputs: &BTreeMap<&str, &'a Value>) -> Vec<&'a str> {
    let shown = list(&function["view_items"]).filter_map(|item| item["content"].as_str());
    shown
        .filter_map(|uuid| inputs.get(uuid)?["name"].as_str())
        .collect()
}

fn fields(ours: &Value, platform: &Snapshot, found: &mut Difference) {
    let Some(incident) = found.read("the incident fields", &platform.incident_type) else {
        return;
    };
    let fields = by_name(&incident["fields"], "name");
    let of_incidents = |field: &&Value| field["prefix"] == "properties";
    for field in list(&ours["fields"]).filter(of_incidents) {
        let (name, kind) = (text(field, "name"), text(field, "input_type"));
        match fields.get(name) {
            None => found.missing.push(format!("the field {name}")),
            Some(theirs) if text(theirs, "input_type") != kind => found.wrong.push(format!(
                "the field {name} is {}, not {kind}",
                text(theirs, "input_type")
            )),
            Some(_) => {}
        }
    }
}

fn tables(ours: &Value, platform: &Snapshot, found: &mut Difference) {
    let Some(types) = found.read("the data tables", &platform.types) else {
        return;
    };
    for table in list(&ours["types"]) {
        let name = text(table, "type_name");
        let Some(theirs) = types.get(name) else {
            found.missing.push(format!("the data table {name}"));
            continue;
        };
        let columns = by_name(&theirs["fields"], "name");
        for column in by_name(&table["fields"], "name").into_keys() {
            if !columns.contains_key(column) {
                found
                    .missing
                    .push(format!("the column {column} of the data table {name}"));
            }
        }
    }
}

fn artifact_types(ours: &Value, platform: &Snapshot, found: &mut Difference) {
    let Some(artifact) = found.read("the artifact types", &platform.artifact_type) else {
        return;
    };
    let fields = by_name(&artifact["fields"], "name");
    let values = fields.get("type").map(|kind| &kind["values"]);
    let labels: Vec<&str> = values
        .into_iter()
        .flat_map(list)
        .filter_map(|value| value["label"].as_str())
        .collect();
    for kind in list(&ours["incident_artifact_types"]) {
        let name = text(kind, "name");
        if !labels.contains(&name) {
            found.missing.push(format!("the artifact type {name}"));
        }
    }
}

/// Whether the rules that call our functions are there and enabled. Playbooks may stand in for them, so that nothing here is a
/// failure.
pub(super) fn check_rules(platform: &Snapshot) -> Check {
    let rules = match &platform.rules {
        Ok(rules) => by_name(rules, "name"),
        Err(error) => return Check::unknown(Area::Platform, RULES, error.to_string()),
    };
    let ours = export_document();
    let (mut missing, mut disabled) = (Vec::new(), Vec::new());
    for rule in list(&ours["actions"]) {
        let name = text(rule, "name");
        match rules.get(name) {
            None => missing.push(format!("'{name}'")),
            Some(theirs) if theirs["enabled"] == Value::Bool(false) => {
                disabled.push(format!("'{name}'"));
            }
            Some(_) => {}
        }
    }
    let warning = |text: String| Check::warning(Area::Platform, RULES, text);
    if !missing.is_empty() {
        return warning(format!("the platform has no rule {}", missing.join(", "))).remedy(
            format!("{CUSTOMIZE}, unless playbooks call these functions"),
        );
    }
    if !disabled.is_empty() {
        return warning(format!("disabled: {}", disabled.join(", "))).remedy(
            "enable them (Customization Settings, Rules), unless playbooks call these functions",
        );
    }
    Check::ok(Area::Platform, RULES, "all there and enabled")
}

/// Functions that only the Python app serves; no line where the platform has none.
pub(super) fn check_unserved(platform: &Snapshot) -> Option<Check> {
    let functions = platform.functions.as_ref().ok()?;
    let unserved = ancestor_only_functions(by_name(functions, "name").into_keys());
    if unserved.is_empty() {
        return None;
    }
    let detail = format!("this program does not serve {}", unserved.join(", "));
    let check = Check::warning(Area::Platform, "functions of the Python app", detail);
    Some(check.remedy(FOR_UNSERVED))
}

/// Objects by one of their texts; they come in a list, in `entities`, or as members of an object.
pub(super) fn by_name<'a>(objects: &'a Value, key: &str) -> BTreeMap<&'a str, &'a Value> {
    let named = |object: &'a Value| Some((object[key].as_str()?, object));
    let listed = match &objects["entities"] {
        Value::Null => objects,
        entities => entities,
    };
    match listed {
        Value::Object(members) => members.values().filter_map(named).collect(),
        listed => list(listed).filter_map(named).collect(),
    }
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}
