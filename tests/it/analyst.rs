//! An analyst works on an incident while the worker does.

use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use serde_json::json;

use crate::harness::{REGION, World, only};

/// What the analyst wrote stays; what the worker has to write is written.
#[tokio::test(flavor = "multi_thread")]
async fn an_incident_edited_meanwhile_keeps_the_edit_and_is_refreshed_and_closed() {
    let (world, finding) = World::with_an_incident().await;
    let (aws, platform) = (world.sandbox.aws().clone(), world.platform());
    let id = only(platform, &finding).id;
    let edit = |name: &str| {
        platform.set_field(id, "name", &json!(name)).unwrap();
    };
    // Between the worker's query and its change.
    let slow = Failure::Delay(std::time::Duration::from_millis(200));
    let slow = Fault::new(Side::Soar, slow).method("PATCH");
    world.sandbox.faults().inject(slow);
    edit("seen by Ann");
    aws.update_finding(REGION, &finding);
    let updated_at = aws.finding(REGION, &finding).unwrap()["updatedAt"].clone();
    world
        .eventually("the incident is refreshed", |platform| {
            let incident = &platform.incident_for_finding(&finding)[0];
            incident.properties["aws_guardduty_finding_updated_at"] == updated_at
        })
        .await;
    edit("seen by Bob");
    aws.archive(REGION, &finding);
    world
        .eventually("the incident is closed", |platform| {
            platform.incident_for_finding(&finding)[0].plan_status == "C"
        })
        .await;
    assert_eq!(only(platform, &finding).name, "seen by Bob");
}

/// The analyst does not want it; only new activity is a reason for another.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_incident_comes_back_with_new_activity_only() {
    let (world, finding) = World::with_an_incident().await;
    let (aws, platform) = (world.sandbox.aws().clone(), world.platform());
    // Else it is read once more for being so new.
    world.cycles(4).await;
    let deleted = only(platform, &finding).id;
    platform.delete(deleted).unwrap();
    world.cycles(2).await;
    assert_eq!(platform.incident_count(), 0);
    aws.update_finding(REGION, &finding);
    world.escalated([&finding]).await;
    world.assert_whole(&finding);
    assert_ne!(only(platform, &finding).id, deleted);
}

/// Deleted when its rows were about to be written: the other findings and the poller are not concerned.
#[tokio::test(flavor = "multi_thread")]
async fn an_incident_deleted_amid_its_making_holds_up_no_other() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let findings = aws.create_samples(REGION, 5);
    let rows = Fault::new(Side::Soar, Failure::Stall)
        .method("POST")
        .path("/row_data$");
    let rows = world.sandbox.faults().inject(rows);
    world.start();
    world
        .eventually("all are created", |platform| platform.incident_count() == 5)
        .await;
    let deleted = only(world.platform(), &findings[0]).id;
    world.platform().delete(deleted).unwrap();
    world.sandbox.faults().remove(rows);
    world.escalated(&findings[1..]).await;
    let later = aws.create_samples(REGION, 1);
    world.escalated(&later).await;
    let all = findings[1..].iter().chain(&later);
    for finding in all {
        world.assert_whole(finding);
    }
}

/// Closed, opened again and closed: one incident stands for the finding all along.
#[tokio::test(flavor = "multi_thread")]
async fn an_incident_closed_and_reopened_stays_the_only_one() {
    let (world, finding) = World::with_an_incident().await;
    let platform = world.platform();
    let id = only(platform, &finding).id;
    world.closing_archives(id, &finding).await;
    platform.reopen(id).unwrap();
    // The finding is still archived: the incident is closed as after any archiving.
    world
        .eventually("it is closed again", |platform| {
            platform.incident_for_finding(&finding)[0].plan_status == "C"
        })
        .await;
    world.sandbox.aws().unarchive(REGION, &finding);
    platform.reopen(id).unwrap();
    world
        .eventually("it says that the finding is current", |platform| {
            let incident = &platform.incident_for_finding(&finding)[0];
            incident.plan_status == "A"
                && incident.property("aws_guardduty_archived") == Some("False")
        })
        .await;
    world.cycles(2).await;
    assert_eq!(only(platform, &finding).id, id);
}
