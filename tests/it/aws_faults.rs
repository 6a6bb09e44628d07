//! What AWS and its administrators do while the worker polls.

use jiff::{SignedDuration, Timestamp};
use sandbox::Options;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};

use crate::harness::{REGION, World, only};

const ELSEWHERE: &str = "eu-west-1";

async fn polling(findings: usize) -> (World, Vec<String>) {
    let mut world = World::new().await;
    let findings = world.sandbox.aws().create_samples(REGION, findings);
    world.start();
    world.escalated(&findings).await;
    (world, findings)
}

/// Whole incidents of these findings, and no others.
async fn whole(world: &World, findings: &[String]) {
    let incidents = world.escalated(findings).await;
    assert_eq!(incidents.len(), findings.len());
    for finding in findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_named_and_waited_for() {
    let (world, mut findings) = polling(3).await;
    let expired = Fault::aws_error(403, "ExpiredTokenException");
    let expired = world.sandbox.faults().inject(expired);
    findings.extend(world.sandbox.aws().create_samples(REGION, 3));
    world.log_shows_times("polling us-east-1 failed", 2).await;
    assert!(world.log().contains("ExpiredTokenException"));
    world.sandbox.faults().remove(expired);
    whole(&world, &findings).await;
}

/// Its poller ends with the next look for regions; opted in again, the region is polled from where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_disabled_and_enabled_again_loses_nothing() {
    let mut world = World::with(Options {
        regions: vec![REGION.into(), ELSEWHERE.into()],
        ..Options::default()
    })
    .await;
    world.set("aws_gd_regions_interval", "1s");
    let aws = world.sandbox.aws().clone();
    let first = aws.create_samples(ELSEWHERE, 1).remove(0);
    world.start();
    let escalated = async |finding: &str| {
        world
            .eventually("it is an incident", |platform| {
                !platform.incident_for_finding(finding).is_empty()
            })
            .await;
    };
    escalated(&first).await;
    aws.disable_region(ELSEWHERE);
    world.log_shows("region eu-west-1 is gone").await;
    let meanwhile = aws.create_samples(ELSEWHERE, 1).remove(0);
    escalated(&aws.create_samples(REGION, 1)[0]).await;
    assert_eq!(world.platform().incident_count(), 2);
    aws.enable_region(ELSEWHERE);
    escalated(&meanwhile).await;
    only(world.platform(), &first);
    only(world.platform(), &meanwhile);
}

/// The findings of the old detector are gone with it: their incidents stay, open and as they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_detector_that_is_replaced_is_followed() {
    let (world, old) = polling(3).await;
    let aws = world.sandbox.aws().clone();
    let incidents = world.platform().incidents();
    aws.remove_detector(REGION);
    world.log_shows("the detector is not usable").await;
    aws.add_detector(REGION);
    let new = aws.create_samples(REGION, 3);
    let all = world.escalated(&new).await;
    assert_eq!(all.len(), old.len() + new.len());
    assert_eq!(all[..old.len()], incidents);
    for finding in &new {
        world.assert_whole(finding);
    }
}

/// Its ninety days end in the middle: it is no longer there to be escalated, and holds up no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_finding_deleted_between_list_and_get_holds_up_no_other() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let mut findings = aws.create_samples(REGION, 5);
    let listed = Fault::new(Side::Aws, Failure::Stall).path("/findings/get$");
    let listed = world.sandbox.faults().inject(listed);
    world.start();
    world.struck(listed).await;
    let deleted = findings.remove(2);
    assert!(aws.delete(REGION, &deleted));
    world.sandbox.faults().remove(listed);
    whole(&world, &findings).await;
    findings.extend(aws.create_samples(REGION, 1));
    whole(&world, &findings).await;
}

/// Five minutes behind or before: the watermark goes by AWS's times, and never beyond the worker's.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_of_aws_that_is_wrong_hides_no_finding() {
    for minutes in [5, -5] {
        let mut world = World::new().await;
        let aws = world.sandbox.aws().clone();
        aws.set_clock(move || Timestamp::now() + SignedDuration::from_mins(minutes));
        let mut findings = aws.create_samples(REGION, 2);
        world.start();
        whole(&world, &findings).await;
        world.cycles(1).await;
        // The clock is put right.
        aws.set_clock(Timestamp::now);
        findings.extend(aws.create_samples(REGION, 2));
        whole(&world, &findings).await;
    }
}
