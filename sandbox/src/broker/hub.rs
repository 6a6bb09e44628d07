//! What all connections share: the exchange, who is connected, who listens to replies.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::exchange::{Body, ConnectionId, Deliveries, Exchange, Refusal, bare};
use super::faults::Cut;
use super::frame::Frame;
use super::{Authenticate, Authorize, BrokerOptions, Received, Sent};

/// Frames kept for [`super::Broker::journal`].
const JOURNAL: usize = 10_000;

/// The centre of a broker.
pub(super) struct Hub {
    pub(super) authenticate: Authenticate,
    pub(super) authorize: Authorize,
    pub(super) heart_beat: Duration,
    id_prefix: String,
    state: Mutex<State>,
    frozen: watch::Sender<bool>,
    changed: watch::Sender<()>,
}

struct State {
    exchange: Exchange,
    last_connection: ConnectionId,
    clients: BTreeMap<ConnectionId, Client>,
    listeners: Vec<mpsc::UnboundedSender<Sent>>,
    journal: VecDeque<Received>,
    refusing: bool,
    trap: Option<(String, Cut)>,
}

/// The sending side of a connection.
struct Client {
    outbox: mpsc::UnboundedSender<Frame>,
    cut: CancellationToken,
    logged_in: bool,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("id_prefix", &self.id_prefix)
            .finish_non_exhaustive()
    }
}

impl Hub {
    pub(super) fn new(options: &BrokerOptions, port: u16) -> Self {
        let id_prefix = format!("ID:sandbox-{port}-{}", epoch_millis());
        let state = State {
            exchange: Exchange::new(id_prefix.clone()),
            last_connection: 0,
            clients: BTreeMap::new(),
            listeners: Vec::new(),
            journal: VecDeque::new(),
            refusing: false,
            trap: None,
        };
        Self {
            authenticate: options.authenticate.clone(),
            authorize: options.authorize.clone(),
            heart_beat: options.heart_beat,
            id_prefix,
            state: Mutex::new(state),
            frozen: watch::Sender::new(false),
            changed: watch::Sender::new(()),
        }
    }

    /// The `session` header of a CONNECTED frame.
    pub(super) fn session(&self, connection: ConnectionId) -> String {
        format!("{}-2:{connection}", self.id_prefix)
    }

    /// Registers a connection: its number, and what is to be written to it until its token is cancelled.
    pub(super) fn join(
        &self,
    ) -> (
        ConnectionId,
        mpsc::UnboundedReceiver<Frame>,
        CancellationToken,
    ) {
        let (outbox, frames) = mpsc::unbounded_channel();
        let cut = CancellationToken::new();
        let mut state = self.lock();
        state.last_connection += 1;
        let id = state.last_connection;
        state.clients.insert(
            id,
            Client {
                outbox,
                cut: cut.clone(),
                logged_in: false,
            },
        );
        (id, frames, cut)
    }

    pub(super) fn logged_in(&self, connection: ConnectionId) {
        if let Some(client) = self.lock().clients.get_mut(&connection) {
            client.logged_in = true;
        }
        self.changed.send_replace(());
    }

    /// Forgets a connection and queues again what it left un-acknowledged.
    pub(super) fn leave(&self, connection: ConnectionId) {
        let mut state = self.lock();
        state.clients.remove(&connection);
        let deliveries = state.exchange.drop_connection(connection);
        state.deliver(deliveries);
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn send(&self, connection: ConnectionId, frame: Frame) {
        self.lock().deliver(vec![(connection, frame)]);
    }

    pub(super) fn publish(
        &self,
        queue: &str,
        headers: Vec<(String, String)>,
        body: Body,
    ) -> String {
        let mut headers = headers;
        for (name, value) in jms_headers() {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.to_owned(), value));
            }
        }
        let mut state = self.lock();
        let (id, deliveries) = state.exchange.publish(queue, headers, body);
        state.deliver(deliveries);
        drop(state);
        self.changed.send_replace(());
        id
    }

    /// Runs one step of the exchange for a client and sends what follows from it.
    pub(super) fn step(
        &self,
        step: impl FnOnce(&mut Exchange) -> Result<Deliveries, Refusal>,
    ) -> Result<(), Refusal> {
        let mut state = self.lock();
        let deliveries = step(&mut state.exchange)?;
        state.deliver(deliveries);
        drop(state);
        self.changed.send_replace(());
        Ok(())
    }

    /// Hands a message to those who listen to replies; gives it back when it is none or nobody listens.
    pub(super) fn reply(&self, sent: Sent) -> Result<(), Sent> {
        if !bare(&sent.destination).starts_with("acks.") {
            return Err(sent);
        }
        let mut state = self.lock();
        state
            .listeners
            .retain(|listener| listener.send(sent.clone()).is_ok());
        if state.listeners.is_empty() {
            Err(sent)
        } else {
            Ok(())
        }
    }

    pub(super) fn note(&self, received: Received) {
        let mut state = self.lock();
        if state.journal.len() == JOURNAL {
            state.journal.pop_front();
        }
        state.journal.push_back(received);
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn journal(&self) -> Vec<Received> {
        self.lock().journal.iter().cloned().collect()
    }

    pub(super) fn subscribe_replies(&self) -> mpsc::UnboundedReceiver<Sent> {
        let (listener, replies) = mpsc::unbounded_channel();
        self.lock().listeners.push(listener);
        replies
    }

    pub(super) fn with_exchange<T>(&self, look: impl FnOnce(&Exchange) -> T) -> T {
        look(&self.lock().exchange)
    }

    pub(super) fn connections(&self) -> usize {
        self.lock()
            .clients
            .values()
            .filter(|client| client.logged_in)
            .count()
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn cut_connections(&self) -> usize {
        let mut state = self.lock();
        let clients = std::mem::take(&mut state.clients);
        for (id, client) in &clients {
            client.cut.cancel();
            let deliveries = state.exchange.drop_connection(*id);
            state.deliver(deliveries);
        }
        drop(state);
        self.changed.send_replace(());
        clients.len()
    }

    pub(super) fn cut_at_next(&self, command: &str, cut: Cut) {
        self.lock().trap = Some((command.to_owned(), cut));
    }

    /// Cuts a connection if a trap is set for this moment of this command; tells whether it did.
    pub(super) fn springs(&self, connection: ConnectionId, command: &str, moment: Cut) -> bool {
        let mut state = self.lock();
        let is_set = |(trapped, cut): &mut (String, Cut)| trapped == command && *cut == moment;
        if state.trap.take_if(is_set).is_none() {
            return false;
        }
        if let Some(client) = state.clients.remove(&connection) {
            client.cut.cancel();
        }
        let deliveries = state.exchange.drop_connection(connection);
        state.deliver(deliveries);
        drop(state);
        self.changed.send_replace(());
        true
    }

    pub(super) fn redeliver_unacked(&self, queue: &str) -> usize {
        let mut state = self.lock();
        let deliveries = state.exchange.redeliver_unacked(queue);
        let count = deliveries.len();
        state.deliver(deliveries);
        count
    }

    pub(super) fn send_error(&self, message: &str) {
        let mut state = self.lock();
        let everyone = state.clients.iter().filter(|(_, client)| client.logged_in);
        let frames = everyone
            .map(|(id, _)| (*id, error_frame(message)))
            .collect();
        state.deliver(frames);
    }

    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    pub(super) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Returns at once unless the broker is frozen.
    pub(super) async fn thawed(&self) {
        // The sender lives in self, so waiting cannot fail.
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }

    pub(super) fn refuse_new(&self, refuse: bool) {
        self.lock().refusing = refuse;
    }

    pub(super) fn refuses_new(&self) -> bool {
        self.lock().refusing
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A client that is gone has had its messages queued again, so a frame for it can be dropped.
    fn deliver(&mut self, deliveries: Deliveries) {
        for (connection, frame) in deliveries {
            if let Some(client) = self.clients.get(&connection) {
                let _ = client.outbox.send(frame);
            }
        }
    }
}

/// An ERROR frame as `ActiveMQ` words it: the message in a header and in the body.
pub(super) fn error_frame(message: &str) -> Frame {
    let body = format!("{message}\n");
    Frame::new("ERROR")
        .with("message", message)
        .with("content-type", "text/plain")
        .with("content-length", body.len().to_string())
        .with_body(body.into())
}

/// Headers that every message from a JMS queue bears.
fn jms_headers() -> [(&'static str, String); 4] {
    [
        ("timestamp", epoch_millis().to_string()),
        ("expires", "0".to_owned()),
        ("persistent", "true".to_owned()),
        ("priority", "4".to_owned()),
    ]
}

fn epoch_millis() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
}
