//! What went wrong with a SOAR call, by what the caller can do about it.

use std::time::Duration;

/// Failure of a call to the SOAR REST API.
#[derive(Debug, thiserror::Error)]
pub enum SoarError {
    /// The credentials were refused, also after a new login.
    #[error(
        "SOAR refused the login: check api_key_id and api_key_secret (or email and password) in [resilient]"
    )]
    Unauthorized,
    /// The account may not do this.
    #[error(
        "SOAR does not allow {action} (HTTP 403): give the API key the permission it lacks: {message}"
    )]
    Forbidden {
        /// Method and path of the call.
        action: String,
        /// The server's own words.
        message: String,
    },
    /// The object is not there.
    #[error("SOAR has no such object for {action} (HTTP 404)")]
    NotFound {
        /// Method and path of the call.
        action: String,
    },
    /// Somebody else changed the object, again and again.
    #[error("SOAR reports a conflict for {action} after {attempts} attempts: {message}")]
    Conflict {
        /// Method and path of the call.
        action: String,
        /// How often it was tried.
        attempts: u32,
        /// The server's own words.
        message: String,
    },
    /// Too many requests; the pause the server asked for, if it did.
    #[error("SOAR asks for fewer requests (HTTP 429) at {action}")]
    Throttled {
        /// Method and path of the call.
        action: String,
        /// The server's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// SOAR is away.
    #[error("SOAR could not be reached for {action}: {reason}")]
    Unavailable {
        /// Method and path of the call.
        action: String,
        /// What the connection or the server said.
        reason: String,
        /// Whether something took the call and said so (HTTP 503): a gateway may have passed it on all the same.
        sent: bool,
    },
    /// The call was sent and the answer lost: it may have been carried out.
    #[error("SOAR's answer to {action} was lost: {reason}")]
    AnswerLost {
        /// Method and path of the call.
        action: String,
        /// What the connection said.
        reason: String,
    },
    /// The server understood the call and refused its content.
    #[error("SOAR refused {action} (HTTP {status}): {message}")]
    Rejected {
        /// Method and path of the call.
        action: String,
        /// HTTP status.
        status: u16,
        /// The server's own words.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("SOAR's answer to {action} cannot be read: {reason}")]
    Malformed {
        /// Method and path of the call.
        action: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration does not fit this platform.
    #[error("{0}")]
    Setup(String),
}

impl SoarError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. }
                | Self::Unavailable { .. }
                | Self::AnswerLost { .. }
                | Self::Conflict { .. }
                | Self::Unauthorized
        )
    }

    /// Whether the server has more to do than it can.
    pub(crate) fn tells_of_load(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::Unavailable { sent: true, .. }
        )
    }

    /// Whether the call was certainly not carried out, so that it may be sent again as it is.
    pub(crate) fn was_not_done(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::Unavailable { sent: false, .. }
        )
    }

    /// Whether the call may have been carried out although it failed: what it makes is to be looked for before it is
    /// sent again.
    pub(crate) fn may_have_been_done(&self) -> bool {
        matches!(
            self,
            Self::AnswerLost { .. } | Self::Unavailable { sent: true, .. }
        )
    }
}
