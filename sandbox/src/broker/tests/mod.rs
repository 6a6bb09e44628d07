//! The broker over a real socket.

use std::time::Duration;

use tokio::time::timeout;

use super::test_client::{Client, GREETING, Started, body, header, start};

mod faults;

const QUEUE: &str = "actions.201.fn_aws_gd";
const HEART_BEAT: Duration = Duration::from_secs(15);

fn publish(started: &Started, text: &str) -> String {
    let headers = vec![
        (
            "reply-to".to_owned(),
            "/queue/acks.201.fn_aws_gd".to_owned(),
        ),
        ("correlation-id".to_owned(), "invid:80".to_owned()),
    ];
    started
        .broker
        .publish(QUEUE, headers, text.as_bytes().to_vec())
}

async fn ack(client: &mut Client, frame: &str) {
    let id = header(frame, "ack").expect("ack header");
    client
        .write(&format!("ACK\nid:{id}\nreceipt:acked\n\n\0"))
        .await;
    client.receipt("acked").await;
}

#[tokio::test]
async fn greets_as_the_real_platform() {
    let started = start(HEART_BEAT).await;
    let mut client = started.client().await;

    client.write(GREETING).await;

    let frame = client.frame().await;
    assert_eq!(frame.lines().next(), Some("CONNECTED"));
    assert_eq!(header(&frame, "version"), Some("1.2"));
    assert_eq!(header(&frame, "heart-beat"), Some("15000,0"));
    assert_eq!(header(&frame, "server"), Some("ActiveMQ/5.15.14"));
    assert!(
        header(&frame, "session").is_some_and(|session| session.starts_with("ID:")),
        "{frame}"
    );
}

#[tokio::test]
async fn stomp_is_another_word_for_connect() {
    let started = start(HEART_BEAT).await;
    let mut client = started.client().await;

    client.write("STOMP\r\naccept-version:1.1,1.2\r\nhost:h\r\nlogin:worker\r\npasscode:secret\\cwith colon\r\n\r\n\0").await;

    assert!(client.frame().await.starts_with("CONNECTED\n"));
}

#[tokio::test]
async fn a_wrong_passcode_is_an_error_and_the_end() {
    let started = start(HEART_BEAT).await;
    let mut client = started.client().await;

    client.write(&GREETING.replace("secret", "guess")).await;

    let frame = client.frame().await;
    assert!(frame.starts_with("ERROR\n"), "{frame}");
    assert_eq!(
        header(&frame, "message"),
        Some("User name [worker] or password is invalid.")
    );
    client.closed().await;
    let seen = started.broker.journal();
    assert!(
        seen[0].headers.iter().all(|(name, _)| name != "passcode"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn other_versions_and_other_first_frames_are_refused() {
    let started = start(HEART_BEAT).await;
    for wrong in [
        &GREETING.replace("1.2", "1.1"),
        &GREETING.replace("host:localhost\n", ""),
        "SUBSCRIBE\nid:1\ndestination:q\n\n\0",
        &GREETING.replace("0,15000", "soon"),
    ] {
        let mut client = started.client().await;
        client.write(wrong).await;
        assert!(client.frame().await.starts_with("ERROR\n"), "{wrong}");
        client.closed().await;
    }
}

#[tokio::test]
async fn delivers_with_escaped_headers_and_settles_by_the_ack_header() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;

    let id = publish(&started, r#"{"function":{"name":"f"}}"#);

    let frame = client.frame().await;
    assert_eq!(frame.lines().next(), Some("MESSAGE"));
    assert_eq!(
        header(&frame, "message-id").map(|id| id.replace("\\c", ":")),
        Some(id)
    );
    assert_eq!(
        header(&frame, "destination"),
        Some("/queue/actions.201.fn_aws_gd")
    );
    assert_eq!(header(&frame, "subscription"), Some(QUEUE));
    assert_eq!(header(&frame, "correlation-id"), Some("invid\\c80"));
    assert_eq!(header(&frame, "content-length"), Some("25"));
    assert_eq!(header(&frame, "persistent"), Some("true"));
    assert_eq!(header(&frame, "redelivered"), None);
    assert!(
        header(&frame, "ack").is_some_and(|ack| ack.starts_with("ID\\c")),
        "{frame}"
    );
    assert_eq!(body(&frame), r#"{"function":{"name":"f"}}"#);
    assert_eq!(started.broker.unacked(QUEUE), 1);
    ack(&mut client, &frame).await;
    assert_eq!(
        (
            started.broker.unacked(QUEUE),
            started.broker.queue_depth(QUEUE)
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn a_jms_text_message_has_no_length_and_surrogates() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;

    started.broker.publish_text(QUEUE, Vec::new(), "\"🚨\"");

    let frame = client.frame_bytes().await;
    assert!(
        frame.ends_with(b"\n\n\"\xed\xa0\xbd\xed\xba\xa8\""),
        "{frame:?}"
    );
    assert!(!String::from_utf8_lossy(&frame).contains("content-length"));
}

#[tokio::test]
async fn keeps_to_the_prefetch() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 2).await;

    for text in ["1", "2", "3"] {
        publish(&started, text);
    }

    let first = client.frame().await;
    let second = client.frame().await;
    assert_eq!((body(&first), body(&second)), ("1", "2"));
    assert_eq!(
        (
            started.broker.unacked(QUEUE),
            started.broker.queue_depth(QUEUE)
        ),
        (2, 1)
    );
    let id = header(&second, "ack").expect("ack header");
    client.write(&format!("ACK\nid:{id}\n\n\0")).await;
    assert_eq!(body(&client.frame().await), "3");
}

#[tokio::test]
async fn subscribers_take_turns() {
    let started = start(HEART_BEAT).await;
    let mut one = started.subscribed(QUEUE, 25).await;
    let mut two = started.subscribed(&format!("/queue/{QUEUE}"), 25).await;

    for text in ["1", "2", "3", "4"] {
        publish(&started, text);
    }

    assert_eq!(
        (body(&one.frame().await), body(&one.frame().await)),
        ("1", "3")
    );
    assert_eq!(
        (body(&two.frame().await), body(&two.frame().await)),
        ("2", "4")
    );
    assert_eq!(started.broker.subscribers(QUEUE), 2);
}

#[tokio::test]
async fn hands_replies_over_and_queues_other_messages() {
    let started = start(HEART_BEAT).await;
    let mut replies = started.broker.subscribe_replies();
    let mut client = started.connected().await;

    client
        .write("SEND\ncontent-length:3\ncorrelation-id:invid\\c80\ndestination:/queue/acks.201.fn_aws_gd\nreceipt:r1\n\na\0b\0")
        .await;

    let sent = timeout(HEART_BEAT, replies.recv())
        .await
        .expect("in time")
        .expect("a reply");
    assert_eq!(sent.destination, "/queue/acks.201.fn_aws_gd");
    assert_eq!(sent.header("correlation-id"), Some("invid:80"));
    assert_eq!(sent.body, b"a\0b");
    assert_eq!(client.frame().await, "RECEIPT\nreceipt-id:r1\n\n");
    client
        .write("SEND\ndestination:other\nkind:x\nreceipt:r2\n\nhello\0")
        .await;
    client.frame().await;
    assert_eq!(started.broker.queue_depth("/queue/other"), 1);
    let mut reader = started.subscribed("other", 1).await;
    let frame = reader.frame().await;
    assert_eq!(
        (
            body(&frame),
            header(&frame, "kind"),
            header(&frame, "receipt"),
            header(&frame, "content-length")
        ),
        ("hello", Some("x"), None, None)
    );
}

#[tokio::test]
async fn refusals_that_leave_the_connection_open() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;
    for (wrong, message) in [
        (
            "SUBSCRIBE\nid:x\ndestination:actions.201.forbidden\n\n\0",
            "User worker is not authorized to read from queue\\c actions.201.forbidden",
        ),
        (
            "SEND\ndestination:/queue/acks.201.forbidden\n\nx\0",
            "User worker is not authorized to write to\\c queue\\c//acks.201.forbidden",
        ),
        (
            "ACK\nid:ID\\cnone\n\n\0",
            "Unexpected ACK received for message-id [ID\\cnone]",
        ),
        ("ACK\n\n\0", "ACK frame without the header id"),
        (
            "UNSUBSCRIBE\nid:none\n\n\0",
            "No subscription matched\\c none",
        ),
        (
            "SUBSCRIBE\nid:x\ndestination:/topic/t\n\n\0",
            "this broker has queues only, not /topic/t",
        ),
    ] {
        client.write(wrong).await;
        let frame = client.frame().await;
        assert!(frame.starts_with("ERROR\n"), "{frame}");
        assert_eq!(header(&frame, "message"), Some(message));
    }
    client
        .write(&format!(
            "SUBSCRIBE\nid:{QUEUE}\ndestination:{QUEUE}\nreceipt:7\n\n\0"
        ))
        .await;
    assert_eq!(header(&client.frame().await, "receipt-id"), Some("7"));
    publish(&started, "still here");
    assert_eq!(body(&client.frame().await), "still here");
}

#[tokio::test]
async fn malformed_frames_end_the_connection() {
    let started = start(HEART_BEAT).await;
    for wrong in [
        "SEND\nno colon\n\n\0",
        "SEND\na:\\t\n\n\0",
        "SEND\ncontent-length:x\n\n\0",
        "SEND\ncontent-length:1\n\nabc\0",
        "HELLO\n\n\0",
    ] {
        let mut client = started.connected().await;
        client.write(wrong).await;
        assert!(client.frame().await.starts_with("ERROR\n"), "{wrong}");
        client.closed().await;
    }
}

#[tokio::test]
async fn disconnect_is_answered_and_ends_the_subscription() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;
    publish(&started, "1");
    client.frame().await;

    client.write("DISCONNECT\nreceipt:bye\n\n\0").await;

    assert_eq!(client.frame().await, "RECEIPT\nreceipt-id:bye\n\n");
    client.closed().await;
    started
        .broker
        .wait_until(|broker| broker.queue_depth(QUEUE) == 1)
        .await;
    assert_eq!(started.broker.connections(), 0);
}

#[tokio::test]
async fn unsubscribing_gives_messages_back() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;
    publish(&started, "1");
    client.frame().await;

    client
        .write(&format!("UNSUBSCRIBE\nid:{QUEUE}\nreceipt:u\n\n\0"))
        .await;

    client.frame().await;
    assert_eq!(
        (
            started.broker.queue_depth(QUEUE),
            started.broker.subscribers(QUEUE)
        ),
        (1, 0)
    );
}

#[tokio::test]
async fn a_refused_message_goes_to_the_dead_letters() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;
    publish(&started, "1");
    let frame = client.frame().await;

    client
        .write(&format!(
            "NACK\nid:{}\nreceipt:n\n\n\0",
            header(&frame, "ack").expect("ack header")
        ))
        .await;

    client.frame().await;
    assert_eq!(
        (
            started.broker.unacked(QUEUE),
            started.broker.queue_depth("ActiveMQ.DLQ")
        ),
        (0, 1)
    );
}
