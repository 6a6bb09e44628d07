//! Invocations of the function that refreshes an incident, each of an incident of its own.

use serde_json::json;

use super::slow;
use crate::functions::REFRESH;
use crate::harness::{PATIENCE, REGION, World, only};

/// Incidents, and the invocations that refresh them.
pub(super) struct Refreshes {
    pub(super) world: World,
    findings: Vec<String>,
    /// Correlation ids of the invocations.
    published: Vec<String>,
}

impl Refreshes {
    /// Incidents, and a worker that listens and does nothing else meanwhile.
    pub(super) async fn of(incidents: usize) -> Self {
        let mut world = World::with(slow()).await;
        world.set_connection("request_retry_delay", "0.2");
        world.set("aws_gd_polling_interval", "1h");
        let findings = world.sandbox.aws().create_samples(REGION, incidents);
        world.start_and_listen().await;
        world.escalated(&findings).await;
        Self {
            world,
            findings,
            published: Vec::new(),
        }
    }

    /// Publishes one invocation of each incident, all at once.
    pub(super) fn publish(&mut self) {
        let detector = self.world.sandbox.aws().detector_id(REGION).unwrap();
        for finding in &self.findings {
            let inputs = json!({
                "aws_gd_region": REGION,
                "aws_gd_detector_id": detector,
                "aws_gd_finding_id": finding,
                "incident_id": only(self.world.platform(), finding).id,
            });
            let published = self.world.platform().publish_invocation(REFRESH, &inputs);
            self.published.push(published.unwrap());
        }
    }

    /// How many invocations have a final answer.
    pub(super) fn answered(&self) -> usize {
        let answered = |id: &&String| self.world.platform().final_reply(id).is_some();
        self.published.iter().filter(answered).count()
    }

    pub(super) async fn all_answered(&self) {
        self.world
            .eventually("every invocation is answered", |platform| {
                let answered = |id: &String| platform.final_reply(id).is_some();
                self.published.iter().all(answered)
            })
            .await;
    }

    /// Waits until the queue is empty and every message acknowledged; the answer comes before its acknowledgement.
    pub(super) async fn settled(&self) {
        settled(&self.world).await;
    }

    /// Every invocation has a result, and every incident the note of one refresh.
    pub(super) fn assert_done(&self) {
        let platform = self.world.platform();
        for (id, finding) in self.published.iter().zip(&self.findings) {
            let reply = platform.final_reply(id).unwrap();
            let results = reply.results.expect("a result");
            assert_eq!(results["content"]["finding"]["Id"], json!(finding));
            assert_eq!(only(platform, finding).notes.len(), 2, "notes of {finding}");
        }
    }

    /// The same, and no invocation was answered twice.
    pub(super) fn assert_done_once(&self) {
        self.assert_done();
        for id in &self.published {
            let replies = self.world.platform().replies(id);
            let last = replies.iter().filter(|reply| reply.complete);
            assert_eq!(last.count(), 1, "final answers to {id}");
        }
    }
}

/// Waits until the worker's queue is empty and every message of it acknowledged.
pub(super) async fn settled(world: &World) {
    let queue = format!("actions.{}.fn_aws_gd", world.sandbox.org_id());
    let broker = world.sandbox.broker();
    let settled =
        broker.wait_until(|broker| (broker.queue_depth(&queue), broker.unacked(&queue)) == (0, 0));
    tokio::time::timeout(PATIENCE, settled)
        .await
        .expect("every message is acknowledged");
}
