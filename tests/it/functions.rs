//! What the functions answer.

use sandbox::aws::Aws;
use sandbox::soar::Reply;
use serde_json::{Value, json};

use crate::harness::{REGION, World, only};

pub(crate) const ARCHIVE: &str = "func_aws_guardduty_archive_finding";
pub(crate) const REFRESH: &str = "func_aws_guardduty_refresh_finding";

pub(crate) async fn call(world: &World, function: &str, inputs: &Value) -> Reply {
    let mut invocation = world.platform().invocation(ARCHIVE, inputs).unwrap();
    invocation.body["function"]["name"] = json!(function);
    let correlation = world.platform().publish(&invocation);
    world
        .eventually("the function is answered", |platform| {
            platform.final_reply(&correlation).is_some()
        })
        .await;
    world.platform().final_reply(&correlation).unwrap()
}

pub(crate) fn results(reply: &Reply) -> &Value {
    reply.results.as_ref().expect("a result")
}

pub(crate) async fn listening() -> (World, Value) {
    let mut world = World::new().await;
    let aws = world.sandbox.aws();
    let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    let inputs = json!({
        "aws_gd_region": REGION,
        "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
        "aws_gd_finding_id": finding,
    });
    world.start_and_listen().await;
    (world, inputs)
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_answers_in_the_ancestors_form() {
    let (world, mut inputs) = listening().await;
    let finding = inputs["aws_gd_finding_id"].as_str().unwrap().to_owned();
    world.escalated([&finding]).await;
    inputs["incident_id"] = json!(only(world.platform(), &finding).id);
    let reply = call(&world, REFRESH, &inputs).await;
    assert_eq!(reply.message, "Completed");
    let results = reply.results.unwrap();
    assert_eq!(results["version"], "1.0");
    assert_eq!(results["success"], true);
    assert_eq!(results["inputs"], inputs);
    let content = &results["content"];
    let keys: Vec<&String> = content.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["timestamp", "finding", "region", "payload", "data_tables"]
    );
    assert_eq!(content["finding"]["Id"], json!(finding));
    assert_eq!(
        content["payload"]["artifacts"],
        json!([]),
        "the incident has them all"
    );
    assert_eq!(content["payload"]["comments"], json!([]));
    assert_eq!(content["data_tables"].as_object().unwrap().len(), 6);
    let raw: Value = serde_json::from_str(results["raw"].as_str().unwrap()).unwrap();
    assert_eq!(&raw, content);
}

#[tokio::test(flavor = "multi_thread")]
async fn b11_an_artifact_of_an_analyst_counts_as_known() {
    let (world, mut inputs) = listening().await;
    let finding = inputs["aws_gd_finding_id"].as_str().unwrap().to_owned();
    world.escalated([&finding]).await;
    let incident = only(world.platform(), &finding).id;
    inputs["incident_id"] = json!(incident);
    let aws = world.sandbox.aws();
    let mut changed = aws.finding(REGION, &finding).unwrap();
    let connection = &mut changed["service"]["action"]["networkConnectionAction"];
    connection["remoteIpDetails"]["ipAddressV4"] = json!("203.0.113.99");
    connection["localIpDetails"]["ipAddressV4"] = json!("203.0.113.98");
    aws.put_finding(REGION, changed);
    world
        .platform()
        .add_artifact(incident, "IP Address", "203.0.113.99")
        .unwrap();
    let reply = call(&world, REFRESH, &inputs).await;
    let artifacts = results(&reply)["content"]["payload"]["artifacts"]
        .as_array()
        .unwrap();
    let values: Vec<&Value> = artifacts
        .iter()
        .map(|artifact| &artifact["value"])
        .collect();
    assert_eq!(values, ["203.0.113.98"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_twice_is_worked_on_once() {
    let mut world = World::with(sandbox::Options {
        regions: vec![REGION.into()],
        aws_latency: std::time::Duration::from_secs(2),
        ..sandbox::Options::default()
    })
    .await;
    world.set("aws_gd_polling_interval", "0");
    let aws = world.sandbox.aws().clone();
    let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    let inputs = json!({
        "aws_gd_region": REGION,
        "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
        "aws_gd_finding_id": finding,
    });
    world.start_and_listen().await;
    let queue = format!("actions.{}.fn_aws_gd", world.sandbox.org_id());
    let correlation = world
        .platform()
        .publish_invocation(ARCHIVE, &inputs)
        .unwrap();
    world
        .eventually("it is in work", |platform| {
            !platform.replies(&correlation).is_empty()
        })
        .await;
    world.sandbox.broker().redeliver_unacked(&queue);
    world
        .eventually("it is answered", |platform| {
            platform.final_reply(&correlation).is_some()
        })
        .await;
    assert_eq!(aws.calls()["ArchiveFindings"], 1);
    let stop = world.stop().await;
    assert_eq!(stop.code(), Some(0));
    assert_eq!(world.sandbox.broker().queue_depth(&queue), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_made_again() {
    let (world, inputs) = listening().await;
    world.sandbox.broker().cut_connections();
    let reply = call(&world, ARCHIVE, &inputs).await;
    assert_eq!(results(&reply)["content"]["status"], "ok");
}
