//! What the sandbox has been asked, by whom it was not said.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Which of the two simulated services a call went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The platform's REST API.
    Soar,
    /// `GuardDuty`, EC2 and STS.
    Aws,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Soar => "soar",
            Side::Aws => "aws",
        })
    }
}

/// One finished call.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The service.
    pub side: Side,
    /// Method and path with ids replaced, such as `POST /incidents/{id}/comments`.
    pub kind: String,
    /// Status of the answer; `None` when the connection was cut instead.
    pub status: Option<u16>,
    /// Since the sandbox was started.
    pub started: Duration,
    /// From the whole request head until the answer was ready.
    pub duration: Duration,
    /// Calls of this side in flight when it began, itself included.
    pub concurrency: usize,
}

/// The log of all calls; a cheap handle to share.
#[derive(Debug, Clone)]
pub struct Calls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    epoch: Instant,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    calls: Vec<Call>,
    in_flight: BTreeMap<Side, usize>,
    most: BTreeMap<Side, usize>,
}

impl Default for Calls {
    fn default() -> Self {
        Self(Arc::new(Inner {
            epoch: Instant::now(),
            log: Mutex::default(),
        }))
    }
}

impl Calls {
    /// Everything seen so far, in the order of completion.
    pub fn all(&self) -> Vec<Call> {
        self.log().calls.clone()
    }

    /// How many calls of a side there were.
    pub fn total(&self, side: Side) -> usize {
        self.log().calls.iter().filter(|c| c.side == side).count()
    }

    /// How many calls of a kind there were, such as `("soar", "POST /incidents")`.
    pub fn count(&self, side: Side, kind: &str) -> usize {
        let log = self.log();
        let of_kind = |call: &&Call| call.side == side && call.kind == kind;
        log.calls.iter().filter(of_kind).count()
    }

    /// Calls by side and kind.
    pub fn counts(&self) -> BTreeMap<(Side, String), usize> {
        let mut counts = BTreeMap::new();
        for call in &self.log().calls {
            *counts.entry((call.side, call.kind.clone())).or_default() += 1;
        }
        counts
    }

    /// The most calls of a side that were ever in flight at once.
    pub fn max_in_flight(&self, side: Side) -> usize {
        self.log().most.get(&side).copied().unwrap_or(0)
    }

    /// Forgets the past; calls in flight are still logged when they end.
    pub fn clear(&self) {
        let mut log = self.log();
        log.calls.clear();
        log.most = log.in_flight.clone();
    }

    /// Begins a call; it is logged when the returned guard is dropped.
    pub(crate) fn begin(&self, side: Side, kind: String) -> InFlight {
        let mut log = self.log();
        let now = log.in_flight.entry(side).or_default();
        *now += 1;
        let concurrency = *now;
        let most = log.most.entry(side).or_default();
        *most = (*most).max(concurrency);
        InFlight {
            calls: self.clone(),
            started: Instant::now(),
            side,
            kind,
            concurrency,
            status: None,
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has no answer yet.
pub(crate) struct InFlight {
    calls: Calls,
    started: Instant,
    side: Side,
    kind: String,
    concurrency: usize,
    /// What was answered; stays `None` when the connection is cut.
    pub(crate) status: Option<u16>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let call = Call {
            side: self.side,
            kind: std::mem::take(&mut self.kind),
            status: self.status,
            started: self.started.duration_since(self.calls.0.epoch),
            duration: self.started.elapsed(),
            concurrency: self.concurrency,
        };
        let mut log = self.calls.log();
        if let Some(now) = log.in_flight.get_mut(&self.side) {
            *now -= 1;
        }
        log.calls.push(call);
    }
}

/// Method and path of a call with its ids replaced; `action` is the form field of AWS's query protocol.
pub(crate) fn kind(method: &str, path: &str, action: Option<&str>) -> String {
    if let Some(action) = action {
        return format!("{method} {action}");
    }
    let path = path.strip_prefix("/rest").unwrap_or(path);
    let mut kind = format!("{method} ");
    let mut segments = path.split('/').filter(|s| !s.is_empty()).peekable();
    let mut previous = "";
    while let Some(segment) = segments.next() {
        if segment == "orgs" && segments.clone().nth(1).is_some() {
            segments.next();
            continue;
        }
        kind.push('/');
        kind.push_str(match previous {
            "table_data" => "{table}",
            _ if is_id(segment) => "{id}",
            _ => segment,
        });
        previous = segment;
    }
    kind
}

fn is_id(segment: &str) -> bool {
    let number = segment.bytes().all(|b| b.is_ascii_digit());
    let hash = segment.len() == 32 && segment.bytes().all(|b| b.is_ascii_hexdigit());
    number || hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_names_the_call_and_not_its_ids() {
        let table = "/rest/orgs/201/incidents/2101/table_data/gd_finding_overview/row_data";
        assert_eq!(
            kind("POST", table, None),
            "POST /incidents/{id}/table_data/{table}/row_data"
        );
        assert_eq!(kind("GET", "/rest/orgs/201", None), "GET /orgs/{id}");
        assert_eq!(kind("GET", "/rest/session", None), "GET /session");
        let detector = "/detector/0123456789abcdef0123456789abcdef/findings";
        assert_eq!(kind("POST", detector, None), "POST /detector/{id}/findings");
        assert_eq!(
            kind("POST", "/", Some("DescribeRegions")),
            "POST DescribeRegions"
        );
    }

    #[test]
    fn the_most_in_flight_outlives_the_calls() {
        let calls = Calls::default();
        let mut first = calls.begin(Side::Soar, "GET /a".to_owned());
        let second = calls.begin(Side::Soar, "GET /a".to_owned());
        first.status = Some(200);
        drop((first, second));
        calls.begin(Side::Aws, "GET /b".to_owned());
        assert_eq!(calls.max_in_flight(Side::Soar), 2);
        assert_eq!(calls.count(Side::Soar, "GET /a"), 2);
        let statuses: Vec<_> = calls.all().iter().map(|c| c.status).collect();
        assert_eq!(statuses, [Some(200), None, None]);
    }
}
