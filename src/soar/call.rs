//! A call of the API, and whether it may be sent twice.

use reqwest::Method;
use serde_json::Value;

use super::SoarError;

/// Whether a call may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Sending it twice does no harm: reads and queries.
    Freely,
    /// It makes something: only a call that was certainly not carried out is sent again.
    IfNotDone,
}

/// One call of the API.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below `/rest/orgs/<id>`, with its query.
    pub(super) path: String,
    pub(super) body: Option<&'a Value>,
    pub(super) repeat: Repeat,
    /// Whether values are meant by their names and not by their numbers.
    pub(super) by_name: bool,
    /// Whether the answer tells nothing that the caller does not know; it has to be JSON all the same.
    pub(super) unread: bool,
}

impl<'a> Call<'a> {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            repeat: Repeat::Freely,
            by_name: false,
            unread: false,
        }
    }

    /// A POST that only asks.
    pub(super) fn query(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
            repeat: Repeat::Freely,
            by_name: false,
            unread: false,
        }
    }

    /// A POST that makes something.
    pub(super) fn create(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
            repeat: Repeat::IfNotDone,
            by_name: false,
            unread: false,
        }
    }

    /// A POST that adds something to an incident, which the answer repeats.
    pub(super) fn add(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            unread: true,
            ..Self::create(path, body)
        }
    }

    /// A PUT of an object that was read before: somebody may change it in between.
    pub(super) fn replace(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            method: Method::PUT,
            path: path.into(),
            body: Some(body),
            repeat: Repeat::IfNotDone,
            by_name: false,
            unread: false,
        }
    }

    /// A PATCH; it carries the values it expects, so it cannot be applied twice.
    pub(super) fn patch(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            method: Method::PATCH,
            path: path.into(),
            body: Some(body),
            repeat: Repeat::Freely,
            by_name: true,
            unread: false,
        }
    }

    pub(super) fn action(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Whether a call that failed with this error may be sent again.
pub(super) fn may_repeat(repeat: Repeat, error: &SoarError) -> bool {
    match repeat {
        Repeat::Freely => {
            error.is_transient()
                && !matches!(error, SoarError::Conflict { .. } | SoarError::Unauthorized)
        }
        Repeat::IfNotDone => error.was_not_done(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soar::exchange::tests::error;

    #[test]
    fn only_a_call_that_was_not_carried_out_is_blindly_repeated() {
        assert!(may_repeat(Repeat::IfNotDone, &error(429)));
        assert!(may_repeat(Repeat::Freely, &error(503)));
        assert!(!may_repeat(Repeat::IfNotDone, &error(503)));
        assert!(!may_repeat(Repeat::IfNotDone, &error(500)));
        assert!(may_repeat(Repeat::Freely, &error(500)));
        assert!(!may_repeat(Repeat::Freely, &error(400)));
        assert!(!may_repeat(Repeat::Freely, &error(409)));
    }
}
