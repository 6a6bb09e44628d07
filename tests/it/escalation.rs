//! Findings become incidents, each exactly one.

use std::time::Duration;

use sandbox::aws::Aws;
use sandbox::calls::Side;
use serde_json::json;

use crate::harness::{REGION, World, has_rows_of, only};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_finding_becomes_one_complete_incident() {
    let mut world = World::new().await;
    let kinds = Aws::sample_kinds();
    let findings = world.sandbox.aws().create_samples(REGION, kinds.len());
    world.start();
    let incidents = world.escalated(&findings).await;
    assert_eq!(incidents.len(), kinds.len());
    world.cycles(2).await;
    assert_eq!(
        world.platform().incidents(),
        incidents,
        "further cycles change nothing"
    );
    for finding in &findings {
        let incident = only(world.platform(), finding);
        world.assert_whole(finding);
        let note = incident.notes[0]
            .content
            .strip_prefix("AWS GuardDuty finding Payload:\n");
        let note: serde_json::Value = serde_json::from_str(note.unwrap()).expect("b19: JSON");
        assert_eq!(note["Id"], json!(finding));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_state_makes_nothing_twice() {
    let mut world = World::new().await;
    let findings = world.sandbox.aws().create_samples(REGION, 500);
    world.start();
    world.escalated(&findings).await;
    world.cycles(1).await;
    assert_eq!(world.stop().await.code(), Some(0));
    // Closed, but not archived: the rules do not run.
    world
        .platform()
        .set_rule_enabled("Example: AWS GuardDuty: Archive Finding", false)
        .unwrap();
    for finding in &findings[..200] {
        let id = only(world.platform(), finding).id;
        world.platform().close(id, "Resolved", "seen to").unwrap();
    }
    let before = world.platform().incidents();
    world.remove_state();
    world.start();
    world.cycles(2).await;
    assert_eq!(world.platform().incidents(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_import_that_is_killed_goes_on_where_it_was() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws();
    let quarter = Duration::from_hours(90 * 24);
    let findings = aws.create_samples_over(REGION, 500, quarter);
    world.start();
    world
        .eventually("more than half are there", |platform| {
            platform.incident_count() > 300
        })
        .await;
    world.crash().await;
    world.sandbox.calls().clear();
    world.start();
    world.escalated(&findings).await;
    world.cycles(1).await;
    assert_eq!(world.platform().incident_count(), findings.len());
    for finding in &findings {
        world.assert_whole(finding);
    }
    let read = world
        .sandbox
        .calls()
        .count(Side::Aws, "POST /detector/{id}/findings/get");
    assert!(read < 500 / 50, "{read} pages were read after the restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn b34_batches_keep_the_calls_few() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    // Not of this very second: what is read within the second of its update is read once more.
    aws.set_clock(|| jiff::Timestamp::now() - jiff::SignedDuration::from_mins(1));
    let findings = aws.create_samples(REGION, 500);
    world.start();
    world.escalated(&findings).await;
    world.cycles(2).await;
    world.stop().await;
    let calls = world.sandbox.calls();
    assert_eq!(calls.count(Side::Soar, "POST /incidents"), 500);
    let queries = calls.count(Side::Soar, "POST /incidents/query");
    let gets = aws.calls()["GetFindings"];
    assert_eq!(
        (queries, gets),
        (10, 10),
        "further cycles read nothing again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn b5_a_region_that_appears_later_gets_its_look_back() {
    let mut world = World::new().await;
    world.set("aws_gd_lookback_interval", "2h");
    let aws = world.sandbox.aws().clone();
    let first = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    world.start();
    world.escalated([&first]).await;
    world.cycles(1).await;
    let elsewhere = "eu-west-1";
    aws.add_detector(elsewhere);
    let here = aws.create_sample(REGION, Aws::sample_kinds()[1]);
    let mut finding = aws.finding(REGION, &first).unwrap();
    for (hours, id) in [(1, "a"), (3, "b")] {
        let updated = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        finding["id"] = json!(id.repeat(32));
        finding["region"] = json!(elsewhere);
        finding["service"]["detectorId"] = json!(aws.detector_id(elsewhere));
        finding["updatedAt"] = json!(updated.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
        aws.put_finding(elsewhere, finding.clone());
    }
    world
        .eventually("both regions are escalated", |platform| {
            let has = |finding: &str| !platform.incident_for_finding(finding).is_empty();
            has(&here) && has(&"a".repeat(32))
        })
        .await;
    world.cycles(1).await;
    assert!(
        world
            .platform()
            .incident_for_finding(&"b".repeat(32))
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_b23_findings_wait_for_the_customizations_and_the_log_names_them() {
    let mut world = World::without_customizations().await;
    let finding = world
        .sandbox
        .aws()
        .create_sample(REGION, Aws::sample_kinds()[0]);
    world.start();
    world.log_shows("polling us-east-1 failed").await;
    assert!(
        world.log().contains("aws_guardduty_finding_id"),
        "it names the field: {}",
        world.log()
    );
    world.import();
    world.escalated([&finding]).await;
    // b23: the log names the finding.
    world
        .log_shows(&format!("escalated finding {finding} to incident"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b26_activity_after_the_close_makes_a_linked_incident() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    world
        .platform()
        .set_rule_enabled("Example: AWS GuardDuty: Archive Finding", false)
        .unwrap();
    let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    world.start();
    world.escalated([&finding]).await;
    let closed = only(world.platform(), &finding).id;
    world
        .platform()
        .close(closed, "Resolved", "seen to")
        .unwrap();
    aws.update_finding(REGION, &finding);
    let wanted = world.mapped(&finding);
    world
        .eventually("there is a second incident", |platform| {
            let incidents = platform.incident_for_finding(&finding);
            incidents.len() == 2
                && incidents
                    .iter()
                    .all(|incident| has_rows_of(incident, &wanted))
        })
        .await;
    let incidents = world.platform().incident_for_finding(&finding);
    let second = incidents
        .iter()
        .find(|incident| incident.id != closed)
        .unwrap();
    assert!(
        second
            .notes
            .iter()
            .any(|note| note.content.contains(&format!("incident {closed}")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_and_a_look_back_bound_what_is_listed() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let sample = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    let template = aws.finding(REGION, &sample).unwrap();
    aws.delete(REGION, &sample);
    let put = |n: u32, severity: f64, minutes_ago: i64| {
        let mut finding = template.clone();
        let updated = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes_ago);
        finding["id"] = json!(format!("{n:032x}"));
        finding["severity"] = json!(severity);
        finding["updatedAt"] = json!(updated.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
        aws.put_finding(REGION, finding)
    };
    let wanted = put(1, 8.0, 5);
    let mild = put(2, 3.0, 5);
    let old = put(3, 8.0, 300);
    world.set("aws_gd_severity_threshold", "4");
    world.set("aws_gd_lookback_interval", "60");
    world.start();
    world.escalated([&wanted]).await;
    world.cycles(1).await;
    assert_eq!(world.platform().incidents().len(), 1);
    // A lower threshold begins again from the look-back.
    world.stop().await;
    world.set("aws_gd_severity_threshold", "0");
    world.start();
    world.escalated([&mild]).await;
    assert!(world.platform().incident_for_finding(&old).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_regions_of_another_partition_are_polled() {
    for region in ["cn-north-1", "us-gov-west-1"] {
        let mut world = World::with(sandbox::Options {
            regions: vec![region.into()],
            ..sandbox::Options::default()
        })
        .await;
        world.set("aws_gd_master_region", region);
        world.set("aws_gd_regions", region);
        let finding = world
            .sandbox
            .aws()
            .create_sample(region, Aws::sample_kinds()[0]);
        world.start();
        world
            .eventually("it is escalated", |platform| {
                !platform.incident_for_finding(&finding).is_empty()
            })
            .await;
    }
}
