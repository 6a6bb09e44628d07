//! The worker is killed.

use super::refreshes::Refreshes;
use super::{Escalation, FINDINGS};

#[tokio::test(flavor = "multi_thread")]
async fn b28_kill_9_amid_an_escalation_then_a_restart() {
    let mut escalation = Escalation::begun(10).await;
    escalation.world.crash().await;
    assert!(escalation.whole() < FINDINGS, "it was killed in the middle");
    escalation.world.start();
    escalation.ends_whole().await;
}

/// Some have written their note and not answered yet. The next worker cannot know which answers were given: one that
/// was not acknowledged is given again, and SOAR takes the first.
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_with_12_functions_in_work_then_a_restart() {
    let mut refreshes = Refreshes::of(12).await;
    refreshes.publish();
    refreshes
        .world
        .eventually("a note is written", |platform| {
            platform.incidents().iter().any(|i| i.notes.len() > 1)
        })
        .await;
    refreshes.world.crash().await;
    assert!(refreshes.answered() < 12, "it was killed in the middle");
    refreshes.world.start();
    refreshes.all_answered().await;
    refreshes.settled().await;
    refreshes.assert_done();
}
