//! A changed finding refreshes its incident.

use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::Fault;

use crate::harness::{REGION, World, only};

const MENU_RULE: &str = "Example: AWS GuardDuty: Refresh Finding Details";
const UPDATE_RULE: &str = "Example: AWS GuardDuty: Update Finding Details";

#[tokio::test(flavor = "multi_thread")]
async fn b10_an_update_refreshes_once_and_adds_no_artifact_twice() {
    let (world, finding) = World::with_an_incident().await;
    let aws = world.sandbox.aws().clone();
    let before = only(world.platform(), &finding);
    aws.update_finding(REGION, &finding);
    let updated_at = aws.finding(REGION, &finding).unwrap()["updatedAt"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .eventually("the incident is refreshed", |platform| {
            let incident = &platform.incident_for_finding(&finding)[0];
            incident.property("aws_guardduty_finding_updated_at") == Some(&updated_at)
                && incident.notes.len() == 3
        })
        .await;
    world.cycles(2).await;
    let after = only(world.platform(), &finding);
    assert_eq!(
        after.notes.len(),
        3,
        "the payload's note and the workflow's, once each"
    );
    assert!(
        after.notes[1]
            .content
            .starts_with("AWS GuardDuty finding Payload for refresh:\n")
    );
    assert_eq!(
        after.table("gd_finding_overview").len(),
        2 * before.table("gd_finding_overview").len()
    );
    assert_eq!(after.artifacts, before.artifacts, "b10: no artifact twice");
    assert_eq!(after.properties["aws_guardduty_trigger_refresh"], false);
    let runs = world.platform().workflow_runs();
    assert_eq!(runs.len(), 1, "one trigger: {runs:?}");
}

/// The first listing of a detector was not read to its end: there is no mark to list changes from.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_amid_a_first_import_that_fails_is_seen_in_the_next_cycle() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let findings = aws.create_samples(REGION, 60);
    let refusal = Fault::status(Side::Soar, 403)
        .method("POST")
        .path("/incidents$")
        .after(10);
    let refusal = world.sandbox.faults().inject(refusal);
    world.start_and_listen().await;
    world.log_shows("polling us-east-1 failed").await;
    let made = world.platform().incidents()[0].clone();
    let finding = made
        .property("aws_guardduty_finding_id")
        .unwrap()
        .to_owned();
    aws.update_finding(REGION, &finding);
    let updated_at = aws.finding(REGION, &finding).unwrap()["updatedAt"].clone();
    world.sandbox.faults().remove(refusal);
    // The refresh, which doubles its rows, may come before the others.
    world
        .escalated(findings.iter().filter(|id| **id != finding))
        .await;
    world
        .eventually("its incident is refreshed", |platform| {
            let incident = &platform.incident_for_finding(&finding)[0];
            incident.properties["aws_guardduty_finding_updated_at"] == updated_at
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b24_a_flag_left_at_true_does_not_block() {
    let (world, finding) = World::with_an_incident().await;
    let aws = world.sandbox.aws().clone();
    let incident = only(world.platform(), &finding);
    world
        .platform()
        .set_rule_enabled(UPDATE_RULE, false)
        .unwrap();
    world
        .platform()
        .set_field(incident.id, "aws_guardduty_trigger_refresh", &true.into())
        .unwrap();
    world
        .platform()
        .set_rule_enabled(UPDATE_RULE, true)
        .unwrap();
    aws.update_finding(REGION, &finding);
    world
        .eventually("the incident is refreshed", |platform| {
            platform.incident_for_finding(&finding)[0].notes.len() == 3
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analyst_refreshes_from_the_menu() {
    let mut world = World::new().await;
    world.set("aws_gd_polling_interval", "1h");
    let aws = world.sandbox.aws().clone();
    let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
    aws.update_finding(REGION, &finding);
    let incident = only(world.platform(), &finding);
    world
        .platform()
        .run_menu_rule(incident.id, MENU_RULE)
        .unwrap();
    world
        .eventually("the incident is refreshed", |platform| {
            platform.incident_for_finding(&finding)[0].notes.len() == 3
        })
        .await;
    let count = aws.finding(REGION, &finding).unwrap()["service"]["count"].to_string();
    assert_eq!(
        only(world.platform(), &finding).property("aws_guardduty_count"),
        Some(count.as_str())
    );
}
