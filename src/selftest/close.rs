//! Whether an incident can be closed with the template.

use serde_json::Value;

use super::customizations::{by_name, list};
use super::report::{Area, Check};
use crate::config::CloseTemplate;
use crate::soar::SoarError;

const NAME: &str = "close template";
const TEMPLATE: &str = "the template that aws_gd_close_incident_template names";

/// The template's fields exist and take their values, and every field that the platform requires on close is in it.
pub(super) fn check(incident_type: &Result<Value, SoarError>, template: &CloseTemplate) -> Check {
    let incident = match incident_type {
        Ok(incident) => incident,
        Err(error) => return Check::unknown(Area::Platform, NAME, error.to_string()),
    };
    let fields = by_name(&incident["fields"], "name");
    let failed = |text: String| Check::failed(Area::Platform, NAME, text);
    for (name, value) in template.fields() {
        let Some(field) = fields.get(name.as_str()) else {
            return failed(format!("the platform has no field {name}"))
                .remedy(format!("correct {TEMPLATE}"));
        };
        if !takes(field, value) {
            return failed(format!("the field {name} has no value {value}"))
                .remedy(format!("give one of its values in {TEMPLATE}"));
        }
    }
    let required = fields
        .iter()
        .filter(|(_, field)| field["required"] == "close");
    let missing: Vec<&str> = required
        .map(|(name, _)| *name)
        .filter(|name| !template.fields().contains_key(*name))
        .collect();
    if missing.is_empty() {
        return Check::ok(
            Area::Platform,
            NAME,
            "has every field that the platform requires on close",
        );
    }
    let missing = missing.join(", ");
    failed(format!("the platform requires {missing} on close"))
        .remedy(format!("add {missing} to {TEMPLATE}"))
}

/// Of a select field only its values are taken, by id or by name; what other fields take is theirs to say.
fn takes(field: &Value, value: &Value) -> bool {
    if field["input_type"] != "select" || value.is_null() {
        return true;
    }
    let wanted = ["id", "name"]
        .iter()
        .find_map(|key| value.get(*key))
        .unwrap_or(value);
    let mut values = list(&field["values"]).peekable();
    // Selects of users and groups list no values.
    values.peek().is_none()
        || values.any(|known| known["value"] == *wanted || known["label"] == *wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::report::Outcome;
    use serde_json::json;

    fn incident_type() -> Value {
        json!({"fields": {
            "plan_status": {"name": "plan_status", "input_type": "select", "values": [{"value": "A", "label": "Active"}, {"value": "C", "label": "Closed"}]},
            "resolution_id": {"name": "resolution_id", "input_type": "select", "required": "close", "values": [{"value": 10, "label": "Resolved"}]},
            "resolution_summary": {"name": "resolution_summary", "input_type": "textarea", "required": "close"},
        }})
    }

    #[test]
    fn the_default_template_closes_where_only_the_usual_fields_are_required() {
        let found = check(&Ok(incident_type()), &CloseTemplate::default());
        assert_eq!(found.outcome, Outcome::Ok);
    }

    #[test]
    fn a_further_required_field_is_named_with_the_remedy() {
        let mut incident = incident_type();
        incident["fields"]["root_cause"] =
            json!({"name": "root_cause", "input_type": "text", "required": "close"});
        let found = check(&Ok(incident), &CloseTemplate::default());
        assert_eq!(found.detail, "the platform requires root_cause on close");
        assert!(found.remedy.unwrap().contains("add root_cause to"));
    }

    #[test]
    fn a_value_that_the_field_does_not_have_is_named() {
        let mut incident = incident_type();
        incident["fields"]["resolution_id"]["values"] =
            json!([{"value": 7, "label": "Unresolved"}]);
        let found = check(&Ok(incident), &CloseTemplate::default());
        assert_eq!(
            found.detail,
            "the field resolution_id has no value \"Resolved\""
        );
    }
}
