//! Injected failures, as a client meets them.

use std::time::Duration;

use reqwest::Method;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use serde_json::{Value, json};

use crate::support::{World, incident};

#[tokio::test]
async fn an_injected_status_comes_with_its_headers() {
    let world = World::customized().await;
    let fault = Fault::status(Side::Soar, 429)
        .header("Retry-After", "7")
        .path("/incidents$");
    world.sandbox.faults().inject(fault.times(1));
    let throttled = world
        .send(Method::POST, "/incidents", &incident("One", &json!({})))
        .await;
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "7");
    world.post("/incidents", &incident("One", &json!({}))).await;
    assert_eq!(world.sandbox.platform().incident_count(), 1);
    assert_eq!(
        world.sandbox.calls().count(Side::Soar, "POST /incidents"),
        2
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_the_work_done_and_a_lost_call_does_not() {
    let world = World::customized().await;
    let faults = world.sandbox.faults();
    for (failure, made) in [
        (Failure::CloseBefore, 0),
        (Failure::CloseAfter, 1),
        (Failure::CutAnswer, 2),
    ] {
        faults.inject(
            Fault::new(Side::Soar, failure.clone())
                .method("POST")
                .times(1),
        );
        let request = world.client.post(world.url("/incidents"));
        let request = request.basic_auth(
            world.sandbox.api_key_id(),
            Some(world.sandbox.api_key_secret()),
        );
        let answer = async {
            let response = request.json(&incident("One", &json!({}))).send().await?;
            response.json::<Value>().await
        };
        assert!(answer.await.is_err(), "{failure:?} gave an answer");
        assert_eq!(
            world.sandbox.platform().incident_count(),
            made,
            "{failure:?}"
        );
        faults.clear();
    }
}

#[tokio::test]
async fn a_stalled_call_goes_on_when_the_fault_is_removed() {
    let world = World::customized().await;
    let faults = world.sandbox.faults();
    let id = faults.inject(Fault::new(Side::Soar, Failure::Stall).path("/session"));
    let session = world.get("/rest/session");
    tokio::pin!(session);
    let other = world.get("/actions");
    tokio::select! {
        _ = &mut session => panic!("the stalled call was answered"),
        _ = other => {}
    }
    faults.remove(id);
    let answer = tokio::time::timeout(Duration::from_secs(10), session).await;
    assert!(answer.expect("an answer")["orgs"].is_array());
}
