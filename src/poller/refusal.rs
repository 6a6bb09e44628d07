//! What SOAR refuses of an incident or a row: the part that it names is left out, so that the rest gets through.
//!
//! A platform may lack a field, have made one required to be of certain values, or limit a text. One such field must not
//! keep a finding from its analysts.

use serde_json::Value;

use crate::domain::field;

/// Fields by which an incident is found again, or that the platform requires: without them there is no incident.
const INDISPENSABLE: [&str; 6] = [
    "name",
    "discovered_date",
    field::FINDING_ID,
    field::DETECTOR_ID,
    field::REGION,
    // Without it the incident would count as older than its finding for ever.
    field::FINDING_UPDATED_AT,
];

/// Takes out of an incident, or a row of a data table, what the platform's refusal names; answers what that was. `None`
/// where it names nothing that can be left out.
pub(super) fn leave_out(dto: &mut Value, refusal: &str) -> Option<String> {
    for holder in ["/properties", "/cells", ""] {
        let Some(fields) = dto.pointer_mut(holder).and_then(Value::as_object_mut) else {
            continue;
        };
        // A whole holder of fields is never what is refused, though a refusal may name it on the way to one.
        let holds = |value: &Value| holder.is_empty() && (value.is_object() || value.is_array());
        let named = |(name, value): &(&String, &Value)| {
            is_named(name, refusal) && !INDISPENSABLE.contains(&name.as_str()) && !holds(value)
        };
        let Some(name) = fields.iter().find(named).map(|(name, _)| name.clone()) else {
            continue;
        };
        fields.remove(&name);
        return Some(name);
    }
    leave_out_artifacts(dto, refusal)
}

/// All artifacts of the type, or of the value, that the refusal names.
fn leave_out_artifacts(dto: &mut Value, refusal: &str) -> Option<String> {
    let artifacts = dto.get_mut("artifacts")?.as_array_mut()?;
    let part = |artifact: &Value| {
        let texts = [&artifact["type"]["name"], &artifact["value"]];
        let mut texts = texts.into_iter().filter_map(Value::as_str);
        texts
            .find(|text| is_named(text, refusal))
            .map(str::to_owned)
    };
    let named = artifacts.iter().find_map(part)?;
    artifacts.retain(|artifact| part(artifact).as_ref() != Some(&named));
    Some(format!("artifact {named}"))
}

/// Whether a text holds a name as a word of its own.
fn is_named(name: &str, text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !name.is_empty() && !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn incident() -> Value {
        json!({
            "name": "AWS GuardDuty: Probe", "severity_code": "Critical",
            "properties": {"aws_guardduty_finding_id": "f1", "aws_guardduty_count": "7", "aws_guardduty_finding_type": "t"},
            "artifacts": [
                {"type": {"name": "Port"}, "value": "22"},
                {"type": {"name": "Port"}, "value": "80"},
                {"type": {"name": "IP Address"}, "value": "198.51.100.1"},
            ],
        })
    }

    #[test]
    fn what_is_named_is_left_out() {
        let cases = [
            (
                "the field aws_guardduty_count is unknown",
                "aws_guardduty_count",
            ),
            ("\"Critical\" is no value of severity_code", "severity_code"),
            ("no artifact type \"Port\"", "artifact Port"),
            ("198.51.100.1: bad value", "artifact 198.51.100.1"),
        ];
        for (refusal, left_out) in cases {
            let mut dto = incident();
            assert_eq!(leave_out(&mut dto, refusal).as_deref(), Some(left_out));
            assert_ne!(dto, incident());
            assert_eq!(leave_out(&mut dto, refusal), None, "{refusal}");
        }
        let mut row =
            json!({"cells": {"event_count": {"value": "7"}, "action_type": {"value": "x"}}});
        assert!(leave_out(&mut row, "column event_count: no number").is_some());
        assert_eq!(row, json!({"cells": {"action_type": {"value": "x"}}}));
    }

    #[test]
    fn what_cannot_be_left_out_stays() {
        for refusal in [
            "aws_guardduty_finding_id is unknown",
            "name is too long",
            "aws_guardduty_finding is unknown",
            "properties: aws_guardduty_finding_id is invalid",
            "unreadable (through reference chain: IncidentDTO[\"properties\"])",
            "aws_guardduty_finding_updated_at is no text",
            "something is wrong",
            "",
        ] {
            let mut dto = incident();
            assert_eq!(leave_out(&mut dto, refusal), None, "{refusal}");
            assert_eq!(dto, incident());
        }
    }
}
