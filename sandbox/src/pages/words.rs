//! Values as people read them.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

/// Epoch milliseconds as a time in UTC.
pub(super) fn moment(milliseconds: Option<i64>) -> Markup {
    let time = milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok());
    html! {
        @if let Some(time) = time {
            time datetime=(time) { (time.strftime("%Y-%m-%d %H:%M:%S")) }
        }
    }
}

/// A cell or field; nothing for null.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "Yes".to_owned(),
        Some(Value::Bool(false)) => "No".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// `1 note`, `2 notes`.
pub(super) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// The beginning of a text, for lists.
pub(super) fn clipped(text: &str) -> String {
    const LENGTH: usize = 160;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A coloured word for a severity.
pub(super) fn severity(label: Option<&str>) -> Markup {
    let level = match label {
        Some("Critical") => "critical",
        Some("High") => "high",
        Some("Medium") => "medium",
        Some("Low") => "low",
        _ => "none",
    };
    html! { span.badge.severity data-level=(level) { (label.unwrap_or("No severity")) } }
}

/// A coloured word for a state.
pub(super) fn state(word: &str, done: bool) -> Markup {
    html! { span.badge.state data-done=[done.then_some("")] { (word) } }
}
