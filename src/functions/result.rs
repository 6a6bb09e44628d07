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

/// What a function has found, and its JSON text: written where there is time for it.
pub(super) struct Content {
    value: Value,
    raw: String,
}

impl Content {
    pub(super) fn of(value: Value) -> Self {
        let raw = value.to_string();
        Self { value, raw }
    }
}

/// What a result is made of.
pub(super) struct ResultPayload<'a> {
    pub(super) content: Content,
    pub(super) inputs: &'a Map<String, Value>,
    pub(super) elapsed: Duration,
}

impl ResultPayload<'_> {
    /// The result; `raw` is the JSON text of `content`, `timestamp` is local time without a zone.
    pub(super) fn into_value(self, now: Timestamp, time_zone: &TimeZone) -> Value {
        let mut payload = json!({
            "version": "1.0",
            "success": true,
            "reason": null,
            "content": null,
            "raw": null,
            "inputs": self.inputs,
            "metrics": {
                "version": "1.0",
                "package": PACKAGE,
                "package_version": env!("CARGO_PKG_VERSION"),
                "host": *HOST,
                "execution_time_ms": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
                "timestamp": local_time(now, time_zone),
            },
        });
        payload["content"] = self.content.value;
        payload["raw"] = self.content.raw.into();
        payload
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
        let content = json!({"status": "ok"});
        let inputs = Map::from_iter([("aws_gd_region".to_owned(), json!("eu-west-1"))]);
        let payload = ResultPayload {
            content: Content::of(content),
            inputs: &inputs,
            elapsed: Duration::from_millis(12),
        };
        let value = payload.into_value(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "version", "success", "reason", "content", "raw", "inputs", "metrics"
            ]
        );
        assert_eq!(value["raw"], r#"{"status":"ok"}"#);
        assert_eq!(value["metrics"]["timestamp"], "1970-01-01 00:00:00");
        assert_eq!(value["metrics"]["execution_time_ms"], 12);
        assert_eq!(value["metrics"]["package"], "fn-aws-guardduty");
    }
}
