//! AWS behind the same faults and call log as the platform.

use std::time::Duration;

use sandbox::Options;
use sandbox::calls::Side;
use sandbox::faults::Fault;

use crate::support::World;

const SCOPE: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20240101/eu-west-1/guardduty/aws4_request, \
                     SignedHeaders=host, Signature=0";

#[tokio::test]
async fn aws_calls_are_logged_and_faults_pick_a_region_and_an_action() {
    let world = World::start().await;
    let faults = world.sandbox.faults();
    let regional = faults.inject(Fault::status(Side::Aws, 500).region("eu-west-1"));
    let by_action = Fault::status(Side::Aws, 503).path("Action=DescribeRegions");
    let by_action = faults.inject(by_action);

    let call = async |authorization: &str, form: &str| {
        let request = world
            .client
            .post(format!("{}/", world.sandbox.aws_endpoint()));
        let request = request
            .header("Authorization", authorization)
            .body(form.to_owned());
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(
        call(SCOPE, "Action=GetCallerIdentity&Version=2011-06-15").await,
        500
    );
    assert_eq!(
        call("none", "Action=DescribeRegions&Version=2016-11-15").await,
        503
    );
    let refused = call("none", "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert!((400..500).contains(&refused), "unsigned: {refused}");
    faults.inject(
        Fault::aws_error(400, "ThrottlingException")
            .path("^/detector")
            .times(1),
    );
    let url = format!("{}/detector", world.sandbox.aws_endpoint());
    let throttled = world.client.get(url).send().await.expect("an answer");
    assert_eq!(
        throttled.headers()["x-amzn-errortype"],
        "ThrottlingException"
    );
    assert_eq!((faults.hits(regional), faults.hits(by_action)), (1, 1));
    let calls = world.sandbox.calls();
    assert_eq!(calls.count(Side::Aws, "POST GetCallerIdentity"), 2);
    assert_eq!(calls.total(Side::Soar), 0);
}

#[tokio::test]
async fn latency_is_a_sides_own() {
    let options = Options {
        soar_latency: Duration::from_hours(1),
        ..Options::default()
    };
    let world = World::start_with(options).await;
    let aws = world.client.get(world.sandbox.aws_endpoint()).send();
    tokio::select! {
        _ = world.get("/rest/session") => panic!("the platform answered at once"),
        answer = aws => assert!(answer.is_ok()),
    }
}
