//! AWS fails or surprises while findings are escalated.

use sandbox::Options;
use sandbox::aws::{Aws, Throttle};
use sandbox::calls::Side;
use sandbox::faults::Fault;
use serde_json::{Value, json};

use super::Escalation;
use crate::harness::{REGION, World, only};

/// Longer than all attempts of the SDK: the poller has given up its cycle meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn b3_aws_429_for_15_s() {
    let mut escalation = Escalation::of(10).await;
    escalation.world.start();
    escalation.world.escalated(&escalation.findings).await;
    let aws = escalation.world.sandbox.aws().clone();
    aws.set_throttle(Some(Throttle::default()));
    escalation.publish(30);
    escalation.outlasts_the_attempts().await;
    aws.set_throttle(None);
    escalation.ends_whole().await;
}

/// The findings come in lots, so that there are many calls: one takes fifty findings.
#[tokio::test(flavor = "multi_thread")]
async fn b3_every_5th_getfindings_500() {
    let mut escalation = Escalation::of(0).await;
    let fault = Fault::status(Side::Aws, 500)
        .path("/findings/get$")
        .every(5);
    let fault = escalation.inject(fault);
    escalation.world.start();
    for _ in 0..5 {
        escalation.publish(8);
        escalation.world.escalated(&escalation.findings).await;
    }
    escalation.ends_whole().await;
    assert!(escalation.hits(fault) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_one_region_answers_unrecognized_client() {
    let refused = "eu-west-1";
    let mut world = World::with(Options {
        regions: vec![REGION.into(), refused.into()],
        ..Options::default()
    })
    .await;
    let aws = world.sandbox.aws().clone();
    let here = aws.create_samples(REGION, 3);
    let there = aws.create_samples(refused, 3);
    let fault = Fault::aws_error(403, "UnrecognizedClientException").region(refused);
    let fault = world.sandbox.faults().inject(fault);
    world.start();
    assert_eq!(world.escalated(&here).await.len(), 3);
    world.log_shows("polling eu-west-1 failed").await;
    world.cycles(1).await;
    for finding in &here {
        world.assert_whole(finding);
    }
    assert_eq!(world.platform().incident_count(), 3);
    world.sandbox.faults().remove(fault);
    world
        .eventually("the other region's findings are incidents", |platform| {
            let written = |finding: &String| !platform.incident_for_finding(finding).is_empty();
            there.iter().all(written)
        })
        .await;
    assert_eq!(world.platform().incident_count(), 6);
}

/// And some of odder ones.
#[tokio::test(flavor = "multi_thread")]
async fn b1_one_finding_of_severity_9_5_among_12() {
    let mut escalation = Escalation::of(7).await;
    let aws = escalation.world.sandbox.aws().clone();
    let mut odd = Vec::new();
    for severity in [json!(9.5), json!(null), json!(0), json!("7.5"), json!(3.95)] {
        let id = aws.create_sample(REGION, Aws::sample_kinds()[0]);
        let mut finding = aws.finding(REGION, &id).unwrap();
        finding["severity"] = severity;
        odd.push(aws.put_finding(REGION, finding));
    }
    escalation.findings.extend(odd.clone());
    escalation.world.start();
    escalation.ends_whole().await;
    let severity = |finding: &String| only(escalation.world.platform(), finding).severity;
    let severities: Vec<Option<String>> = odd.iter().map(severity).collect();
    let text = |name: &str| Some(name.to_owned());
    assert_eq!(
        severities,
        [text("High"), None, text("Low"), text("High"), text("Low")]
    );
}

/// Not two, but ten minutes late: its `updatedAt` lies long before the last poll.
#[tokio::test(flavor = "multi_thread")]
async fn b9_a_finding_published_120_s_late() {
    let mut escalation = Escalation::of(1).await;
    escalation.world.start();
    escalation.world.escalated(&escalation.findings).await;
    escalation.world.cycles(1).await;
    let aws = escalation.world.sandbox.aws().clone();
    let mut late = aws.finding(REGION, &escalation.findings[0]).unwrap();
    late["id"] = json!("0123456789abcdef0123456789abcdef");
    late["updatedAt"] = ten_minutes_ago();
    escalation.findings.push(aws.put_finding(REGION, late));
    escalation.ends_whole().await;
}

fn ten_minutes_ago() -> Value {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(10);
    json!(then.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string())
}
