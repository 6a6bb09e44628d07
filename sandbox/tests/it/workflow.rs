//! Rules, workflows, functions and scripts, all the way round.

use std::time::Duration;

use reqwest::Method;
use sandbox::soar::{RunState, WorkflowRun};
use serde_json::{Value, json};

use crate::support::{World, export, incident};
use crate::worker::Worker;

const SOON: Duration = Duration::from_secs(30);

async fn flagged(world: &World) -> u64 {
    let properties = json!({"aws_guardduty_finding_id": "f-1"});
    let created = world
        .post("/incidents", &incident("One", &properties))
        .await;
    let incident_path = format!("/incidents/{}", created["id"]);
    let patch = json!({"version": 1, "changes": [{
        "field": "flag_of_test", "old_value": {"object": null}, "new_value": {"object": true},
    }]});
    world.call(Method::PATCH, &incident_path, &patch).await;
    created["id"].as_u64().expect("an id")
}

async fn finished(world: &World) -> WorkflowRun {
    let platform = world.sandbox.platform();
    let done = |p: &sandbox::soar::Platform| {
        let runs = p.workflow_runs();
        runs.first()
            .is_some_and(|run| run.state != RunState::Running)
    };
    assert!(
        platform.wait_for(done, SOON).await,
        "{:?}",
        platform.workflow_runs()
    );
    platform.workflow_runs().remove(0)
}

fn success(echo: &Value) -> Value {
    json!({"message_type": 0, "message": "Completed", "complete": true,
        "results": {"content": {"echo": echo, "address": "198.51.100.7"}}})
}

#[tokio::test]
async fn a_change_fires_the_rule_and_the_answer_comes_back_into_the_incident() {
    let world = World::customized().await;
    let mut worker = Worker::subscribe(&world.sandbox).await;
    let id = flagged(&world).await;

    let message = worker.receive().await;
    assert_eq!(message.body["function"]["name"], "fn_test_echo");
    assert_eq!(message.body["inputs"], json!({"test_text": "f-1"}));
    assert_eq!(message.header("Co3MessagePayload"), "FunctionDataDTO");
    assert_eq!(message.header("reply-to"), "/queue/acks.201.fn_test");
    let status = json!({"message_type": 0, "message": "working", "complete": false});
    worker.reply(&message, &status).await;
    worker
        .reply(&message, &success(&message.body["inputs"]["test_text"]))
        .await;

    let run = finished(&world).await;
    assert_eq!(
        (run.state, run.error.as_deref()),
        (RunState::Completed, None)
    );
    assert_eq!(run.messages, ["working"]);
    assert_eq!(run.correlation_ids, [message.header("correlation-id")]);
    let view = world.sandbox.platform().incident(id).expect("an incident");
    assert_eq!(view.property("note_of_test"), Some("f-1"));
    assert_eq!(view.severity.as_deref(), Some("High"));
    assert_eq!(view.table("test_table")[0]["first"], "f-1");
    assert_eq!(view.artifacts[0].value, "198.51.100.7");
    assert_eq!(
        (
            view.notes[0].format.as_str(),
            view.notes[0].content.as_str()
        ),
        ("html", "<b>f-1</b>")
    );
    assert_eq!(world.sandbox.platform().workflow_runs().len(), 1);
    let instance = world.get(&format!("/workflow_instances/{}", run.id)).await;
    assert_eq!(instance["status"], "completed");
}

#[tokio::test]
async fn an_error_reply_fails_the_run_and_changes_nothing() {
    let world = World::customized().await;
    let mut worker = Worker::subscribe(&world.sandbox).await;
    let id = flagged(&world).await;
    let message = worker.receive().await;
    let reply = json!({"message_type": 1, "message": "no such finding", "complete": true});
    worker.reply(&message, &reply).await;

    let run = finished(&world).await;
    assert_eq!(
        (run.state, run.error.as_deref()),
        (RunState::Failed, Some("no such finding"))
    );
    let view = world.sandbox.platform().incident(id).expect("an incident");
    assert_eq!((view.notes.len(), view.artifacts.len()), (0, 0));
}

#[tokio::test]
async fn results_that_a_script_cannot_use_fail_the_run_visibly() {
    for (echo, complaint) in [
        (json!(5), "text"),
        (json!("x".repeat(3_000)), "3000 characters"),
    ] {
        let world = World::customized().await;
        let mut worker = Worker::subscribe(&world.sandbox).await;
        flagged(&world).await;
        let message = worker.receive().await;
        worker.reply(&message, &success(&echo)).await;
        let run = finished(&world).await;
        assert_eq!(run.state, RunState::Failed);
        assert!(
            run.error.as_deref().is_some_and(|e| e.contains(complaint)),
            "{:?}",
            run.error
        );
    }
}

#[tokio::test]
async fn a_menu_item_is_offered_and_picked_over_rest() {
    let world = World::customized().await;
    let mut worker = Worker::subscribe(&world.sandbox).await;
    let plain = world
        .post("/incidents", &incident("plain", &json!({})))
        .await;
    assert_eq!(plain["actions"], json!([]));
    let properties = json!({"aws_guardduty_finding_id": "f-1"});
    let created = world
        .post("/incidents", &incident("One", &properties))
        .await;
    let action = &created["actions"][0];
    assert_eq!(action["name"], "Test: by hand");

    let pick = json!({"action_id": action["id"], "properties": {}});
    let path = |id: &Value| format!("/incidents/{id}/action_invocations");
    world.post(&path(&created["id"]), &pick).await;
    let message = worker.receive().await;
    worker.reply(&message, &success(&json!("by hand"))).await;
    assert_eq!(finished(&world).await.rule, "Test: by hand");
    assert_eq!(
        world
            .refused(Method::POST, &path(&plain["id"]), &pick)
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_disabled_rule_does_not_fire() {
    let world = World::customized().await;
    let platform = world.sandbox.platform();
    platform
        .set_rule_enabled("Test: on flag", false)
        .expect("a rule");
    let id = flagged(&world).await;
    assert_eq!(platform.workflow_runs(), []);
    platform
        .set_rule_enabled("Test: on flag", true)
        .expect("a rule");
    platform
        .set_field(id, "flag_of_test", &json!(false))
        .expect("set");
    platform
        .set_field(id, "properties.flag_of_test", &json!(true))
        .expect("set");
    assert_eq!(platform.workflow_runs().len(), 1);
}

#[tokio::test]
async fn a_test_invokes_a_function_and_sees_all_its_replies() {
    let world = World::customized().await;
    let mut worker = Worker::subscribe(&world.sandbox).await;
    let platform = world.sandbox.platform();
    let inputs = json!({"test_text": "direct"});
    let id = platform
        .publish_invocation("fn_test_echo", &inputs)
        .expect("published");
    let message = worker.receive().await;
    assert_eq!(message.body["inputs"], inputs);
    worker.reply(&message, &success(&json!("1"))).await;
    worker.reply(&message, &success(&json!("2"))).await;
    let both = |p: &sandbox::soar::Platform| p.replies(&id).len() == 2;
    assert!(platform.wait_for(both, SOON).await);
    let first = platform.final_reply(&id).and_then(|reply| reply.results);
    assert_eq!(first.expect("results")["content"]["echo"], "1");

    let headers = [
        ("destination", "/queue/acks.201.fn_test"),
        ("correlation-id", &*id),
    ];
    worker.send("SEND", &headers, "no JSON").await;
    let unreadable = |p: &sandbox::soar::Platform| p.unreadable_replies().len() == 1;
    assert!(platform.wait_for(unreadable, SOON).await);
}

#[tokio::test]
async fn queues_are_closed_to_a_key_that_their_destination_does_not_list() {
    let world = World::customized().await;
    let mut worker = Worker::connect(&world.sandbox).await;
    for (command, queue) in [
        ("SUBSCRIBE", "actions.201.other"),
        ("SEND", "acks.201.other"),
        ("SEND", "actions.201.fn_test"),
    ] {
        let headers = [("id", queue), ("destination", queue)];
        worker.send(command, &headers, "").await;
        let (answer, headers, _) = worker.frame().await;
        assert_eq!(answer, "ERROR");
        let message = headers.iter().find(|(name, _)| name == "message");
        assert!(
            message.is_some_and(|(_, text)| text.contains("not authorized")),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn the_broker_knows_the_same_logins_as_rest() {
    let world = World::customized().await;
    let sandbox = &world.sandbox;
    let mut user = Worker::log_in(sandbox, sandbox.email(), sandbox.password()).await;
    assert_eq!(user.frame().await.0, "CONNECTED");
    let queue = "actions.201.fn_test";
    user.send("SUBSCRIBE", &[("id", queue), ("destination", queue)], "")
        .await;
    sandbox.broker().wait_for_subscriber(queue).await;
    let mut stranger = Worker::log_in(sandbox, sandbox.email(), "wrong").await;
    assert_eq!(stranger.frame().await.0, "ERROR");
}

#[tokio::test]
async fn an_import_that_could_never_work_is_refused() {
    let world = World::start().await;
    let broken: [(&str, &str, Value); 4] = [
        ("/workflows/0/content/xml", "workflow", json!("<nothing/>")),
        ("/functions/0/uuid", "unknown function", json!("fn-2")),
        ("/actions/0/workflows", "wf_other", json!(["wf_other"])),
        (
            "/actions/0/conditions/0/field_name",
            "colour",
            json!("incident.properties.colour"),
        ),
    ];
    for (place, complaint, value) in broken {
        let mut export = export();
        *export.pointer_mut(place).expect("a place") = value;
        let refusal = world.sandbox.platform().import(&export).expect_err(place);
        assert!(refusal.message.contains(complaint), "{refusal}");
    }
}
