//! Failures to inject into the two HTTP services.

mod fault;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::calls::Side;
pub(crate) use fault::Request;
pub use fault::{Failure, Fault};

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
    use http::request::Parts;

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
