//! Two workers on one queue of a real `ActiveMQ`.

use crate::client::in_time;
use crate::refreshes::World;
use crate::worker::worker_on;

/// What it had in hand goes to the other. An answer that the broker had but whose message was not acknowledged is given
/// by both, and the platform takes the first; no function's work is done twice.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_had_in_hand_is_done_once_by_the_other() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        let mut other = worker_on(&world.activemq.broker, &world.sandbox);
        other.start();
        let subscribed = "subscribed at the message broker";
        world.until_logged(subscribed, 1).await;
        world
            .until("the other listens", |_| other.log().contains(subscribed))
            .await;
        world.publish(40).await;
        world
            .until("the other is at work", |world| {
                other.log().contains(" anew for incident ") && world.notes() > 8
            })
            .await;
        other.crash().await;
        assert!(world.notes() < 40, "it was killed in the middle");
        for (id, answers) in world.end().await {
            let done = |answer: &serde_json::Value| answer["results"]["success"] == true;
            assert!(answers.iter().all(done), "{id}: {answers:?}");
            assert!(answers.len() <= 2, "{id}: {answers:?}");
        }
    }))
    .await;
}
