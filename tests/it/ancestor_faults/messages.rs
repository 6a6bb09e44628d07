//! Messages that no function can be run for. Those that cannot even be read are in `tests/stomp/ancestor_faults.rs`.

use sandbox::soar::Reply;
use serde_json::{Value, json};

use super::refreshes::settled;
use crate::functions::{ARCHIVE, REFRESH, call, listening, results};
use crate::harness::{World, only};

/// The workflow is told that nothing was done, on one line, and the worker goes on.
async fn refused(world: &World, function: &str, inputs: &Value, reason: &str) {
    let reply = call(world, function, inputs).await;
    assert_eq!(reply.message_type, 1, "{reply:?}");
    assert!(reply.complete && reply.results.is_none());
    let message = &reply.message;
    assert!(
        message.contains(reason) && !message.contains('\n'),
        "{message}"
    );
}

async fn goes_on(world: &World, inputs: &Value) {
    let reply: Reply = call(world, ARCHIVE, inputs).await;
    assert_eq!(results(&reply)["content"], json!({"status": "ok"}));
    settled(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_an_unknown_function() {
    let (world, inputs) = listening().await;
    let reason = "no function 'fn_of_another_app'";
    refused(&world, "fn_of_another_app", &json!({}), reason).await;
    goes_on(&world, &inputs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_an_input_or_with_null_inputs() {
    let (world, inputs) = listening().await;
    let without_detector = json!({"aws_gd_region": inputs["aws_gd_region"]});
    let mut null = inputs.clone();
    null["aws_gd_detector_id"] = json!(null);
    let unset = "'aws_gd_detector_id' is not set";
    refused(&world, ARCHIVE, &without_detector, unset).await;
    refused(&world, ARCHIVE, &null, unset).await;
    refused(&world, REFRESH, &inputs, "'incident_id' is not set").await;
    refused(&world, ARCHIVE, &json!(null), "").await;
    goes_on(&world, &inputs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_an_unknown_finding() {
    let (world, mut inputs) = listening().await;
    let known = inputs.clone();
    let finding = inputs["aws_gd_finding_id"].as_str().unwrap().to_owned();
    world.escalated([&finding]).await;
    inputs["incident_id"] = json!(only(world.platform(), &finding).id);
    inputs["aws_gd_finding_id"] = json!("0".repeat(32));
    let reply = call(&world, REFRESH, &inputs).await;
    assert_eq!(results(&reply)["content"], json!({}));
    assert_eq!(results(&reply)["success"], true);
    let notes = only(world.platform(), &finding).notes;
    assert_eq!(notes.len(), 1, "no note for what is not there");
    goes_on(&world, &known).await;
}
