use serde_json::{Map, Value};

/// Fields that are set on an incident when its finding was archived.
#[derive(Debug, Clone, PartialEq)]
pub struct CloseTemplate(Map<String, Value>);

/// Why the text of a template is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum CloseTemplateError {
    #[error("is not JSON")]
    Json(#[source] serde_json::Error),
    #[error("is not a JSON object")]
    NotAnObject,
}

const STATUS: &str = "plan_status";
const CLOSED: &str = "C";

impl CloseTemplate {
    /// Reads a template; the status "closed" is added where it sets none.
    pub(super) fn parse(text: &str) -> Result<Self, CloseTemplateError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match serde_json::from_str(text).map_err(CloseTemplateError::Json)? {
            Value::Object(fields) => Ok(Self::with_status(fields)),
            _ => Err(CloseTemplateError::NotAnObject),
        }
    }

    fn with_status(mut fields: Map<String, Value>) -> Self {
        fields.entry(STATUS).or_insert_with(|| CLOSED.into());
        Self(fields)
    }

    /// The fields by API name, in the template's order.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl Default for CloseTemplate {
    fn default() -> Self {
        let mut fields = Map::new();
        fields.insert(STATUS.into(), CLOSED.into());
        fields.insert("resolution_id".into(), "Resolved".into());
        fields.insert(
            "resolution_summary".into(),
            "The GuardDuty finding of this incident was archived in AWS; the GuardDuty integration closed the incident.".into(),
        );
        Self(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_closes_as_resolved() {
        let template = CloseTemplate::default();
        assert_eq!(template.fields()["plan_status"], "C");
        assert_eq!(template.fields()["resolution_id"], "Resolved");
        assert!(
            template.fields()["resolution_summary"]
                .as_str()
                .is_some_and(|text| text.contains("archived"))
        );
    }

    #[test]
    fn the_status_is_added_where_absent_and_kept_where_present() {
        let added = CloseTemplate::parse(r#"{"resolution_id": 9}"#).unwrap();
        assert_eq!(added.fields()["plan_status"], "C");
        let kept = CloseTemplate::parse(r#"{"plan_status": "A"}"#).unwrap();
        assert_eq!(kept.fields()["plan_status"], "A");
    }

    #[test]
    fn b6_a_bad_template_is_refused_when_it_is_read() {
        assert!(matches!(
            CloseTemplate::parse("{"),
            Err(CloseTemplateError::Json(_))
        ));
        assert!(matches!(
            CloseTemplate::parse("[]"),
            Err(CloseTemplateError::NotAnObject)
        ));
        assert!(matches!(
            CloseTemplate::parse(""),
            Err(CloseTemplateError::Json(_))
        ));
    }
}
