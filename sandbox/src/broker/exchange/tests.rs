use super::*;

fn exchange() -> Exchange {
    Exchange::new("ID:host-1-2".to_owned())
}

fn subscription(mode: AckMode, prefetch: usize) -> Subscribe {
    Subscribe {
        id: "s".to_owned(),
        queue: "/queue/q".to_owned(),
        mode,
        prefetch,
    }
}

fn publish(exchange: &mut Exchange, text: &'static str) -> Deliveries {
    exchange
        .publish("q", Vec::new(), Body::bytes(text.into()))
        .1
}

fn ack_id(delivery: &(ConnectionId, Frame)) -> String {
    delivery.1.header("ack").expect("ack header").to_owned()
}

fn bodies(deliveries: &Deliveries) -> Vec<&str> {
    deliveries
        .iter()
        .map(|(_, frame)| std::str::from_utf8(&frame.body).expect("UTF-8"))
        .collect()
}

#[test]
fn automatic_acks_leave_nothing_unacked() {
    let mut exchange = exchange();
    exchange
        .subscribe(1, subscription(AckMode::Auto, 1))
        .expect("subscribed");

    assert_eq!(bodies(&publish(&mut exchange, "a")), ["a"]);
    assert_eq!(bodies(&publish(&mut exchange, "b")), ["b"]);
    assert_eq!((exchange.unacked("q"), exchange.depth("q")), (0, 0));
}

#[test]
fn a_cumulative_ack_settles_what_came_before() {
    let mut exchange = exchange();
    exchange
        .subscribe(1, subscription(AckMode::Cumulative, 9))
        .expect("subscribed");
    let first = publish(&mut exchange, "a");
    let second = publish(&mut exchange, "b");
    publish(&mut exchange, "c");

    exchange.acknowledge(1, &ack_id(&second[0])).expect("acked");

    assert_eq!(exchange.unacked("q"), 1);
    assert_eq!(
        exchange.acknowledge(1, &ack_id(&first[0])).err(),
        None,
        "settled by the other"
    );
}

#[test]
fn another_connections_ack_id_is_unknown() {
    let mut exchange = exchange();
    exchange
        .subscribe(1, subscription(AckMode::Individual, 9))
        .expect("subscribed");
    let id = ack_id(&publish(&mut exchange, "a")[0]);

    assert_eq!(
        exchange.acknowledge(2, &id).err(),
        Some(Refusal::UnknownAck(id.clone()))
    );
    exchange.acknowledge(1, &id).expect("acked");
    assert_eq!(
        exchange.acknowledge(1, &id).err(),
        Some(Refusal::UnknownAck(id)),
        "twice"
    );
}

#[test]
fn a_lost_connections_messages_go_to_the_other_before_newer_ones() {
    let mut exchange = exchange();
    exchange
        .subscribe(1, subscription(AckMode::Individual, 2))
        .expect("subscribed");
    for text in ["a", "b", "c"] {
        publish(&mut exchange, text);
    }

    let deliveries = exchange
        .subscribe(2, subscription(AckMode::Individual, 1))
        .expect("subscribed");
    assert_eq!(bodies(&deliveries), ["c"]);
    publish(&mut exchange, "d");
    assert_eq!(
        bodies(&exchange.drop_connection(1)),
        Vec::<&str>::new(),
        "no room"
    );
    let deliveries = exchange
        .acknowledge(2, &ack_id(&deliveries[0]))
        .expect("acked");
    assert_eq!(bodies(&deliveries), ["a"]);
    assert_eq!(deliveries[0].1.header("redelivered"), Some("true"));
    let deliveries = exchange
        .acknowledge(2, &ack_id(&deliveries[0]))
        .expect("acked");
    assert_eq!(bodies(&deliveries), ["b"]);
    let deliveries = exchange
        .acknowledge(2, &ack_id(&deliveries[0]))
        .expect("acked");
    assert_eq!(bodies(&deliveries), ["d"]);
    assert_eq!(deliveries[0].1.header("redelivered"), None);
}

#[test]
fn a_subscription_id_is_used_once_a_connection() {
    let mut exchange = exchange();
    exchange
        .subscribe(1, subscription(AckMode::Auto, 1))
        .expect("subscribed");

    let again = exchange.subscribe(1, subscription(AckMode::Auto, 1)).err();
    assert_eq!(again, Some(Refusal::SubscriptionExists("s".to_owned())));
    exchange
        .subscribe(2, subscription(AckMode::Auto, 1))
        .expect("another connection's");
    assert_eq!(exchange.subscribers("/queue/q"), 2);
}
