//! What belongs together in the log: all that is done about one finding.
//!
//! A finding's id has 32 hexadecimal digits, as a W3C trace id has, and AWS, the incident and the message all carry it: so it is
//! the trace's id, from the listing to the last refresh.

use tracing::Span;

/// Work on a finding. Of the level of errors, so that it is there whatever else is shown.
pub fn finding(id: &str) -> Span {
    tracing::error_span!("finding", trace_id = id)
}

/// A function at work for a message; the finding is not known where its input is not set.
pub fn function(name: &str, message_id: &str, finding: Option<&str>) -> Span {
    tracing::error_span!("function", trace_id = finding, function = name, message_id)
}
