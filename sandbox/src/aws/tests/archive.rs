//! Reading and archiving findings by id.

use aws_sdk_guardduty::types::{Feedback, Finding, SortCriteria};

use super::*;

#[tokio::test]
async fn fifty_ids_are_answered_and_fifty_one_refused() {
    let world = World::start().await;
    let ids = world.aws.create_samples(REGION, 51);
    let get = |ids: &[String]| {
        world
            .client()
            .get_findings()
            .detector_id(world.detector())
            .set_finding_ids(Some(ids.to_vec()))
            .send()
    };
    assert_eq!(get(&ids[..50]).await.unwrap().findings().len(), 50);
    assert_eq!(refusal(get(&ids).await).0, "BadRequestException");
    assert_eq!(refusal(get(&[]).await).0, "BadRequestException");
}

#[tokio::test]
async fn unknown_ids_are_absent_and_repeated_ones_answered_once() {
    let world = World::start().await;
    let id = world.aws.create_sample(REGION, "ec2_port_probe");
    let get = world.client().get_findings().detector_id(world.detector());
    let answer = get
        .finding_ids("0".repeat(32))
        .finding_ids(&id)
        .finding_ids(&id)
        .send()
        .await
        .unwrap();
    let ids: Vec<_> = answer
        .findings()
        .iter()
        .map(|finding| finding.id().unwrap())
        .collect();
    assert_eq!(ids, [id]);
}

#[tokio::test]
async fn findings_come_in_the_order_of_the_sort_criteria_not_of_the_ids() {
    let world = World::start().await;
    let ids: Vec<_> = [2, 8, 5]
        .into_iter()
        .map(|severity| {
            world
                .aws
                .put_finding(REGION, finding("2026-01-01T00:00:00Z", &json!(severity)))
        })
        .collect();
    let get = |ids: Vec<String>| {
        world
            .client()
            .get_findings()
            .detector_id(world.detector())
            .set_finding_ids(Some(ids))
    };
    let reversed = ids.iter().rev().cloned().collect();
    let one = get(ids.clone()).send().await.unwrap();
    let other = get(reversed).send().await.unwrap();
    assert_eq!(one.findings(), other.findings());

    let by_severity = SortCriteria::builder()
        .attribute_name("severity")
        .order_by("DESC".into())
        .build();
    let sorted = get(ids).sort_criteria(by_severity).send().await.unwrap();
    let severities: Vec<_> = sorted
        .findings()
        .iter()
        .filter_map(Finding::severity)
        .collect();
    assert_eq!(severities, [8.0, 5.0, 2.0]);
}

#[tokio::test]
async fn archiving_is_seen_and_leaves_the_time_of_update() {
    let world = World::start().await;
    let id = world
        .aws
        .put_finding(REGION, finding("2026-01-01T00:00:00.000Z", &json!(5)));
    let (client, detector) = (world.client(), world.detector());

    client
        .archive_findings()
        .detector_id(&detector)
        .finding_ids(&id)
        .send()
        .await
        .unwrap();
    assert!(world.aws.is_archived(REGION, &id));
    let archived = client
        .get_findings()
        .detector_id(&detector)
        .finding_ids(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(
        archived.findings()[0].service().unwrap().archived(),
        Some(true)
    );
    assert_eq!(
        archived.findings()[0].updated_at(),
        Some("2026-01-01T00:00:00.000Z")
    );

    client
        .unarchive_findings()
        .detector_id(&detector)
        .finding_ids(&id)
        .send()
        .await
        .unwrap();
    assert!(!world.aws.is_archived(REGION, &id));
}

#[tokio::test]
async fn archiving_an_unknown_finding_succeeds_but_not_fifty_one_or_none() {
    let world = World::start().await;
    let archive = |count: usize| {
        let ids = (0..count).map(|at| format!("{at:032x}")).collect();
        world
            .client()
            .archive_findings()
            .detector_id(world.detector())
            .set_finding_ids(Some(ids))
            .send()
    };
    archive(1).await.unwrap();
    archive(50).await.unwrap();
    assert_eq!(refusal(archive(51).await).0, "BadRequestException");
    assert_eq!(refusal(archive(0).await).0, "BadRequestException");
}

#[tokio::test]
async fn a_member_account_may_not_archive() {
    let world = World::start().await;
    let id = world.aws.create_sample(REGION, "ec2_port_probe");
    world.aws.set_member_account(true);
    let archive = world
        .client()
        .archive_findings()
        .detector_id(world.detector())
        .finding_ids(&id);
    assert_eq!(refusal(archive.send().await).0, "BadRequestException");
    assert!(!world.aws.is_archived(REGION, &id));
}

#[tokio::test]
async fn feedback_is_kept_with_the_finding() {
    let world = World::start().await;
    let id = world.aws.create_sample(REGION, "ec2_port_probe");
    let update = world
        .client()
        .update_findings_feedback()
        .detector_id(world.detector())
        .finding_ids(&id);
    update.feedback(Feedback::NotUseful).send().await.unwrap();
    assert_eq!(
        world.aws.finding(REGION, &id).unwrap()["service"]["userFeedback"],
        "NOT_USEFUL"
    );
}

#[tokio::test]
async fn a_finding_that_is_seen_again_counts_on_and_is_dated_by_the_clock() {
    let world = World::start().await;
    world
        .aws
        .set_clock(|| "2026-03-01T00:00:00Z".parse().unwrap());
    let id = world.aws.create_sample(REGION, "ec2_ssh_brute_force");
    world
        .aws
        .set_clock(|| "2026-03-01T01:00:00Z".parse().unwrap());

    assert!(world.aws.change_severity(REGION, &id, 8.0));
    assert!(world.aws.update_finding(REGION, &id));
    assert!(!world.aws.update_finding(REGION, "unknown"));
    let finding = world.aws.finding(REGION, &id).unwrap();
    assert_eq!(finding["createdAt"], "2026-03-01T00:00:00.000Z");
    assert_eq!(finding["updatedAt"], "2026-03-01T01:00:00.000Z");
    assert_eq!(
        finding["service"]["eventLastSeen"],
        "2026-03-01T01:00:00.000Z"
    );
    assert_eq!(
        (&finding["service"]["count"], &finding["severity"]),
        (&json!(3), &json!(8.0))
    );

    assert!(world.aws.delete(REGION, &id));
    assert_eq!(world.aws.finding(REGION, &id), None);
}
