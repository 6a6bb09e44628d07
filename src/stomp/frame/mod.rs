//! PURE: STOMP 1.2 frames to bytes and back.

mod decoder;
mod text;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

pub use decoder::{Decoder, Limits};
pub use text::{TextError, decode_text};

/// What a frame asks or tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of STOMP 1.2")]
pub enum Command {
    Connect,
    Send,
    Subscribe,
    Unsubscribe,
    Ack,
    Nack,
    Disconnect,
    Connected,
    Message,
    Receipt,
    Error,
}

impl Command {
    const ALL: [Self; 11] = [
        Self::Connect,
        Self::Send,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Ack,
        Self::Nack,
        Self::Disconnect,
        Self::Connected,
        Self::Message,
        Self::Receipt,
        Self::Error,
    ];

    /// The command as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Disconnect => "DISCONNECT",
            Self::Connected => "CONNECTED",
            Self::Message => "MESSAGE",
            Self::Receipt => "RECEIPT",
            Self::Error => "ERROR",
        }
    }

    fn parse(line: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|command| command.as_str().as_bytes() == line)
    }

    /// STOMP 1.2: CONNECT and CONNECTED do not escape, to stay readable for a 1.0 peer.
    fn escapes(self) -> bool {
        !matches!(self, Self::Connect | Self::Connected)
    }

    fn has_body(self) -> bool {
        matches!(self, Self::Send | Self::Message | Self::Error)
    }
}

/// One frame, its headers unescaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the frame asks or tells.
    pub command: Command,
    /// In the order of the wire, repeated ones included.
    pub headers: Vec<(String, String)>,
    /// Empty in frames that carry none.
    pub body: Bytes,
}

impl Frame {
    /// A frame without headers and body.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Adds a header at the end.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The value of a header; of a repeated one the first counts (STOMP 1.2).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
    }

    /// Appends the frame's bytes to `out`; nothing is appended on an error.
    ///
    /// `content-length` is written for every frame that may have a body, or has one, always by this function: one among
    /// the headers is ignored.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        if !self.command.escapes() {
            self.check_unescaped()?;
        }
        out.put_slice(self.command.as_str().as_bytes());
        out.put_u8(b'\n');
        for (name, value) in &self.headers {
            if name != CONTENT_LENGTH {
                self.put_text(name, out);
                out.put_u8(b':');
                self.put_text(value, out);
                out.put_u8(b'\n');
            }
        }
        if self.command.has_body() || !self.body.is_empty() {
            out.put_slice(format!("{CONTENT_LENGTH}:{}\n", self.body.len()).as_bytes());
        }
        out.put_u8(b'\n');
        out.put_slice(&self.body);
        out.put_u8(0);
        Ok(())
    }

    fn check_unescaped(&self) -> Result<(), FrameError> {
        let breaks_line = |text: &str| text.contains(['\r', '\n', '\0']);
        match self
            .headers
            .iter()
            .find(|(name, value)| breaks_line(name) || name.contains(':') || breaks_line(value))
        {
            Some((name, _)) => Err(FrameError::Unencodable {
                header: name.clone(),
            }),
            None => Ok(()),
        }
    }

    fn put_text(&self, text: &str, out: &mut BytesMut) {
        if !self.command.escapes() {
            return out.put_slice(text.as_bytes());
        }
        for byte in text.bytes() {
            match byte {
                b'\\' => out.put_slice(b"\\\\"),
                b'\r' => out.put_slice(b"\\r"),
                b'\n' => out.put_slice(b"\\n"),
                b':' => out.put_slice(b"\\c"),
                other => out.put_u8(other),
            }
        }
    }
}

/// Shows names and sizes only: header values may be credentials, bodies are the customer's.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Frame")
            .field("command", &self.command)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

const CONTENT_LENGTH: &str = "content-length";

/// Bytes that are no STOMP, or a frame that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The peer sent something else than a STOMP command.
    #[error("unknown command {0:?}: the other side does not seem to speak STOMP")]
    UnknownCommand(String),
    /// A header line has no colon.
    #[error("header line {0} of a frame has no colon")]
    NoColon(usize),
    /// STOMP 1.2 makes an unknown escape sequence fatal.
    #[error("header line {0} of a frame has an undefined escape sequence")]
    UndefinedEscape(usize),
    /// `content-length` is no number.
    #[error("a frame's content-length is not a number")]
    ContentLength,
    /// The body is not followed by NUL.
    #[error("a frame's body does not end where its content-length says")]
    MissingNul,
    /// The frame is larger than the limit.
    #[error("a frame is larger than the limit of {limit} bytes")]
    FrameTooLarge {
        /// [`Limits::frame`]
        limit: usize,
    },
    /// A line is longer than the limit.
    #[error("a frame's header line is longer than the limit of {limit} bytes")]
    LineTooLong {
        /// [`Limits::line`]
        limit: usize,
    },
    /// The frame has more headers than the limit.
    #[error("a frame has more than the limit of {limit} headers")]
    TooManyHeaders {
        /// [`Limits::headers`]
        limit: usize,
    },
    /// CONNECT cannot escape, so a line break in a header cannot be sent.
    #[error("header {header} holds a line break, which this frame cannot carry")]
    Unencodable {
        /// Name of the header.
        header: String,
    },
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first surprise"
)]
mod tests;
