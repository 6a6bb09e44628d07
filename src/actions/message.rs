//! The platform's messages: decode an invocation, encode its answers. Pure.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A function the platform asks the worker to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The function's API name.
    pub function: String,
    /// Its inputs, selects and rich texts reduced to their text.
    pub inputs: Map<String, Value>,
    /// The workflow instance, where a workflow (not a playbook) calls.
    pub workflow_instance: Option<String>,
}

/// The longest body that is read, in bytes; our own bound, where a function's message has a few thousand. The result repeats
/// the inputs. A longer message is answered with an error: refused at the broker, it would come again for ever.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Why a message is no invocation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MessageError {
    /// Longer than any function's message.
    #[error(
        "the message has {0} bytes, {MOST_BYTES} at most are read: give the function shorter inputs"
    )]
    TooLong(usize),
    /// Not JSON, or nested deeper than the parser's 128 levels.
    #[error("the message is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not a function's message.
    #[error("the message calls no function: it has no function.name")]
    NoFunction,
    /// `inputs` is there and no object.
    #[error("the message's inputs are not an object")]
    BadInputs,
}

impl Invocation {
    /// Reads the body of a message (`FunctionDataDTO`).
    pub fn decode(body: &str) -> Result<Self, MessageError> {
        if body.len() > MOST_BYTES {
            return Err(MessageError::TooLong(body.len()));
        }
        let message: Value =
            serde_json::from_str(body).map_err(|error| MessageError::NotJson(error.to_string()))?;
        let function = message["function"]["name"]
            .as_str()
            .filter(|name| !name.is_empty());
        let inputs = match &message["inputs"] {
            Value::Object(inputs) => inputs
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect(),
            Value::Null => Map::new(),
            _ => return Err(MessageError::BadInputs),
        };
        Ok(Self {
            function: function.ok_or(MessageError::NoFunction)?.to_owned(),
            inputs,
            workflow_instance: id_text(&message["workflow_instance"]["workflow_instance_id"]),
        })
    }
}

fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// A select becomes its name, a multiselect a list of names, a rich text its content; all else stays.
fn plain(input: &Value) -> Value {
    match input {
        Value::Array(items) => items
            .iter()
            .map(|item| select_name(item).unwrap_or_else(|| item.clone()))
            .collect(),
        Value::Object(_) => select_name(input)
            .or_else(|| rich_text(input))
            .unwrap_or_else(|| input.clone()),
        other => other.clone(),
    }
}

fn select_name(input: &Value) -> Option<Value> {
    let name = input.get("name")?.as_str()?;
    (!name.is_empty()).then(|| Value::from(name))
}

fn rich_text(input: &Value) -> Option<Value> {
    input.get("format")?;
    input
        .get("content")
        .filter(|content| content.is_string())
        .cloned()
}

/// A status message on the way to the result.
pub fn status(message: &str) -> String {
    ascii(json!({"message_type": 0, "message": message, "complete": false}).to_string())
}

/// The final answer with the function's result, which is JSON.
pub fn result(results: &str) -> String {
    ascii(format!(
        r#"{{"message_type":0,"message":"Completed","complete":true,"results":{results}}}"#
    ))
}

/// The final answer that the function failed.
pub fn failure(reason: &str) -> String {
    ascii(json!({"message_type": 1, "message": reason, "complete": true}).to_string())
}

/// JSON with every character beyond ASCII escaped, as the platform has always been sent it.
fn ascii(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                // Writing to a text cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(message: &Value) -> Result<Invocation, MessageError> {
        Invocation::decode(&message.to_string())
    }

    #[test]
    fn reads_a_workflows_and_a_playbooks_message() {
        let message = json!({
            "function": {"id": 3, "name": "fn"},
            "inputs": {"text": "a", "n": 7, "b": false, "none": null,
                "select": {"id": 53, "name": "High"}, "many": [{"id": 1, "name": "one"}, 2],
                "note": {"format": "text", "content": "rich"}, "empty": {"format": "text", "content": ""},
                "other": {"x": 1}},
            "workflow_instance": {"workflow_instance_id": 80},
        });
        let read = decode(&message).unwrap();
        assert_eq!(read.workflow_instance.as_deref(), Some("80"));
        assert_eq!(
            Value::Object(read.inputs),
            json!({"text": "a", "n": 7, "b": false, "none": null, "select": "High", "many": ["one", 2],
                "note": "rich", "empty": "", "other": {"x": 1}})
        );
        for instance in [json!(null), json!({})] {
            let playbook =
                json!({"function": {"name": "fn"}, "inputs": null, "workflow_instance": instance});
            assert_eq!(decode(&playbook).unwrap().workflow_instance, None);
        }
    }

    #[test]
    fn what_is_no_invocation_says_why() {
        assert!(matches!(
            Invocation::decode("{"),
            Err(MessageError::NotJson(_))
        ));
        assert_eq!(Invocation::decode("[1]"), Err(MessageError::NoFunction));
        assert_eq!(
            decode(&json!({"action_id": 4})),
            Err(MessageError::NoFunction)
        );
        assert_eq!(
            decode(&json!({"function": {"name": "f"}, "inputs": 3})),
            Err(MessageError::BadInputs)
        );
    }

    #[test]
    fn a_message_is_read_up_to_its_limit() {
        let padded = |length: usize| {
            let message = r#"{"function": {"name": "f"}}"#;
            message.to_owned() + &" ".repeat(length - message.len())
        };
        assert!(Invocation::decode(&padded(MOST_BYTES)).is_ok());
        let refused = Invocation::decode(&padded(MOST_BYTES + 1));
        assert_eq!(refused, Err(MessageError::TooLong(MOST_BYTES + 1)));
    }

    #[test]
    fn a_message_nested_too_deep_is_refused() {
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            Invocation::decode(&format!(
                r#"{{"function": {{"name": "f"}}, "inputs": {{"x": {open}{close}}}}}"#
            ))
        };
        // The message and its inputs are two levels of the 127 that the parser takes.
        assert!(nested(125).is_ok());
        assert!(matches!(nested(126), Err(MessageError::NotJson(_))));
        assert!(matches!(nested(1_000_000), Err(MessageError::NotJson(_))));
    }

    #[test]
    fn answers_are_ascii_json() {
        assert_eq!(
            status("läuft 😀"),
            r#"{"message_type":0,"message":"l\u00e4uft \ud83d\ude00","complete":false}"#
        );
        assert_eq!(
            failure("no"),
            r#"{"message_type":1,"message":"no","complete":true}"#
        );
        assert_eq!(
            result(r#"{"version":"1.0"}"#),
            r#"{"message_type":0,"message":"Completed","complete":true,"results":{"version":"1.0"}}"#
        );
    }

    proptest! {
        #[test]
        fn escaping_keeps_every_text(text: String) {
            let sent = status(&text);
            prop_assert!(sent.is_ascii());
            let read: Value = serde_json::from_str(&sent).unwrap();
            prop_assert_eq!(read["message"].as_str(), Some(text.as_str()));
        }

        #[test]
        fn any_body_is_read_or_refused(body: String) {
            let _ = Invocation::decode(&body);
        }
    }
}
