//! The form of a function's result, as the ancestor's scripts read it (`ResultPayload` "1.0").

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// The distribution's name, which dashboards of function metrics group by.
const PACKAGE: &str = "fn-aws-guardduty";

static HOST: LazyLock<String> =
    LazyLock::new(|| gethostname::gethostname().to_string_lossy().into_owned());

/// What a function has found, as JSON, and as JSON within JSON: both are written where there is time for it.
pub(super) struct Content {
    json: String,
    quoted: String,
}

impl Content {
    pub(super) fn of(content: &Value) -> Self {
        let json = content.to_string();
        let quoted = Value::from(json.as_str()).to_string();
        Self { json, quoted }
    }
}

/// What a result is made of.
pub(super) struct ResultPayload<'a> {
    pub(super) content: Content,
    pub(super) inputs: &'a Map<String, Value>,
    pub(super) elapsed: Duration,
}

impl ResultPayload<'_> {
    /// The result as JSON; `raw` is the JSON text of `content`, `timestamp` is local time without a zone.
    pub(super) fn to_json(&self, now: Timestamp, time_zone: &TimeZone) -> String {
        let Content { json, quoted } = &self.content;
        let inputs = json!(self.inputs);
        let metrics = json!({
            "version": "1.0",
            "package": PACKAGE,
            "package_version": env!("CARGO_PKG_VERSION"),
            "host": *HOST,
            "execution_time_ms": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            "timestamp": local_time(now, time_zone),
        });
        format!(
            r#"{{"version":"1.0","success":true,"reason":null,"content":{json},"raw":{quoted},"inputs":{inputs},"metrics":{metrics}}}"#
        )
    }
}

/// `YYYY-MM-DD HH:MM:SS` in the worker's zone.
pub(super) fn local_time(at: Timestamp, time_zone: &TimeZone) -> String {
    time_zone
        .to_datetime(at)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_keys_in_the_ancestors_order() {
        let content = json!({"status": "error", "msg": "he said \"no\"\n"});
        let inputs = Map::from_iter([("aws_gd_region".to_owned(), json!("eu-west-1"))]);
        let payload = ResultPayload {
            content: Content::of(&content),
            inputs: &inputs,
            elapsed: Duration::from_millis(12),
        };
        let json = payload.to_json(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
        let value: Value = serde_json::from_str(&json).unwrap();
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "version", "success", "reason", "content", "raw", "inputs", "metrics"
            ]
        );
        assert_eq!(value["content"], content);
        assert_eq!(value["raw"], content.to_string());
        assert_eq!(value["inputs"]["aws_gd_region"], "eu-west-1");
        assert_eq!(value["metrics"]["timestamp"], "1970-01-01 00:00:00");
        assert_eq!(value["metrics"]["execution_time_ms"], 12);
        assert_eq!(value["metrics"]["package"], "fn-aws-guardduty");
    }
}
