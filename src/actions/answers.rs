//! The answers in work and given: a message is worked on once, however often it is delivered.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use crate::stomp::Delivery;

/// How a delivery stands to those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Never seen: work on it.
    New,
    /// In work: its answer will go to this newer delivery.
    InWork,
    /// Answered; the answer or its acknowledgement may have been lost: send it again.
    Answered(String),
}

enum Progress {
    InWork { newest: Delivery },
    Answered { body: String },
}

/// Messages by their id, which stays the same over redeliveries.
pub(super) struct Answers {
    inner: Mutex<Inner>,
    most: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Inner {
    messages: HashMap<String, Progress>,
    /// Answered messages, oldest first.
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
        match inner.messages.get_mut(&delivery.message_id) {
            Some(Progress::InWork { newest }) => {
                *newest = delivery.clone();
                Arrival::InWork
            }
            Some(Progress::Answered { body }) => Arrival::Answered(body.clone()),
            None => {
                let progress = Progress::InWork {
                    newest: delivery.clone(),
                };
                inner.messages.insert(delivery.message_id.clone(), progress);
                Arrival::New
            }
        }
    }

    /// Keeps the answer and tells the newest delivery it belongs to.
    pub(super) fn answer(&self, message_id: &str, body: &str) -> Option<Delivery> {
        let mut inner = self.lock();
        let answered = Progress::Answered {
            body: body.to_owned(),
        };
        let before = inner.messages.insert(message_id.to_owned(), answered);
        inner.answered.push_back(message_id.to_owned());
        inner.bytes += body.len();
        inner.shrink(self.most, self.most_bytes);
        match before {
            Some(Progress::InWork { newest }) => Some(newest),
            _ => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
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

    fn remove(&mut self, message_id: &str) {
        if let Some(Progress::Answered { body }) = self.messages.remove(message_id) {
            self.bytes -= body.len();
        }
    }
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
            body: bytes::Bytes::new(),
            connection: 1,
        }
    }

    #[test]
    fn a_message_in_work_is_settled_by_its_newest_delivery() {
        let answers = Answers::new(10, 1000);
        assert_eq!(answers.arrive(&delivery("m1", "a1")), Arrival::New);
        assert_eq!(answers.arrive(&delivery("m1", "a2")), Arrival::InWork);
        assert_eq!(answers.answer("m1", "done").unwrap().ack, "a2");
        let again = answers.arrive(&delivery("m1", "a3"));
        assert_eq!(again, Arrival::Answered("done".into()));
    }

    #[test]
    fn the_oldest_answers_make_room() {
        let answers = Answers::new(2, 7);
        for id in ["m1", "m2", "m3"] {
            answers.arrive(&delivery(id, "a"));
            answers.answer(id, "done");
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
