//! The worker as a process, with its queue on a real `ActiveMQ`; SOAR's REST API and AWS are the sandbox's.

use std::collections::HashMap;
use std::time::Duration;

use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault, FaultId};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use crate::activemq::ActiveMq;
use crate::cases::only_this_is_left;
use crate::client::in_time;
use crate::peer::Peer;
use crate::worker_process::{PATIENCE, REGION, WorkerProcess, import_into};
use crate::{Account, Broker};

const ARCHIVE: &str = "func_aws_guardduty_archive_finding";
pub(crate) const DESTINATION: &str = "fn_aws_gd";

/// A worker that takes invocations from `ActiveMQ`, and who sends them.
struct World {
    sandbox: Sandbox,
    worker: WorkerProcess,
    platform: Peer,
    activemq: ActiveMq,
}

/// An invocation to archive a finding.
struct Archive {
    finding: String,
    inputs: Value,
    workflow_instance: u64,
    correlation_id: String,
    body: String,
}

/// What came for an invocation: statuses, then the body of the final answer.
struct Answers {
    statuses: Vec<String>,
    last: String,
}

impl World {
    async fn start() -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        import_into(&sandbox);
        assert_eq!(sandbox.org_id(), 201, "the peer's queues are of this one");
        let activemq = ActiveMq::start(Account {
            login: sandbox.api_key_id().into(),
            passcode: sandbox.api_key_secret().into(),
        });
        let mut worker = worker_on(&activemq.broker, &sandbox);
        worker.start();
        let mut platform = Peer::platform(&activemq.broker).await;
        platform.subscribe(&format!("acks.201.{DESTINATION}")).await;
        Self {
            sandbox,
            worker,
            platform,
            activemq,
        }
    }

    fn archive(&self, further: Option<(&str, &str)>) -> Archive {
        let aws = self.sandbox.aws();
        let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
        let mut inputs = json!({
            "aws_gd_region": REGION,
            "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
            "aws_gd_finding_id": finding,
        });
        if let Some((name, value)) = further {
            inputs[name] = json!(value);
        }
        let invocation = self.sandbox.platform().invocation(ARCHIVE, &inputs);
        let invocation = invocation.unwrap();
        Archive {
            finding,
            inputs,
            workflow_instance: invocation.body["workflow_instance"]["workflow_instance_id"]
                .as_u64()
                .unwrap(),
            correlation_id: invocation.correlation_id,
            body: invocation.body.to_string(),
        }
    }

    /// All answers up to the final one.
    async fn answers(&mut self, archive: &Archive) -> Answers {
        let mut statuses = Vec::new();
        loop {
            let message = self.platform.next().await;
            assert_eq!(message.header("correlation-id"), archive.correlation_id);
            let body = String::from_utf8(message.body).unwrap();
            let answer: Value = serde_json::from_str(&body).unwrap();
            if answer["complete"] == true {
                let last = body;
                return Answers { statuses, last };
            }
            assert_eq!(answer["message_type"], 0);
            statuses.push(answer["message"].as_str().unwrap().to_owned());
        }
    }

    fn assert_archived(&self, archive: &Archive) {
        assert!(self.sandbox.aws().is_archived(REGION, &archive.finding));
    }

    /// The worker ends well, every message is acknowledged, and no answer came but those already seen.
    async fn ends_settled(mut self) {
        assert_eq!(self.worker.stop().await.code(), Some(0));
        let broker = &self.activemq.broker;
        let mut other = Peer::worker(broker).await;
        other.answer(DESTINATION, "after:all").await;
        let next = self.platform.next().await;
        assert_eq!(next.header("correlation-id"), "after:all");
        only_this_is_left(broker, &mut self.platform, DESTINATION).await;
    }

    async fn until_reloaded(&self) {
        let reloaded = async {
            let mut pace = interval(Duration::from_millis(20));
            while !self.worker.log().contains("configuration is taken up") {
                pace.tick().await;
            }
        };
        timeout(PATIENCE, reloaded).await.expect("a reload");
    }

    async fn until_struck(&self, fault: FaultId) {
        let struck = async {
            let mut pace = interval(Duration::from_millis(20));
            while self.sandbox.faults().hits(fault) == 0 {
                pace.tick().await;
            }
        };
        timeout(PATIENCE, struck).await.expect("AWS is asked");
    }
}

impl Archive {
    /// The statuses of one run.
    fn one_run(&self) -> [String; 2] {
        let instance = self.workflow_instance;
        [
            format!("Starting '{ARCHIVE}' running in workflow '{instance}'"),
            format!("Finished '{ARCHIVE}' that was running in workflow '{instance}'"),
        ]
    }
}

pub(crate) fn worker_on(broker: &Broker, sandbox: &Sandbox) -> WorkerProcess {
    let mut worker = WorkerProcess::of(sandbox);
    let ca = worker.folder().join("broker.pem");
    std::fs::write(ca, &broker.ca_pem).unwrap();
    worker.connection.set("stomp_host", &broker.host);
    let port = broker.port.to_string();
    worker.connection.set("stomp_port", &port);
    worker.connection.set("stomp_cafile", "broker.pem");
    // Nothing else is asked of AWS meanwhile.
    worker.app.set("aws_gd_polling_interval", "0");
    worker
}

/// To the last character, except for what differs from run to run.
fn assert_completed(answer: &str, archive: &Archive) {
    assert!(answer.is_ascii(), "{answer}");
    let read: Value = serde_json::from_str(answer).unwrap();
    let varying = |key: &str| read["results"]["metrics"][key].clone();
    assert!(varying("host").is_string() && varying("execution_time_ms").is_u64());
    assert!(varying("timestamp").is_string());
    let expected = json!({
        "message_type": 0, "message": "Completed", "complete": true,
        "results": {
            "version": "1.0", "success": true, "reason": null,
            "content": {"status": "ok"}, "raw": "{\"status\":\"ok\"}",
            "inputs": archive.inputs,
            "metrics": {
                "version": "1.0", "package": "fn-aws-guardduty",
                "package_version": env!("CARGO_PKG_VERSION"),
                "host": varying("host"), "execution_time_ms": varying("execution_time_ms"),
                "timestamp": varying("timestamp"),
            },
        },
    });
    let expected = expected.to_string().replace('\u{1F6A8}', "\\ud83d\\udea8");
    assert_eq!(answer, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_answers_on_activemq() {
    in_time(Box::pin(async {
        let mut world = World::start().await;

        let archive = world.archive(None);
        let (id, body) = (&archive.correlation_id, &archive.body);
        world.platform.invoke(DESTINATION, id, body).await;
        let answers = world.answers(&archive).await;
        assert_eq!(answers.statuses, archive.one_run());
        assert_completed(&answers.last, &archive);
        world.assert_archived(&archive);

        let archive = world.archive(Some(("note", "seen \u{1F6A8}")));
        let (id, body) = (&archive.correlation_id, &archive.body);
        world
            .platform
            .invoke_as_jms_text(DESTINATION, id, body)
            .await;
        let answers = world.answers(&archive).await;
        assert_eq!(answers.statuses, archive.one_run());
        assert_completed(&answers.last, &archive);
        world.assert_archived(&archive);

        world.ends_settled().await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_cut_short_by_a_crash_is_answered_once_after_it() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        let stall = Fault::new(Side::Aws, Failure::Stall).path("/findings/archive$");
        let stall = world.sandbox.faults().inject(stall);

        let archive = world.archive(None);
        let (id, body) = (&archive.correlation_id, &archive.body);
        world.platform.invoke(DESTINATION, id, body).await;
        world.until_struck(stall).await;
        world.worker.crash().await;
        assert!(!world.sandbox.aws().is_archived(REGION, &archive.finding));
        world.sandbox.faults().remove(stall);
        world.worker.start();

        let answers = world.answers(&archive).await;
        let [starting, finished] = archive.one_run();
        // The first is of the run that was cut short.
        assert_eq!(answers.statuses, [starting.clone(), starting, finished]);
        assert_completed(&answers.last, &archive);
        world.assert_archived(&archive);
        world.ends_settled().await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_a_reload_loses_no_message_of_activemq_and_answers_none_twice() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        let slow = Failure::Delay(Duration::from_millis(300));
        let slow = Fault::new(Side::Aws, slow).path("/findings/archive$");
        let slow = world.sandbox.faults().inject(slow);
        // More than the worker takes at a time: some are in its hands at the reload, some at the broker.
        let archives: Vec<Archive> = (0..40).map(|_| world.archive(None)).collect();
        for archive in &archives {
            let (id, body) = (&archive.correlation_id, &archive.body);
            world.platform.invoke(DESTINATION, id, body).await;
        }
        world.until_struck(slow).await;
        world.worker.reload();

        let mut answered = HashMap::new();
        while answered.len() < archives.len() {
            let message = world.platform.next().await;
            let answer: Value = serde_json::from_slice(&message.body).unwrap();
            if answer["complete"] == true {
                let id = message.header("correlation-id").to_owned();
                assert_eq!(answered.insert(id, answer), None, "answered twice");
            }
        }
        for archive in &archives {
            let answer = &answered[&archive.correlation_id];
            assert_eq!(answer["results"]["content"], json!({"status": "ok"}));
            world.assert_archived(archive);
        }
        world.until_reloaded().await;
        world.ends_settled().await;
    }))
    .await;
}

/// Self-tests that run beside the worker take none of its messages, whatever `ActiveMQ` makes of their subscriptions.
#[tokio::test(flavor = "multi_thread")]
async fn a_selftest_beside_the_worker_takes_nothing_from_it() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        world.worker.app.set("aws_gd_regions", "^us-east-1$");
        for _ in 0..3 {
            let archive = world.archive(None);
            let (id, body) = (archive.correlation_id.clone(), archive.body.clone());
            let (finished, ()) = tokio::join!(
                world.worker.command(&["selftest"]),
                world.platform.invoke(DESTINATION, &id, &body)
            );
            let tested = format!("{}{}", finished.stdout, finished.stderr);
            assert_eq!(finished.code, Some(0), "{tested}");
            let queue = "ok    message queue       actions.201.fn_aws_gd can be read";
            assert!(finished.stdout.contains(queue), "{tested}");
            let answers = world.answers(&archive).await;
            assert_eq!(answers.statuses, archive.one_run());
            world.assert_archived(&archive);
        }
        world.ends_settled().await;
    }))
    .await;
}
