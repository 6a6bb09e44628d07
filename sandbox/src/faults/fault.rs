use std::time::Duration;

use fancy_regex::Regex;
use http::request::Parts;

use crate::calls::Side;

/// What happens to a call that a fault applies to.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The call is handled this much later.
    Delay(Duration),
    /// Not handled; this answer instead.
    Answer {
        /// Status code.
        status: u16,
        /// Headers, such as `Retry-After`.
        headers: Vec<(String, String)>,
        /// The whole body.
        body: String,
    },
    /// Not handled; the connection is closed without a word.
    CloseBefore,
    /// Handled, then the connection is closed without an answer.
    CloseAfter,
    /// Handled; the connection is closed in the middle of the answer's body.
    CutAnswer,
    /// Not handled until the fault is removed.
    Stall,
}

/// A failure and the calls it applies to.
#[derive(Debug, Clone)]
pub struct Fault {
    side: Side,
    method: Option<String>,
    path: Option<Regex>,
    region: Option<String>,
    body: Option<String>,
    pub(super) every: u64,
    pub(super) skip: u64,
    pub(super) times: u64,
    pub(super) failure: Failure,
}

impl Fault {
    /// Applies to every call of a side until removed; narrow it with the other methods.
    pub fn new(side: Side, failure: Failure) -> Self {
        Self {
            side,
            method: None,
            path: None,
            region: None,
            body: None,
            every: 1,
            skip: 0,
            times: u64::MAX,
            failure,
        }
    }

    /// An answer without headers, with the body that the side would give.
    pub fn status(side: Side, status: u16) -> Self {
        let body = match side {
            Side::Soar => format!(
                r#"{{"success":false,"title":null,"message":"injected {status}","hints":[],"error_code":"generic"}}"#
            ),
            Side::Aws => format!(r#"{{"message":"injected {status}"}}"#),
        };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::new(
            side,
            Failure::Answer {
                status,
                headers,
                body,
            },
        )
    }

    /// A `GuardDuty` error with its code, such as `ThrottlingException`, where the SDKs look for it.
    pub fn aws_error(status: u16, code: &str) -> Self {
        let answer = Failure::Answer {
            status,
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("x-amzn-errortype".to_owned(), code.to_owned()),
            ],
            body: format!(r#"{{"__type":"{code}","message":"injected {code}"}}"#),
        };
        Self::new(Side::Aws, answer)
    }

    /// Adds a header to the injected answer; without effect on other failures.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Failure::Answer { headers, .. } = &mut self.failure {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Only this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only paths in which this pattern is found. AWS's query calls match by `/?Action=<name>`.
    ///
    /// # Panics
    /// When the pattern does not compile: a fault is written by a test's author.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a wrong pattern is a wrong test")]
    pub fn path(mut self, pattern: &str) -> Self {
        self.path = Some(Regex::new(pattern).expect("the fault's path pattern compiles"));
        self
    }

    /// Only calls signed for this AWS region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(format!("/{region}/"));
        self
    }

    /// Only calls whose body contains this text.
    #[must_use]
    pub fn body(mut self, text: &str) -> Self {
        self.body = Some(text.to_owned());
        self
    }

    /// Only every n-th of the matching calls.
    #[must_use]
    pub fn every(mut self, n: u64) -> Self {
        self.every = n.max(1);
        self
    }

    /// Lets the first n matching calls pass.
    #[must_use]
    pub fn after(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// At most n times.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.times = n;
        self
    }

    pub(super) fn matches(&self, side: Side, request: &Request<'_>) -> bool {
        let scope = || {
            let value = request.head.headers.get(http::header::AUTHORIZATION);
            value.and_then(|v| v.to_str().ok()).unwrap_or("")
        };
        let body = || String::from_utf8_lossy(request.body);
        self.side == side
            && self
                .method
                .as_deref()
                .is_none_or(|m| request.head.method == m)
            && (self.path.as_ref()).is_none_or(|p| p.is_match(request.target).unwrap_or(false))
            && self.region.as_deref().is_none_or(|r| scope().contains(r))
            && self
                .body
                .as_deref()
                .is_none_or(|text| body().contains(text))
    }
}

/// What a fault can look at.
pub(crate) struct Request<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) target: &'a str,
    pub(crate) body: &'a [u8],
}
