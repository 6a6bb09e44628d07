//! The ways to SOAR and to AWS.

use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::Fault;

use crate::harness::{REGION, World, only};

const REFRESH_RULE: &str = "Example: AWS GuardDuty: Refresh Finding Details";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_by_password_and_again_when_the_session_ends() {
    let mut world = World::new().await;
    world.log_in_by_password();
    let aws = world.sandbox.aws().clone();
    let first = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    world.start_and_listen().await;
    world.escalated([&first]).await;
    world.platform().expire_sessions();
    let second = aws.create_sample(REGION, Aws::sample_kinds()[1]);
    world.escalated([&second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_one_service_lead_to_it() {
    let mut world = World::new().await;
    let endpoint = world.sandbox.aws_endpoint();
    world.set_variables(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_GUARDDUTY", &endpoint),
        ("AWS_ENDPOINT_URL_EC2", &endpoint),
    ]);
    let finding = world
        .sandbox
        .aws()
        .create_sample(REGION, Aws::sample_kinds()[0]);
    world.start();
    world.escalated([&finding]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_the_default_chain_finds_them() {
    let mut world = World::new().await;
    world.set("aws_gd_access_key_id", "");
    world.set("aws_gd_secret_access_key", "");
    let (endpoint, id) = (
        world.sandbox.aws_endpoint(),
        world.sandbox.aws_access_key_id().to_owned(),
    );
    let secret = world.sandbox.aws_secret_access_key().to_owned();
    world.set_variables(&[
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", &id),
        ("AWS_SECRET_ACCESS_KEY", &secret),
    ]);
    let finding = world
        .sandbox
        .aws()
        .create_sample(REGION, Aws::sample_kinds()[0]);
    world.start();
    world.escalated([&finding]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_ends_the_worker_with_the_remedy() {
    let mut world = World::new().await;
    world
        .sandbox
        .faults()
        .inject(Fault::status(Side::Soar, 401).path("/session$"));
    world.start();
    assert_eq!(world.exit().await.code(), Some(1));
    assert!(
        world.log().contains("check api_key_id and api_key_secret"),
        "{}",
        world.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_down_is_waited_for() {
    let mut world = World::new().await;
    let down = world
        .sandbox
        .faults()
        .inject(Fault::status(Side::Soar, 503).path("/session$").times(2));
    let finding = world
        .sandbox
        .aws()
        .create_sample(REGION, Aws::sample_kinds()[0]);
    world.start();
    world.escalated([&finding]).await;
    assert_eq!(world.sandbox.faults().hits(down), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_waiting_for_the_platform_is_a_clean_one() {
    let mut world = World::new().await;
    let down = world
        .sandbox
        .faults()
        .inject(Fault::status(Side::Soar, 503).path("/session$"));
    world.start();
    world.log_shows("next login in").await;
    assert_eq!(world.stop().await.code(), Some(0));
    assert!(world.sandbox.faults().hits(down) >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_with_paged_artifacts_only_will_do() {
    let mut world = World::new().await;
    let paged_only = Fault::status(Side::Soar, 404)
        .method("GET")
        .path("/artifacts$");
    world.sandbox.faults().inject(paged_only);
    let finding = world.start_and_escalate_one().await;
    let before = only(world.platform(), &finding);
    world
        .platform()
        .run_menu_rule(before.id, REFRESH_RULE)
        .unwrap();
    world
        .eventually("the incident is refreshed", |platform| {
            platform.incident_for_finding(&finding)[0].notes.len() == 3
        })
        .await;
    assert_eq!(only(world.platform(), &finding).artifacts, before.artifacts);
}
