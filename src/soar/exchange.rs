//! One request and its answer, classified by what the caller can do.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use super::SoarError;
use crate::body::{self, BodyError};
use crate::reason;
use crate::redaction::Secrets;

/// One request and its answer, classified.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    action: &str,
) -> Result<Value, SoarError> {
    read_json(&answer(request, action).await?, action)
}

/// One request and the body of its answer.
pub(super) async fn answer(
    request: reqwest::RequestBuilder,
    action: &str,
) -> Result<Bytes, SoarError> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| transport_error(&error, action))?;
    let secrets = Secrets::of(request.headers());
    let response = client
        .execute(request)
        .await
        .map_err(|error| transport_error(&error, action))?;
    success(response, action, &secrets).await
}

/// The body of an answer that tells success. What a refusal says is passed on without the secrets.
pub(super) async fn success(
    response: reqwest::Response,
    action: &str,
    secrets: &Secrets,
) -> Result<Bytes, SoarError> {
    let status = response.status();
    if !status.is_success() {
        let retry_after = retry_after(response.headers());
        let body = body::beginning(response, body::ERROR_LIMIT)
            .await
            .map_err(|error| transport_error(&error, action))?;
        return Err(status_error(
            status,
            retry_after,
            &server_message(&body, secrets),
            action,
        ));
    }
    body::read(response, body::LIMIT)
        .await
        .map_err(|error| match error {
            BodyError::Transport(error) => transport_error(&error, action),
            BodyError::TooLong { .. } => SoarError::Malformed {
                action: action.to_owned(),
                reason: error.to_string(),
            },
        })
}

/// The JSON of a body, an empty one's being `T`'s default. What is nested deeper than the parser's 128 levels is refused. Read as
/// [`IgnoredAny`](serde::de::IgnoredAny) it only shows that the answer is SOAR's own, and no page of something in between.
pub(super) fn read_json<'a, T>(body: &'a [u8], action: &str) -> Result<T, SoarError>
where
    T: Deserialize<'a> + Default,
{
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| SoarError::Malformed {
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
    message: &str,
    action: &str,
) -> SoarError {
    let (action, message) = (action.to_owned(), message.to_owned());
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
pub(super) fn server_message(body: &[u8], secrets: &Secrets) -> String {
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
    let line = on_one_line(&secrets.hide(&text));
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Without line breaks and control characters, which could forge a line of a log.
pub(super) fn on_one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
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
    use crate::body::tests::answered;

    pub(in crate::soar) fn error(status: u16) -> SoarError {
        let status = StatusCode::from_u16(status).unwrap();
        let body = br#"{"success":false,"message":"field\n x \u001bis unknown"}"#;
        let message = server_message(body, &Secrets::default());
        status_error(status, None, &message, "POST /incidents")
    }

    #[test]
    fn json_nested_too_deep_is_refused() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let read = |depth| read_json::<Value>(nested(depth).as_bytes(), "GET /x");
        assert!(read(127).is_ok());
        let error = read(128).unwrap_err();
        assert!(matches!(error, SoarError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains("GET /x"), "{error}");
        assert!(read(1_000_000).is_err());
    }

    #[tokio::test]
    async fn an_answer_beyond_the_limit_is_refused_by_the_name_of_its_call() {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            body::LIMIT + 1
        );
        let response = answered(head.into_bytes()).await;
        let error = success(response, "GET /incidents/7", &Secrets::default())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "SOAR's answer to GET /incidents/7 cannot be read: it is longer than the limit of 67108864 bytes"
        );
        assert!(!error.is_transient());
    }

    #[tokio::test]
    async fn an_endless_error_is_still_told_by_its_status() {
        let mut wire = b"HTTP/1.1 429 Too Many\r\nretry-after: 7\r\n\r\n".to_vec();
        wire.resize(body::ERROR_LIMIT * 4, b'x');
        let error = success(answered(wire).await, "GET /x", &Secrets::default())
            .await
            .unwrap_err();
        let wanted = Some(Duration::from_secs(7));
        assert!(
            matches!(error, SoarError::Throttled { retry_after, .. } if retry_after == wanted),
            "{error}"
        );
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
