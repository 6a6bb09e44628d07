//! What the platform may put on the queue.

use fn_aws_guardduty::actions::message::{self, Invocation};
use fn_aws_guardduty::stomp::frame::decode_text;
use serde_json::Value;

/// A body is an invocation or refused on one line; no text of its inputs is changed; every answer is JSON in ASCII.
pub fn check(data: &[u8]) {
    let Ok(body) = decode_text(data) else {
        return;
    };
    match Invocation::decode(&body) {
        Err(error) => answers(&error.to_string()),
        Ok(invocation) => {
            assert!(!invocation.function.is_empty());
            let sent: Value = serde_json::from_str(&body).expect("it was read as JSON");
            for (name, value) in &invocation.inputs {
                if let Value::String(text) = &sent["inputs"][name] {
                    assert_eq!(value, text, "an input is data, nothing in it is expanded");
                }
            }
            answers(&invocation.function);
            is_answer(&message::result(
                &Value::Object(invocation.inputs).to_string(),
            ));
        }
    }
}

fn answers(text: &str) {
    is_answer(&message::status(text));
    let failure = is_answer(&message::failure(text));
    assert_eq!(failure["message"], text);
}

fn is_answer(answer: &str) -> Value {
    assert!(answer.is_ascii());
    let answer: Value = serde_json::from_str(answer).expect("an answer is JSON");
    assert!(answer["message_type"].is_u64() && answer["complete"].is_boolean());
    answer
}
