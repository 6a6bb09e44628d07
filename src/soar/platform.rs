//! What this platform is like: its severities, the fields a close needs, where functions are queued.

use serde_json::Value;

use super::call::Call;
use super::{Soar, SoarError};

/// Traits of the platform's incident type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformTraits {
    /// Whether `severity_code` has a value named "Critical".
    pub has_critical: bool,
    /// Fields that must have a value before an incident closes.
    pub required_on_close: Vec<String>,
}

impl Soar {
    /// The traits of the incident type, read once.
    pub async fn traits(&self) -> Result<&PlatformTraits, SoarError> {
        self.shared
            .traits
            .get_or_try_init(|| self.fresh_traits())
            .await
    }

    /// Reads the traits of the incident type anew. A platform that does not tell them has none.
    pub async fn fresh_traits(&self) -> Result<PlatformTraits, SoarError> {
        match self.call(Call::get("/types/incident")).await {
            Ok(answer) => Ok(traits(&answer["fields"])),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::warn!("the platform's incident type is unknown: {error}");
                Ok(PlatformTraits::default())
            }
        }
    }

    /// The message destination a function is queued on; `None` where the platform does not have the function.
    pub async fn function_destination(&self, function: &str) -> Result<Option<String>, SoarError> {
        match self
            .call(Call::get(format!(
                "/functions/{function}?handle_format=names"
            )))
            .await
        {
            Ok(answer) => Ok(answer["destination_handle"].as_str().map(str::to_owned)),
            Err(SoarError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

pub(super) fn traits(fields: &Value) -> PlatformTraits {
    let enabled = |value: &&Value| value["enabled"] != Value::Bool(false);
    let label = |value: &Value| {
        value["label"]
            .as_str()
            .or_else(|| value["value"].as_str())
            .map(str::to_owned)
    };
    let severities = fields["severity_code"]["values"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let required = fields
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, field)| field["required"] == "close");
    PlatformTraits {
        has_critical: severities
            .iter()
            .filter(enabled)
            .filter_map(label)
            .any(|label| label == "Critical"),
        required_on_close: required.map(|(name, _)| name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_critical_and_what_a_close_needs() {
        let fields = json!({
            "severity_code": {"values": [{"value": 4, "label": "Low"}, {"value": 7, "label": "Critical"}]},
            "resolution_id": {"required": "close"},
            "name": {"required": "always"},
        });
        let found = traits(&fields);
        assert!(found.has_critical);
        assert_eq!(found.required_on_close, ["resolution_id"]);
        assert_eq!(traits(&Value::Null), PlatformTraits::default());
    }
}
