//! The fault runs in which the Python app was measured, each as a test of what this worker makes of it.
//!
//! Those about the broker are in `tests/stomp/ancestor_faults.rs`, on a real `ActiveMQ`. `RELIABILITY.md` has the
//! table. Where a fault lasted for a minute there, here the pauses between attempts are short and the fault lasts until
//! the attempts are used up: it is as much longer than the worker's patience, in less time.

mod aws;
mod crash;
mod functions;
mod messages;
mod refreshes;
mod soar;
mod soar_calls;

use std::time::Duration;

use fn_aws_guardduty::domain::NewIncident;
use sandbox::Options;
use sandbox::faults::{Fault, FaultId};
use sandbox::soar::Platform;

use crate::harness::{PATIENCE, REGION, World, has_whole_incident};

/// As many as the Python app was given.
const FINDINGS: usize = 40;

/// Findings on their way to SOAR.
struct Escalation {
    world: World,
    findings: Vec<String>,
}

impl Escalation {
    /// Findings, and a worker that is not started.
    async fn of(findings: usize) -> Self {
        let mut world = World::with(slow()).await;
        // All attempts of a call together take some three seconds.
        world.set_connection("request_retry_delay", "0.2");
        let findings = world.sandbox.aws().create_samples(REGION, findings);
        Self { world, findings }
    }

    /// A worker that has created so many incidents and is far from the end.
    async fn begun(incidents: usize) -> Self {
        let mut escalation = Self::of(FINDINGS).await;
        escalation.world.start();
        escalation
            .world
            .eventually("some findings are incidents", |platform| {
                platform.incident_count() >= incidents
            })
            .await;
        let whole = escalation.whole();
        assert!(whole < FINDINGS, "the fault comes in the middle");
        escalation
    }

    fn inject(&self, fault: Fault) -> FaultId {
        self.world.sandbox.faults().inject(fault)
    }

    fn remove(&self, fault: FaultId) {
        self.world.sandbox.faults().remove(fault);
    }

    fn hits(&self, fault: FaultId) -> u64 {
        self.world.sandbox.faults().hits(fault)
    }

    fn publish(&mut self, findings: usize) {
        let new = self.world.sandbox.aws().create_samples(REGION, findings);
        self.findings.extend(new);
    }

    /// Waits until the fault has lasted longer than all attempts of a call: the poller has given up its cycle.
    async fn outlasts_the_attempts(&self) {
        self.world.log_shows("polling us-east-1 failed").await;
    }

    /// How many findings are whole incidents.
    fn whole(&self) -> usize {
        whole(self.world.platform(), &self.wanted())
    }

    /// Waits until all are, also where some were set aside, which are tried again after a minute.
    async fn whole_at_last(&self) {
        let wanted = self.wanted();
        let all = |platform: &Platform| whole(platform, &wanted) == wanted.len();
        let seen = self.world.platform().wait_for(all, 3 * PATIENCE).await;
        assert!(seen, "{} of {} are whole", self.whole(), wanted.len());
    }

    fn wanted(&self) -> Vec<(&String, NewIncident)> {
        let findings = self.findings.iter();
        findings.map(|id| (id, self.world.mapped(id))).collect()
    }

    /// Every finding is one whole incident, and the worker is up and polls: a new finding becomes one, too.
    async fn ends_whole(&mut self) {
        self.whole_at_last().await;
        self.publish(1);
        let incidents = self.world.escalated(&self.findings).await;
        assert_eq!(incidents.len(), self.findings.len(), "none twice");
        for finding in &self.findings {
            self.world.assert_whole(finding);
        }
    }
}

/// So slow that a fault can come in the middle.
fn slow() -> Options {
    Options {
        regions: vec![REGION.into()],
        soar_latency: Duration::from_millis(50),
        ..Options::default()
    }
}

fn whole(platform: &Platform, wanted: &[(&String, NewIncident)]) -> usize {
    let whole =
        |(finding, wanted): &&(&String, NewIncident)| has_whole_incident(platform, finding, wanted);
    wanted.iter().filter(whole).count()
}
