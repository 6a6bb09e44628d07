//! A small STOMP 1.2 broker over TLS that behaves as the `ActiveMQ` inside SOAR does.
//!
//! `frame` is the codec and `exchange` the queues: both pure. `connection` serves one client, this file ties them together.
//! Nothing here is shared with the worker, so that a mistake in the one cannot hide a mistake in the other.

pub(crate) mod client;
mod connection;
mod exchange;
mod faults;
mod frame;
mod hub;
mod jms_text;
#[cfg(test)]
mod test_client;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::exchange::Body;
pub use self::faults::Cut;
use self::hub::Hub;

/// Tells whether a login and its passcode are right.
pub type Authenticate = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;
/// Tells whether a login may read or write a queue; the queue's name comes without `/queue/`.
pub type Authorize = Arc<dyn Fn(&str, Access, &str) -> bool + Send + Sync>;

/// What a client wants of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// SUBSCRIBE.
    Read,
    /// SEND.
    Write,
}

/// How a broker listens and whom it lets in.
#[derive(Clone)]
pub struct BrokerOptions {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// The certificate that clients see.
    pub tls: Arc<rustls::ServerConfig>,
    /// Asked at CONNECT.
    pub authenticate: Authenticate,
    /// Asked at SUBSCRIBE and SEND.
    pub authorize: Authorize,
    /// How often the broker offers to send a heart-beat; the real platform offers 15 s. Zero offers none.
    pub heart_beat: Duration,
}

impl fmt::Debug for BrokerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerOptions")
            .field("addr", &self.addr)
            .field("heart_beat", &self.heart_beat)
            .finish_non_exhaustive()
    }
}

/// What a client sent to a reply queue (`/queue/acks.…`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The destination, spelled as the client did.
    pub destination: String,
    /// Every header of the SEND frame, unescaped.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

impl Sent {
    /// The value of a header; of a repeated one the first counts (STOMP 1.2).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One frame that a client sent, without its body and passcode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Counts connections from 1.
    pub connection: u64,
    /// `CONNECT`, `SEND`, `ACK` and so on.
    pub command: String,
    /// The headers, unescaped.
    pub headers: Vec<(String, String)>,
}

/// A running broker; it stops when [`Broker::shutdown`] is called or the last clone is dropped.
#[derive(Clone)]
pub struct Broker {
    hub: Arc<Hub>,
    addr: SocketAddr,
    acceptor: TlsAcceptor,
    running: Arc<Running>,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// Ends the listener with the last handle.
struct Running {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Broker {
    /// Listens and serves. Fails when the address cannot be bound.
    pub async fn start(options: BrokerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.addr).await?;
        let addr = listener.local_addr()?;
        let hub = Arc::new(Hub::new(&options, addr.port()));
        Ok(Self::run(
            listener,
            addr,
            TlsAcceptor::from(options.tls),
            hub,
        ))
    }

    /// A broker on the same port with the messages of this one, as a real one finds its persistent messages on disk.
    /// Fails while this one has not been shut down.
    pub async fn start_again(&self) -> io::Result<Self> {
        let listener = TcpListener::bind(self.addr).await?;
        let (acceptor, hub) = (self.acceptor.clone(), Arc::clone(&self.hub));
        Ok(Self::run(listener, self.addr, acceptor, hub))
    }

    fn run(listener: TcpListener, addr: SocketAddr, acceptor: TlsAcceptor, hub: Arc<Hub>) -> Self {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(connection::accept(
            listener,
            acceptor.clone(),
            Arc::clone(&hub),
            stop.clone(),
            tasks.clone(),
        ));
        Self {
            hub,
            addr,
            acceptor,
            running: Arc::new(Running { stop, tasks }),
        }
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Puts a message on a queue, with `content-length`, and returns its message id.
    pub fn publish(&self, queue: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> String {
        self.hub
            .publish(queue, headers, Body::bytes(Bytes::from(body)))
    }

    /// Puts a message on a queue as `ActiveMQ` relays a JMS text message: no `content-length`, and Java's modified UTF-8,
    /// in which a character beyond the BMP is a pair of three-byte surrogates.
    pub fn publish_text(&self, queue: &str, headers: Vec<(String, String)>, text: &str) -> String {
        self.hub.publish(queue, headers, Body::jms_text(text))
    }

    /// Everything that clients send to `/queue/acks.…` from now on. While nobody listens, it is queued like other messages.
    pub fn subscribe_replies(&self) -> mpsc::UnboundedReceiver<Sent> {
        self.hub.subscribe_replies()
    }

    /// Messages of a queue that wait for a subscriber.
    pub fn queue_depth(&self, queue: &str) -> usize {
        self.hub.with_exchange(|exchange| exchange.depth(queue))
    }

    /// Messages of a queue that were delivered and not yet acknowledged.
    pub fn unacked(&self, queue: &str) -> usize {
        self.hub.with_exchange(|exchange| exchange.unacked(queue))
    }

    /// Subscriptions to a queue.
    pub fn subscribers(&self, queue: &str) -> usize {
        self.hub
            .with_exchange(|exchange| exchange.subscribers(queue))
    }

    /// Clients that are logged in.
    pub fn connections(&self) -> usize {
        self.hub.connections()
    }

    /// The last frames that clients sent, oldest first, at most ten thousand.
    pub fn journal(&self) -> Vec<Received> {
        self.hub.journal()
    }

    /// Returns once the queue has a subscriber.
    pub async fn wait_for_subscriber(&self, queue: &str) {
        self.wait_until(|broker| broker.subscribers(queue) > 0)
            .await;
    }

    /// Returns once the condition holds; it is asked again whenever something changed in the broker.
    pub async fn wait_until(&self, condition: impl Fn(&Self) -> bool) {
        let mut changes = self.hub.changes();
        while !condition(self) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Closes every connection and the port, and waits until that is done.
    pub async fn shutdown(&self) {
        self.running.stop.cancel();
        self.hub.cut_connections();
        self.running.tasks.close();
        self.running.tasks.wait().await;
    }
}
