//! Objects as the server spells them.

use serde_json::{Value, json};

use super::SoarError;
use crate::domain::{KnownIncident, field};

/// Reads an incident that stands for a finding; `None` where it has no number or names no finding.
pub(super) fn known_incident(incident: &Value) -> Option<KnownIncident> {
    let properties = &incident["properties"];
    let text = |name: &str| properties[name].as_str().map(str::to_owned);
    Some(KnownIncident {
        id: incident["id"].as_i64()?,
        open: is_open(&incident["plan_status"]),
        finding_id: text(field::FINDING_ID)?,
        detector_id: text(field::DETECTOR_ID).unwrap_or_default(),
        region: text(field::REGION).unwrap_or_default(),
        updated_at: text(field::FINDING_UPDATED_AT),
        archived: text(field::ARCHIVED),
        trigger_refresh: properties[field::TRIGGER_REFRESH].as_bool(),
    })
}

/// `plan_status` is "A" or "C"; some forms wrap a value in an object with `id` or `name`.
fn is_open(plan_status: &Value) -> bool {
    let status = plan_status
        .as_str()
        .or_else(|| plan_status["id"].as_str())
        .or_else(|| plan_status["name"].as_str());
    matches!(status, Some("A" | "Active"))
}

/// A list that comes bare, or as `entities` or `data` of an object. Anything else is not taken for an empty
/// list: it would mean that nothing is there yet.
pub(super) fn items(answer: &Value) -> Result<&[Value], SoarError> {
    let list = answer
        .as_array()
        .or_else(|| answer["entities"].as_array())
        .or_else(|| answer["data"].as_array());
    list.map(Vec::as_slice)
        .ok_or_else(|| malformed("a list", "it holds no list"))
}

/// An answer that is not what it should be.
pub(super) fn malformed(what: &str, reason: &str) -> SoarError {
    SoarError::Malformed {
        action: format!("the call for {what}"),
        reason: reason.to_owned(),
    }
}

/// The current value of an incident's field, custom fields by their bare name; null where it has none.
pub fn field_value(incident: &Value, name: &str) -> Value {
    let value = incident
        .get(name)
        .or_else(|| incident["properties"].get(name));
    value.cloned().unwrap_or(Value::Null)
}

/// A text, also where it is wrapped as `{"format": …, "content": …}`.
pub(super) fn text(value: &Value) -> &str {
    value
        .as_str()
        .or_else(|| value["content"].as_str())
        .unwrap_or_default()
}

pub(super) fn equals(field_name: &str, value: &str) -> Value {
    json!({"field_name": field_name, "method": "equals", "value": value})
}

pub(super) fn has_a_value(field_name: &str) -> Value {
    json!({"field_name": field_name, "method": "has_a_value"})
}

/// A custom field's name in a query.
pub(super) fn property(name: &str) -> String {
    format!("properties.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_list_is_not_an_empty_one() {
        assert!(items(&json!([])).unwrap().is_empty());
        assert_eq!(items(&json!({"data": [1]})).unwrap().len(), 1);
        assert!(items(&json!({})).is_err());
        assert!(items(&Value::Null).is_err());
    }

    #[test]
    fn reads_an_incident_and_skips_one_that_is_not_ours() {
        let incident = json!({"id": 5, "plan_status": "A", "properties": {
            "aws_guardduty_finding_id": "f", "aws_guardduty_trigger_refresh": true}});
        let known = known_incident(&incident).unwrap();
        assert!(known.open && known.trigger_refresh == Some(true) && known.updated_at.is_none());
        assert_eq!(known_incident(&json!({"id": 5, "properties": {}})), None);
        assert!(!is_open(&json!({"id": "C", "name": "Closed"})));
    }
}
