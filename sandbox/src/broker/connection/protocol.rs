//! What each command of a client does (STOMP 1.2, with the answers of `ActiveMQ`).

use std::sync::Arc;

use super::HeartBeats;
use crate::broker::exchange::{AckMode, Body, ConnectionId, Refusal, Subscribe, bare};
use crate::broker::faults::Cut;
use crate::broker::frame::Frame;
use crate::broker::hub::{Hub, error_frame};
use crate::broker::{Access, Received, Sent};

/// `ActiveMQ` prefetches a thousand messages for a client that does not say.
const DEFAULT_PREFETCH: usize = 1000;

/// What to do after a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    /// Heart-beats were agreed upon.
    Agreed(HeartBeats),
    /// Send what is queued and close.
    Close,
    /// The connection was cut: nothing more is read or sent.
    Cut,
}

/// The state of one client's conversation.
#[derive(Debug)]
pub(super) struct Session {
    hub: Arc<Hub>,
    id: ConnectionId,
    /// Set by CONNECT.
    login: Option<String>,
}

/// Why a frame is answered with ERROR.
struct Fault {
    message: String,
    closes: bool,
}

impl Fault {
    /// The client may go on.
    fn mild(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            closes: false,
        }
    }

    /// The connection ends.
    fn fatal(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            closes: true,
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::mild(refusal.to_string())
    }
}

impl Session {
    pub(super) fn new(hub: Arc<Hub>, id: ConnectionId) -> Self {
        Self {
            hub,
            id,
            login: None,
        }
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(super) fn send(&self, frame: Frame) {
        self.hub.send(self.id, frame);
    }

    /// Carries out one frame, answers it, and sends the receipt it asked for.
    pub(super) fn handle(&mut self, frame: Frame) -> Next {
        let received = self.received(&frame);
        let command = frame.command.clone();
        let receipt = frame.header("receipt").map(str::to_owned);
        let outcome = if self.hub.springs(self.id, &command, Cut::Before) {
            Ok(Next::Cut)
        } else {
            self.carry_out(frame)
        };
        // In the journal a frame stands once its effect is there.
        self.hub.note(received);
        if self.hub.springs(self.id, &command, Cut::After) {
            return Next::Cut;
        }
        self.answer(outcome, receipt)
    }

    fn answer(&self, outcome: Result<Next, Fault>, receipt: Option<String>) -> Next {
        match outcome {
            Ok(next) => {
                if let Some(receipt) = receipt {
                    self.send(Frame::new("RECEIPT").with("receipt-id", receipt));
                }
                next
            }
            Err(fault) => {
                let mut error = error_frame(&fault.message);
                error
                    .headers
                    .extend(receipt.map(|receipt| ("receipt-id".to_owned(), receipt)));
                self.send(error);
                if fault.closes {
                    Next::Close
                } else {
                    Next::Continue
                }
            }
        }
    }

    fn received(&self, frame: &Frame) -> Received {
        let headers = frame
            .headers
            .iter()
            .filter(|(name, _)| name != "passcode")
            .cloned()
            .collect();
        Received {
            connection: self.id,
            command: frame.command.clone(),
            headers,
        }
    }

    fn carry_out(&mut self, frame: Frame) -> Result<Next, Fault> {
        let Some(login) = &self.login else {
            return self.connect(&frame);
        };
        match frame.command.as_str() {
            "SUBSCRIBE" => self.subscribe(login, &frame)?,
            "UNSUBSCRIBE" => {
                let id = required(&frame, "id")?;
                self.hub
                    .step(|exchange| exchange.unsubscribe(self.id, id))?;
            }
            "ACK" => {
                let id = required(&frame, "id")?;
                self.hub
                    .step(|exchange| exchange.acknowledge(self.id, id))?;
            }
            "NACK" => {
                let id = required(&frame, "id")?;
                self.hub.step(|exchange| exchange.reject(self.id, id))?;
            }
            "SEND" => self.deliver(login, frame)?,
            "DISCONNECT" => return Ok(Next::Close),
            "CONNECT" | "STOMP" => return Err(Fault::fatal("Already connected.")),
            "BEGIN" | "COMMIT" | "ABORT" => {
                return Err(Fault::mild("this broker knows no transactions"));
            }
            other => return Err(Fault::fatal(format!("Unknown STOMP action: {other}"))),
        }
        Ok(Next::Continue)
    }

    fn connect(&mut self, frame: &Frame) -> Result<Next, Fault> {
        if !matches!(frame.command.as_str(), "CONNECT" | "STOMP") {
            return Err(Fault::fatal("Not connected."));
        }
        let versions = frame.header("accept-version").unwrap_or("1.0");
        if !versions.split(',').any(|version| version.trim() == "1.2") {
            return Err(Fault::fatal("Supported protocol versions are 1.2"));
        }
        if frame.header("host").is_none_or(str::is_empty) {
            return Err(Fault::fatal("Missing the header host"));
        }
        let login = frame.header("login").unwrap_or_default();
        let passcode = frame.header("passcode").unwrap_or_default();
        if !(self.hub.authenticate)(login, passcode) {
            return Err(Fault::fatal(format!(
                "User name [{login}] or password is invalid."
            )));
        }
        let (heart_beats, answer) =
            HeartBeats::negotiate(self.hub.heart_beat, frame.header("heart-beat"))
                .ok_or_else(|| Fault::fatal("Invalid heart-beat header"))?;
        self.login = Some(login.to_owned());
        self.hub.logged_in(self.id);
        self.send(
            Frame::new("CONNECTED")
                .with("server", "ActiveMQ/5.15.14")
                .with("heart-beat", answer)
                .with("session", self.hub.session(self.id))
                .with("version", "1.2"),
        );
        Ok(Next::Agreed(heart_beats))
    }

    fn subscribe(&self, login: &str, frame: &Frame) -> Result<(), Fault> {
        let queue = queue_of(frame)?;
        let id = required(frame, "id")?.to_owned();
        let mode = match frame.header("ack").unwrap_or("auto") {
            "auto" => AckMode::Auto,
            "client" => AckMode::Cumulative,
            "client-individual" => AckMode::Individual,
            other => return Err(Fault::mild(format!("Unknown ack mode: {other}"))),
        };
        let prefetch = match frame.header("activemq.prefetchSize") {
            Some(text) => text
                .parse()
                .map_err(|_| Fault::mild(format!("Invalid activemq.prefetchSize: {text}")))?,
            None => DEFAULT_PREFETCH,
        };
        if !(self.hub.authorize)(login, Access::Read, queue) {
            return Err(Fault::mild(format!(
                "User {login} is not authorized to read from queue: {queue}"
            )));
        }
        let wanted = Subscribe {
            id,
            queue: queue.to_owned(),
            mode,
            prefetch,
        };
        Ok(self
            .hub
            .step(|exchange| exchange.subscribe(self.id, wanted))?)
    }

    fn deliver(&self, login: &str, frame: Frame) -> Result<(), Fault> {
        let queue = queue_of(&frame)?;
        if !(self.hub.authorize)(login, Access::Write, queue) {
            return Err(Fault::mild(format!(
                "User {login} is not authorized to write to: queue://{queue}"
            )));
        }
        let destination = required(&frame, "destination")?.to_owned();
        let sent = Sent {
            destination,
            headers: frame.headers,
            body: frame.body.to_vec(),
        };
        if let Err(sent) = self.hub.reply(sent) {
            let own = |name: &str| {
                !matches!(
                    name,
                    "destination" | "content-length" | "receipt" | "transaction"
                )
            };
            // ActiveMQ takes a message without content-length for a text, and announces no length either.
            let announced = sent.header("content-length").is_some();
            let headers = sent
                .headers
                .into_iter()
                .filter(|(name, _)| own(name))
                .collect();
            let body = if announced {
                Body::bytes(sent.body.into())
            } else {
                Body::text(sent.body.into())
            };
            self.hub.publish(&sent.destination, headers, body);
        }
        Ok(())
    }
}

fn required<'a>(frame: &'a Frame, name: &str) -> Result<&'a str, Fault> {
    let value = frame.header(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| Fault::mild(format!("{} frame without the header {name}", frame.command)))
}

/// The queue that a frame names, with or without `/queue/`.
fn queue_of(frame: &Frame) -> Result<&str, Fault> {
    let queue = bare(required(frame, "destination")?);
    let is_queue = !queue.is_empty() && !queue.starts_with('/') && !queue.contains(['*', '>']);
    if is_queue {
        Ok(queue)
    } else {
        Err(Fault::mild(format!(
            "this broker has queues only, not {queue}"
        )))
    }
}
