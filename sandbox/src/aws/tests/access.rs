//! Who is let in, to what, and how often.

use super::*;
use crate::aws::{Throttle, ThrottleError};

#[tokio::test]
async fn each_region_has_its_own_detector() {
    let world = World::start().await;
    for region in [REGION, "us-east-1"] {
        let answer = world
            .client_of(region)
            .list_detectors()
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.detector_ids(),
            [world.aws.detector_id(region).unwrap()]
        );
    }
    let none = world
        .client_of("eu-west-2")
        .list_detectors()
        .send()
        .await
        .unwrap();
    assert!(none.detector_ids().is_empty());
    assert_ne!(
        world.aws.detector_id(REGION),
        world.aws.detector_id("us-east-1")
    );
}

#[tokio::test]
async fn parameters_of_the_query_string_are_signed_and_checked() {
    let world = World::start().await;
    let list = || world.client().list_detectors();
    list().max_results(50).next_token("").send().await.unwrap();
    assert_eq!(
        refusal(list().max_results(51).send().await).0,
        "BadRequestException"
    );
    let strange = list().max_results(1).next_token("a b/+=&~é");
    assert_eq!(refusal(strange.send().await).0, "BadRequestException");
}

#[tokio::test]
async fn a_detector_tells_of_itself_and_can_be_removed() {
    let world = World::start().await;
    let detector = world.detector();
    let get = || world.client().get_detector().detector_id(&detector).send();
    assert_eq!(get().await.unwrap().status().unwrap().as_str(), "ENABLED");

    world.aws.remove_detector(REGION);
    assert_eq!(refusal(get().await).0, "BadRequestException");

    assert_eq!(world.aws.add_detector(REGION), detector);
    get().await.unwrap();
}

#[tokio::test]
async fn a_detector_of_another_region_is_not_ours() {
    let world = World::start().await;
    let result = world
        .client_of("us-east-1")
        .list_findings()
        .detector_id(world.detector())
        .send()
        .await;
    let (code, message) = refusal(result);
    assert_eq!(code, "BadRequestException");
    assert_eq!(
        message,
        "The request is rejected because the input detectorId is not owned by the current account."
    );
}

#[tokio::test]
async fn another_key_is_not_recognized() {
    let world = World::start().await;
    let secret = AwsOptions::default().secret_access_key;
    let client = world.client_with(REGION, "AKIAANOTHER000000000", &secret);
    let (code, message) = refusal(client.list_detectors().send().await);
    assert_eq!(code, "UnrecognizedClientException");
    assert_eq!(
        message,
        "The security token included in the request is invalid."
    );
}

#[tokio::test]
async fn another_secret_does_not_sign() {
    let world = World::start().await;
    let key_id = AwsOptions::default().access_key_id;
    let client = world.client_with(REGION, &key_id, "another secret");
    let result = client
        .list_findings()
        .detector_id(world.detector())
        .send()
        .await;
    assert_eq!(refusal(result).0, "InvalidSignatureException");
    assert!(world.aws.calls().is_empty());
}

#[tokio::test]
async fn a_region_that_is_switched_off_does_not_know_the_key() {
    let world = World::start().await;
    let opt_in = refusal(world.client_of("eu-south-1").list_detectors().send().await);
    assert_eq!(opt_in.0, "UnrecognizedClientException");

    world.aws.disable_region(REGION);
    assert_eq!(
        refusal(world.client().list_detectors().send().await).0,
        "UnrecognizedClientException"
    );
    world.aws.enable_region(REGION);
    world.client().list_detectors().send().await.unwrap();
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let world = World::start().await;
    let answer = reqwest_client()
        .get(format!("{}/detector", world.url))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(
        answer.headers()["x-amzn-errortype"],
        "MissingAuthenticationTokenException"
    );
}

#[tokio::test]
async fn calls_are_throttled_as_often_as_told() {
    let world = World::start().await;
    let call = || async { world.client().list_detectors().send().await };
    for (error, name) in [
        (ThrottleError::Throttling, "ThrottlingException"),
        (ThrottleError::TooManyRequests, "TooManyRequestsException"),
    ] {
        world.aws.set_throttle(Some(Throttle {
            calls: Some(2),
            error,
        }));
        for _ in 0..2 {
            let refused = call().await.unwrap_err();
            assert_eq!(refused.raw_response().unwrap().status().as_u16(), 429);
            assert_eq!(refused.code(), Some(name));
        }
        call().await.unwrap();
    }
    assert_eq!(world.aws.calls()["ListDetectors"], 6);
}

#[tokio::test]
async fn a_throttle_without_end_lasts_until_it_is_lifted() {
    let world = World::start().await;
    world.aws.set_throttle(Some(Throttle::default()));
    for _ in 0..3 {
        assert_eq!(
            refusal(world.client().list_detectors().send().await).0,
            "ThrottlingException"
        );
    }
    world.aws.set_throttle(None);
    world.client().list_detectors().send().await.unwrap();
}

fn reqwest_client() -> reqwest::Client {
    // A default provider that is set already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
