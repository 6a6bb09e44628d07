use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// A call that the platform refuses, as it answers it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("refused with {status}: {message}")]
pub struct Refusal {
    /// HTTP status of the answer.
    pub status: u16,
    /// The `message` of the answer's body.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            message: message.into(),
        }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication is required")
    }

    pub(crate) fn forbidden(what: &str) -> Self {
        let message = format!("the caller has no permission to {what}");
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({
            "success": false,
            "title": null,
            "message": self.message,
            "hints": [],
            "error_code": "generic",
        });
        (status, Json(body)).into_response()
    }
}
