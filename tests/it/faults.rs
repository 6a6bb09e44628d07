//! Faults of SOAR and AWS: nothing is lost, nothing is made twice.

use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};

use crate::harness::{REGION, World, only};

#[tokio::test(flavor = "multi_thread")]
async fn b28_refused_rows_are_added_later() {
    let mut world = World::new().await;
    let findings = world.sandbox.aws().create_samples(REGION, 6);
    world
        .sandbox
        .faults()
        .inject(Fault::status(Side::Soar, 503).path("/row_data$").times(8));
    world.sandbox.faults().inject(
        Fault::status(Side::Soar, 429)
            .header("Retry-After", "1")
            .every(7)
            .times(3),
    );
    world.start();
    assert_eq!(world.escalated(&findings).await.len(), 6);
    world.cycles(1).await;
    for finding in &findings {
        assert_eq!(
            only(world.platform(), finding)
                .table("gd_finding_overview")
                .len(),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_soar_cut_in_the_middle_make_nothing_twice() {
    let mut world = World::new().await;
    world.set_connection("request_retry_delay", "0.2");
    let findings = world.sandbox.aws().create_samples(REGION, 12);
    world.start_and_listen().await;
    let cut = Fault::new(Side::Soar, Failure::CutAnswer).every(5);
    let cut = world.sandbox.faults().inject(cut);
    world.escalated(&findings).await;
    world.sandbox.faults().remove(cut);
    assert!(world.sandbox.faults().hits(cut) > 5);
    world.cycles(1).await;
    assert_eq!(world.platform().incident_count(), findings.len());
    for finding in &findings {
        world.assert_whole(finding);
    }
}

/// Somebody takes a permission from the API key and gives it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_taken_from_the_account_is_named_and_waited_for() {
    let mut world = World::new().await;
    let findings = world.sandbox.aws().create_samples(REGION, 12);
    let refusal = Fault::status(Side::Soar, 403).path("/row_data$").after(5);
    let refusal = world.sandbox.faults().inject(refusal);
    world.start();
    world
        .log_shows_times("give the API key the permission it lacks", 2)
        .await;
    world.sandbox.faults().remove(refusal);
    assert_eq!(world.escalated(&findings).await.len(), findings.len());
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_finding_is_set_aside_and_stops_no_other() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let odd = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    let findings = aws.create_samples(REGION, 5);
    let refusal = Fault::status(Side::Soar, 400)
        .method("POST")
        .path("/incidents$")
        .times(1);
    world.sandbox.faults().inject(refusal);
    world.start();
    let all: Vec<String> = findings.iter().chain([&odd]).cloned().collect();
    world
        .eventually("all but one are incidents", |platform| {
            platform.incidents().len() == all.len() - 1
        })
        .await;
    world.cycles(1).await;
    assert!(world.log().contains("is set aside"));
    assert_eq!(world.platform().incidents().len(), all.len() - 1);
    let state = std::fs::read_to_string(world.state_path()).unwrap();
    assert!(state.contains("quarantine"), "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b28_a_table_cut_short_is_completed_after_a_restart() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let rows = |finding: &str| {
        let mapped = world.mapped(finding);
        let table = mapped
            .tables
            .into_iter()
            .find(|table| table.name == "gd_s3_bucket_details");
        table.map_or(0, |table| table.rows.len())
    };
    let kinds = Aws::sample_kinds().iter();
    let findings: Vec<String> = kinds.map(|kind| aws.create_sample(REGION, kind)).collect();
    let finding = findings
        .iter()
        .find(|finding| rows(finding) == 2)
        .expect("two buckets")
        .clone();
    findings.iter().filter(|id| **id != finding).for_each(|id| {
        aws.delete(REGION, id);
    });
    let refusal = Fault::status(Side::Soar, 400)
        .path("/gd_s3_bucket_details/row_data$")
        .after(1);
    let refusal = world.sandbox.faults().inject(refusal);
    world.start();
    world.log_shows("is set aside").await;
    assert_eq!(
        only(world.platform(), &finding)
            .table("gd_s3_bucket_details")
            .len(),
        1
    );
    world.stop().await;
    world.remove_state();
    world.sandbox.faults().remove(refusal);
    world.start();
    world.escalated([&finding]).await;
    world.assert_whole(&finding);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_that_soar_cannot_digest_stops_no_other() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let odd = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    let findings = aws.create_samples(REGION, 60);
    let failure = Fault::status(Side::Soar, 500)
        .method("POST")
        .path("/incidents$")
        .body(&odd);
    world.sandbox.faults().inject(failure);
    world.start();
    world.escalated(&findings).await;
    world
        .log_shows(&format!("finding {odd} is set aside"))
        .await;
    aws.archive(REGION, &findings[0]);
    world
        .eventually("archived findings are closed all the same", |platform| {
            platform.incident_for_finding(&findings[0])[0].plan_status == "C"
        })
        .await;
}

/// A gateway may have passed a call on before it said that nobody is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_answered_by_503_is_looked_for_before_it_is_sent_again() {
    let mut world = World::new().await;
    let findings = world.sandbox.aws().create_samples(REGION, 4);
    let refusal = Fault::status(Side::Soar, 503)
        .method("POST")
        .path("/incidents$")
        .times(3);
    world.sandbox.faults().inject(refusal);
    world.start();
    world.escalated(&findings).await;
    let queries = world
        .sandbox
        .calls()
        .count(Side::Soar, "POST /incidents/query");
    assert!(
        queries >= 4,
        "one for all, and one for each refused call: {queries}"
    );
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_platform_refuses_is_left_out_and_told() {
    let mut world = World::new().await;
    let finding = world.sandbox.aws().create_samples(REGION, 1).remove(0);
    let refuse = |path: &str, message: &str, body: &str| {
        let body_text = format!(r#"{{"success": false, "message": "{message}"}}"#);
        let answer = Failure::Answer {
            status: 400,
            headers: Vec::new(),
            body: body_text,
        };
        let fault = Fault::new(Side::Soar, answer).method("POST").path(path);
        world.sandbox.faults().inject(fault.body(body))
    };
    let field = "aws_guardduty_resource_type";
    // The member, not the note that tells of it.
    let member = format!("\"{field}\":");
    refuse(
        "/incidents$",
        &format!("field {field} is not known"),
        &member,
    );
    refuse(
        "/gd_finding_overview/row_data$",
        "no column account_id",
        "account_id",
    );
    world.start();
    world
        .eventually("it is an incident with rows", |platform| {
            let incidents = platform.incident_for_finding(&finding);
            incidents
                .iter()
                .any(|incident| !incident.table("gd_finding_overview").is_empty())
        })
        .await;
    let incident = only(world.platform(), &finding);
    assert_eq!(incident.property(field), None);
    assert!(incident.property("aws_guardduty_finding_type").is_some());
    let told = format!("had to leave out {field}");
    assert!(
        incident
            .notes
            .iter()
            .any(|note| note.content.contains(&told))
    );
    world.cycles(1).await;
    assert!(!world.log().contains("is set aside"));
}
