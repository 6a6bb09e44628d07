//! A message as it is queued and as it is delivered. Pure.

use bytes::Bytes;

use super::Subscribe;
use crate::broker::frame::Frame;
use crate::broker::jms_text;

/// The bytes of a message, and whether their number is announced.
#[derive(Debug, Clone)]
pub(in crate::broker) struct Body {
    bytes: Bytes,
    announced: bool,
}

impl Body {
    pub(in crate::broker) fn bytes(bytes: Bytes) -> Self {
        Self {
            bytes,
            announced: true,
        }
    }

    /// The body of a text message, in whatever encoding its sender chose.
    pub(in crate::broker) fn text(bytes: Bytes) -> Self {
        Self {
            bytes,
            announced: false,
        }
    }

    pub(in crate::broker) fn jms_text(text: &str) -> Self {
        Self::text(Bytes::from(jms_text::encode(text)))
    }
}

/// A queued message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) sequence: u64,
    pub(super) id: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) redelivered: bool,
}

/// The MESSAGE frame of a delivery.
pub(super) fn message_frame(message: &Message, subscription: &Subscribe, ack_id: &str) -> Frame {
    let mut frame = Frame::new("MESSAGE")
        .with("message-id", &message.id)
        .with("ack", ack_id)
        .with("destination", format!("/queue/{}", subscription.queue))
        .with("subscription", &subscription.id);
    if message.body.announced {
        frame = frame.with("content-length", message.body.bytes.len().to_string());
    }
    if message.redelivered {
        frame = frame.with("redelivered", "true");
    }
    for (name, value) in &message.headers {
        if frame.header(name).is_none() {
            frame = frame.with(name, value);
        }
    }
    frame.with_body(message.body.bytes.clone())
}
