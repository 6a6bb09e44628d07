//! The calls that a server gets at a time, as the program sees them: places to wait for.

use std::sync::Mutex;
use std::time::Instant;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::Congestion;
use crate::measures::{CallOutcome, Calls};
use crate::mutex::lock;

/// Places for the calls to one server.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Whose they are, for the log.
    server: String,
    places: Semaphore,
    gauge: Mutex<Gauge>,
    calls: Calls,
}

#[derive(Debug)]
struct Gauge {
    congestion: Congestion,
    /// Places that nobody gets now.
    withheld: usize,
}

/// The place of one call. Without a word about its outcome it only becomes free again.
pub(crate) struct Place<'a> {
    budget: &'a Budget,
    /// None where the place is one more than all share.
    permit: Option<SemaphorePermit<'a>>,
    _reserved: Option<SemaphorePermit<'a>>,
    since: Instant,
    outcome: CallOutcome,
}

impl Budget {
    /// At most so many places at a time; what becomes of the calls is told to `calls`.
    pub(crate) fn new(server: impl Into<String>, most: usize, calls: Calls) -> Self {
        let congestion = Congestion::new(most, Instant::now());
        Self {
            server: server.into(),
            places: Semaphore::new(congestion.most()),
            gauge: Mutex::new(Gauge {
                congestion,
                withheld: 0,
            }),
            calls,
        }
    }

    /// Waits for a place among those that all share, or else in the `reserve`.
    ///
    /// Neither semaphore is ever closed; if one were, going on without a permit is the lesser harm.
    pub(crate) async fn place<'a>(&'a self, reserve: Option<&'a Semaphore>) -> Place<'a> {
        let reserved = async {
            match reserve {
                Some(reserve) => reserve.acquire().await.ok(),
                None => std::future::pending().await,
            }
        };
        let (permit, reserved) = tokio::select! {
            biased;
            permit = self.places.acquire() => (permit.ok(), None),
            permit = reserved => (None, permit),
        };
        Place {
            budget: self,
            permit,
            _reserved: reserved,
            since: Instant::now(),
            outcome: CallOutcome::Failed,
        }
    }

    /// Takes places away, the caller's first, or gives some back.
    fn follow(&self, gauge: &mut Gauge, permit: Option<SemaphorePermit<'_>>) {
        let most = gauge.congestion.most();
        let withhold = most - gauge.congestion.limit();
        let before = gauge.withheld;
        if let Some(permit) = permit
            && gauge.withheld < withhold
        {
            permit.forget();
            gauge.withheld += 1;
        }
        if gauge.withheld < withhold {
            gauge.withheld += self.places.forget_permits(withhold - gauge.withheld);
        } else if gauge.withheld > withhold {
            self.places.add_permits(gauge.withheld - withhold);
            gauge.withheld = withhold;
        }
        match (before, gauge.withheld) {
            (0, 1..) => tracing::info!(
                "{} is slow or refuses calls: it gets fewer than {most} at a time for now",
                self.server
            ),
            (1.., 0) => tracing::info!("{} gets {most} calls at a time again", self.server),
            _ => {}
        }
    }
}

impl Place<'_> {
    /// The server carried the call out.
    pub(crate) fn answered(mut self, kind: &str) {
        self.outcome = CallOutcome::Answered;
        let now = Instant::now();
        let mut gauge = lock(&self.budget.gauge);
        gauge
            .congestion
            .answered(kind, now.duration_since(self.since), now);
        self.budget.follow(&mut gauge, self.permit.take());
    }

    /// The server would not, for a reason that is the call's own.
    pub(crate) fn rejected(mut self) {
        self.outcome = CallOutcome::Rejected;
    }

    /// The server would not, since there are too many calls.
    pub(crate) fn refused(mut self) {
        self.outcome = CallOutcome::Throttled;
        let mut gauge = lock(&self.budget.gauge);
        gauge.congestion.refused(Instant::now());
        self.budget.follow(&mut gauge, self.permit.take());
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        self.budget
            .calls
            .took(&self.budget.server, self.outcome, took);
    }
}

/// What calls have in common that should take the same time: the method, the path without ids, and how much they ask for, told by
/// the size of their body in bytes within a factor of eight.
pub(crate) fn sized_kind(method: &str, path: &str, body: usize) -> String {
    let size = body.checked_ilog2().unwrap_or(0) / 3;
    format!("{}+{size}", kind(method, path))
}

/// The same where all calls of one path ask for as much.
pub(crate) fn kind(method: &str, path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let mut kind = String::with_capacity(method.len() + path.len() + 1);
    kind.push_str(method);
    for segment in path.split('/').skip(1) {
        kind.push('/');
        let is_id = segment.bytes().any(|byte| byte.is_ascii_digit());
        kind.push_str(if is_id { "*" } else { segment });
    }
    kind
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn free(budget: &Budget) -> usize {
        let mut places = Vec::new();
        while let Ok(place) =
            tokio::time::timeout(Duration::from_millis(5), budget.place(None)).await
        {
            places.push(place);
        }
        places.len()
    }

    #[tokio::test]
    async fn a_refusal_takes_places_away_and_also_from_those_who_wait() {
        let budget = Budget::new("SOAR", 4, Calls::default());
        let first = budget.place(None).await;
        let others = [budget.place(None).await, budget.place(None).await];
        let last = budget.place(None).await;
        first.refused();
        assert_eq!(free(&budget).await, 0, "two of four, and three are taken");
        last.answered("GET/a");
        assert_eq!(free(&budget).await, 0, "its place goes as well");
        drop(others);
        assert_eq!(free(&budget).await, 2);
    }

    #[tokio::test]
    async fn who_has_a_reserve_need_not_wait() {
        let (budget, reserve) = (Budget::new("SOAR", 1, Calls::default()), Semaphore::new(1));
        let shared = budget.place(Some(&reserve)).await;
        let reserved = budget.place(Some(&reserve)).await;
        assert_eq!((free(&budget).await, reserve.available_permits()), (0, 0));
        reserved.refused();
        assert_eq!(reserve.available_permits(), 1);
        drop(shared);
        assert_eq!(free(&budget).await, 1);
    }

    #[test]
    fn a_kind_has_no_ids() {
        let table = "/incidents/2101/table_data/gd_finding_overview/row_data?x=1";
        assert_eq!(
            kind("POST", table),
            "POST/incidents/*/table_data/gd_finding_overview/row_data"
        );
        let detector = "/detector/12abc67/findings/get";
        assert_eq!(kind("POST", detector), "POST/detector/*/findings/get");
        let one_finding = sized_kind("POST", detector, 60);
        assert_eq!(one_finding, "POST/detector/*/findings/get+1");
        assert_ne!(one_finding, sized_kind("POST", detector, 1800));
        assert!(sized_kind("GET", "/detector", 0).ends_with("+0"));
    }
}
