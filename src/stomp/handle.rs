//! What the rest of the program may ask of the session.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::error::StompError;
use super::frame::{Command, Frame};
use super::{Delivery, State};

pub(super) type Answer = oneshot::Sender<Result<(), StompError>>;

pub(super) enum Request {
    Send {
        frame: Frame,
        /// None where nobody waits.
        answer: Option<Answer>,
    },
    Ack {
        connection: u64,
        ack: String,
        answer: Answer,
    },
    StopIntake {
        done: oneshot::Sender<()>,
    },
    Disconnect {
        /// Dropped when the session has ended.
        ended: oneshot::Sender<()>,
    },
}

/// Speaks to the session task. Cheap to clone.
///
/// A future dropped half-way does not call its frame back.
#[derive(Debug, Clone)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
}

impl Handle {
    pub(super) fn new(requests: mpsc::Sender<Request>, state: watch::Receiver<State>) -> Self {
        Self { requests, state }
    }

    /// Sends a message; `Ok` only after the broker has confirmed it.
    ///
    /// After [`StompError::ConnectionLost`] the broker may or may not have it.
    pub async fn send(
        &self,
        destination: &str,
        correlation_id: Option<&str>,
        body: Bytes,
    ) -> Result<(), StompError> {
        let frame = send_frame(destination, correlation_id, body);
        self.confirmed(|answer| Request::Send {
            frame,
            answer: Some(answer),
        })
        .await
    }

    /// Sends a message that may be lost: returns when it is handed to the session, and does nothing while not connected.
    pub async fn send_unconfirmed(
        &self,
        destination: &str,
        correlation_id: Option<&str>,
        body: Bytes,
    ) {
        let frame = send_frame(destination, correlation_id, body);
        // The session has ended: one more way to be not connected.
        let _ = self
            .requests
            .send(Request::Send {
                frame,
                answer: None,
            })
            .await;
    }

    /// Acknowledges a delivery; `Ok` only after the broker has confirmed it.
    ///
    /// [`StompError::Stale`] when it came on an earlier connection: the message comes again.
    pub async fn ack(&self, delivery: &Delivery) -> Result<(), StompError> {
        self.confirmed(|answer| Request::Ack {
            connection: delivery.connection,
            ack: delivery.ack.clone(),
            answer,
        })
        .await
    }

    /// Stops intake: no further delivery is handed out, the channel of deliveries ends, the connection stays for answers.
    ///
    /// The UNSUBSCRIBE itself waits until every delivery handed out is acknowledged, because `ActiveMQ` gives the
    /// unacknowledged messages of an ended subscription to the next consumer and ignores a later ACK.
    pub async fn unsubscribe(&self) {
        let (done, closed) = oneshot::channel();
        if self
            .requests
            .send(Request::StopIntake { done })
            .await
            .is_ok()
        {
            // An error means that the session has ended, and intake with it.
            let _ = closed.await;
        }
    }

    /// Says DISCONNECT, waits for its receipt, and ends the session. Unacknowledged messages go back to the queue.
    pub async fn disconnect(&self) {
        let (ended, end) = oneshot::channel();
        if self
            .requests
            .send(Request::Disconnect { ended })
            .await
            .is_ok()
        {
            // Never sent to: it is dropped at the end.
            let _ = end.await;
        }
    }

    /// How the session stands, now and from now on.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    async fn confirmed(&self, request: impl FnOnce(Answer) -> Request) -> Result<(), StompError> {
        let (answer, answered) = oneshot::channel();
        self.requests
            .send(request(answer))
            .await
            .map_err(|_| StompError::Ended)?;
        // Without an answer the frame went down with its connection.
        answered.await.unwrap_or(Err(StompError::ConnectionLost))
    }
}

/// Persistent, because `ActiveMQ` else confirms what it holds in memory only, and loses it when it is restarted. That goes for
/// status messages, too: it may deliver a persistent message ahead of an earlier one that is not.
fn send_frame(destination: &str, correlation_id: Option<&str>, body: Bytes) -> Frame {
    let mut frame = Frame::new(Command::Send)
        .with("destination", destination)
        .with("persistent", "true");
    if let Some(correlation_id) = correlation_id {
        frame = frame.with("correlation-id", correlation_id);
    }
    frame.with_body(body)
}
