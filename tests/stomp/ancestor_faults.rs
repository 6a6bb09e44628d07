//! The fault runs in which the Python app was measured, as far as they are about the broker: the worker on a real
//! `ActiveMQ`. The others are in `tests/it/ancestor_faults/`.

use crate::client::in_time;
use crate::peer::Peer;
use crate::refreshes::{World, assert_done, assert_done_once};
use crate::worker::DESTINATION;

/// An answer that the broker had, but whose acknowledgement was lost with the broker, is given again.
#[tokio::test(flavor = "multi_thread")]
async fn the_broker_is_killed_for_3_s_with_40_invocations() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        world.publish(40).await;
        world.until_notes(8).await;
        world.activemq.kill();
        assert!(world.notes() < 40, "it was killed in the middle");
        // A JVM takes these three seconds to start.
        world.activemq.start_again();
        assert_done(&world.end().await);
    }))
    .await;
}

/// Longer than the first attempts to connect, and until all functions have ended: however long the broker is away, the
/// worker goes on with attempts at most a minute apart.
#[tokio::test(flavor = "multi_thread")]
async fn the_broker_is_gone_for_60_s_with_functions_in_work() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        let stall = world.publish_and_hold(12).await;
        world.activemq.kill();
        world.sandbox.faults().remove(stall);
        world.until_notes(12).await;
        let away = "not connected to the message broker";
        world.until_logged(away, 3).await;
        world.activemq.start_again();
        assert_done_once(&world.end().await);
    }))
    .await;
}

/// As long as it takes the worker to know that the silence is no pause. The answers are on their way then: the broker
/// finds them when it wakes, and once more when the messages come again.
#[tokio::test(flavor = "multi_thread")]
async fn the_broker_is_frozen_for_75_s() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        let stall = world.publish_and_hold(12).await;
        world.activemq.freeze();
        world.sandbox.faults().remove(stall);
        world.until_notes(12).await;
        world.until_logged("the broker was silent", 1).await;
        world.activemq.thaw();
        assert_done(&world.end().await);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_malformed_json_and_of_a_json_list() {
    in_time(Box::pin(async {
        let world = World::start().await;
        let mut platform = Peer::platform(&world.activemq.broker).await;
        let bodies = ["{not json", "[1,2]", "\"text\"", "{}", ""];
        for (number, body) in bodies.iter().enumerate() {
            let id = format!("invid:odd-{number}");
            platform.invoke(DESTINATION, &id, body).await;
        }
        platform.tell(DESTINATION, "nobody waits").await;
        let mut answers = world.end().await;
        for number in 0..bodies.len() {
            let answer = answers.remove(&format!("invid:odd-{number}"));
            let answer = answer.expect("an answer");
            assert_eq!(answer.len(), 1, "{answer:?}");
            assert_eq!(answer[0]["message_type"], 1);
        }
        assert_done_once(&answers);
    }))
    .await;
}

/// Two messages with one correlation id, as from a platform that is not sure of the first.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_invocation_sent_twice() {
    in_time(Box::pin(async {
        let mut world = World::start().await;
        let (id, body) = world.refresh();
        let mut platform = Peer::platform(&world.activemq.broker).await;
        platform.invoke(DESTINATION, &id, &body).await;
        platform.invoke(DESTINATION, &id, &body).await;
        world.published.push(id);
        assert_done(&world.end().await);
    }))
    .await;
}
