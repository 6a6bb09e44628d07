//! What must hold with any broker. Each case has queues of its own.

use std::time::Duration;

use fn_aws_guardduty::stomp::{Delivery, State, StompError, decode_text, probe};
use secrecy::SecretString;

use crate::Broker;
use crate::authority::foreign_ca_pem;
use crate::client::{Session, options, trusting};
use crate::peer::Peer;
use crate::relay::{CHUNK, Relay};

fn queue(name: &str) -> String {
    format!("actions.201.{name}")
}

pub(crate) async fn a_good_login_subscribes(broker: &Broker) {
    for host in ["localhost", "127.0.0.1"] {
        let mut options = options(broker, &queue("login"));
        host.clone_into(&mut options.host);
        Session::subscribed_with(options).await.disconnect().await;
    }
}

pub(crate) async fn a_bad_login_is_named_and_kept_secret(broker: &Broker) {
    let mut options = options(broker, &queue("login"));
    options.passcode = SecretString::from("wr0ng-passcode");
    let shown = format!("{options:?}");
    let mut session = Session::start(options);
    let failure = session.failure().await;
    assert!(
        matches!(*failure, StompError::LoginRefused { .. }),
        "{failure:?}"
    );
    for text in [failure.to_string(), format!("{failure:?}"), shown] {
        assert!(!text.contains("wr0ng-passcode"), "{text}");
    }
    session.disconnect().await;
}

pub(crate) async fn a_foreign_authority_is_refused(broker: &Broker) {
    let mut options = options(broker, &queue("login"));
    options.tls = trusting(&foreign_ca_pem());
    let mut session = Session::start(options);
    let failure = session.failure().await;
    assert!(matches!(*failure, StompError::Tls { .. }), "{failure:?}");
    session.disconnect().await;
}

pub(crate) async fn a_message_of_the_platform_is_received_answered_and_acknowledged(
    broker: &Broker,
) {
    let name = "answered";
    let mut platform = Peer::platform(broker).await;
    platform.subscribe(&format!("acks.201.{name}")).await;
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let body = r#"{"function":{"name":"func_aws_guardduty_refresh_finding"},"inputs":{}}"#;
    platform.invoke(name, "invid:80", body).await;

    let delivery = session.next().await;
    assert_eq!(delivery.destination, format!("/queue/{}", queue(name)));
    assert_eq!(delivery.subscription, queue(name));
    assert_eq!(delivery.correlation_id.as_deref(), Some("invid:80"));
    let reply_to = delivery.reply_to.clone().unwrap();
    assert_eq!(reply_to, format!("/queue/acks.201.{name}"));
    let payload = ("Co3MessagePayload".into(), "FunctionDataDTO".into());
    assert!(
        delivery.headers.contains(&payload),
        "{:?}",
        delivery.headers
    );
    assert_eq!(decode_text(&delivery.body).as_deref(), Ok(body));
    assert!(delivery.message_id.contains(':') && delivery.ack.contains(':'));

    let (handle, id) = (&session.handle, delivery.correlation_id.as_deref());
    handle
        .send_unconfirmed(&reply_to, id, r#"{"complete": false}"#.into())
        .await;
    let answer = r#"{"message_type": 0, "message": "caf\u00e9", "complete": true}"#;
    handle.send(&reply_to, id, answer.into()).await.unwrap();
    handle.ack(&delivery).await.unwrap();

    for expected in [r#"{"complete": false}"#, answer] {
        let reply = platform.next().await;
        assert_eq!(reply.header("correlation-id"), "invid:80");
        assert_eq!(reply.header("content-length"), expected.len().to_string());
        assert_eq!(reply.body, expected.as_bytes());
    }
    session.disconnect().await;
    only_this_is_left(broker, &mut platform, name).await;
}

/// The next message of the queue is one published now, so nothing else was left in it.
pub(crate) async fn only_this_is_left(broker: &Broker, platform: &mut Peer, name: &str) {
    platform.invoke(name, "invid:last", "{}").await;
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let delivery = session.next().await;
    assert_eq!(delivery.correlation_id.as_deref(), Some("invid:last"));
    session.handle.ack(&delivery).await.unwrap();
    session.disconnect().await;
}

pub(crate) async fn a_text_without_length_is_decoded(broker: &Broker) {
    let name = "text";
    let body = "{\"note\": \"caf\u{e9} \u{1F6A8} \u{10FFFF}\"}";
    let mut platform = Peer::platform(broker).await;
    platform.invoke_as_text(name, "invid:81", body).await;
    platform.invoke_as_jms_text(name, "invid:81", body).await;
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let (plain, of_java) = (session.next().await, session.next().await);
    assert_eq!(plain.body, body.as_bytes());
    assert!(std::str::from_utf8(&of_java.body).is_err(), "kept as sent");
    for delivery in [plain, of_java] {
        assert_eq!(decode_text(&delivery.body).as_deref(), Ok(body));
        session.handle.ack(&delivery).await.unwrap();
    }
    session.disconnect().await;
}

pub(crate) async fn a_jms_text_is_decoded(broker: &Broker, produce: impl FnOnce(&str, &str)) {
    let queue = queue("jms");
    let body = "{\"note\": \"caf\u{e9} \u{1F6A8}\"}";
    produce(&queue, body);
    let mut session = Session::subscribed(broker, &queue).await;
    let delivery = session.next().await;
    let has_length = delivery
        .headers
        .iter()
        .any(|(name, _)| name == "content-length");
    assert!(!has_length, "not a text message: {:?}", delivery.headers);
    assert_eq!(decode_text(&delivery.body).as_deref(), Ok(body));
    session.handle.ack(&delivery).await.unwrap();
    session.disconnect().await;
}

pub(crate) async fn an_unacknowledged_message_comes_again(broker: &Broker) {
    let name = "again";
    let mut platform = Peer::platform(broker).await;
    platform.invoke(name, "invid:82", "{}").await;
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let first = session.next().await;
    session.disconnect().await;
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let second = session.next().await;
    assert_eq!(first.message_id, second.message_id);
    assert_ne!(first.ack, second.ack);
    session.handle.ack(&second).await.unwrap();
    session.disconnect().await;
    only_this_is_left(broker, &mut platform, name).await;
}

pub(crate) async fn the_prefetch_is_respected(broker: &Broker) {
    let name = "prefetch";
    let mut options = options(broker, &queue(name));
    options.prefetch = 2;
    let mut session = Session::subscribed_with(options).await;
    let mut platform = Peer::platform(broker).await;
    for number in 1..=5 {
        platform
            .invoke(name, &format!("invid:{number}"), "{}")
            .await;
    }
    let (first, second) = (session.next().await, session.next().await);
    assert_eq!(first.correlation_id.as_deref(), Some("invid:1"));
    assert_eq!(second.correlation_id.as_deref(), Some("invid:2"));
    // Had more been sent ahead to us, a second worker would not get the rest.
    let mut other = Peer::worker(broker).await;
    other.subscribe(&queue(name)).await;
    for number in 3..=5 {
        let message = other.next().await;
        assert_eq!(message.header("correlation-id"), format!("invid:{number}"));
    }
    drop(other);
    session.handle.ack(&first).await.unwrap();
    session.handle.ack(&second).await.unwrap();
    session.disconnect().await;
}

pub(crate) async fn a_stale_ack_is_refused(broker: &Broker) {
    let name = "stale";
    let relay = Relay::before(broker).await;
    let mut options = options(broker, &queue(name));
    options.port = relay.port;
    let mut session = Session::subscribed_with(options).await;
    let mut platform = Peer::platform(broker).await;
    platform.invoke(name, "invid:83", "{}").await;
    let first = session.next().await;
    relay.cut();
    let second = session.next().await;
    assert_eq!(first.message_id, second.message_id);
    let stale = session.handle.ack(&first).await;
    assert!(matches!(stale, Err(StompError::Stale)), "{stale:?}");
    session.handle.ack(&second).await.unwrap();
    session.disconnect().await;
    only_this_is_left(broker, &mut platform, name).await;
}

pub(crate) async fn a_frame_lost_with_its_connection_is_reported(broker: &Broker) {
    let relay = Relay::before(broker).await;
    let mut options = options(broker, &queue("lost"));
    options.port = relay.port;
    let mut session = Session::subscribed_with(options).await;
    relay.hold();
    let body = "x".repeat(8 * CHUNK);
    let send = session
        .handle
        .send("/queue/acks.201.lost", None, body.into());
    let cut_when_sent = async {
        // An end of line may be among the chunks, but not so many.
        relay.chunks(4).await;
        relay.cut();
    };
    let (lost, ()) = tokio::join!(send, cut_when_sent);
    assert!(matches!(lost, Err(StompError::ConnectionLost)), "{lost:?}");
    session.until_subscribed().await;
    session.disconnect().await;
}

pub(crate) async fn a_refused_queue_is_named(broker: &Broker) {
    let mut session = Session::start(options(broker, &broker.forbidden_queue));
    let failure = session.failure().await;
    let text = failure.to_string();
    assert!(
        matches!(&*failure, StompError::SubscriptionRefused { queue, .. } if *queue == broker.forbidden_queue),
        "{text}"
    );
    assert!(text.contains("message destination fn_aws_gd"), "{text}");
    session.disconnect().await;
}

/// A message that waits is not even sent to a probe, so that it comes to the worker as if for the first time.
pub(crate) async fn a_probe_takes_no_message(broker: &Broker) {
    let name = "probed";
    let mut platform = Peer::platform(broker).await;
    platform.invoke(name, "invid:88", "{}").await;
    for _ in 0..3 {
        let probed = probe(&options(broker, &queue(name))).await.unwrap();
        assert!(matches!(&probed[..], [(known, Ok(()))] if *known == queue(name)));
    }
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let delivery = session.next().await;
    assert_eq!(delivery.correlation_id.as_deref(), Some("invid:88"));
    let again = |(name, value): &(String, String)| name == "redelivered" && value == "true";
    assert!(
        !delivery.headers.iter().any(again),
        "{:?}",
        delivery.headers
    );
    session.handle.ack(&delivery).await.unwrap();
    session.disconnect().await;
    only_this_is_left(broker, &mut platform, name).await;
}

pub(crate) async fn a_probe_tells_each_queue(broker: &Broker) {
    let mut options = options(broker, &broker.forbidden_queue);
    options.subscriptions.push(queue("probed.after"));
    let probed = probe(&options).await.unwrap();
    assert!(
        matches!(
            &probed[..],
            [
                (_, Err(StompError::SubscriptionRefused { .. })),
                (_, Ok(()))
            ]
        ),
        "{probed:?}"
    );
    options.passcode = SecretString::from("wr0ng-passcode");
    let refused = probe(&options).await.unwrap_err();
    assert!(
        matches!(refused, StompError::LoginRefused { .. }),
        "{refused:?}"
    );
}

pub(crate) async fn a_refused_send_fails_alone(broker: &Broker) {
    let name = "refused";
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let forbidden = format!("/queue/{}", broker.forbidden_queue);
    session
        .handle
        .send_unconfirmed(&forbidden, None, "{}".into())
        .await;
    let refused = session.handle.send(&forbidden, None, "{}".into()).await;
    assert!(
        matches!(refused, Err(StompError::Rejected { .. })),
        "{refused:?}"
    );
    // The same connection still takes a message and its ACK.
    let mut platform = Peer::platform(broker).await;
    platform.invoke(name, "invid:85", "{}").await;
    let delivery = session.next().await;
    assert_eq!(delivery.connection, 1);
    session.handle.ack(&delivery).await.unwrap();
    session.disconnect().await;
}

pub(crate) async fn intake_stops_and_work_in_hand_is_settled(broker: &Broker) {
    let name = "drain";
    let mut options = options(broker, &queue(name));
    options.prefetch = 1;
    let mut session = Session::subscribed_with(options).await;
    let mut platform = Peer::platform(broker).await;
    platform.subscribe(&format!("acks.201.{name}")).await;
    platform.invoke(name, "invid:86", "{}").await;
    let in_hand = session.next().await;
    session.handle.unsubscribe().await;
    platform.invoke(name, "invid:87", "{}").await;
    assert!(session.try_next().await.is_none());

    let reply_to = in_hand.reply_to.clone().unwrap();
    let id = in_hand.correlation_id.as_deref();
    session
        .handle
        .send(&reply_to, id, "{}".into())
        .await
        .unwrap();
    session.handle.ack(&in_hand).await.unwrap();
    assert_eq!(platform.next().await.header("correlation-id"), "invid:86");
    // While we are still connected, the later message is another worker's, and the one in hand nobody's.
    let mut other = Peer::worker(broker).await;
    other.subscribe(&queue(name)).await;
    assert_eq!(other.next().await.header("correlation-id"), "invid:87");
    session.disconnect().await;
    platform.invoke(name, "invid:88", "{}").await;
    assert_eq!(other.next().await.header("correlation-id"), "invid:88");
}

pub(crate) async fn heart_beats_keep_an_idle_connection(broker: &Broker) {
    let relay = Relay::before(broker).await;
    let mut options = options(broker, &queue("idle"));
    options.port = relay.port;
    options.heart_beat = Duration::from_secs(2);
    let session = Session::subscribed_with(options).await;
    let State::Subscribed { since } = session.state() else {
        panic!("{:?}", session.state());
    };
    // Without ours the broker gives up after two of these, without its own we do.
    relay.chunks(6).await;
    let state = session.state();
    assert!(
        matches!(state, State::Subscribed { since: still } if still == since),
        "{state:?}"
    );
    session.disconnect().await;
}

pub(crate) async fn a_large_answer_arrives_whole(broker: &Broker) {
    let name = "large";
    let mut platform = Peer::platform(broker).await;
    platform.subscribe(&format!("acks.201.{name}")).await;
    let mut session = Session::subscribed(broker, &queue(name)).await;
    let body = format!("{{\"text\": \"{}\"}}", "0123456789".repeat(300_000));
    platform.invoke(name, "invid:89", &body).await;
    let delivery = session.next().await;
    assert!(delivery.body == body.as_bytes());
    let reply_to = delivery.reply_to.clone().unwrap();
    let answer = session
        .handle
        .send(&reply_to, None, body.clone().into())
        .await;
    answer.unwrap();
    assert!(platform.next().await.body == body.as_bytes());
    session.handle.ack(&delivery).await.unwrap();
    session.disconnect().await;
}

/// A session with an answer confirmed and a message not settled, to outlive its broker.
pub(crate) struct Held {
    session: Session,
    delivery: Delivery,
}

pub(crate) async fn hold_a_message(broker: &Broker) -> Held {
    let mut platform = Peer::platform(broker).await;
    platform.invoke("killed", "invid:90", "{}").await;
    let mut session = Session::subscribed(broker, &queue("killed")).await;
    let delivery = session.next().await;
    let (reply_to, id) = (delivery.reply_to.as_deref(), Some("invid:90"));
    let answer = session.handle.send(reply_to.unwrap(), id, "{}".into());
    answer.await.unwrap();
    Held { session, delivery }
}

impl Held {
    /// Waits until the session knows, and asks it for what it cannot do now.
    pub(crate) async fn lost(mut self) -> Self {
        self.session.failure().await;
        let handle = &self.session.handle;
        let send = handle.send("/queue/acks.201.killed", None, "{}".into());
        let send = send.await;
        assert!(matches!(send, Err(StompError::NotConnected)), "{send:?}");
        let ack = handle.ack(&self.delivery).await;
        assert!(matches!(ack, Err(StompError::Stale)), "{ack:?}");
        self
    }

    /// The session comes back by itself, and with it the message; the answer is still there.
    pub(crate) async fn comes_again(mut self, broker: &Broker) {
        let again = self.session.next().await;
        assert_eq!(again.message_id, self.delivery.message_id);
        let stale = self.session.handle.ack(&self.delivery).await;
        assert!(matches!(stale, Err(StompError::Stale)), "{stale:?}");
        self.session.handle.ack(&again).await.unwrap();
        self.session.disconnect().await;
        let mut platform = Peer::platform(broker).await;
        platform.subscribe("acks.201.killed").await;
        let answer = platform.next().await;
        assert_eq!(answer.header("correlation-id"), "invid:90");
        only_this_is_left(broker, &mut platform, "killed").await;
    }
}
