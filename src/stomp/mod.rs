//! STOMP 1.2 over TLS: one session that keeps itself connected and subscribed.

mod connection;
mod conversation;
mod error;
pub mod frame;
mod handle;
mod probe;
mod receipts;
mod session;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use error::StompError;
pub use frame::{Limits, TextError, decode_text};
pub use handle::Handle;
pub use probe::{Probed, probe};

use frame::Frame;
use session::Session;

use crate::proxy::Proxy;

/// Requests of [`Handle`]s that wait for the session task.
const WAITING_REQUESTS: usize = 64;

/// Whom to connect to, as whom, and how.
#[derive(Clone)]
pub struct StompOptions {
    /// Name or address of the broker; also the name its certificate must carry.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// API key id or user.
    pub login: String,
    /// API key secret or password.
    pub passcode: SecretString,
    /// Whom to trust.
    pub tls: Arc<rustls::ClientConfig>,
    /// The proxy on the way.
    pub proxy: Option<Proxy>,
    /// Time for TCP, TLS and CONNECTED together.
    pub connect_timeout: Duration,
    /// Offered both ways; zero for none.
    pub heart_beat: Duration,
    /// Time for the broker to confirm a frame; after it the connection counts as dead.
    pub receipt_timeout: Duration,
    /// Unacknowledged messages the broker may have out per subscription.
    pub prefetch: u16,
    /// Queues, such as `actions.201.fn_aws_gd`, without `/queue/`.
    pub subscriptions: Vec<String>,
    /// Delay before the first attempt to reconnect.
    pub reconnect_min: Duration,
    /// The delay doubles up to this; a connection that held this long resets it.
    pub reconnect_max: Duration,
    /// How much the broker may make us hold.
    pub limits: Limits,
}

impl StompOptions {
    /// Options with the usual figures, subscribed to nothing.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        login: impl Into<String>,
        passcode: SecretString,
        tls: Arc<rustls::ClientConfig>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            login: login.into(),
            passcode,
            tls,
            proxy: None,
            connect_timeout: Duration::from_mins(1),
            heart_beat: Duration::from_secs(15),
            receipt_timeout: Duration::from_mins(1),
            prefetch: 25,
            subscriptions: Vec::new(),
            reconnect_min: Duration::from_secs(1),
            reconnect_max: Duration::from_mins(1),
            limits: Limits::default(),
        }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Without passcode and TLS keys.
impl fmt::Debug for StompOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StompOptions")
            .field("address", &self.address())
            .field("login", &self.login)
            .field("proxy", &self.proxy)
            .field("connect_timeout", &self.connect_timeout)
            .field("heart_beat", &self.heart_beat)
            .field("receipt_timeout", &self.receipt_timeout)
            .field("prefetch", &self.prefetch)
            .field("subscriptions", &self.subscriptions)
            .field("reconnect_min", &self.reconnect_min)
            .field("reconnect_max", &self.reconnect_max)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A message as it came; until it is acknowledged the broker keeps it.
#[derive(Clone)]
pub struct Delivery {
    /// Stays the same when the message is delivered again.
    pub message_id: String,
    /// Names this delivery; new each time.
    pub ack: String,
    /// Queue, with `/queue/`.
    pub destination: String,
    /// The subscription it came by.
    pub subscription: String,
    /// Where the answer goes, to be used as it stands.
    pub reply_to: Option<String>,
    /// What the answer must carry, as it stands.
    pub correlation_id: Option<String>,
    /// All headers, unescaped, in the order of the wire.
    pub headers: Vec<(String, String)>,
    /// See [`decode_text`].
    pub body: Bytes,
    /// Number of the connection it came on; it can be acknowledged on no other.
    pub connection: u64,
}

impl Delivery {
    /// None when the message can be neither recognised nor acknowledged.
    fn new(frame: Frame, connection: u64) -> Option<Self> {
        let header = |name| frame.header(name).map(str::to_owned);
        let (message_id, ack) = match (header("message-id"), header("ack")) {
            (Some(message_id), Some(ack)) => (message_id, ack),
            // STOMP 1.2 requires both; the one stands in for the other.
            (Some(id), None) | (None, Some(id)) => (id.clone(), id),
            (None, None) => return None,
        };
        Some(Self {
            message_id,
            ack,
            destination: header("destination").unwrap_or_default(),
            subscription: header("subscription").unwrap_or_default(),
            reply_to: header("reply-to"),
            correlation_id: header("correlation-id"),
            headers: frame.headers,
            body: frame.body,
            connection,
        })
    }

    /// Bytes it holds, near enough.
    fn size(&self) -> usize {
        let headers = self.headers.iter();
        self.body.len()
            + headers
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>()
    }
}

/// Without header values and body: a context token is among them.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("message_id", &self.message_id)
            .field("ack", &self.ack)
            .field("destination", &self.destination)
            .field("reply_to", &self.reply_to)
            .field("correlation_id", &self.correlation_id)
            .field("body_bytes", &self.body.len())
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// How the session stands with the broker.
#[derive(Debug, Clone)]
pub enum State {
    /// Not connected; the session tries again unless it has ended.
    Disconnected {
        /// Why the last connection or attempt ended; none before the first and after the end.
        reason: Option<Arc<StompError>>,
    },
    /// Logged in; not every subscription is confirmed, or intake has been stopped.
    Connected {
        /// When CONNECTED came.
        since: Instant,
    },
    /// The broker has confirmed every subscription.
    Subscribed {
        /// When the last confirmation came.
        since: Instant,
    },
}

/// The session's work; the caller spawns it. It ends after [`Handle::disconnect`], when `stop` is cancelled, or when every
/// [`Handle`] is gone.
#[must_use = "nothing happens until it is spawned"]
pub struct SessionTask(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Future for SessionTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

/// Prepares a session that connects, subscribes and, whenever it is cut off, does so again.
///
/// Cancelling `stop` drops the connection at once; [`Handle::disconnect`] is the polite end. Deliveries end (`None`) after
/// [`Handle::unsubscribe`] and with the session.
pub fn start(
    options: StompOptions,
    stop: CancellationToken,
) -> (Handle, mpsc::Receiver<Delivery>, SessionTask) {
    let (requests, waiting) = mpsc::channel(WAITING_REQUESTS);
    let (deliveries, received) = mpsc::channel(usize::from(options.prefetch).max(1));
    let (state, watched) = watch::channel(State::Disconnected { reason: None });
    let session = Session::new(options, waiting, deliveries, state.clone());
    let task = async move {
        stop.run_until_cancelled_owned(session.run()).await;
        state.send_replace(State::Disconnected { reason: None });
    };
    (
        Handle::new(requests, watched),
        received,
        SessionTask(Box::pin(task)),
    )
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first surprise"
)]
mod tests;
