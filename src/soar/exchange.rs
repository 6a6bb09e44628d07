//! One request and its answer, classified by what the caller can do.

use std::time::Duration;

use reqwest::{StatusCode, header};
use serde_json::Value;

use super::SoarError;
use crate::reason;

/// One request and its answer, classified.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    action: &str,
) -> Result<Value, SoarError> {
    let response = request
        .send()
        .await
        .map_err(|error| transport_error(&error, action))?;
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = response
        .bytes()
        .await
        .map_err(|error| transport_error(&error, action))?;
    if !status.is_success() {
        return Err(status_error(status, retry_after, &body, action));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|error| SoarError::Malformed {
        action: action.to_owned(),
        reason: error.to_string(),
    })
}

pub(super) fn transport_error(error: &reqwest::Error, action: &str) -> SoarError {
    let action = action.to_owned();
    let reason = reason::of(error);
    if error.is_connect() || error.is_builder() {
        SoarError::Unavailable {
            action,
            reason,
            sent: false,
        }
    } else {
        SoarError::AnswerLost { action, reason }
    }
}

pub(super) fn status_error(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
    action: &str,
) -> SoarError {
    let action = action.to_owned();
    let message = server_message(body);
    match status.as_u16() {
        401 => SoarError::Unauthorized,
        403 => SoarError::Forbidden { action, message },
        404 => SoarError::NotFound { action },
        409 => SoarError::Conflict {
            action,
            attempts: 1,
            message,
        },
        429 => SoarError::Throttled {
            action,
            retry_after,
        },
        503 => SoarError::Unavailable {
            action,
            reason: format!("HTTP 503: {message}"),
            sent: true,
        },
        500..=599 => SoarError::AnswerLost {
            action,
            reason: format!("HTTP {status}: {message}"),
        },
        300..=399 => SoarError::Setup(format!(
            "the server redirects {action} (HTTP {status}): name the server that it leads to in host and port of [resilient]"
        )),
        status => SoarError::Rejected {
            action,
            status,
            message,
        },
    }
}

/// The `message` of SOAR's error body, else the body itself, on one line and not too long.
pub(super) fn server_message(body: &[u8]) -> String {
    const LONGEST: usize = 500;
    let text = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| {
            value
                .get("message")
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `Retry-After` in its form of seconds; the form of a date is not known from SOAR.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::soar) fn error(status: u16) -> SoarError {
        let status = StatusCode::from_u16(status).unwrap();
        status_error(
            status,
            None,
            br#"{"success":false,"message":"field\n x is unknown"}"#,
            "POST /incidents",
        )
    }

    #[test]
    fn a_redirect_is_not_followed_but_told() {
        let text = error(302).to_string();
        assert!(
            text.contains("redirects POST /incidents (HTTP 302"),
            "{text}"
        );
        assert!(!error(302).is_transient());
    }

    #[test]
    fn a_refusal_carries_the_servers_words_on_one_line() {
        assert_eq!(
            error(400).to_string(),
            "SOAR refused POST /incidents (HTTP 400): field x is unknown"
        );
    }
}
