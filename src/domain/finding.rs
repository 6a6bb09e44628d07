//! A GuardDuty finding as JSON, tolerant of everything it does not know.

use serde_json::Value;

use super::pascal_case::pascal_case;

/// One GuardDuty finding: a JSON object with PascalCase members, and an id.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    id: String,
    document: Value,
}

/// Why a JSON document is no finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindingError {
    /// Something that is no JSON object stands where a finding should.
    #[error("expected a GuardDuty finding as a JSON object, found {found}")]
    NotAnObject {
        /// The JSON type found, with its article.
        found: &'static str,
    },
    /// The object has no usable `Id`, without which nothing can be matched.
    #[error(
        "the GuardDuty finding {described} has no id: its member `id` (or `Id`) must be a text"
    )]
    NoId {
        /// Type or title of the finding, as far as it has one.
        described: String,
    },
    /// A list or a `GetFindings` answer without any finding.
    #[error("the document holds no finding: its list of findings is empty")]
    Empty,
}

impl Finding {
    /// One finding as the GuardDuty API sends it (camelCase); PascalCase is taken as well.
    pub fn from_wire(value: Value) -> Result<Self, FindingError> {
        if !value.is_object() {
            return Err(FindingError::NotAnObject {
                found: json_type(&value),
            });
        }
        let document = pascal_case(value);
        match document["Id"].as_str() {
            Some(id) if !id.trim().is_empty() => Ok(Self {
                id: id.to_owned(),
                document,
            }),
            _ => Err(FindingError::NoId {
                described: describe(&document),
            }),
        }
    }

    /// The findings of a document that a user has at hand: the API's camelCase, the PascalCase of AWS's Python
    /// client and command line, an EventBridge event or its detail, a `GetFindings` answer, or a list of these.
    pub fn from_document(value: Value) -> Result<Vec<Self>, FindingError> {
        let mut findings = Vec::new();
        collect(value, &mut findings)?;
        if findings.is_empty() {
            return Err(FindingError::Empty);
        }
        Ok(findings)
    }

    /// `Id`, never empty.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `Service.DetectorId`, or the detector that the finding's ARN names: an incident without one is never matched.
    pub fn detector_id(&self) -> Option<&str> {
        let in_arn = || {
            let (_, resource) = self.text("/Arn")?.split_once(":detector/")?;
            resource.split('/').next().filter(|id| !id.is_empty())
        };
        self.text("/Service/DetectorId").or_else(in_arn)
    }

    /// `Region`: where GuardDuty made the finding, as the finding says.
    pub fn region(&self) -> Option<&str> {
        self.text("/Region")
    }

    /// `Type` as given, such as `UnauthorizedAccess:EC2/SSHBruteForce`.
    pub fn finding_type(&self) -> Option<&str> {
        self.text("/Type")
    }

    /// `UpdatedAt` as given, empty when absent.
    pub fn updated_at(&self) -> &str {
        self.text("/UpdatedAt").unwrap_or_default()
    }

    /// `CreatedAt` as given.
    pub fn created_at(&self) -> Option<&str> {
        self.text("/CreatedAt")
    }

    /// `Service.Archived`; absent means no.
    pub fn archived(&self) -> bool {
        match self.document.pointer("/Service/Archived") {
            Some(Value::Bool(archived)) => *archived,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// `Severity` as a number, also when it is given as numeric text; none when negative or not finite.
    pub fn severity(&self) -> Option<f64> {
        let severity = match self.document.get("Severity")? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        (severity.is_finite() && severity >= 0.0).then_some(severity)
    }

    /// The whole finding, a JSON object with PascalCase members.
    pub fn document(&self) -> &Value {
        &self.document
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.document
            .pointer(pointer)?
            .as_str()
            .filter(|text| !text.trim().is_empty())
    }
}

fn collect(value: Value, findings: &mut Vec<Finding>) -> Result<(), FindingError> {
    match value {
        Value::Array(items) => items
            .into_iter()
            .try_for_each(|item| collect(item, findings)),
        Value::Object(mut members) => {
            // An EventBridge event has an id of its own, so its detail is looked for first.
            for wrapper in ["detail", "Findings", "findings"] {
                if let Some(inner @ (Value::Array(_) | Value::Object(_))) = members.get_mut(wrapper)
                {
                    return collect(inner.take(), findings);
                }
            }
            findings.push(Finding::from_wire(Value::Object(members))?);
            Ok(())
        }
        other => Err(FindingError::NotAnObject {
            found: json_type(&other),
        }),
    }
}

fn describe(document: &Value) -> String {
    let known = ["Type", "Title", "Arn"]
        .iter()
        .find_map(|member| document[member].as_str());
    known.map_or_else(
        || "without type and title".to_owned(),
        |text| format!("\"{text}\""),
    )
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finding(document: Value) -> Finding {
        Finding::from_wire(document).unwrap()
    }

    #[test]
    fn reads_every_form_a_user_may_have() {
        let detail = json!({"id": "f1", "service": {"detectorId": "d1"}});
        let documents = [
            detail.clone(),
            json!({"Id": "f1", "Service": {"DetectorId": "d1"}}),
            json!({"id": "event", "source": "aws.guardduty", "detail": detail.clone()}),
            json!({"findings": [detail.clone()]}),
            json!({"Findings": [{"Id": "f1", "Service": {"DetectorId": "d1"}}]}),
            json!([{"id": "event", "detail": detail}]),
        ];
        for document in documents {
            let findings = Finding::from_document(document.clone()).unwrap();
            assert_eq!(findings.len(), 1, "{document}");
            assert_eq!(findings[0].id(), "f1", "{document}");
            assert_eq!(findings[0].detector_id(), Some("d1"), "{document}");
        }
    }

    #[test]
    fn what_is_no_finding_says_why() {
        let error = |document| Finding::from_document(document).unwrap_err().to_string();
        assert_eq!(
            error(json!("x")),
            "expected a GuardDuty finding as a JSON object, found a text"
        );
        assert_eq!(
            error(json!({"findings": []})),
            "the document holds no finding: its list of findings is empty"
        );
        let unnamed = error(json!({"type": "Recon:EC2/Portscan", "id": " "}));
        assert!(
            unnamed.contains("\"Recon:EC2/Portscan\" has no id"),
            "{unnamed}"
        );
        assert_eq!(
            Finding::from_wire(json!([])).unwrap_err(),
            FindingError::NotAnObject { found: "a list" }
        );
    }

    #[test]
    fn severity_is_a_number_or_numeric_text() {
        let severity = |value: Value| finding(json!({"id": "f", "severity": value})).severity();
        assert_eq!(severity(json!(8)), Some(8.0));
        assert_eq!(severity(json!("5.0")), Some(5.0));
        assert_eq!(severity(json!(0)), Some(0.0));
        for unusable in [
            json!(-1),
            json!("NaN"),
            json!("inf"),
            json!("HIGH"),
            json!(null),
            json!([8]),
            json!(true),
        ] {
            assert_eq!(severity(unusable.clone()), None, "{unusable}");
        }
    }

    #[test]
    fn archived_is_read_from_a_boolean_or_its_text() {
        let archived =
            |value: Value| finding(json!({"id": "f", "service": {"archived": value}})).archived();
        assert!(archived(json!(true)) && archived(json!("True")));
        assert!(!archived(json!(false)) && !archived(json!("false")) && !archived(json!(1)));
        assert!(!finding(json!({"id": "f"})).archived());
    }

    #[test]
    fn the_arn_names_the_detector_too() {
        let arn = "arn:aws-us-gov:guardduty:us-gov-west-1:111122223333:detector/d1/finding/f";
        assert_eq!(
            finding(json!({"id": "f", "arn": arn})).detector_id(),
            Some("d1")
        );
        assert_eq!(
            finding(json!({"id": "f", "arn": "arn:aws:guardduty"})).detector_id(),
            None
        );
    }

    #[test]
    fn absent_members_are_absent() {
        let bare = finding(json!({"id": "f", "region": "", "updatedAt": " ", "service": 7}));
        assert_eq!(
            (bare.region(), bare.detector_id(), bare.created_at()),
            (None, None, None)
        );
        assert_eq!(bare.updated_at(), "");
    }
}
