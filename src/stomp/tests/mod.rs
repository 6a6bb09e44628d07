//! The session against a broker that follows a script, for what a good broker never does.

mod script;

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncBufReadExt;

use super::*;
use script::{CONNECTED, QUEUE, Script, in_time, message, run};

/// Options with the usual figures that lead nowhere.
pub(super) fn idle_options() -> StompOptions {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    StompOptions::new("localhost", 1, "key:id", "hunter:2".into(), Arc::new(tls))
}

#[tokio::test]
async fn the_frames_are_exactly_these() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.prefetch = 7;
        let mut running = run(options);
        let mut wire = script.accept().await;
        assert_eq!(
            wire.frame().await,
            "CONNECT\naccept-version:1.2\nheart-beat:15000,15000\nhost:localhost\nlogin:key:id\npasscode:hunter:2\n"
        );
        wire.say(CONNECTED).await;
        let subscribe = wire.frame().await;
        assert_eq!(
            subscribe,
            format!("SUBSCRIBE\nack:client-individual\nactivemq.prefetchSize:7\ndestination:{QUEUE}\nid:{QUEUE}\nreceipt:1\n")
        );
        assert!(matches!(*running.handle.state().borrow(), State::Connected { .. }));
        wire.confirm(&subscribe).await;
        running.subscribed().await;

        wire.say("MESSAGE\nmessage-id:ID\\c1\nack:ID\\c2\n\n{}\0\n").await;
        let delivery = running.deliveries.recv().await.unwrap();
        let script = async {
            let send = wire.frame().await;
            assert_eq!(send, "SEND\ndestination:/queue/acks\npersistent:true\ncorrelation-id:invid\\c1\nreceipt:2\ncontent-length:2\n\n{}\n");
            wire.confirm(&send).await;
            let ack = wire.frame().await;
            assert_eq!(ack, "ACK\nid:ID\\c2\nreceipt:3\n");
            wire.confirm(&ack).await;
            let unsubscribe = wire.frame().await;
            assert_eq!(unsubscribe, format!("UNSUBSCRIBE\nid:{QUEUE}\nreceipt:4\n"));
            wire.confirm(&unsubscribe).await;
            let disconnect = wire.frame().await;
            assert_eq!(disconnect, "DISCONNECT\nreceipt:5\n");
            wire.confirm(&disconnect).await;
            wire.until_closed().await;
        };
        let client = async {
            let handle = &running.handle;
            handle.send("/queue/acks", Some("invid:1"), "{}".into()).await.unwrap();
            handle.ack(&delivery).await.unwrap();
            handle.unsubscribe().await;
            handle.disconnect().await;
        };
        tokio::join!(script, client);
        running.task.await.unwrap();
        assert!(running.deliveries.recv().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn intake_stopped_before_the_subscription_is_confirmed_stays_stopped() {
    in_time(async {
        let script = Script::new().await;
        let mut running = run(script.options());
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say(CONNECTED).await;
        let subscribe = wire.frame().await;
        running.handle.unsubscribe().await;
        let unsubscribe = wire.frame().await;
        wire.confirm(&subscribe).await;
        wire.confirm(&unsubscribe).await;
        wire.say(&message(1)).await;
        let (answer, ()) = tokio::join!(
            running.handle.send("/queue/acks", None, "{}".into()),
            async {
                let send = wire.frame().await;
                wire.confirm(&send).await;
            }
        );
        answer.unwrap();
        let state = running.handle.state().borrow().clone();
        assert!(matches!(state, State::Connected { .. }), "{state:?}");
        assert!(running.deliveries.recv().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_passcode_repeated_by_the_broker_is_not_passed_on() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("ERROR\nmessage:no\\n user key\\cid with hunter\\c2\n\n\0")
            .await;
        let failure = running.failure().await;
        let StompError::LoginRefused { message } = &*failure else {
            panic!("{failure:?}")
        };
        assert_eq!(message, "no  user key:id with [secret]");
    })
    .await;
}

#[tokio::test]
async fn silence_ends_the_connection_and_the_next_one_subscribes_again() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.heart_beat = Duration::from_millis(20);
        let running = run(options);
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("CONNECTED\nversion:1.2\nheart-beat:20,20\n\n\0")
            .await;
        assert!(matches!(
            *running.failure().await,
            StompError::Silent { .. }
        ));
        let _wire = script.accept_and_confirm().await;
        running.subscribed().await;
    })
    .await;
}

#[tokio::test]
async fn we_beat_when_we_have_nothing_to_say() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.heart_beat = Duration::from_millis(20);
        let _running = run(options);
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("CONNECTED\nversion:1.2\nheart-beat:0,20\n\n\0")
            .await;
        let subscribe = wire.frame().await;
        wire.confirm(&subscribe).await;
        for _ in 0..3 {
            let mut line = String::new();
            wire.0.read_line(&mut line).await.unwrap();
            assert_eq!(line, "\n");
        }
    })
    .await;
}

#[tokio::test]
async fn the_last_receipt_is_followed_by_an_end_of_line() {
    in_time(async {
        let script = Script::new().await;
        let _running = run(script.options());
        let mut wire = script.accept_and_confirm().await;
        let mut line = String::new();
        wire.0.read_line(&mut line).await.unwrap();
        assert_eq!(line, "\n");
    })
    .await;
}

#[tokio::test]
async fn half_frames_are_put_together() {
    in_time(async {
        let script = Script::new().await;
        let mut running = run(script.options());
        let mut wire = script.accept_and_confirm().await;
        for piece in message(1).as_bytes().chunks(7) {
            wire.say(std::str::from_utf8(piece).unwrap()).await;
        }
        assert_eq!(running.deliveries.recv().await.unwrap().message_id, "m1");
    })
    .await;
}

#[tokio::test]
async fn another_protocol_is_named() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        script
            .accept()
            .await
            .say("HTTP/1.1 400 Bad Request\r\n\r\n")
            .await;
        let failure = running.failure().await;
        let StompError::Protocol(reason) = &*failure else {
            panic!("{failure:?}")
        };
        assert!(reason.to_string().contains("HTTP/1.1"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn an_older_version_is_refused() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("CONNECTED\nversion:1.1\n\n\0").await;
        let failure = running.failure().await;
        assert!(matches!(&*failure, StompError::Version { version } if version == "1.1"));
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_says_nothing_at_all_times_out() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.connect_timeout = Duration::from_millis(50);
        let running = run(options);
        let wire = script.accept().await;
        assert!(matches!(
            *running.failure().await,
            StompError::ConnectTimeout { .. }
        ));
        wire.until_closed().await;
    })
    .await;
}

#[tokio::test]
async fn an_error_of_nothing_ours_ends_the_connection() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept_and_confirm().await;
        wire.say("ERROR\n\njava.io.IOException: disk full\n\tat x\n\0")
            .await;
        let failure = running.failure().await;
        let StompError::Broker { message } = &*failure else {
            panic!("{failure:?}")
        };
        assert_eq!(message, "java.io.IOException: disk full");
    })
    .await;
}

#[tokio::test]
async fn a_refused_queue_is_known_without_its_receipt_id() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say(CONNECTED).await;
        wire.frame().await;
        wire.say(&format!(
            "ERROR\nmessage:not authorized to read from queue {QUEUE}\n\n\0"
        ))
        .await;
        let failure = running.failure().await;
        assert!(
            matches!(&*failure, StompError::SubscriptionRefused { queue, .. } if queue == QUEUE)
        );
    })
    .await;
}

#[tokio::test]
async fn a_missing_receipt_ends_the_connection() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.receipt_timeout = Duration::from_millis(100);
        let running = run(options);
        let mut wire = script.accept_and_confirm().await;
        running.subscribed().await;
        let (lost, failure, _) = tokio::join!(
            running.handle.send("/queue/acks", None, "{}".into()),
            running.failure(),
            wire.frame(),
        );
        assert!(matches!(lost, Err(StompError::ConnectionLost)), "{lost:?}");
        assert!(matches!(*failure, StompError::NoReceipt { .. }));
    })
    .await;
}

#[tokio::test]
async fn receipts_come_through_while_nobody_takes_deliveries() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.prefetch = 2;
        let mut running = run(options);
        let mut wire = script.accept_and_confirm().await;
        running.subscribed().await;
        let flood = async {
            for number in 1..=20 {
                wire.say(&message(number)).await;
            }
            let send = wire.frame().await;
            wire.confirm(&send).await;
        };
        let send = running.handle.send("/queue/acks", None, "{}".into());
        let (answer, ()) = tokio::join!(send, flood);
        answer.unwrap();
        for number in 1..=20 {
            let delivery = running.deliveries.recv().await.unwrap();
            assert_eq!(delivery.message_id, format!("m{number}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_beyond_the_limit_ends_the_connection() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.prefetch = 1;
        options.limits.frame = 1000;
        let running = run(options);
        let mut wire = script.accept_and_confirm().await;
        let flood: String = (1..=20).map(message).collect();
        wire.say(&flood).await;
        let failure = running.failure().await;
        assert!(matches!(
            *failure,
            StompError::PrefetchIgnored { prefetch: 1 }
        ));
    })
    .await;
}

#[tokio::test]
async fn a_session_without_a_broker_answers_and_ends_when_asked() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        drop(script);
        options.reconnect_min = Duration::from_mins(10);
        options.reconnect_max = Duration::from_mins(10);
        let mut running = run(options);
        assert!(matches!(
            *running.failure().await,
            StompError::Unreachable { .. }
        ));
        let sent = running.handle.send("/queue/acks", None, "{}".into()).await;
        assert!(matches!(sent, Err(StompError::NotConnected)), "{sent:?}");
        running.handle.unsubscribe().await;
        assert!(running.deliveries.recv().await.is_none());
        running.handle.disconnect().await;
        running.task.await.unwrap();
        let sent = running.handle.send("/queue/acks", None, "{}".into()).await;
        assert!(matches!(sent, Err(StompError::Ended)), "{sent:?}");
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_session_drops_its_connection_at_once() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let wire = script.accept_and_confirm().await;
        running.subscribed().await;
        running.stop.cancel();
        let state = running.handle.state();
        running.task.await.unwrap();
        assert!(matches!(*state.borrow(), State::Disconnected { .. }));
        wire.until_closed().await;
    })
    .await;
}
