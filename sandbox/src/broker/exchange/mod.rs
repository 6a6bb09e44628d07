//! Queues, subscriptions and what is delivered to whom. Pure: it makes frames, the hub sends them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use self::message::{Message, message_frame};
use super::frame::Frame;

mod message;
#[cfg(test)]
mod tests;

pub(super) use self::message::Body;

/// Where `ActiveMQ` puts what a client refuses with NACK.
const DEAD_LETTERS: &str = "ActiveMQ.DLQ";

pub(super) type ConnectionId = u64;
type SubscriptionKey = (ConnectionId, String);
/// Frames to send, in order, and to whom.
pub(super) type Deliveries = Vec<(ConnectionId, Frame)>;

/// When a delivery counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AckMode {
    /// As soon as it is sent.
    Auto,
    /// An ACK settles it and everything before it in the subscription.
    Cumulative,
    /// An ACK settles it alone.
    Individual,
}

/// What a SUBSCRIBE frame asks for.
#[derive(Debug, Clone)]
pub(super) struct Subscribe {
    pub(super) id: String,
    pub(super) queue: String,
    pub(super) mode: AckMode,
    /// How many messages may be un-acknowledged at a time.
    pub(super) prefetch: usize,
}

#[derive(Debug)]
struct Subscription {
    wanted: Subscribe,
    in_flight: Vec<InFlight>,
}

/// A delivered message; after a duplicate delivery it has several ack ids.
#[derive(Debug)]
struct InFlight {
    message: Message,
    ack_ids: Vec<String>,
}

#[derive(Debug, Default)]
struct Queue {
    ready: VecDeque<Message>,
    /// Who is served next.
    turn: VecDeque<SubscriptionKey>,
}

/// Why a frame of a client is refused; the connection stays.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Refusal {
    #[error("There already is a subscription for: {0}. Use unique subscription ids")]
    SubscriptionExists(String),
    #[error("No subscription matched: {0}")]
    NoSubscription(String),
    #[error("Unexpected ACK received for message-id [{0}]")]
    UnknownAck(String),
}

/// All queues of the broker.
#[derive(Debug)]
pub(super) struct Exchange {
    /// What ids begin with, as `ID:host-39107-1634460977177`.
    prefix: String,
    last_sequence: u64,
    last_ack: u64,
    queues: BTreeMap<String, Queue>,
    subscriptions: HashMap<SubscriptionKey, Subscription>,
    /// Second ack ids of messages that were delivered twice and are settled: a late ACK of these is no fault of the client's.
    spent: HashSet<(ConnectionId, String)>,
}

impl Exchange {
    pub(super) fn new(prefix: String) -> Self {
        Self {
            prefix,
            last_sequence: 0,
            last_ack: 0,
            queues: BTreeMap::new(),
            subscriptions: HashMap::new(),
            spent: HashSet::new(),
        }
    }

    pub(super) fn depth(&self, queue: &str) -> usize {
        self.queues
            .get(bare(queue))
            .map_or(0, |queue| queue.ready.len())
    }

    pub(super) fn unacked(&self, queue: &str) -> usize {
        self.subscriptions_to(bare(queue))
            .map(|subscription| subscription.in_flight.len())
            .sum()
    }

    pub(super) fn subscribers(&self, queue: &str) -> usize {
        self.subscriptions_to(bare(queue)).count()
    }

    fn subscriptions_to<'a>(&'a self, queue: &'a str) -> impl Iterator<Item = &'a Subscription> {
        self.subscriptions
            .values()
            .filter(move |subscription| subscription.wanted.queue == queue)
    }

    /// Queues a message and returns its id.
    pub(super) fn publish(
        &mut self,
        queue: &str,
        headers: Vec<(String, String)>,
        body: Body,
    ) -> (String, Deliveries) {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        let id = format!("{}-3:1:1:1:{sequence}", self.prefix);
        let message = Message {
            sequence,
            id: id.clone(),
            headers,
            body,
            redelivered: false,
        };
        self.queues
            .entry(bare(queue).to_owned())
            .or_default()
            .ready
            .push_back(message);
        (id, self.dispatch(bare(queue)))
    }

    pub(super) fn subscribe(
        &mut self,
        connection: ConnectionId,
        wanted: Subscribe,
    ) -> Result<Deliveries, Refusal> {
        let key = (connection, wanted.id.clone());
        if self.subscriptions.contains_key(&key) {
            return Err(Refusal::SubscriptionExists(wanted.id));
        }
        let wanted = Subscribe {
            queue: bare(&wanted.queue).to_owned(),
            ..wanted
        };
        let queue = wanted.queue.clone();
        self.queues
            .entry(queue.clone())
            .or_default()
            .turn
            .push_back(key.clone());
        self.subscriptions.insert(
            key,
            Subscription {
                wanted,
                in_flight: Vec::new(),
            },
        );
        Ok(self.dispatch(&queue))
    }

    pub(super) fn unsubscribe(
        &mut self,
        connection: ConnectionId,
        id: &str,
    ) -> Result<Deliveries, Refusal> {
        let key = (connection, id.to_owned());
        let queue = self
            .end(&key)
            .ok_or_else(|| Refusal::NoSubscription(id.to_owned()))?;
        Ok(self.dispatch(&queue))
    }

    /// Ends every subscription of a connection; what it had not acknowledged is queued again, in order.
    pub(super) fn drop_connection(&mut self, connection: ConnectionId) -> Deliveries {
        let keys: Vec<_> = self
            .subscriptions
            .keys()
            .filter(|key| key.0 == connection)
            .cloned()
            .collect();
        let queues: Vec<_> = keys.iter().filter_map(|key| self.end(key)).collect();
        self.spent.retain(|(owner, _)| *owner != connection);
        queues
            .iter()
            .flat_map(|queue| self.dispatch(queue))
            .collect()
    }

    /// Removes a subscription and returns the queue it was for.
    fn end(&mut self, key: &SubscriptionKey) -> Option<String> {
        let subscription = self.subscriptions.remove(key)?;
        let queue = self
            .queues
            .entry(subscription.wanted.queue.clone())
            .or_default();
        queue.turn.retain(|other| other != key);
        let back = subscription.in_flight.into_iter().map(|delivery| Message {
            redelivered: true,
            ..delivery.message
        });
        queue.ready.extend(back);
        queue
            .ready
            .make_contiguous()
            .sort_by_key(|message| message.sequence);
        Some(subscription.wanted.queue)
    }

    /// ACK: settles a delivery.
    pub(super) fn acknowledge(
        &mut self,
        connection: ConnectionId,
        ack_id: &str,
    ) -> Result<Deliveries, Refusal> {
        self.settle(connection, ack_id)
            .map(|(queue, _)| self.dispatch(&queue))
    }

    /// NACK: moves a delivery to the dead letters.
    pub(super) fn reject(
        &mut self,
        connection: ConnectionId,
        ack_id: &str,
    ) -> Result<Deliveries, Refusal> {
        let (queue, messages) = self.settle(connection, ack_id)?;
        self.queues
            .entry(DEAD_LETTERS.to_owned())
            .or_default()
            .ready
            .extend(messages);
        let mut deliveries = self.dispatch(&queue);
        deliveries.extend(self.dispatch(DEAD_LETTERS));
        Ok(deliveries)
    }

    fn settle(
        &mut self,
        connection: ConnectionId,
        ack_id: &str,
    ) -> Result<(String, Vec<Message>), Refusal> {
        if self.spent.remove(&(connection, ack_id.to_owned())) {
            return Ok((String::new(), Vec::new()));
        }
        let own = self
            .subscriptions
            .iter_mut()
            .filter(|(key, _)| key.0 == connection);
        for (_, subscription) in own {
            let Some(at) = subscription.position(ack_id) else {
                continue;
            };
            let from = if subscription.wanted.mode == AckMode::Cumulative {
                0
            } else {
                at
            };
            let settled: Vec<_> = subscription.in_flight.drain(from..=at).collect();
            let siblings = settled
                .iter()
                .flat_map(|delivery| &delivery.ack_ids)
                .filter(|id| *id != ack_id);
            self.spent
                .extend(siblings.map(|id| (connection, id.clone())));
            let messages = settled
                .into_iter()
                .map(|delivery| delivery.message)
                .collect();
            return Ok((subscription.wanted.queue.clone(), messages));
        }
        Err(Refusal::UnknownAck(ack_id.to_owned()))
    }

    /// Sends what is un-acknowledged once more, with fresh ack ids.
    pub(super) fn redeliver_unacked(&mut self, queue: &str) -> Deliveries {
        let queue = bare(queue);
        let mut deliveries = Vec::new();
        for (key, subscription) in &mut self.subscriptions {
            if subscription.wanted.queue != queue {
                continue;
            }
            for delivery in &mut subscription.in_flight {
                self.last_ack += 1;
                let ack_id = ack_id(&self.prefix, key.0, self.last_ack);
                delivery.message.redelivered = true;
                deliveries.push((
                    key.0,
                    message_frame(&delivery.message, &subscription.wanted, &ack_id),
                ));
                delivery.ack_ids.push(ack_id);
            }
        }
        deliveries
    }

    /// Hands ready messages to subscriptions that have room, in turn.
    fn dispatch(&mut self, queue_name: &str) -> Deliveries {
        let mut deliveries = Vec::new();
        let Some(queue) = self.queues.get_mut(queue_name) else {
            return deliveries;
        };
        while !queue.ready.is_empty() {
            let has_room = |key: &SubscriptionKey| {
                self.subscriptions
                    .get(key)
                    .is_some_and(Subscription::has_room)
            };
            let Some(at) = queue.turn.iter().position(has_room) else {
                break;
            };
            let (Some(key), Some(message)) = (queue.turn.remove(at), queue.ready.pop_front())
            else {
                break;
            };
            if let Some(subscription) = self.subscriptions.get_mut(&key) {
                self.last_ack += 1;
                let ack_id = ack_id(&self.prefix, key.0, self.last_ack);
                deliveries.push((
                    key.0,
                    message_frame(&message, &subscription.wanted, &ack_id),
                ));
                if subscription.wanted.mode != AckMode::Auto {
                    subscription.in_flight.push(InFlight {
                        message,
                        ack_ids: vec![ack_id],
                    });
                }
            }
            queue.turn.push_back(key);
        }
        deliveries
    }
}

impl Subscription {
    fn has_room(&self) -> bool {
        self.in_flight.len() < self.wanted.prefetch
    }

    fn position(&self, ack_id: &str) -> Option<usize> {
        self.in_flight
            .iter()
            .position(|delivery| delivery.ack_ids.iter().any(|id| id == ack_id))
    }
}

/// The name of a queue without `/queue/`.
pub(super) fn bare(queue: &str) -> &str {
    queue.strip_prefix("/queue/").unwrap_or(queue)
}

fn ack_id(prefix: &str, connection: ConnectionId, number: u64) -> String {
    format!("{prefix}-{connection}:{number}")
}
