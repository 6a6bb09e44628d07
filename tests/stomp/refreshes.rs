//! A worker on a real `ActiveMQ` whose functions leave notes, so that it shows how often each has run.

use std::collections::HashMap;
use std::time::Duration;

use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault, FaultId};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use crate::Account;
use crate::activemq::ActiveMq;
use crate::cases::only_this_is_left;
use crate::peer::Peer;
use crate::worker::{DESTINATION, worker_on};
use crate::worker_process::{PATIENCE, REGION, WorkerProcess, import_into};

const REFRESH: &str = "func_aws_guardduty_refresh_finding";
const LAST: &str = "invid:after-all";

/// A worker on `ActiveMQ`, and one incident that all invocations refresh, each from a finding of its own: it gets a
/// note of each.
///
/// The answers stay on their queue until the end, so that none is lost on the way to a test whose broker is killed.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) worker: WorkerProcess,
    pub(crate) activemq: ActiveMq,
    incident: u64,
    /// Correlation ids of the invocations.
    pub(crate) published: Vec<String>,
}

/// The final answers to each invocation.
pub(crate) type Answers = HashMap<String, Vec<Value>>;

impl World {
    pub(crate) async fn start() -> Self {
        let sandbox = Sandbox::start(Options {
            soar_latency: Duration::from_millis(50),
            ..Options::default()
        });
        let sandbox = sandbox.await.unwrap();
        import_into(&sandbox);
        let incident = json!({"name": "of many findings", "discovered_date": 0});
        let incident = sandbox.platform().create(&incident).unwrap();
        let activemq = ActiveMq::start(Account {
            login: sandbox.api_key_id().into(),
            passcode: sandbox.api_key_secret().into(),
        });
        let mut worker = worker_on(&activemq.broker, &sandbox);
        worker.start();
        Self {
            sandbox,
            worker,
            activemq,
            incident,
            published: Vec::new(),
        }
    }

    /// One more invocation: its correlation id and its body.
    pub(crate) fn refresh(&self) -> (String, String) {
        let aws = self.sandbox.aws();
        let inputs = json!({
            "aws_gd_region": REGION,
            "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
            "aws_gd_finding_id": aws.create_sample(REGION, Aws::sample_kinds()[0]),
            "incident_id": self.incident,
        });
        let invocation = self.sandbox.platform().invocation(REFRESH, &inputs);
        let invocation = invocation.unwrap();
        (invocation.correlation_id, invocation.body.to_string())
    }

    pub(crate) async fn publish(&mut self, invocations: usize) {
        let mut platform = Peer::platform(&self.activemq.broker).await;
        for _ in 0..invocations {
            let (id, body) = self.refresh();
            platform.invoke(DESTINATION, &id, &body).await;
            self.published.push(id);
        }
    }

    /// Invocations that have all begun and that the returned fault holds up.
    pub(crate) async fn publish_and_hold(&mut self, invocations: usize) -> FaultId {
        let stall = Fault::new(Side::Aws, Failure::Stall).path("/findings/get$");
        let stall = self.sandbox.faults().inject(stall);
        self.publish(invocations).await;
        let held = u64::try_from(invocations).unwrap();
        self.until("all are in work", |world| {
            world.sandbox.faults().hits(stall) == held
        })
        .await;
        stall
    }

    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let holds = async {
            let mut pace = interval(Duration::from_millis(20));
            while !condition(self) {
                pace.tick().await;
            }
        };
        let held = timeout(PATIENCE, holds).await;
        assert!(held.is_ok(), "not in time: {what}");
    }

    pub(crate) async fn until_notes(&self, notes: usize) {
        self.until("the notes are written", |world| world.notes() >= notes)
            .await;
    }

    pub(crate) async fn until_logged(&self, text: &str, times: usize) {
        self.until(text, |world| {
            world.worker.log().matches(text).count() >= times
        })
        .await;
    }

    pub(crate) fn notes(&self) -> usize {
        let incident = self.sandbox.platform().incident(self.incident);
        incident.unwrap().notes.len()
    }

    /// Publishes a last invocation and takes the final answers until each of all has one; then the worker ends well,
    /// every message is acknowledged, and all answers that are left are taken as well.
    pub(crate) async fn end(mut self) -> Answers {
        self.publish(1).await;
        let broker = &self.activemq.broker;
        let mut platform = Peer::platform(broker).await;
        platform.subscribe(&format!("acks.201.{DESTINATION}")).await;
        let mut answers = Answers::new();
        while !self.published.iter().all(|id| answers.contains_key(id)) {
            take(&mut platform, &mut answers).await;
        }
        assert_eq!(self.worker.stop().await.code(), Some(0));
        let mut other = Peer::worker(broker).await;
        other.answer(DESTINATION, LAST).await;
        while take(&mut platform, &mut answers).await != LAST {}
        only_this_is_left(broker, &mut platform, DESTINATION).await;
        let notes = self.published.len();
        assert_eq!(self.notes(), notes, "each has run once");
        answers
    }
}

/// Takes the next message of the answers' queue; answers its correlation id.
async fn take(platform: &mut Peer, answers: &mut Answers) -> String {
    let message = platform.next().await;
    let id = message.header("correlation-id").to_owned();
    let answer: Value = serde_json::from_slice(&message.body).unwrap();
    if answer["complete"] == true {
        answers.entry(id.clone()).or_default().push(answer);
    }
    id
}

/// Each has a result.
pub(crate) fn assert_done(answers: &Answers) {
    for (id, answers) in answers {
        let results = &answers[0]["results"];
        assert_eq!(results["success"], true, "{id}: {answers:?}");
        // What came again is the same, and the platform takes the first.
        assert!(answers.iter().all(|answer| answer == &answers[0]));
    }
}

/// And each was answered once.
pub(crate) fn assert_done_once(answers: &Answers) {
    assert_done(answers);
    for (id, answers) in answers {
        assert_eq!(answers.len(), 1, "final answers to {id}");
    }
}
