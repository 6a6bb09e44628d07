//! SOAR fails at single calls while findings are escalated.

use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use serde_json::json;

use super::{Escalation, FINDINGS};
use crate::functions::{ARCHIVE, call};
use crate::harness::{REGION, World, only};

#[tokio::test(flavor = "multi_thread")]
async fn every_7th_request_429() {
    let mut escalation = Escalation::of(FINDINGS).await;
    escalation.world.start_and_listen().await;
    let fault = escalation.inject(Fault::status(Side::Soar, 429).every(7));
    escalation.ends_whole().await;
    assert!(escalation.hits(fault) > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_9th_request_closed_unanswered() {
    let mut escalation = Escalation::of(FINDINGS).await;
    escalation.world.start_and_listen().await;
    let fault = escalation.inject(Fault::new(Side::Soar, Failure::CloseBefore).every(9));
    escalation.ends_whole().await;
    assert!(escalation.hits(fault) > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_creates_applied_and_their_answers_lost() {
    let mut escalation = Escalation::of(FINDINGS).await;
    let lost = Fault::new(Side::Soar, Failure::CloseAfter)
        .method("POST")
        .path("/incidents$")
        .times(3);
    let lost = escalation.inject(lost);
    escalation.world.start();
    escalation.ends_whole().await;
    assert_eq!(escalation.hits(lost), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_401_amid_an_escalation() {
    let mut escalation = Escalation::begun(10).await;
    let fault = escalation.inject(Fault::status(Side::Soar, 401).times(1));
    escalation.ends_whole().await;
    assert_eq!(escalation.hits(fault), 1);
}

/// Somebody else changes the field that triggers the refresh; then the platform refuses the repeated change once.
#[tokio::test(flavor = "multi_thread")]
async fn a_patch_conflict_once_and_a_409_once() {
    let (world, finding) = World::with_an_incident().await;
    let crossed = json!({
        "success": false, "title": null, "message": "crossed", "hints": [],
        "field_failures": [{
            "field": "aws_guardduty_trigger_refresh",
            "your_original_value": false, "actual_current_value": true,
        }],
    });
    let conflict = Failure::Answer {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: crossed.to_string(),
    };
    let faults = world.sandbox.faults();
    let conflict = Fault::new(Side::Soar, conflict).method("PATCH").times(1);
    let conflict = faults.inject(conflict);
    let refused = faults.inject(Fault::status(Side::Soar, 409).method("PATCH").times(1));
    let aws = world.sandbox.aws().clone();
    aws.update_finding(REGION, &finding);
    let updated_at = aws.finding(REGION, &finding).unwrap()["updatedAt"].clone();
    world
        .eventually("the incident is refreshed", |platform| {
            let incident = &platform.incident_for_finding(&finding)[0];
            incident.properties["aws_guardduty_finding_updated_at"] == updated_at
                && incident.properties["aws_guardduty_trigger_refresh"] == false
        })
        .await;
    world.cycles(1).await;
    assert_eq!((faults.hits(conflict), faults.hits(refused)), (1, 1));
    let runs = world.platform().workflow_runs();
    assert_eq!(runs.len(), 1, "one refresh: {runs:?}");
    let twice = faults.inject(Fault::status(Side::Soar, 409).method("PATCH").times(2));
    aws.archive(REGION, &finding);
    world
        .eventually("the incident is closed", |platform| {
            platform.incident_for_finding(&finding)[0].plan_status == "C"
        })
        .await;
    assert_eq!(faults.hits(twice), 2);
    only(world.platform(), &finding);
}

/// An answer that does not come: everything else goes on meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn one_soar_answer_takes_40_s() {
    let mut escalation = Escalation::of(FINDINGS).await;
    let slow = Fault::new(Side::Soar, Failure::Stall)
        .method("POST")
        .path("/incidents$")
        .times(1);
    let slow = escalation.inject(slow);
    escalation.world.start_and_listen().await;
    escalation
        .world
        .eventually("all others are incidents", |platform| {
            platform.incident_count() == FINDINGS - 1
        })
        .await;
    let aws = escalation.world.sandbox.aws();
    let inputs = json!({
        "aws_gd_region": REGION,
        "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
        "aws_gd_finding_id": "0".repeat(32),
    });
    let reply = call(&escalation.world, ARCHIVE, &inputs).await;
    assert!(reply.results.is_some(), "a function is not held up");
    assert_eq!(escalation.world.platform().incident_count(), FINDINGS - 1);
    escalation.remove(slow);
    escalation.ends_whole().await;
}
