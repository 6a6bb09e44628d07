//! SOAR is away while findings are escalated.

use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};

use super::Escalation;

/// Shorter than the attempts, as it was there: it ends when the calls in flight have been refused once or twice.
#[tokio::test(flavor = "multi_thread")]
async fn soar_503_for_20_s_amid_an_escalation() {
    let mut escalation = Escalation::begun(10).await;
    let fault = escalation.inject(Fault::status(Side::Soar, 503));
    escalation
        .world
        .log_shows_times("SOAR call failed, trying again", 20)
        .await;
    escalation.remove(fault);
    escalation.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn soar_503_for_60_s_amid_an_escalation() {
    let mut escalation = Escalation::begun(10).await;
    let fault = escalation.inject(Fault::status(Side::Soar, 503));
    escalation.outlasts_the_attempts().await;
    escalation.remove(fault);
    escalation.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn soar_closes_all_connections_for_60_s() {
    let mut escalation = Escalation::begun(1).await;
    let fault = escalation.inject(Fault::new(Side::Soar, Failure::CloseBefore));
    escalation.outlasts_the_attempts().await;
    escalation.remove(fault);
    escalation.ends_whole().await;
}

/// What SOAR fails at as a whole is no finding's own fault.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_amid_a_page_sets_no_finding_aside() {
    let mut escalation = Escalation::begun(10).await;
    escalation
        .world
        .log_shows_times("escalated finding", 3)
        .await;
    let fault = escalation.inject(Fault::new(Side::Soar, Failure::CloseBefore));
    escalation.outlasts_the_attempts().await;
    assert!(!escalation.world.log().contains("is set aside"));
    escalation.remove(fault);
    escalation.ends_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b28_row_posts_answer_500_for_45_s() {
    let mut escalation = Escalation::of(12).await;
    let fault = Fault::status(Side::Soar, 500)
        .method("POST")
        .path("/row_data$");
    let fault = escalation.inject(fault);
    escalation.world.start();
    escalation.outlasts_the_attempts().await;
    escalation.remove(fault);
    escalation.ends_whole().await;
}
