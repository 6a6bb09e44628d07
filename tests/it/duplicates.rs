//! Two open incidents of one finding, as another program may have left them.

use sandbox::soar::IncidentView;
use serde_json::{Value, json};

use crate::harness::{REGION, World};

/// Another incident of the same finding; answers its number.
fn another_of(world: &World, finding: &str) -> u64 {
    let first = &world.platform().incident_for_finding(finding)[0];
    let properties: Value = json!(first.properties);
    let copy = json!({
        "name": first.name,
        "discovered_date": first.discovered_date,
        "properties": properties,
    });
    world.platform().create(&copy).unwrap()
}

fn incident(world: &World, id: u64) -> IncidentView {
    world.platform().incident(id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn b27_the_oldest_is_kept_up_to_date_and_the_other_reported_once() {
    let (world, finding) = World::with_an_incident().await;
    let first = world.platform().incident_for_finding(&finding)[0].id;
    let second = another_of(&world, &finding);
    world
        .log_shows(&format!(
            "incident {second} is of the same finding as {first}"
        ))
        .await;
    world.sandbox.aws().update_finding(REGION, &finding);
    let updated = world.sandbox.aws().finding(REGION, &finding).unwrap()["updatedAt"].clone();
    world
        .eventually("the oldest is refreshed", |platform| {
            let first = platform.incident(first).unwrap();
            first.properties["aws_guardduty_finding_updated_at"] == updated
        })
        .await;
    world.cycles(2).await;
    let told = world.log().matches("is of the same finding as").count();
    assert_eq!(told, 1);
    assert_eq!(incident(&world, second).plan_status, "A");
    assert_eq!(world.platform().incidents().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_younger_one_is_closed_as_a_duplicate_where_that_is_wanted() {
    let mut world = World::new().await;
    world.set("aws_gd_close_duplicates", "1");
    let finding = world.sandbox.aws().create_samples(REGION, 1).remove(0);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
    let first = world.platform().incident_for_finding(&finding)[0].id;
    let second = another_of(&world, &finding);
    world
        .eventually("the second is closed", |platform| {
            platform.incident(second).unwrap().plan_status == "C"
        })
        .await;
    let closed = incident(&world, second);
    assert_eq!(closed.resolution.as_deref(), Some("Duplicate"));
    let summary = closed.resolution_summary.unwrap();
    assert!(summary.contains(&format!("Incident {first}")), "{summary}");
    world.cycles(2).await;
    assert_eq!(incident(&world, first).plan_status, "A");
    assert!(!world.sandbox.aws().is_archived(REGION, &finding));
}
