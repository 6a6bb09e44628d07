//! The inputs of a function, checked.

use serde_json::{Map, Value};

/// An input that is missing or of the wrong kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InputError {
    #[error("the input '{0}' is not set: the workflow's pre-process script must set it")]
    Missing(&'static str),
    #[error("the input '{0}' must be {1}")]
    Wrong(&'static str, &'static str),
}

/// The input that names the finding.
pub(crate) const FINDING_ID: &str = "aws_gd_finding_id";

/// Where a finding is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FindingInputs<'a> {
    pub(super) region: &'a str,
    pub(super) detector: &'a str,
    pub(super) finding: &'a str,
}

impl<'a> FindingInputs<'a> {
    pub(super) fn read(inputs: &'a Map<String, Value>) -> Result<Self, InputError> {
        Ok(Self {
            region: text(inputs, "aws_gd_region")?,
            detector: text(inputs, "aws_gd_detector_id")?,
            finding: text(inputs, FINDING_ID)?,
        })
    }
}

fn text<'a>(inputs: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, InputError> {
    match inputs.get(name) {
        None | Some(Value::Null) => Err(InputError::Missing(name)),
        Some(Value::String(text)) if text.trim().is_empty() => Err(InputError::Missing(name)),
        Some(Value::String(text)) => Ok(text.trim()),
        Some(_) => Err(InputError::Wrong(name, "a text")),
    }
}

/// The number of the incident; a script may hand it over as a text.
pub(super) fn incident_id(inputs: &Map<String, Value>) -> Result<i64, InputError> {
    const NAME: &str = "incident_id";
    let wrong = InputError::Wrong(NAME, "the number of an incident");
    match inputs.get(NAME) {
        None | Some(Value::Null) => Err(InputError::Missing(NAME)),
        Some(Value::Number(number)) => whole(number).ok_or(wrong),
        Some(Value::String(text)) => text.trim().parse().map_err(|_| wrong),
        Some(_) => Err(wrong),
    }
}

/// SOAR's number fields may carry a whole number as `42.0`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only whole numbers far below 2^53 pass"
)]
fn whole(number: &serde_json::Number) -> Option<i64> {
    let fraction = || {
        number
            .as_f64()
            .filter(|n| n.fract() == 0.0 && n.abs() < 9e15)
            .map(|n| n as i64)
    };
    number.as_i64().or_else(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else {
            panic!("no object: {value}");
        };
        map
    }

    #[test]
    fn a_missing_input_is_named() {
        let inputs = map(
            json!({"aws_gd_region": "eu-west-1", "aws_gd_detector_id": " ", "aws_gd_finding_id": "f"}),
        );
        let error = FindingInputs::read(&inputs).unwrap_err();
        assert_eq!(error, InputError::Missing("aws_gd_detector_id"));
        assert!(error.to_string().contains("'aws_gd_detector_id'"));
    }

    #[test]
    fn inputs_are_data_and_never_expanded() {
        let inputs = map(
            json!({"aws_gd_region": "$HOME", "aws_gd_detector_id": "${PATH}", "aws_gd_finding_id": "^f"}),
        );
        let read = FindingInputs::read(&inputs).unwrap();
        assert_eq!(
            (read.region, read.detector, read.finding),
            ("$HOME", "${PATH}", "^f")
        );
    }

    #[test]
    fn an_incident_number_comes_in_three_forms() {
        for number in [json!(42), json!(42.0), json!("42")] {
            assert_eq!(incident_id(&map(json!({"incident_id": number}))), Ok(42));
        }
        for number in [json!(4.2), json!("x"), json!([1])] {
            assert!(matches!(
                incident_id(&map(json!({"incident_id": number}))),
                Err(InputError::Wrong(..))
            ));
        }
    }
}
