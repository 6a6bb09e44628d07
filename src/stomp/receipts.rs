//! Frames the broker has yet to confirm.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::frame::Frame;
use super::handle::Answer;

/// What a receipt will confirm. Dropping it tells who waits that the connection was lost.
pub(super) enum Purpose {
    /// A SEND or ACK and who waits for it.
    Request(Option<Answer>),
    /// SUBSCRIBE to this queue.
    Subscribe(String),
    Unsubscribe,
    Disconnect,
}

struct Pending {
    purpose: Purpose,
    deadline: Instant,
    patience: Duration,
}

/// Every frame asks for a receipt, so that an ERROR, too, can be told which frame it is about.
#[derive(Default)]
pub(super) struct Receipts {
    last: u64,
    pending: BTreeMap<u64, Pending>,
}

impl Receipts {
    /// Adds the receipt header to a frame and remembers what it is for.
    pub(super) fn expect(
        &mut self,
        frame: Frame,
        purpose: Purpose,
        now: Instant,
        patience: Duration,
    ) -> Frame {
        self.last += 1;
        self.pending.insert(
            self.last,
            Pending {
                purpose,
                deadline: now + patience,
                patience,
            },
        );
        frame.with("receipt", self.last.to_string())
    }

    /// What the receipt confirms or the ERROR refuses; none when it is nothing of ours.
    pub(super) fn take(&mut self, frame: &Frame) -> Option<Purpose> {
        let id: u64 = frame.header("receipt-id")?.parse().ok()?;
        self.pending.remove(&id).map(|pending| pending.purpose)
    }

    /// Whether the broker owes us nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// When the first of them is overdue, and how long it was waited for.
    pub(super) fn deadline(&self) -> Option<(Instant, Duration)> {
        self.pending
            .values()
            .map(|pending| (pending.deadline, pending.patience))
            .min()
    }

    /// Whether every SUBSCRIBE is confirmed.
    pub(super) fn all_subscribed(&self) -> bool {
        self.subscribing().next().is_none()
    }

    /// The unconfirmed subscription whose queue `text` names.
    pub(super) fn subscription_in(&self, text: &str) -> Option<String> {
        self.subscribing()
            .find(|queue| text.contains(*queue))
            .map(str::to_owned)
    }

    fn subscribing(&self) -> impl Iterator<Item = &str> {
        self.pending
            .values()
            .filter_map(|pending| match &pending.purpose {
                Purpose::Subscribe(queue) => Some(queue.as_str()),
                _ => None,
            })
    }
}
