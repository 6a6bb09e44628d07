//! Closing travels both ways.

use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::soar::{IncidentView, NoteView};

use crate::harness::{REGION, World, only};

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_finding_closes_its_incident() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let findings = aws.create_samples(REGION, 3);
    world.start_and_listen().await;
    world.escalated(&findings).await;
    aws.archive(REGION, &findings[1]);
    world
        .eventually("the incident is closed", |platform| {
            platform.incident_for_finding(&findings[1])[0].plan_status == "C"
        })
        .await;
    world.cycles(1).await;
    let closed = only(world.platform(), &findings[1]);
    assert_eq!(closed.property("aws_guardduty_archived"), Some("True"));
    assert_eq!(closed.resolution.as_deref(), Some("Resolved"));
    assert!(closed.resolution_summary.is_some());
    assert!(
        world.platform().workflow_runs().is_empty(),
        "the rule that archives does not fire"
    );
    assert_eq!(only(world.platform(), &findings[0]).plan_status, "A");
}

/// More open incidents than a call brings: listing them all would take several.
#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_changes_the_open_incidents_are_only_counted() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    aws.set_clock(|| jiff::Timestamp::now() - jiff::SignedDuration::from_mins(1));
    let findings = aws.create_samples(REGION, 1001);
    world.start_and_listen().await;
    world.escalated(&findings).await;
    world.cycles(2).await;
    let calls = world.sandbox.calls().clone();
    calls.clear();
    world.cycles(3).await;
    let queries = calls.count(Side::Soar, "POST /incidents/query_paged");
    assert!((3..=6).contains(&queries), "{queries} queries in 4 cycles");

    aws.archive(REGION, &findings[1000]);
    world
        .eventually("the incident is closed", |platform| {
            platform.incident_for_finding(&findings[1000])[0].plan_status == "C"
        })
        .await;
    world.cycles(2).await;
    let closed = only(world.platform(), &findings[1000]).id;
    world.platform().reopen(closed).unwrap();
    world
        .eventually("it is closed again", |platform| {
            platform.incident_for_finding(&findings[1000])[0].plan_status == "C"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_incident_archives_its_finding() {
    let (world, finding) = World::with_an_incident().await;
    let incident = only(world.platform(), &finding).id;
    world.closing_archives(incident, &finding).await;
    let note = only(world.platform(), &finding)
        .notes
        .pop()
        .unwrap()
        .content;
    assert!(
        note.contains("archived") && note.contains(&finding) && !note.contains("IAM"),
        "b20: {note}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn b32_a_refused_archive_is_told_in_a_note() {
    let (world, finding) = World::with_an_incident().await;
    let aws = world.sandbox.aws().clone();
    let incident = only(world.platform(), &finding);
    world
        .platform()
        .set_field(incident.id, "aws_guardduty_detector_id", &"0123".into())
        .unwrap();
    world
        .platform()
        .close(incident.id, "Resolved", "seen to")
        .unwrap();
    world
        .eventually("a note tells of the failure", |platform| {
            platform
                .incident(incident.id)
                .is_some_and(|incident| incident.notes.len() == 2)
        })
        .await;
    let incident = world.platform().incident(incident.id).unwrap();
    assert!(
        incident.notes[1].content.contains("was not archived"),
        "{:?}",
        incident.notes[1]
    );
    assert_eq!(incident.property("aws_guardduty_archived"), Some("False"));
    assert!(!aws.is_archived(REGION, &finding));
}

#[tokio::test(flavor = "multi_thread")]
async fn b31_a_reopened_incident_says_again_that_its_finding_is_current() {
    let (world, finding) = World::with_an_incident().await;
    let aws = world.sandbox.aws().clone();
    let incident = only(world.platform(), &finding);
    world
        .platform()
        .close(incident.id, "Resolved", "seen to")
        .unwrap();
    world
        .eventually("the finding is archived", |platform| {
            platform
                .incident(incident.id)
                .is_some_and(|i| i.property("aws_guardduty_archived") == Some("True"))
        })
        .await;
    aws.unarchive(REGION, &finding);
    world.platform().reopen(incident.id).unwrap();
    world
        .eventually("the property is taken back", |platform| {
            platform
                .incident(incident.id)
                .is_some_and(|i| i.property("aws_guardduty_archived") == Some("False"))
        })
        .await;
    let taken_back = "is open and its finding not archived";
    world.log_shows(taken_back).await;
    let log = world.log();
    let line = log.lines().find(|line| line.contains(taken_back)).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["span"]["trace_id"], *finding);
}

#[tokio::test(flavor = "multi_thread")]
async fn b29_a_deleted_finding_is_reported_once() {
    let (mut world, finding) = World::with_an_incident().await;
    let aws = world.sandbox.aws().clone();
    aws.delete(REGION, &finding);
    world.cycles(3).await;
    let line = format!("GuardDuty no longer has finding {finding}");
    assert_eq!(world.log().matches(&line).count(), 1);
    let incident = only(world.platform(), &finding);
    assert_eq!(incident.plan_status, "A");
    assert_eq!(notes_with(&incident, &line), 1);
    // A worker that has forgotten all about it does not say so twice.
    world.stop().await;
    world.remove_state();
    world.start_and_listen().await;
    world.cycles(2).await;
    assert_eq!(notes_with(&only(world.platform(), &finding), &line), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_incident_of_a_deleted_finding_is_closed_where_that_is_wanted() {
    let mut world = World::new().await;
    world.set("aws_gd_close_deleted", "yes");
    let aws = world.sandbox.aws().clone();
    let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
    aws.delete(REGION, &finding);
    world
        .eventually("the incident is closed", |platform| {
            platform.incident_for_finding(&finding)[0].plan_status == "C"
        })
        .await;
    world.cycles(1).await;
    let incident = only(world.platform(), &finding);
    assert_eq!(notes_with(&incident, "GuardDuty no longer has finding"), 1);
    let archives = world.platform().workflow_runs_of(incident.id);
    assert!(archives.is_empty(), "there is nothing to archive");
}

fn notes_with(incident: &IncidentView, text: &str) -> usize {
    let with = |note: &&NoteView| note.content.contains(text);
    incident.notes.iter().filter(with).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn b30_a_template_that_lacks_a_required_field_is_reported_and_can_be_mended() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    world.set("aws_gd_close_incident_template", "close.json");
    world.write("close.json", r#"{"resolution_summary": "Archived."}"#);
    let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
    aws.archive(REGION, &finding);
    world.log_shows("requires resolution_id on close").await;
    let incident = only(world.platform(), &finding);
    assert_eq!(incident.plan_status, "A");
    assert_eq!(incident.property("aws_guardduty_archived"), Some("False"));
    world.stop().await;
    let template = r#"{"resolution_id": "Not an Issue", "resolution_summary": "Archived."}"#;
    world.write("close.json", template);
    world.start_and_listen().await;
    world
        .eventually("the incident is closed", |platform| {
            platform.incident_for_finding(&finding)[0].plan_status == "C"
        })
        .await;
    let closed = only(world.platform(), &finding);
    assert_eq!(closed.resolution.as_deref(), Some("Not an Issue"));
    assert_eq!(closed.resolution_summary.as_deref(), Some("Archived."));
}
