//! The worker stops between two steps, never within one.

use std::time::Duration;

use nix::sys::signal::Signal;
use sandbox::Options;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};

use crate::harness::{REGION, World};

fn slow() -> Options {
    Options {
        regions: vec![REGION.into()],
        soar_latency: Duration::from_millis(50),
        aws_latency: Duration::from_millis(10),
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_amid_an_escalation_leaves_whole_incidents_only() {
    let mut world = World::with(slow()).await;
    let findings = world.sandbox.aws().create_samples(REGION, 200);
    world.start();
    world
        .eventually("some findings are incidents", |platform| {
            platform.incidents().len() >= 40
        })
        .await;
    assert_eq!(world.stop().await.code(), Some(0), "{}", world.log());
    let written = world.platform().incidents();
    assert!(written.len() < 200, "it was stopped in the middle");
    for incident in &written {
        let finding = incident.property("aws_guardduty_finding_id").unwrap();
        world.assert_whole(finding);
    }
    world.start();
    let all = world.escalated(&findings).await;
    assert_eq!(all.len(), 200);
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_in_hand_is_answered_before_the_end() {
    let mut world = World::with(Options {
        aws_latency: Duration::from_secs(2),
        ..slow()
    })
    .await;
    world.set("aws_gd_polling_interval", "0");
    let aws = world.sandbox.aws().clone();
    let finding = aws.create_sample(REGION, sandbox::aws::Aws::sample_kinds()[0]);
    let inputs = serde_json::json!({
        "aws_gd_region": REGION,
        "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
        "aws_gd_finding_id": finding,
    });
    world.start_and_listen().await;
    let platform = world.platform().clone();
    let correlation = platform
        .publish_invocation("func_aws_guardduty_archive_finding", &inputs)
        .unwrap();
    world
        .eventually("the function has begun", |platform| {
            !platform.replies(&correlation).is_empty()
        })
        .await;
    assert_eq!(world.stop().await.code(), Some(0));
    let reply = platform.final_reply(&correlation).expect("it was answered");
    assert_eq!(reply.results.unwrap()["content"]["status"], "ok");
    assert!(aws.is_archived(REGION, &finding));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_stops_as_well() {
    let mut world = World::new().await;
    world.start_and_listen().await;
    world.signal(Signal::SIGINT);
    assert_eq!(world.exit().await.code(), Some(0), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_for_what_is_in_hand() {
    let mut world = World::new().await;
    let stall = Fault::new(Side::Soar, Failure::Stall).path("/incidents$");
    let stall = world.sandbox.faults().inject(stall);
    world.sandbox.aws().create_samples(REGION, 1);
    world.start_and_listen().await;
    world.struck(stall).await;
    world.signal(Signal::SIGTERM);
    world.log_shows("stopping on SIGTERM").await;
    world.signal(Signal::SIGTERM);
    assert_eq!(world.exit().await.code(), Some(1), "{}", world.log());
}
