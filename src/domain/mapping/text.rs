//! The texts of an incident: its name, description and dates, and how a JSON value reads.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;

use super::limits;

/// A scalar as text: booleans `True` and `False`, numbers in their shortest decimal form; none for a blank text,
/// null, a list or an object. Control characters, which a database may refuse and an attacker may send, are replaced.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(without_controls(text)),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(|float| float.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn without_controls(text: &str) -> String {
    let is_control =
        |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
    text.replace(is_control, "\u{fffd}")
}

/// The scalar at a JSON pointer, as [`text_of`] reads it.
pub(super) fn text_at(document: &Value, pointer: &str) -> Option<String> {
    text_of(document.pointer(pointer)?)
}

pub(super) fn incident_name(document: &Value) -> String {
    let on_one_line = |title: String| title.replace(['\n', '\r', '\t'], " ");
    if let Some(title) = text_at(document, "/Title").map(on_one_line) {
        return limits::clip(format!("AWS GuardDuty: {title}"), limits::NAME);
    }
    let created_at = text_at(document, "/CreatedAt").unwrap_or_else(|| "unknown".to_owned());
    limits::clip(
        format!("AWS GuardDuty: No Title Provided, Create date : {created_at}."),
        limits::NAME,
    )
}

/// The finding's own description, and below it what was left out.
pub(super) fn description(document: &Value, left_out: Option<&str>) -> String {
    let description = text_at(document, "/Description");
    let description = description.unwrap_or_else(|| "AWS GuardDuty finding --".to_owned());
    let addition = left_out.map_or_else(String::new, |left_out| format!("\n\n{left_out}"));
    let room = limits::DESCRIPTION.saturating_sub(limits::length(&addition));
    limits::clip(description, room) + &addition
}

/// The first date of the finding that is one, as ISO 8601 text; `now` when it has none.
pub(super) fn discovered_date(document: &Value, now: Timestamp) -> String {
    let dates = ["/CreatedAt", "/Service/EventFirstSeen", "/UpdatedAt"];
    let found = dates
        .iter()
        .find_map(|pointer| iso_8601(document.pointer(pointer)?.as_str()?));
    found.unwrap_or_else(|| format!("{now:.3}"))
}

/// The text itself when it names an instant; a date and time without a zone is taken as UTC.
fn iso_8601(text: &str) -> Option<String> {
    if text.parse::<Timestamp>().is_ok() {
        return Some(text.to_owned());
    }
    let civil: DateTime = text.parse().ok()?;
    let instant = TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(format!("{instant:.3}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_read_as_analysts_expect() {
        let cases = [
            (json!("x"), Some("x")),
            (json!(true), Some("True")),
            (json!(false), Some("False")),
            (json!(4), Some("4")),
            (json!(8.0), Some("8")),
            (json!(0.25), Some("0.25")),
            (json!("a\u{0}b\nc"), Some("a\u{fffd}b\nc")),
            (json!(" "), None),
            (json!(null), None),
            (json!(["x"]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(text_of(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_finding_without_title_is_named_by_its_date() {
        assert_eq!(
            incident_name(&json!({"Title": "Probe"})),
            "AWS GuardDuty: Probe"
        );
        let untitled = incident_name(&json!({"Title": "", "CreatedAt": "2020-11-25"}));
        assert_eq!(
            untitled,
            "AWS GuardDuty: No Title Provided, Create date : 2020-11-25."
        );
        assert_eq!(
            incident_name(&json!({"Title": "a\r\nlevel=ERROR"})),
            "AWS GuardDuty: a  level=ERROR",
            "a name goes into the log"
        );
        assert_eq!(
            incident_name(&json!({})),
            "AWS GuardDuty: No Title Provided, Create date : unknown."
        );
        assert_eq!(description(&json!({}), None), "AWS GuardDuty finding --");
    }

    #[test]
    fn name_and_description_keep_to_their_limits() {
        let name = |length| incident_name(&json!({"Title": "x".repeat(length)}));
        let prefix = "AWS GuardDuty: ".len();
        for (length, whole) in [
            (limits::NAME - prefix, true),
            (limits::NAME - prefix + 1, false),
        ] {
            assert_eq!(limits::length(&name(length)), limits::NAME);
            assert_eq!(name(length).ends_with('x'), whole);
        }
        let of =
            |length, left_out| description(&json!({"Description": "x".repeat(length)}), left_out);
        for (length, whole) in [
            (limits::DESCRIPTION, true),
            (limits::DESCRIPTION + 1, false),
        ] {
            assert_eq!(limits::length(&of(length, None)), limits::DESCRIPTION);
            assert_eq!(of(length, None).ends_with('x'), whole);
        }
        let with_addition = of(limits::DESCRIPTION, Some("Left out: much."));
        assert_eq!(limits::length(&with_addition), limits::DESCRIPTION);
        assert!(with_addition.ends_with("x…\n\nLeft out: much."));
    }

    #[test]
    fn the_discovered_date_is_the_first_usable_one() {
        let now: Timestamp = "2024-05-06T07:08:09Z".parse().unwrap();
        let date = |document: Value| discovered_date(&document, now);
        let all = json!({
            "CreatedAt": "2020-11-25T13:46:37.960Z",
            "Service": {"EventFirstSeen": "2020-11-25T13:00:00Z"},
            "UpdatedAt": "2020-11-26T00:00:00Z",
        });
        assert_eq!(date(all.clone()), "2020-11-25T13:46:37.960Z");
        let without = |mut document: Value, member: &str| {
            document.as_object_mut().unwrap().remove(member);
            document
        };
        assert_eq!(
            date(without(all.clone(), "CreatedAt")),
            "2020-11-25T13:00:00Z"
        );
        assert_eq!(
            date(json!({"CreatedAt": "soon", "UpdatedAt": "2020-11-26T00:00:00Z"})),
            "2020-11-26T00:00:00Z"
        );
        assert_eq!(
            date(json!({"CreatedAt": "2025-02-25 20:40:06.721"})),
            "2025-02-25T20:40:06.721Z"
        );
        assert_eq!(date(json!({})), "2024-05-06T07:08:09.000Z");
    }
}
