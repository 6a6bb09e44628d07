//! The STOMP 1.2 codec: bytes to frames and back. Pure.

use bytes::{Buf, Bytes, BytesMut};

/// `ActiveMQ` allows a thousand headers of ten kilobytes and a body of a hundred megabytes.
const MAX_HEADERS: usize = 1000;
const MAX_LINE: usize = 10 * 1024;
const MAX_BODY: usize = 100 * 1024 * 1024;

/// One frame; header values are unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) command: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// Why bytes are no frame; the connection cannot go on after it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum FrameError {
    #[error("a line of the frame head is longer than {MAX_LINE} bytes")]
    LineTooLong,
    #[error("the frame has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    #[error("the body is larger than {MAX_BODY} bytes")]
    BodyTooLarge,
    #[error("the frame head is not UTF-8")]
    NotUtf8,
    #[error("the command is empty")]
    NoCommand,
    #[error("header line without a colon: {0:?}")]
    NoColon(String),
    #[error("undefined escape in header line {0:?}")]
    BadEscape(String),
    #[error("content-length {0:?} is not a number")]
    BadContentLength(String),
    #[error("no NUL after the {0} bytes that content-length announced")]
    NoNul(usize),
}

impl Frame {
    pub(super) fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// The value of a header; of a repeated one the first counts (STOMP 1.2).
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The frame on the wire. A `content-length` is written only when it is among the headers.
    pub(super) fn encode(&self) -> Vec<u8> {
        let verbatim = is_verbatim(&self.command);
        let mut bytes = Vec::with_capacity(self.body.len() + 512);
        bytes.extend(self.command.as_bytes());
        bytes.push(b'\n');
        for (name, value) in &self.headers {
            push_text(&mut bytes, name, verbatim);
            bytes.push(b':');
            push_text(&mut bytes, value, verbatim);
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend(&self.body);
        bytes.push(0);
        bytes
    }
}

/// CONNECT and CONNECTED know no escapes, so that STOMP 1.0 clients can still be greeted (STOMP 1.2, "Value Encoding").
fn is_verbatim(command: &str) -> bool {
    matches!(command, "CONNECT" | "CONNECTED")
}

fn push_text(bytes: &mut Vec<u8>, text: &str, verbatim: bool) {
    if verbatim {
        bytes.extend(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'\\' => bytes.extend(b"\\\\"),
            b'\r' => bytes.extend(b"\\r"),
            b'\n' => bytes.extend(b"\\n"),
            b':' => bytes.extend(b"\\c"),
            other => bytes.push(other),
        }
    }
}

/// Cuts a byte stream into frames; EOLs between frames are heart-beats and vanish.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or nothing while bytes are missing. An error is final.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        self.skip_heart_beats();
        let Some((lines, head_length)) = split_head(&self.buffer)? else {
            return Ok(None);
        };
        let mut frame = parse_head(&lines)?;
        let Some((body, used)) = find_body(&frame, &self.buffer[head_length..])? else {
            return Ok(None);
        };
        frame.body = Bytes::copy_from_slice(body);
        self.buffer.advance(head_length + used);
        Ok(Some(frame))
    }

    fn skip_heart_beats(&mut self) {
        let idle = self
            .buffer
            .iter()
            .take_while(|byte| matches!(byte, b'\n' | b'\r'))
            .count();
        self.buffer.advance(idle);
    }
}

/// The lines of a frame before its body, and how many bytes they take.
type Head<'a> = (Vec<&'a [u8]>, usize);

/// The lines before the empty line, and the length of all of that; nothing while the empty line is missing.
fn split_head(buffer: &[u8]) -> Result<Option<Head<'_>>, FrameError> {
    let mut lines = Vec::new();
    let mut start = 0;
    loop {
        let Some(length) = buffer[start..].iter().position(|byte| *byte == b'\n') else {
            return if buffer.len() - start > MAX_LINE {
                Err(FrameError::LineTooLong)
            } else {
                Ok(None)
            };
        };
        if length > MAX_LINE {
            return Err(FrameError::LineTooLong);
        }
        let line = &buffer[start..start + length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        start += length + 1;
        if line.is_empty() {
            return Ok(Some((lines, start)));
        }
        lines.push(line);
        if lines.len() > MAX_HEADERS {
            return Err(FrameError::TooManyHeaders);
        }
    }
}

fn parse_head(lines: &[&[u8]]) -> Result<Frame, FrameError> {
    let (command, headers) = lines.split_first().ok_or(FrameError::NoCommand)?;
    let mut frame = Frame::new(text_of(command)?);
    let verbatim = is_verbatim(&frame.command);
    for line in headers {
        let line = text_of(line)?;
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| FrameError::NoColon(line.to_owned()))?;
        let read = |text: &str| {
            if verbatim {
                Some(text.to_owned())
            } else {
                unescape(text)
            }
        };
        let pair = read(name)
            .zip(read(value))
            .ok_or_else(|| FrameError::BadEscape(line.to_owned()))?;
        frame.headers.push(pair);
    }
    Ok(frame)
}

fn text_of(bytes: &[u8]) -> Result<&str, FrameError> {
    std::str::from_utf8(bytes).map_err(|_| FrameError::NotUtf8)
}

/// Undoes the four escapes; any other is fatal (STOMP 1.2, "Value Encoding").
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                'r' => '\r',
                'n' => '\n',
                'c' => ':',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// The body and how many bytes it takes with its NUL; nothing while bytes are missing.
fn find_body<'a>(frame: &Frame, rest: &'a [u8]) -> Result<Option<(&'a [u8], usize)>, FrameError> {
    let length = match frame.header("content-length") {
        Some(text) => text
            .trim()
            .parse()
            .map_err(|_| FrameError::BadContentLength(text.to_owned()))?,
        None => match rest.iter().position(|byte| *byte == 0) {
            Some(length) => length,
            None if rest.len() > MAX_BODY => return Err(FrameError::BodyTooLarge),
            None => return Ok(None),
        },
    };
    if length > MAX_BODY {
        return Err(FrameError::BodyTooLarge);
    }
    match rest.get(length) {
        Some(0) => Ok(Some((&rest[..length], length + 1))),
        Some(_) => Err(FrameError::NoNul(length)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next().transpose()).collect()
    }

    #[test]
    fn heart_beats_and_carriage_returns_vanish() {
        let frames =
            decode(b"\n\r\nSEND\r\na:b \r\n\r\nx\r\n\0\n\nACK\nid:1\n\n\0\n").expect("frames");

        assert_eq!(
            frames[0],
            Frame::new("SEND").with("a", "b ").with_body("x\r\n".into())
        );
        assert_eq!(frames[1], Frame::new("ACK").with("id", "1"));
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn connect_knows_no_escapes() {
        let frames = decode(b"CONNECT\npasscode:a\\c:b\n\n\0").expect("frames");

        assert_eq!(frames[0].header("passcode"), Some("a\\c:b"));
        assert_eq!(frames[0].encode(), b"CONNECT\npasscode:a\\c:b\n\n\0");
    }

    #[test]
    fn of_a_repeated_header_the_first_counts() {
        let frames = decode(b"SEND\nfoo:World\nfoo:Hello\n\n\0").expect("frames");

        assert_eq!(frames[0].header("foo"), Some("World"));
    }

    #[test]
    fn bounds_hold() {
        let long = format!("SEND\na:{}", "x".repeat(MAX_LINE));
        let many = format!("SEND\n{}", "a:b\n".repeat(MAX_HEADERS + 1));
        let large = format!("SEND\ncontent-length:{}\n\n", MAX_BODY + 1);

        assert_eq!(decode(long.as_bytes()), Err(FrameError::LineTooLong));
        assert_eq!(decode(many.as_bytes()), Err(FrameError::TooManyHeaders));
        assert_eq!(decode(large.as_bytes()), Err(FrameError::BodyTooLarge));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(chunks in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut decoder = Decoder::default();
            for chunk in chunks {
                decoder.push(&chunk);
                while let Ok(Some(_)) = decoder.next() {}
            }
        }

        #[test]
        fn frame_like_bytes_never_panic(bytes in "(SEND|CONNECT|)(\r?\n|:|\\\\|content-length|[0-9a-c]|\0|é){0,40}") {
            let _ = decode(bytes.as_bytes());
        }

        #[test]
        fn what_is_written_is_read_in_whatever_pieces(
            headers in proptest::collection::vec(("[a-z:\\\\\r\n]{1,6}", ".{0,12}"), 0..5),
            body in any::<Vec<u8>>(),
            piece in 1_usize..20,
        ) {
            let mut frame = Frame::new("MESSAGE").with("content-length", body.len().to_string());
            frame.headers.extend(headers);
            frame.body = body.into();
            let mut decoder = Decoder::default();
            let mut read = Vec::new();
            for bytes in frame.encode().chunks(piece) {
                decoder.push(bytes);
                read.extend(decoder.next().expect("well formed"));
            }
            prop_assert_eq!(read, vec![frame]);
        }
    }
}
