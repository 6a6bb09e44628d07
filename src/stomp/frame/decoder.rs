//! PURE: frames out of a stream of bytes.

use bytes::{Buf, Bytes, BytesMut};

use super::{CONTENT_LENGTH, Command, Frame, FrameError};

/// How much a peer may make us hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one frame, headers and body together.
    pub frame: usize,
    /// Bytes of one header line, and of the command.
    pub line: usize,
    /// Headers of one frame.
    pub headers: usize,
}

/// Bytes of a frame; our own bound, no other is known: messages of 5 MB have been seen to pass. What is larger ends the
/// connection, and the message comes again, so this is far more than a function's message may have.
const FRAME_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a line; our own bound. The longest of the platform's headers, `Co3ContextToken`, has some hundred.
const LINE_BYTES: usize = 64 * 1024;
/// Headers of a frame; our own bound. The platform sends some twenty.
const HEADERS: usize = 1000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: FRAME_BYTES,
            line: LINE_BYTES,
            headers: HEADERS,
        }
    }
}

/// Cuts frames off the front of a buffer, however their bytes arrive.
///
/// It keeps what it has understood of an unfinished frame and never looks at a byte twice. After an error the stream is
/// beyond use.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// The frame whose headers are being read.
    partial: Option<Frame>,
    /// Bytes of this frame consumed so far.
    consumed: usize,
    /// Bytes at the front of the buffer known to hold no end of line or body.
    scanned: usize,
    /// Set when the headers are complete.
    body: Option<BodyEnd>,
}

#[derive(Debug, Clone, Copy)]
enum BodyEnd {
    After(usize),
    AtNul,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            partial: None,
            consumed: 0,
            scanned: 0,
            body: None,
        }
    }

    /// The next frame, or `None` when `buffer` ends before it does. Ends of line between frames (heart-beats) are eaten.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        while self.body.is_none() {
            let Some(line) = self.take_line(buffer)? else {
                return Ok(None);
            };
            self.accept_line(&line)?;
        }
        self.take_body(buffer)
    }

    fn take_line(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let end = buffer[self.scanned..]
            .iter()
            .position(|&byte| byte == b'\n');
        let length = end.map_or(buffer.len(), |end| self.scanned + end);
        // A carriage return may still be cut off.
        if length > self.limits.line + 1 {
            return Err(self.line_too_long());
        }
        if end.is_none() {
            self.scanned = length;
            return Ok(None);
        }
        self.scanned = 0;
        self.consume(length + 1)?;
        let mut line = buffer.split_to(length).freeze();
        buffer.advance(1);
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        if line.len() > self.limits.line {
            return Err(self.line_too_long());
        }
        Ok(Some(line))
    }

    fn accept_line(&mut self, line: &[u8]) -> Result<(), FrameError> {
        match &mut self.partial {
            None if line.is_empty() => self.consumed = 0,
            None => {
                let command = Command::parse(line).ok_or_else(|| unknown_command(line))?;
                self.partial = Some(Frame::new(command));
            }
            Some(frame) if line.is_empty() => {
                let end = body_end(frame)?;
                if let BodyEnd::After(length) = end {
                    self.check_size(length.saturating_add(1))?;
                }
                self.body = Some(end);
            }
            Some(frame) if frame.headers.len() == self.limits.headers => {
                return Err(FrameError::TooManyHeaders {
                    limit: self.limits.headers,
                });
            }
            Some(frame) => {
                let header = parse_header(line, frame.command, frame.headers.len() + 1)?;
                frame.headers.push(header);
            }
        }
        Ok(())
    }

    fn take_body(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let length = match self.body {
            Some(BodyEnd::After(length)) if length < buffer.len() => Some(length),
            Some(BodyEnd::After(_)) | None => None,
            Some(BodyEnd::AtNul) => buffer[self.scanned..]
                .iter()
                .position(|&byte| byte == 0)
                .map(|position| self.scanned + position),
        };
        let Some(length) = length else {
            self.scanned = buffer.len();
            return self.check_size(buffer.len()).map(|()| None);
        };
        self.consume(length + 1)?;
        let body = buffer.split_to(length).freeze();
        if buffer.get_u8() != 0 {
            return Err(FrameError::MissingNul);
        }
        self.body = None;
        self.scanned = 0;
        self.consumed = 0;
        Ok(self.partial.take().map(|frame| frame.with_body(body)))
    }

    fn line_too_long(&self) -> FrameError {
        FrameError::LineTooLong {
            limit: self.limits.line,
        }
    }

    fn consume(&mut self, bytes: usize) -> Result<(), FrameError> {
        self.check_size(bytes)?;
        self.consumed += bytes;
        Ok(())
    }

    fn check_size(&self, more: usize) -> Result<(), FrameError> {
        let limit = self.limits.frame;
        if self.consumed.saturating_add(more) > limit {
            return Err(FrameError::FrameTooLarge { limit });
        }
        Ok(())
    }
}

fn unknown_command(line: &[u8]) -> FrameError {
    FrameError::UnknownCommand(String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned())
}

fn body_end(frame: &Frame) -> Result<BodyEnd, FrameError> {
    let Some(length) = frame.header(CONTENT_LENGTH) else {
        return Ok(BodyEnd::AtNul);
    };
    let length = length.trim().parse();
    length
        .map(BodyEnd::After)
        .map_err(|_| FrameError::ContentLength)
}

/// Only the first colon separates: lenient brokers leave those of the value unescaped.
fn parse_header(
    line: &[u8],
    command: Command,
    number: usize,
) -> Result<(String, String), FrameError> {
    let colon = line
        .iter()
        .position(|&byte| byte == b':')
        .ok_or(FrameError::NoColon(number))?;
    let text = |bytes: &[u8]| -> Result<String, FrameError> {
        let bytes = if command.escapes() {
            unescape(bytes).ok_or(FrameError::UndefinedEscape(number))?
        } else {
            bytes.to_vec()
        };
        // One odd header must not cost the connection, and with it every other message.
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    };
    Ok((text(&line[..colon])?, text(&line[colon + 1..])?))
}

fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        plain.push(match byte {
            b'\\' => match rest.next()? {
                b'\\' => b'\\',
                b'r' => b'\r',
                b'n' => b'\n',
                b'c' => b':',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}
