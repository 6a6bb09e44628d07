//! What workers answer, and who waits for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use super::Invocation;
use crate::broker::Sent;
use crate::soar::Platform;
use crate::soar::refusal::Refusal;

/// The `message_type` of a reply that reports a failure.
const ERROR: u64 = 1;

/// A status message or an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// 0 information, 1 error, 2 warning.
    pub message_type: u64,
    /// What the analyst reads.
    pub message: String,
    /// Whether this ends the invocation.
    pub complete: bool,
    /// What the function returns; absent from status messages and errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Value>,
}

/// The replies so far by correlation id, and the workflows that wait.
#[derive(Default)]
pub(crate) struct Replies {
    seen: BTreeMap<String, Vec<Reply>>,
    waiting: BTreeMap<String, mpsc::UnboundedSender<Reply>>,
    unreadable: Vec<String>,
}

impl Platform {
    /// All replies to an invocation, in the order of their arrival.
    pub fn replies(&self, correlation_id: &str) -> Vec<Reply> {
        self.read(|state| {
            state
                .replies
                .seen
                .get(correlation_id)
                .cloned()
                .unwrap_or_default()
        })
    }

    /// Whether a reply has ended an invocation.
    pub fn is_answered(&self, correlation_id: &str) -> bool {
        self.read(|state| {
            let replies = state.replies.seen.get(correlation_id);
            replies.is_some_and(|replies| replies.iter().any(|reply| reply.complete))
        })
    }

    /// The first reply that ended an invocation.
    pub fn final_reply(&self, correlation_id: &str) -> Option<Reply> {
        self.replies(correlation_id)
            .into_iter()
            .find(|reply| reply.complete)
    }

    /// What was sent to a reply queue and is no reply, each with the reason.
    pub fn unreadable_replies(&self) -> Vec<String> {
        self.read(|state| state.replies.unreadable.clone())
    }

    pub(super) fn take_reply(&self, sent: &Sent) {
        let reply = read(sent);
        let _ = self.change(|state| {
            match reply {
                Ok((correlation_id, reply)) => state.replies.take(correlation_id, reply),
                Err(problem) => state.replies.unreadable.push(problem),
            }
            Ok(())
        });
    }

    /// Sends a workflow's message and waits for the reply that ends it; gives the results.
    pub(super) async fn invoke(&self, run: u64, invocation: &Invocation) -> Result<Value, String> {
        let (sender, mut replies) = mpsc::unbounded_channel();
        let id = invocation.correlation_id.clone();
        let _ = self.change(|state| {
            state.replies.waiting.insert(id.clone(), sender);
            if let Some(run) = state.runs.get_mut(&run) {
                run.correlation_ids.push(id.clone());
            }
            Ok(())
        });
        self.publish(invocation);
        while let Some(reply) = replies.recv().await {
            if !reply.complete {
                self.note_status(run, reply.message)?;
                continue;
            }
            self.update(|state| state.replies.waiting.remove(&id));
            return match reply.message_type {
                ERROR => Err(reply.message),
                _ => Ok(reply.results.unwrap_or_default()),
            };
        }
        Err("the broker is gone".to_owned())
    }

    fn note_status(&self, run: u64, message: String) -> Result<(), String> {
        let noted = self.change(|state| {
            let run = state.runs.get_mut(&run);
            let run = run.ok_or_else(|| Refusal::missing("the run is gone"))?;
            run.messages.push(message);
            Ok(())
        });
        noted.map_err(|refusal| refusal.message)
    }
}

impl Replies {
    /// A reply to what has ended, or was never asked, is kept but moves nothing.
    fn take(&mut self, correlation_id: String, reply: Reply) {
        if let Some(waiting) = self.waiting.get(&correlation_id) {
            // A run that was dropped waits no more.
            let _ = waiting.send(reply.clone());
        }
        self.seen.entry(correlation_id).or_default().push(reply);
    }
}

fn read(sent: &Sent) -> Result<(String, Reply), String> {
    let id = sent.header("correlation-id");
    let id = id.ok_or_else(|| format!("{}: no correlation-id", sent.destination))?;
    let reply = serde_json::from_slice(&sent.body);
    let reply = reply.map_err(|error| format!("{id}: {error}"))?;
    Ok((id.to_owned(), reply))
}
