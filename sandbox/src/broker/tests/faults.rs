//! Lost connections, heart-beats and faults on demand.

use std::time::Duration;

use tokio::time::timeout;

use super::{HEART_BEAT, QUEUE, ack, publish};
use crate::broker::Cut;
use crate::broker::test_client::{GREETING, body, header, start};

#[tokio::test]
async fn a_lost_connection_brings_its_messages_back_in_order() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;
    let ids: Vec<_> = ["1", "2", "3"]
        .iter()
        .map(|text| publish(&started, text))
        .collect();
    let before = [
        client.frame().await,
        client.frame().await,
        client.frame().await,
    ];
    ack(&mut client, &before[1]).await;

    assert_eq!(started.broker.cut_connections(), 1);

    client.closed().await;
    assert_eq!(
        (
            started.broker.subscribers(QUEUE),
            started.broker.queue_depth(QUEUE)
        ),
        (0, 2)
    );
    let mut client = started.subscribed(QUEUE, 25).await;
    for (at, text) in [(0, "1"), (2, "3")] {
        let frame = client.frame().await;
        assert_eq!(body(&frame), text);
        assert_eq!(
            header(&frame, "message-id")
                .map(|id| id.replace("\\c", ":"))
                .as_ref(),
            Some(&ids[at])
        );
        assert_ne!(header(&frame, "ack"), header(&before[at], "ack"));
        assert_eq!(header(&frame, "redelivered"), Some("true"));
    }
}

#[tokio::test]
async fn a_message_can_come_twice_while_it_is_in_work() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;
    publish(&started, "1");
    let first = client.frame().await;

    assert_eq!(started.broker.redeliver_unacked(QUEUE), 1);

    let second = client.frame().await;
    assert_eq!(header(&second, "message-id"), header(&first, "message-id"));
    assert_ne!(header(&second, "ack"), header(&first, "ack"));
    assert_eq!(started.broker.unacked(QUEUE), 1);
    ack(&mut client, &second).await;
    assert_eq!(started.broker.unacked(QUEUE), 0);
    ack(&mut client, &first).await;
}

#[tokio::test]
async fn beats_its_heart() {
    let started = start(Duration::from_millis(5)).await;
    let mut client = started.client().await;
    client.write(&GREETING.replace("0,15000", "0,5")).await;
    client.frame().await;

    assert_eq!([client.byte().await, client.byte().await], [b'\n', b'\n']);
}

#[tokio::test]
async fn a_client_that_promised_heart_beats_and_is_silent_is_dropped() {
    let started = start(Duration::from_millis(5)).await;
    let mut client = started.client().await;
    client.write(&GREETING.replace("0,15000", "10,0")).await;
    let frame = client.frame().await;

    assert_eq!(header(&frame, "heart-beat"), Some("5,10"));
    client.closed().await;
}

#[tokio::test]
async fn faults_on_demand() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;

    started.broker.send_error("maintenance: soon");
    assert_eq!(
        header(&client.frame().await, "message"),
        Some("maintenance\\c soon")
    );

    started.broker.freeze(true);
    publish(&started, "1");
    client.write("SEND\ndestination:other\n\nx\0").await;
    assert_eq!(started.broker.queue_depth("other"), 0);
    started.broker.freeze(false);
    assert_eq!(body(&client.frame().await), "1");
    started
        .broker
        .wait_until(|broker| broker.queue_depth("other") == 1)
        .await;

    started.broker.refuse_new(true);
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", started.broker.port())).await;
    if let Ok(mut socket) = refused {
        use tokio::io::AsyncReadExt;
        assert!(matches!(socket.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    }
    started.broker.refuse_new(false);
    started.connected().await;
}

#[tokio::test]
async fn a_connection_is_cut_around_a_frame() {
    let started = start(HEART_BEAT).await;
    let mut replies = started.broker.subscribe_replies();
    publish(&started, "1");

    started.broker.cut_at_next("ACK", Cut::Before);
    let mut client = started.subscribed(QUEUE, 25).await;
    let id = header(&client.frame().await, "ack")
        .expect("ack header")
        .to_owned();
    client
        .write("SEND\ndestination:/queue/acks.1.x\nreceipt:r\n\nreply\0")
        .await;
    client.receipt("r").await;
    client
        .write(&format!("ACK\nid:{id}\nreceipt:a\n\n\0"))
        .await;
    client.closed().await;
    assert_eq!(replies.recv().await.expect("a reply").body, b"reply");
    assert_eq!(started.broker.queue_depth(QUEUE), 1);

    started.broker.cut_at_next("ACK", Cut::After);
    let mut client = started.subscribed(QUEUE, 25).await;
    let id = header(&client.frame().await, "ack")
        .expect("ack header")
        .to_owned();
    client
        .write(&format!("ACK\nid:{id}\nreceipt:a\n\n\0"))
        .await;
    client.closed().await;
    assert_eq!(
        (
            started.broker.queue_depth(QUEUE),
            started.broker.unacked(QUEUE)
        ),
        (0, 0)
    );

    let mut client = started.subscribed(QUEUE, 25).await;
    publish(&started, "2");
    let frame = client.frame().await;
    ack(&mut client, &frame).await;
}

#[tokio::test]
async fn shutdown_closes_everything() {
    let started = start(HEART_BEAT).await;
    let mut client = started.subscribed(QUEUE, 25).await;
    let waiting = started.broker.clone();
    waiting.wait_for_subscriber(QUEUE).await;

    timeout(HEART_BEAT, started.broker.shutdown())
        .await
        .expect("in time");

    client.closed().await;
    assert!(
        tokio::net::TcpStream::connect(("127.0.0.1", started.broker.port()))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn messages_outlive_a_restart_on_the_same_port() {
    let mut started = start(HEART_BEAT).await;
    publish(&started, "1");
    let mut client = started.subscribed(QUEUE, 25).await;
    let first = client.frame().await;
    started.broker.shutdown().await;
    client.closed().await;

    let port = started.broker.port();
    started.broker = started.broker.start_again().await.expect("the same port");

    assert_eq!(started.broker.port(), port);
    let mut client = started.subscribed(QUEUE, 25).await;
    let again = client.frame().await;
    assert_eq!(header(&again, "message-id"), header(&first, "message-id"));
    ack(&mut client, &again).await;
}
