//! The last warnings and errors of the log, for the worker's own page.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::mutex::lock;

/// Different ones that are kept.
const MOST: usize = 30;

/// The last warnings and errors; a clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Problems(Arc<Mutex<VecDeque<Problem>>>);

/// One warning or error, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it is an error.
    pub error: bool,
    /// The log's words.
    pub text: String,
    /// When it was told last.
    pub last: Timestamp,
    /// How often it was told.
    pub times: u64,
}

impl Problems {
    /// The newest first.
    pub fn newest_first(&self) -> Vec<Problem> {
        lock(&self.0).iter().rev().cloned().collect()
    }

    fn tell(&self, error: bool, text: String, now: Timestamp) {
        let mut problems = lock(&self.0);
        let same = problems.iter().position(|problem| problem.text == text);
        let before = same.and_then(|place| problems.remove(place));
        if problems.len() == MOST {
            problems.pop_front();
        }
        problems.push_back(Problem {
            error,
            text,
            last: now,
            times: before.map_or(0, |before| before.times) + 1,
        });
    }
}

impl<S: Subscriber> Layer<S> for Problems {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level <= Level::WARN {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.tell(level == Level::ERROR, message.0, Timestamp::now());
        }
    }
}

/// The message of an event, without its other fields.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn the_last_ones_are_kept_once_each() {
        let problems = Problems::default();
        let log = Registry::default().with(problems.clone());
        tracing::subscriber::with_default(log, || {
            for n in 0..40 {
                tracing::warn!(number = n, "warning {n}");
            }
            tracing::info!("all is well");
            tracing::error!("AWS is away");
            tracing::error!("AWS is away");
        });
        let told = problems.newest_first();
        assert_eq!(told.len(), MOST);
        assert_eq!((told[0].text.as_str(), told[0].times), ("AWS is away", 2));
        assert!(told[0].error && !told[1].error);
        assert_eq!(told[1].text, "warning 39");
        assert_eq!(told[MOST - 1].text, "warning 11");
    }
}
