//! The answers in work and given: a message is worked on once, however often it is delivered.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;

use crate::mutex::lock;
use crate::stomp::Delivery;

/// How a delivery stands to those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Never seen: work on it.
    New,
    /// In work: this delivery will get its answer, too.
    InWork,
    /// Answered; the answer or its acknowledgement may have been lost: send it again.
    Answered(Bytes),
}

enum Progress {
    /// The newest delivery of each message.
    InWork {
        deliveries: Vec<Delivery>,
    },
    Answered {
        body: Bytes,
    },
}

/// Invocations by what names them: the platform's correlation id, which stays the same when the broker delivers a message
/// again and when the platform sends one again.
pub(super) struct Answers {
    inner: Mutex<Inner>,
    most: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Inner {
    invocations: HashMap<String, Progress>,
    /// Answered invocations, oldest first.
    answered: VecDeque<String>,
    bytes: usize,
}

impl Answers {
    /// Keeps at most `most` answers of together `most_bytes`; the oldest go first.
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            inner: Mutex::default(),
            most,
            most_bytes,
        }
    }

    pub(super) fn arrive(&self, delivery: &Delivery) -> Arrival {
        let mut inner = self.lock();
        match inner.invocations.get_mut(name(delivery)) {
            Some(Progress::InWork { deliveries }) => {
                deliveries.retain(|known| known.message_id != delivery.message_id);
                deliveries.push(delivery.clone());
                Arrival::InWork
            }
            Some(Progress::Answered { body }) => Arrival::Answered(body.clone()),
            None => {
                let deliveries = vec![delivery.clone()];
                let progress = Progress::InWork { deliveries };
                inner
                    .invocations
                    .insert(name(delivery).to_owned(), progress);
                Arrival::New
            }
        }
    }

    /// Keeps the answer to a delivery and tells all those it belongs to: the newest of each message that came.
    pub(super) fn answer(&self, delivery: &Delivery, body: Bytes) -> Vec<Delivery> {
        let mut inner = self.lock();
        inner.bytes += body.len();
        let answered = Progress::Answered { body };
        let name = name(delivery).to_owned();
        let before = inner.invocations.insert(name.clone(), answered);
        inner.answered.push_back(name);
        inner.shrink(self.most, self.most_bytes);
        match before {
            Some(Progress::InWork { deliveries }) => deliveries,
            _ => vec![delivery.clone()],
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    fn shrink(&mut self, most: usize, most_bytes: usize) {
        while self.answered.len() > most || (self.bytes > most_bytes && self.answered.len() > 1) {
            if let Some(oldest) = self.answered.pop_front() {
                self.remove(&oldest);
            }
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(Progress::Answered { body }) = self.invocations.remove(name) {
            self.bytes -= body.len();
        }
    }
}

/// A message that no answer can be matched to is named by the broker's id alone.
fn name(delivery: &Delivery) -> &str {
    let correlation = delivery.correlation_id.as_deref();
    correlation
        .filter(|id| !id.is_empty())
        .unwrap_or(&delivery.message_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(message_id: &str, ack: &str) -> Delivery {
        Delivery {
            message_id: message_id.into(),
            ack: ack.into(),
            destination: "/queue/actions.201.fn_aws_gd".into(),
            subscription: "actions.201.fn_aws_gd".into(),
            reply_to: None,
            correlation_id: None,
            headers: Vec::new(),
            body: Bytes::new(),
            connection: 1,
        }
    }

    fn acks(deliveries: &[Delivery]) -> Vec<&str> {
        deliveries
            .iter()
            .map(|delivery| delivery.ack.as_str())
            .collect()
    }

    #[test]
    fn a_message_in_work_is_settled_by_its_newest_delivery() {
        let answers = Answers::new(10, 1000);
        assert_eq!(answers.arrive(&delivery("m1", "a1")), Arrival::New);
        assert_eq!(answers.arrive(&delivery("m1", "a2")), Arrival::InWork);
        let settled = answers.answer(&delivery("m1", "a1"), "done".into());
        assert_eq!(acks(&settled), ["a2"]);
        let again = answers.arrive(&delivery("m1", "a3"));
        assert_eq!(again, Arrival::Answered("done".into()));
    }

    #[test]
    fn an_invocation_that_is_sent_twice_is_worked_on_once_and_both_are_settled() {
        let answers = Answers::new(10, 1000);
        let sent = |message_id: &str| Delivery {
            correlation_id: Some("invid:7".into()),
            ..delivery(message_id, &format!("ack of {message_id}"))
        };
        assert_eq!(answers.arrive(&sent("m1")), Arrival::New);
        assert_eq!(answers.arrive(&sent("m2")), Arrival::InWork);
        let settled = answers.answer(&sent("m1"), "done".into());
        assert_eq!(acks(&settled), ["ack of m1", "ack of m2"]);
        assert_eq!(
            answers.arrive(&sent("m3")),
            Arrival::Answered("done".into())
        );
    }

    #[test]
    fn the_oldest_answers_make_room() {
        let answers = Answers::new(2, 7);
        for id in ["m1", "m2", "m3"] {
            answers.arrive(&delivery(id, "a"));
            answers.answer(&delivery(id, "a"), "done".into());
        }
        // Two answers of four bytes are more than seven.
        assert_eq!(answers.arrive(&delivery("m1", "b")), Arrival::New);
        assert_eq!(answers.arrive(&delivery("m2", "b")), Arrival::New);
        assert_eq!(
            answers.arrive(&delivery("m3", "b")),
            Arrival::Answered("done".into())
        );
        assert_eq!(answers.lock().bytes, 4);
    }
}
