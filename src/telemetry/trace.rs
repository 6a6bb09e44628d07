//! What belongs together in the log: all that is done about one finding.
//!
//! A finding's id has 32 hexadecimal digits, as a W3C trace id has, and AWS, the incident and the message all carry it: so it is
//! the trace's id, from the listing to the last refresh.

use tracing::Span;

/// In bytes; our own bound, as each line repeats it.
const LONGEST_ID: usize = 64;

/// Work on a finding. Of the level of errors, so that it is there whatever else is shown.
pub fn finding(id: &str) -> Span {
    tracing::error_span!("finding", trace_id = id)
}

/// A function at work for a message. The finding is what the message says: where that is nothing, or no id, the trace has none.
pub fn function(name: &str, message_id: &str, finding: Option<&str>) -> Span {
    let finding = finding.map(str::trim).filter(|id| id.len() <= LONGEST_ID);
    tracing::error_span!("function", trace_id = finding, function = name, message_id)
}
