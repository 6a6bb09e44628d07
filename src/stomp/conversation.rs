//! One connection, from CONNECTED to its end.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep_until};

use super::connection::Connection;
use super::error::StompError;
use super::frame::{Command, Frame};
use super::handle::Request;
use super::receipts::{Purpose, Receipts};
use super::session::{Session, broker_message};
use super::{Delivery, State};

/// How long the broker may take to confirm DISCONNECT: the process wants to end.
const DISCONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Why a connection ended.
pub(super) enum End {
    /// The caller wants no session any more.
    Asked,
    Failed(StompError),
}

impl From<StompError> for End {
    fn from(error: StompError) -> Self {
        Self::Failed(error)
    }
}

pub(super) struct Conversation<'a> {
    session: &'a mut Session,
    connection: Connection,
    /// Marks the deliveries of this connection.
    number: u64,
    receipts: Receipts,
    /// Deliveries for which the channel has no room; they never stop us from reading receipts and heart-beats.
    backlog: VecDeque<Delivery>,
    backlog_bytes: usize,
    /// Ack ids handed out and not yet acknowledged.
    unsettled: HashSet<String>,
    subscribed: bool,
    /// DISCONNECT has been said.
    leaving: bool,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(session: &'a mut Session, connection: Connection, number: u64) -> Self {
        Self {
            session,
            connection,
            number,
            receipts: Receipts::default(),
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            unsettled: HashSet::new(),
            subscribed: false,
            leaving: false,
        }
    }

    pub(super) async fn run(mut self) -> End {
        let Err(end) = self.serve().await;
        match end {
            End::Failed(error) if self.leaving => {
                tracing::debug!(%error, "the connection ended before DISCONNECT was confirmed");
                End::Asked
            }
            End::Failed(error) => End::Failed(error),
            End::Asked => {
                self.connection.close().await;
                End::Asked
            }
        }
    }

    /// Every branch only waits; what it yields is carried out whole.
    async fn serve(&mut self) -> Result<Infallible, End> {
        self.subscribe()?;
        loop {
            let overdue = self.receipts.deadline();
            let listen = !self.leaving && self.connection.has_room();
            let waiting = !self.leaving && !self.backlog.is_empty();
            tokio::select! {
                frame = self.connection.next() => self.accept(frame?)?,
                request = self.session.requests.recv(), if listen => match request {
                    Some(request) => self.carry_out_all(request)?,
                    None => self.leave()?,
                },
                () = room(self.session.deliveries.as_ref()), if waiting => self.hand_over(),
                after = expiry(overdue) => return Err(StompError::NoReceipt { after }.into()),
            }
        }
    }

    fn subscribe(&mut self) -> Result<(), End> {
        let since = Instant::now();
        self.session.state.send_replace(State::Connected { since });
        if self.session.deliveries.is_none() {
            return Ok(());
        }
        self.subscribed = true;
        for queue in self.session.options.subscriptions.clone() {
            let prefetch = self.session.options.prefetch.to_string();
            let frame = Frame::new(Command::Subscribe)
                .with("ack", "client-individual")
                .with("activemq.prefetchSize", prefetch)
                .with("destination", &queue)
                .with("id", &queue);
            self.queue(frame, Purpose::Subscribe(queue))?;
        }
        self.note_subscribed();
        Ok(())
    }

    fn note_subscribed(&self) {
        if self.subscribed && self.receipts.all_subscribed() {
            let since = Instant::now();
            self.session.state.send_replace(State::Subscribed { since });
            let queues = &self.session.options.subscriptions;
            tracing::info!(?queues, address = %self.session.options.address(), "subscribed at the message broker");
        }
    }

    fn queue(&mut self, frame: Frame, purpose: Purpose) -> Result<(), End> {
        let mut patience = self.session.options.receipt_timeout;
        if matches!(purpose, Purpose::Disconnect) {
            patience = patience.min(DISCONNECT_PATIENCE);
        }
        let frame = self
            .receipts
            .expect(frame, purpose, Instant::now(), patience);
        let queued = self.connection.queue(&frame);
        queued.map_err(|error| End::Failed(error.into()))
    }

    /// Also those that wait already: together they take one write.
    fn carry_out_all(&mut self, first: Request) -> Result<(), End> {
        self.carry_out(first)?;
        while !self.leaving
            && self.connection.has_room()
            && let Ok(next) = self.session.requests.try_recv()
        {
            self.carry_out(next)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, request: Request) -> Result<(), End> {
        match request {
            Request::Send { frame, answer } => self.queue(frame, Purpose::Request(answer)),
            Request::Ack {
                connection, answer, ..
            } if connection != self.number => {
                // Whoever does not wait any more needs no answer.
                let _ = answer.send(Err(StompError::Stale));
                Ok(())
            }
            Request::Ack { ack, answer, .. } => {
                self.unsettled.remove(&ack);
                let frame = Frame::new(Command::Ack).with("id", ack);
                self.queue(frame, Purpose::Request(Some(answer)))?;
                self.unsubscribe_when_settled()
            }
            Request::StopIntake { done } => {
                self.stop_intake();
                drop(done);
                self.unsubscribe_when_settled()
            }
            Request::Disconnect { ended } => {
                self.session.farewell = Some(ended);
                self.leave()
            }
        }
    }

    fn stop_intake(&mut self) {
        self.session.deliveries = None;
        self.backlog.clear();
        self.backlog_bytes = 0;
    }

    /// Not before the last ACK: `ActiveMQ` confirms an ACK for an ended subscription, but delivers its message again.
    fn unsubscribe_when_settled(&mut self) -> Result<(), End> {
        let intake = self.session.deliveries.is_some();
        if intake || !self.subscribed || !self.unsettled.is_empty() {
            return Ok(());
        }
        self.subscribed = false;
        for queue in self.session.options.subscriptions.clone() {
            let frame = Frame::new(Command::Unsubscribe).with("id", queue);
            self.queue(frame, Purpose::Unsubscribe)?;
        }
        let since = Instant::now();
        self.session.state.send_replace(State::Connected { since });
        Ok(())
    }

    fn leave(&mut self) -> Result<(), End> {
        self.leaving = true;
        self.queue(Frame::new(Command::Disconnect), Purpose::Disconnect)
    }

    fn accept(&mut self, frame: Frame) -> Result<(), End> {
        match frame.command {
            Command::Message => self.take_in(frame),
            Command::Receipt => self.confirmed(&frame),
            Command::Error => self.refused(&frame),
            other => {
                let command = other.as_str();
                Err(StompError::Unexpected { command }.into())
            }
        }
    }

    fn take_in(&mut self, frame: Frame) -> Result<(), End> {
        if self.leaving || self.session.deliveries.is_none() {
            // It goes back to its queue when the connection ends.
            return Ok(());
        }
        let Some(delivery) = Delivery::new(frame, self.number) else {
            tracing::warn!("a message without message-id and ack cannot be settled and is left");
            return Ok(());
        };
        self.backlog_bytes += delivery.size();
        self.backlog.push_back(delivery);
        self.hand_over();
        if self.backlog_bytes > self.session.options.limits.frame {
            let prefetch = self.session.options.prefetch;
            return Err(StompError::PrefetchIgnored { prefetch }.into());
        }
        Ok(())
    }

    fn hand_over(&mut self) {
        while let Some(delivery) = self.backlog.pop_front() {
            let Some(deliveries) = &self.session.deliveries else {
                break;
            };
            let (size, ack) = (delivery.size(), delivery.ack.clone());
            match deliveries.try_send(delivery) {
                Ok(()) => {
                    self.backlog_bytes -= size;
                    self.unsettled.insert(ack);
                }
                Err(TrySendError::Full(delivery)) => {
                    self.backlog.push_front(delivery);
                    break;
                }
                // Nobody listens any more.
                Err(TrySendError::Closed(_)) => self.stop_intake(),
            }
        }
    }

    fn confirmed(&mut self, receipt: &Frame) -> Result<(), End> {
        match self.receipts.take(receipt) {
            Some(Purpose::Request(Some(answer))) => drop(answer.send(Ok(()))),
            Some(Purpose::Subscribe(_)) => self.note_subscribed(),
            Some(Purpose::Disconnect) => return Err(End::Asked),
            Some(Purpose::Request(None) | Purpose::Unsubscribe) | None => {}
        }
        if self.receipts.is_empty() {
            self.connection.nudge();
        }
        Ok(())
    }

    /// `ActiveMQ` keeps the connection after the ERROR for one frame, so that only this frame fails.
    fn refused(&mut self, error: &Frame) -> Result<(), End> {
        let message = broker_message(error, &self.session.options);
        match self.receipts.take(error) {
            Some(Purpose::Subscribe(queue)) => {
                Err(StompError::SubscriptionRefused { queue, message }.into())
            }
            Some(Purpose::Disconnect) => Err(End::Asked),
            Some(Purpose::Request(answer)) => {
                tracing::warn!("the message broker refused a frame: {message}");
                if let Some(answer) = answer {
                    let _ = answer.send(Err(StompError::Rejected { message }));
                }
                Ok(())
            }
            Some(Purpose::Unsubscribe) => {
                tracing::warn!("the message broker refused to end a subscription: {message}");
                Ok(())
            }
            None => Err(match self.receipts.subscription_in(&message) {
                Some(queue) => StompError::SubscriptionRefused { queue, message },
                None => StompError::Broker { message },
            }
            .into()),
        }
    }
}

/// Ready when a delivery can be handed over, or nobody is left to take it.
async fn room(deliveries: Option<&mpsc::Sender<Delivery>>) {
    match deliveries {
        Some(deliveries) => drop(deliveries.reserve().await),
        None => pending().await,
    }
}

/// Ends when a receipt is overdue, with the time that was given.
async fn expiry(overdue: Option<(Instant, Duration)>) -> Duration {
    match overdue {
        Some((deadline, patience)) => {
            sleep_until(deadline).await;
            patience
        }
        None => pending().await,
    }
}
