//! SOAR or AWS fails while functions are in work.

use sandbox::calls::Side;
use sandbox::faults::Fault;

use super::refreshes::Refreshes;

#[tokio::test(flavor = "multi_thread")]
async fn a_function_meets_one_401_of_soar() {
    let mut refreshes = Refreshes::of(6).await;
    let faults = refreshes.world.sandbox.faults().clone();
    let fault = faults.inject(Fault::status(Side::Soar, 401).times(1));
    refreshes.publish();
    refreshes.all_answered().await;
    refreshes.settled().await;
    refreshes.assert_done_once();
    assert_eq!(faults.hits(fault), 1);
}

/// Sixteen refusals of six calls: at least one is refused three times, after which the Python app gave a call up.
#[tokio::test(flavor = "multi_thread")]
async fn functions_meet_getfindings_429_for_5_s() {
    let mut refreshes = Refreshes::of(6).await;
    let fault = Fault::aws_error(429, "TooManyRequestsException")
        .path("/findings/get$")
        .times(16);
    let faults = refreshes.world.sandbox.faults().clone();
    let fault = faults.inject(fault);
    refreshes.publish();
    refreshes.all_answered().await;
    refreshes.settled().await;
    refreshes.assert_done_once();
    assert_eq!(faults.hits(fault), 16);
}

/// The same with as many as make a queue, each refused a few times.
#[tokio::test(flavor = "multi_thread")]
async fn forty_functions_meet_getfindings_429_for_5_s() {
    let mut refreshes = Refreshes::of(40).await;
    let fault = Fault::aws_error(429, "TooManyRequestsException")
        .path("/findings/get$")
        .times(120);
    refreshes.world.sandbox.faults().inject(fault);
    refreshes.publish();
    refreshes.all_answered().await;
    refreshes.settled().await;
    refreshes.assert_done_once();
}

/// Shorter than the attempts, as it was there: it ends when each call has been refused once or twice.
#[tokio::test(flavor = "multi_thread")]
async fn functions_meet_soar_503_for_6_s() {
    let mut refreshes = Refreshes::of(6).await;
    let faults = refreshes.world.sandbox.faults().clone();
    let fault = faults.inject(Fault::status(Side::Soar, 503));
    refreshes.publish();
    refreshes
        .world
        .log_shows_times("SOAR call failed, trying again", 12)
        .await;
    faults.remove(fault);
    refreshes.all_answered().await;
    refreshes.settled().await;
    refreshes.assert_done_once();
}
