//! A server that cannot keep up gets fewer calls at a time, and as many as before when it can.

use std::time::Duration;

use sandbox::Options;
use sandbox::calls::{Call, Side};
use sandbox::faults::{Failure, Fault};
use serde_json::json;

use crate::functions::REFRESH;
use crate::harness::{REGION, World, only};

const LATENCY: Duration = Duration::from_millis(20);
const FEWER: &str = "is slow or refuses calls: it gets fewer than";

async fn far_away() -> World {
    World::with(Options {
        regions: vec![REGION.into()],
        soar_latency: LATENCY,
        aws_latency: LATENCY,
        ..Options::default()
    })
    .await
}

/// The SOAR calls in the order in which they began.
fn soar_calls(world: &World) -> Vec<Call> {
    let mut calls = world.sandbox.calls().all();
    calls.retain(|call| call.side == Side::Soar);
    calls.sort_by_key(|call| call.started);
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn soar_that_refuses_a_call_gets_half_as_many_and_then_all_again() {
    let mut world = far_away().await;
    world.set("aws_gd_max_soar_requests", "4");
    let findings = world.sandbox.aws().create_samples(REGION, 150);
    let refusal = Fault::status(Side::Soar, 429).path("/row_data$").after(50);
    world.sandbox.faults().inject(refusal.times(1));
    world.start();
    world.escalated(&findings).await;
    let calls = soar_calls(&world);
    let refused = calls.iter().position(|call| call.status == Some(429));
    let (before, after) = calls.split_at(refused.expect("a refusal"));
    let most = |calls: &[Call]| calls.iter().map(|call| call.concurrency).max();
    assert_eq!(most(before), Some(4));
    // Those under way at the refusal come first; then it is half as many, until a second later a place is given back.
    let after_those = &after[8..];
    let more = after_those.iter().position(|call| call.concurrency > 2);
    let (halved, more) = after_those.split_at(more.expect("a place given back"));
    assert_eq!(most(halved), Some(2));
    let refusal = &after[0];
    assert!(more[0].started >= refusal.started + refusal.duration + Duration::from_secs(1));
    assert_eq!(most(after), Some(4));
    let log = world.log();
    assert!(log.contains(&format!("SOAR {FEWER} 4")), "{log}");
    assert!(log.contains("SOAR gets 4 calls at a time again"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn soar_that_becomes_slow_gets_fewer_calls() {
    let mut world = far_away().await;
    let findings = world.sandbox.aws().create_samples(REGION, 200);
    let slow = Failure::Delay(Duration::from_millis(300));
    let slow = Fault::new(Side::Soar, slow).path("/row_data$").after(400);
    let slow = world.sandbox.faults().inject(slow);
    world.start();
    world.log_shows(&format!("SOAR {FEWER} 16")).await;
    world.sandbox.faults().remove(slow);
    world.escalated(&findings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_has_a_budget_of_its_own() {
    let mut world = far_away().await;
    world.set("aws_gd_max_aws_requests", "2");
    world.set_connection("num_workers", "20");
    let finding = world.start_and_escalate_one().await;
    let inputs = json!({
        "aws_gd_region": REGION,
        "aws_gd_detector_id": world.sandbox.aws().detector_id(REGION).unwrap(),
        "aws_gd_finding_id": finding,
        "incident_id": only(world.platform(), &finding).id,
    });
    let refusal = Fault::aws_error(429, "ThrottlingException").path("/findings/get$");
    world.sandbox.faults().inject(refusal.times(1));
    let publish = |_| world.platform().publish_invocation(REFRESH, &inputs);
    let messages: Vec<String> = (0..20).map(|n| publish(n).unwrap()).collect();
    world
        .eventually("all are answered", |platform| {
            let answered = |id: &String| platform.final_reply(id).is_some();
            messages.iter().all(answered)
        })
        .await;
    assert_eq!(world.sandbox.calls().max_in_flight(Side::Aws), 2);
    let log = world.log();
    assert!(log.contains(&format!("127.0.0.1 {FEWER} 2")), "{log}");
}
