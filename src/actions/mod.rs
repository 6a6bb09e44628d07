//! The listener: takes messages from the queue, runs their function, answers, acknowledges.
//!
//! A handler returns a value; [`settle`](Listener::settle) alone answers and acknowledges.

mod answers;
pub mod message;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::customizations::{ARCHIVE_FINDING, REFRESH_FINDING};
use crate::domain::Backoff;
use crate::functions::{FINDING_ID, Functions, Outcome, Repeated, Request};
use crate::health::Health;
use crate::measures::MessageOutcome;
use crate::stomp::{Delivery, Handle, StompError, decode_text};
use crate::telemetry::trace;
use answers::{Answers, Arrival};
use message::Invocation;

/// Answers kept for a message that comes again; a broker may deliver one twice long after it was settled.
const MOST_ANSWERS: usize = 1000;
/// The same, in bytes together.
const MOST_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// How often an answer that the broker refuses is given again.
const REFUSED_ANSWERS: u32 = 4;
/// The pauses in between.
const REFUSAL_PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8), 2);

/// Takes invocations from the queue and settles each once.
pub struct Listener {
    deliveries: mpsc::Receiver<Delivery>,
    workers: Arc<Semaphore>,
    desk: Arc<Desk>,
    tasks: TaskTracker,
}

/// What the tasks of the listener share.
struct Desk {
    stomp: Handle,
    functions: Functions,
    answers: Answers,
    started: Timestamp,
    health: Health,
}

impl Listener {
    /// A listener that runs at most `workers` functions at a time.
    pub fn new(
        stomp: Handle,
        deliveries: mpsc::Receiver<Delivery>,
        functions: Functions,
        workers: usize,
        health: Health,
    ) -> Self {
        let answers = Answers::new(MOST_ANSWERS, MOST_ANSWER_BYTES);
        let desk = Desk {
            stomp,
            functions,
            answers,
            started: Timestamp::now(),
            health,
        };
        Self {
            deliveries,
            workers: Arc::new(Semaphore::new(workers)),
            desk: Arc::new(desk),
            tasks: TaskTracker::new(),
        }
    }

    /// Listens until `stop`, then finishes what is in hand, and says goodbye to the broker.
    ///
    /// Dropped meanwhile, it lets go of everything: what went on unseen would run beside the message's next delivery.
    pub async fn run(mut self, stop: CancellationToken) {
        let gone = CancellationToken::new();
        let _guard = gone.clone().drop_guard();
        while let Some(Some((delivery, permit))) = stop.run_until_cancelled(self.next()).await {
            let (desk, gone) = (Arc::clone(&self.desk), gone.clone());
            self.tasks.spawn(async move {
                gone.run_until_cancelled(desk.handle(delivery)).await;
                drop(permit);
            });
        }
        // What is not in hand goes to another worker at once.
        self.desk.stomp.unsubscribe().await;
        self.tasks.close();
        if !self.tasks.is_empty() {
            tracing::info!("finishing {} functions in hand", self.tasks.len());
        }
        self.tasks.wait().await;
        self.desk.stomp.disconnect().await;
    }

    /// A permit first, then a message: what cannot be worked on stays with the broker.
    async fn next(&mut self) -> Option<(Delivery, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.workers).acquire_owned().await.ok()?;
        Some((self.deliveries.recv().await?, permit))
    }
}

impl Desk {
    async fn handle(&self, delivery: Delivery) {
        let answer = match self.answers.arrive(&delivery) {
            Arrival::InWork => return,
            Arrival::Answered(answer) => {
                self.health
                    .measures()
                    .message("", MessageOutcome::AnsweredAgain, None);
                tracing::info!(
                    message_id = delivery.message_id,
                    "a message came again, sending its answer again"
                );
                return self.settle(&delivery, answer).await;
            }
            Arrival::New => {
                // Caught, a panic is one failed function and not a lost message.
                let work = AssertUnwindSafe(self.work(&delivery)).catch_unwind();
                let answer = work.await.unwrap_or_else(|_| {
                    self.health
                        .measures()
                        .message("", MessageOutcome::Failed, None);
                    message::failure("the function ended by an internal error, see the log")
                });
                // It is kept for a while: not with the spare room that it was written in.
                Bytes::from(answer.into_boxed_str().into_boxed_bytes())
            }
        };
        // Meanwhile the message may have come again, and the invocation in another one.
        for newest in self.answers.answer(&delivery, answer.clone()) {
            self.settle(&newest, answer.clone()).await;
        }
    }

    /// Runs the message's function; answers the body of the final answer.
    async fn work(&self, delivery: &Delivery) -> String {
        let invocation = match decode(delivery) {
            Ok(invocation) => invocation,
            Err(reason) => {
                self.health
                    .measures()
                    .message("", MessageOutcome::Unreadable, None);
                tracing::error!(
                    message_id = delivery.message_id,
                    "a message cannot be read: {reason}"
                );
                return message::failure(&format!(
                    "fn-aws-guardduty cannot read the message: {reason}"
                ));
            }
        };
        let finding = invocation.inputs.get(FINDING_ID).and_then(Value::as_str);
        let span = trace::function(&invocation.function, &delivery.message_id, finding);
        self.perform(delivery, &invocation).instrument(span).await
    }

    async fn perform(&self, delivery: &Delivery, invocation: &Invocation) -> String {
        let name = invocation.function.as_str();
        let _in_hand = self.health.function(name);
        let request = Request {
            inputs: invocation.inputs.clone(),
            repeated: repeated(delivery, self.started),
        };
        let begin = Instant::now();
        // The function goes first: telling of it takes time that its calls take anyway.
        let starting = format!("Starting '{name}'{}", workflow(invocation, "running in"));
        let told = async {
            yield_now().await;
            self.status(delivery, &starting).await;
        };
        let (outcome, ()) = tokio::join!(self.functions.run(name, &request), told);
        self.count(name, &outcome, begin.elapsed());
        match outcome {
            Outcome::Done(results) => {
                self.status(
                    delivery,
                    &format!(
                        "Finished '{name}'{}",
                        workflow(invocation, "that was running in")
                    ),
                )
                .await;
                message::result(&results)
            }
            Outcome::Failed(reason) => {
                tracing::error!("{reason}");
                message::failure(&reason)
            }
        }
    }

    /// A name that is none of ours is not told: there is no end to what messages may name.
    fn count(&self, function: &str, outcome: &Outcome, took: Duration) {
        let served = [REFRESH_FINDING, ARCHIVE_FINDING].contains(&function);
        let outcome = match outcome {
            Outcome::Done(_) => MessageOutcome::Done,
            Outcome::Failed(_) => MessageOutcome::Failed,
        };
        let (function, took) = if served {
            (function, Some(took))
        } else {
            ("", None)
        };
        self.health.measures().message(function, outcome, took);
    }

    async fn status(&self, delivery: &Delivery, text: &str) {
        if let Some(reply_to) = &delivery.reply_to {
            let correlation = delivery.correlation_id.as_deref();
            self.stomp
                .send_unconfirmed(reply_to, correlation, message::status(text).into())
                .await;
        }
    }

    /// Answers, then acknowledges, each confirmed by the broker. Where the connection is lost in between the
    /// message comes again and meets its saved answer.
    async fn settle(&self, delivery: &Delivery, answer: Bytes) {
        let id = &delivery.message_id;
        match self.settled(delivery, answer).await {
            Ok(()) => {}
            Err(
                error @ (StompError::ConnectionLost
                | StompError::NotConnected
                | StompError::Stale
                | StompError::Ended),
            ) => tracing::warn!(
                message_id = id,
                "the answer waits until the message comes again: {error}"
            ),
            Err(error) => {
                tracing::error!(message_id = id, "the message could not be settled: {error}");
            }
        }
    }

    async fn settled(&self, delivery: &Delivery, answer: Bytes) -> Result<(), StompError> {
        let id = &delivery.message_id;
        if let Some(reply_to) = &delivery.reply_to {
            self.reply(reply_to, delivery, answer).await?;
        } else {
            tracing::warn!(message_id = id, "a message without reply-to gets no answer");
        }
        self.stomp.ack(delivery).await
    }

    /// A broker that is full may refuse an answer for a moment. One that refuses it for good must not make the
    /// message hold its place for ever: it is acknowledged all the same.
    async fn reply(&self, to: &str, delivery: &Delivery, answer: Bytes) -> Result<(), StompError> {
        let correlation = delivery.correlation_id.as_deref();
        for attempt in 0.. {
            match self.stomp.send(to, correlation, answer.clone()).await {
                Err(error @ StompError::Rejected { .. }) if attempt < REFUSED_ANSWERS => {
                    tracing::warn!(
                        message_id = delivery.message_id,
                        "the broker refuses an answer: {error}"
                    );
                    tokio::time::sleep(REFUSAL_PAUSE.delay(attempt)).await;
                }
                Err(error @ StompError::Rejected { .. }) => {
                    tracing::error!(
                        message_id = delivery.message_id,
                        "the broker refuses an answer, which is lost: {error}"
                    );
                    return Ok(());
                }
                sent => return sent,
            }
        }
        Ok(())
    }
}

fn decode(delivery: &Delivery) -> Result<Invocation, String> {
    let body = decode_text(&delivery.body).map_err(|error| error.to_string())?;
    Invocation::decode(&body).map_err(|error| error.to_string())
}

/// The broker marks what it delivered before; and what was sent before this worker started may have been
/// worked on by the one before it.
fn repeated(delivery: &Delivery, started: Timestamp) -> Option<Repeated> {
    let sent = header(delivery, "timestamp").and_then(|sent| sent.parse().ok());
    let redelivered = header(delivery, "redelivered") == Some("true");
    let before_start = sent.is_some_and(|sent: i64| sent < started.as_millisecond());
    (redelivered || before_start).then_some(Repeated {
        sent: sent.unwrap_or(0),
        redelivered,
    })
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a str> {
    delivery
        .headers
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Names the workflow that calls; a playbook tells none.
fn workflow(invocation: &Invocation, how: &str) -> String {
    let id = invocation.workflow_instance.as_deref();
    id.map_or_else(String::new, |id| format!(" {how} workflow '{id}'"))
}
