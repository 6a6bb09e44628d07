//! One condition of a rule. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::AutomationError;
use super::rule::Change;

/// A condition as exports spell it.
#[derive(Debug, Deserialize)]
pub(super) struct Condition {
    pub(super) evaluation_id: Option<i64>,
    field_name: Option<String>,
    method: String,
    #[serde(default)]
    value: Value,
}

/// What a condition looks at.
#[derive(Debug)]
pub(super) enum Moment<'a> {
    /// An incident that changed.
    Change(Change<'a>),
    /// An incident as it stands, for menu items.
    Standing(&'a Value),
}

impl Condition {
    /// Whether the condition holds; an unknown method or field is an error.
    pub(super) fn holds(&self, moment: &Moment<'_>) -> Result<bool, AutomationError> {
        let field = self.field_name.as_deref().unwrap_or_default();
        let (before, after) = match moment {
            Moment::Change(change) => (Some(change.before), change.after),
            Moment::Standing(incident) => (None, *incident),
        };
        let after = read(field, after)?;
        let unsupported = || AutomationError::Method {
            field: field.to_owned(),
            method: self.method.clone(),
        };
        let changed = || -> Result<bool, AutomationError> {
            match before.ok_or_else(unsupported)? {
                Some(before) => Ok(!same(field, read(field, before)?, after)),
                // A new incident went from nothing to what it has.
                None => Ok(has_a_value(after)),
            }
        };
        let equals = |expected: &Value| same(field, after, expected);
        let list = || self.value.as_array().ok_or_else(unsupported);
        let order = || compare(after, &self.value).ok_or_else(unsupported);
        Ok(match self.method.as_str() {
            "changed" => changed()?,
            "changed_to" => changed()? && equals(&self.value),
            "not_changed_to" => changed()? && !equals(&self.value),
            "equals" => equals(&self.value),
            "not_equals" => !equals(&self.value),
            "has_a_value" => has_a_value(after),
            "not_has_a_value" => !has_a_value(after),
            "contains" => contains(field, after, &self.value),
            "not_contains" => !contains(field, after, &self.value),
            "in" => list()?.iter().any(equals),
            "not_in" => !list()?.iter().any(equals),
            "gt" => has_a_value(after) && order()?.is_gt(),
            "gte" => has_a_value(after) && order()?.is_ge(),
            "lt" => has_a_value(after) && order()?.is_lt(),
            "lte" => has_a_value(after) && order()?.is_le(),
            _ => return Err(unsupported()),
        })
    }
}

/// The value of `incident.x` or `incident.properties.x`.
fn read<'a>(field: &str, incident: &'a Value) -> Result<&'a Value, AutomationError> {
    let unknown = || AutomationError::Field(field.to_owned());
    let path = field.strip_prefix("incident.").ok_or_else(unknown)?;
    let found = match path.split_once('.') {
        Some(("properties", name)) => incident
            .get("properties")
            .and_then(|properties| properties.get(name)),
        Some(_) => None,
        None => incident.get(path),
    };
    found.ok_or_else(unknown)
}

fn has_a_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// Compares an incident's value with another's or with a rule's.
fn same(field: &str, actual: &Value, expected: &Value) -> bool {
    match (plain(field, actual), plain(field, expected)) {
        (Value::Bool(one), Value::String(other)) | (Value::String(other), Value::Bool(one)) => {
            other.eq_ignore_ascii_case(if one { "true" } else { "false" })
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Number(one), Value::String(other)) | (Value::String(other), Value::Number(one)) => {
            other.parse::<f64>().ok() == one.as_f64()
        }
        (one, other) => one == other,
    }
}

/// A value without its wrapping: of a select the name, of a text field with format the text, of a status the code.
fn plain(field: &str, value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .get("name")
            .or_else(|| object.get("content"))
            .unwrap_or(value)
            .clone(),
        // Rules spell the status by its label.
        Value::String(label) if field == "incident.plan_status" => match label.as_str() {
            "Active" => Value::from("A"),
            "Closed" => Value::from("C"),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

fn contains(field: &str, actual: &Value, expected: &Value) -> bool {
    match (plain(field, actual), expected) {
        (Value::Array(items), Value::Array(wanted)) => wanted
            .iter()
            .any(|wanted| items.iter().any(|item| same(field, item, wanted))),
        (Value::Array(items), wanted) => items.iter().any(|item| same(field, item, wanted)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

fn compare(actual: &Value, expected: &Value) -> Option<std::cmp::Ordering> {
    actual.as_f64()?.partial_cmp(&expected.as_f64()?)
}
