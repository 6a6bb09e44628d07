//! The worker is killed.

use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};

use super::refreshes::Refreshes;
use super::{Escalation, FINDINGS};
use crate::harness::{REGION, World, has_rows_of, only};

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

/// Nothing would tell of it again: its finding is archived, its incident closed.
#[tokio::test(flavor = "multi_thread")]
async fn an_incident_that_a_crash_cut_short_is_completed_though_it_was_closed_meanwhile() {
    let mut world = World::new().await;
    let finding = world.sandbox.aws().create_samples(REGION, 1).remove(0);
    let no_rows = Fault::new(Side::Soar, Failure::Stall).path("/row_data$");
    let no_rows = world.sandbox.faults().inject(no_rows);
    world.start_and_listen().await;
    world
        .eventually("the incident is there", |platform| {
            !platform.incident_for_finding(&finding).is_empty()
        })
        .await;
    let incident = only(world.platform(), &finding).id;
    world.closing_archives(incident, &finding).await;
    world.crash().await;
    world.sandbox.faults().remove(no_rows);
    // The calls that the killed worker left under way are carried out now: none of them may come twice.
    world.start();
    let wanted = world.mapped(&finding);
    world
        .eventually("it has all its rows", |platform| {
            has_rows_of(&platform.incident_for_finding(&finding)[0], &wanted)
        })
        .await;
    world.cycles(2).await;
    let incident = only(world.platform(), &finding);
    assert!(has_rows_of(&incident, &wanted), "no row twice");
    assert_eq!(incident.plan_status, "C");
}
