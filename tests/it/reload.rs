//! A changed configuration is taken up while the worker works: nothing is lost, nothing is done twice.

use std::collections::HashSet;
use std::time::Duration;

use sandbox::Options;
use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use serde_json::json;

use crate::harness::{REGION, World, only};

const ARCHIVE: &str = "func_aws_guardduty_archive_finding";
const LISTING: &str = "POST /detector/{id}/findings";

/// Slow enough to be caught in the middle.
async fn slow_world() -> World {
    World::with(Options {
        regions: vec![REGION.into(), "eu-west-1".into()],
        soar_latency: Duration::from_millis(30),
        aws_latency: Duration::from_millis(20),
        ..Options::default()
    })
    .await
}

/// The worker's log tells of a reload that has been carried out.
async fn reloaded(world: &World, times: usize) {
    world
        .log_shows_times("the new configuration is taken up", times)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_a_reload_amid_the_load_loses_and_repeats_nothing() {
    let mut world = slow_world().await;
    world.set("aws_gd_regions", REGION);
    let aws = world.sandbox.aws().clone();
    let findings = aws.create_samples(REGION, 150);
    world.start_and_listen().await;
    let platform = world.platform().clone();
    let mut correlations = Vec::new();
    for round in 0..5 {
        for finding in &findings[round * 8..round * 8 + 8] {
            let inputs = json!({
                "aws_gd_region": REGION,
                "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
                "aws_gd_finding_id": finding,
            });
            correlations.push(platform.publish_invocation(ARCHIVE, &inputs).unwrap());
        }
        world.set("aws_gd_polling_interval", ["1s", "2s"][round % 2]);
        world.reload();
        reloaded(&world, round + 1).await;
    }
    world
        .eventually("every function is answered", |platform| {
            correlations
                .iter()
                .all(|correlation| platform.final_reply(correlation).is_some())
        })
        .await;
    for correlation in &correlations {
        let replies = platform.replies(correlation);
        let finals = replies.iter().filter(|reply| reply.complete).count();
        assert_eq!(finals, 1, "final answers of {correlation}");
    }
    let archived: HashSet<&String> = findings[..40].iter().collect();
    let open: Vec<&String> = findings
        .iter()
        .filter(|finding| !archived.contains(finding))
        .collect();
    world.escalated(open.iter().copied()).await;
    for finding in open {
        world.assert_whole(finding);
    }
    for finding in archived {
        let incidents = platform.incident_for_finding(finding);
        assert!(incidents.len() <= 1, "{finding} has several incidents");
    }
    assert_one_poller(&world);
    assert_eq!(world.stop().await.code(), Some(0));
}

/// Two pollers of a region would list its findings at the same time.
fn assert_one_poller(world: &World) {
    let mut listings: Vec<_> = world
        .sandbox
        .calls()
        .all()
        .into_iter()
        .filter(|call| call.side == Side::Aws && call.kind == LISTING)
        .map(|call| (call.started, call.started + call.duration))
        .collect();
    listings.sort_unstable();
    assert!(listings.len() > 5, "there were listings");
    for pair in listings.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "two listings at once: {pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_up_other_regions() {
    let mut world = slow_world().await;
    world.set("aws_gd_regions", "us-");
    let there = Aws::sample_kinds()[0];
    world.start_and_listen().await;
    let finding = world.sandbox.aws().create_sample("eu-west-1", there);
    world.cycles(1).await;
    assert!(world.platform().incident_for_finding(&finding).is_empty());
    world.set("aws_gd_regions", "us-|eu-");
    world.reload();
    world
        .eventually("the other region is polled", |platform| {
            !platform.incident_for_finding(&finding).is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_used_changes_nothing() {
    let mut world = slow_world().await;
    world.start_and_listen().await;
    world.set("aws_gd_polling_interval", "soon");
    world.reload();
    world
        .log_shows("[fn_aws_guardduty] aws_gd_polling_interval")
        .await;
    let finding = world
        .sandbox
        .aws()
        .create_sample(REGION, Aws::sample_kinds()[0]);
    world.escalated([&finding]).await;
    assert!(world.log().contains("the old one stays"));
    assert_eq!(world.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_log_in_changes_nothing() {
    let mut world = slow_world().await;
    world.start_and_listen().await;
    world.set_connection("api_key_secret", "another");
    world.reload();
    world.log_shows("the old one stays").await;
    let finding = world
        .sandbox
        .aws()
        .create_sample(REGION, Aws::sample_kinds()[0]);
    world.escalated([&finding]).await;
    let log = world.log();
    assert!(log.contains("refused the login"), "{log}");
    assert_eq!(world.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_away_does_not_hold_up_a_reload_for_ever() {
    let mut world = slow_world().await;
    world.start_and_listen().await;
    world.set_connection("port", "1");
    world.reload();
    world.log_shows("the old one stays").await;
    world.cycles(1).await;
    assert_eq!(world.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_met_a_platform_which_was_away_is_tried_again_by_itself() {
    let mut world = slow_world().await;
    let port = world.sandbox.soar_port().to_string();
    world.start_and_listen().await;
    world.set_connection("port", "1");
    world.reload();
    world.log_shows("the old one stays").await;
    world.set_connection("port", &port);
    world.rewrite_config();
    reloaded(&world, 1).await;
    assert_eq!(world.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_cannot_ask_for_the_queues_leaves_the_worker_on_them() {
    let mut world = slow_world().await;
    world.set_connection("request_max_retries", "1");
    world.start_and_listen().await;
    let away = Fault::status(Side::Soar, 503).path("/functions/");
    world.sandbox.faults().inject(away.clone());
    world.reload();
    world
        .log_shows("could not ask SOAR for the functions' queues")
        .await;
    world.sandbox.faults().clear();
    reloaded(&world, 1).await;
    assert_eq!(world.log().matches("subscribing to").count(), 2);

    // At a start there is nothing to stay with: the platform is asked until it tells.
    assert_eq!(world.stop().await.code(), Some(0));
    world.sandbox.faults().inject(away.times(4));
    world.start_and_listen().await;
    assert_eq!(world.log().matches("subscribing to").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_that_is_being_made_at_a_reload_is_waited_for() {
    let mut world = slow_world().await;
    let slow = Failure::Delay(Duration::from_secs(5));
    let slow = Fault::new(Side::Soar, slow)
        .method("POST")
        .path("/incidents$")
        .times(1);
    let slow = world.sandbox.faults().inject(slow);
    let kind = Aws::sample_kinds()[0];
    let finding = world.sandbox.aws().create_sample(REGION, kind);
    world.start_and_listen().await;
    world.struck(slow).await;
    world.reload();
    reloaded(&world, 1).await;
    only(world.platform(), &finding);
    world.cycles(2).await;
    only(world.platform(), &finding);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_mended_while_the_platform_is_not_reached_is_taken_up() {
    let mut world = slow_world().await;
    let port = world.sandbox.soar_port().to_string();
    world.set_connection("port", "1");
    world.start();
    world.log_shows("next login in").await;
    world.set_connection("port", &port);
    world.reload();
    let finding = world
        .sandbox
        .aws()
        .create_sample(REGION, Aws::sample_kinds()[0]);
    world.escalated([&finding]).await;
    only(world.platform(), &finding);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_auto_restart_a_changed_file_is_enough() {
    let mut world = slow_world().await;
    world.set("aws_gd_regions", "us-");
    world.add_argument("-r");
    world.start_and_listen().await;
    world.set("aws_gd_regions", "us-|eu-");
    world.rewrite_config();
    let finding = world
        .sandbox
        .aws()
        .create_sample("eu-west-1", Aws::sample_kinds()[0]);
    world
        .eventually("the other region is polled", |platform| {
            !platform.incident_for_finding(&finding).is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_amid_a_reload_ends_the_worker() {
    let mut world = slow_world().await;
    let findings = world.sandbox.aws().create_samples(REGION, 100);
    world.start_and_listen().await;
    world
        .eventually("some findings are incidents", |platform| {
            platform.incident_count() >= 10
        })
        .await;
    world.reload();
    world.log_shows("reading the configuration again").await;
    assert_eq!(world.stop().await.code(), Some(0), "{}", world.log());
    world.start();
    world.escalated(&findings).await;
    for finding in &findings {
        world.assert_whole(finding);
    }
}
