//! Failures to inject into the two HTTP services.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fancy_regex::Regex;
use http::request::Parts;
use tokio::sync::watch;

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
    every: u64,
    skip: u64,
    times: u64,
    failure: Failure,
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

    fn matches(&self, side: Side, request: &Request<'_>) -> bool {
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

/// Names an injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultId(u64);

/// The faults of a sandbox; a cheap handle to share.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    active: Mutex<Active>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Active {
    next: u64,
    faults: Vec<(FaultId, Fault, Tally)>,
    retired: Vec<(FaultId, u64)>,
}

#[derive(Default)]
struct Tally {
    seen: u64,
    hits: u64,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let active: Vec<_> = self.active().faults.iter().map(|f| f.1.clone()).collect();
        f.debug_tuple("Faults").field(&active).finish()
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(Inner {
            active: Mutex::default(),
            changed: watch::Sender::new(0),
        }))
    }
}

impl Faults {
    /// Puts a fault in force; where several apply to a call, the oldest wins.
    pub fn inject(&self, fault: Fault) -> FaultId {
        let mut active = self.active();
        active.next += 1;
        let id = FaultId(active.next);
        active.faults.push((id, fault, Tally::default()));
        id
    }

    /// Ends a fault; calls that it stalls go on.
    pub fn remove(&self, id: FaultId) {
        let mut active = self.active();
        if let Some(at) = active.faults.iter().position(|f| f.0 == id) {
            let (id, _, tally) = active.faults.remove(at);
            active.retired.push((id, tally.hits));
        }
        self.0.changed.send_modify(|n| *n += 1);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        let mut active = self.active();
        let ended: Vec<_> = active.faults.drain(..).map(|f| (f.0, f.2.hits)).collect();
        active.retired.extend(ended);
        self.0.changed.send_modify(|n| *n += 1);
    }

    /// How often a fault has struck, also after its removal.
    pub fn hits(&self, id: FaultId) -> u64 {
        let active = self.active();
        let current = active.faults.iter().find(|f| f.0 == id);
        let retired = active.retired.iter().find(|f| f.0 == id);
        (current.map(|f| f.2.hits))
            .or(retired.map(|f| f.1))
            .unwrap_or(0)
    }

    /// The failure that strikes this call, if any.
    pub(crate) fn strike(&self, side: Side, request: &Request<'_>) -> Option<(FaultId, Failure)> {
        let mut active = self.active();
        for (id, fault, tally) in &mut active.faults {
            if tally.hits >= fault.times || !fault.matches(side, request) {
                continue;
            }
            tally.seen += 1;
            let turn =
                tally.seen > fault.skip && (tally.seen - fault.skip).is_multiple_of(fault.every);
            if turn {
                tally.hits += 1;
                return Some((*id, fault.failure.clone()));
            }
        }
        None
    }

    /// Returns when the fault has been removed.
    pub(crate) async fn removed(&self, id: FaultId) {
        let mut changed = self.0.changed.subscribe();
        let gone = |faults: &Faults| !faults.active().faults.iter().any(|f| f.0 == id);
        while !gone(self) && changed.changed().await.is_ok() {}
    }

    fn active(&self) -> MutexGuard<'_, Active> {
        self.0.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str) -> Parts {
        let request = http::Request::builder().method(method).body(());
        request.expect("a request").into_parts().0
    }

    fn strikes(faults: &Faults, head: &Parts, target: &str) -> bool {
        let request = Request {
            head,
            target,
            body: b"{}",
        };
        faults.strike(Side::Soar, &request).is_some()
    }

    #[test]
    fn a_fault_strikes_the_calls_it_names_as_often_as_it_says() {
        let faults = Faults::default();
        let fault = Fault::status(Side::Soar, 503)
            .method("POST")
            .path("/incidents$");
        let id = faults.inject(fault.after(1).every(2).times(2));
        let post = head("POST");
        assert!(!strikes(&faults, &head("GET"), "/incidents"));
        assert!(!strikes(&faults, &post, "/incidents/1"));
        let struck: Vec<_> = (0..8)
            .map(|_| strikes(&faults, &post, "/incidents"))
            .collect();
        assert_eq!(
            struck,
            [false, false, true, false, true, false, false, false]
        );
        faults.remove(id);
        assert_eq!(faults.hits(id), 2);
    }
}
