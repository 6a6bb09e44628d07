//! What a broker may send.

use bytes::BytesMut;
use fn_aws_guardduty::stomp::frame::{Decoder, Frame, FrameError, Limits, decode_text};

/// Small, so that inputs reach them.
const LIMITS: Limits = Limits {
    frame: 2000,
    line: 200,
    headers: 20,
};
/// An escaped byte takes two, and an unreadable one becomes three.
const WIDER: Limits = Limits {
    frame: 20_000,
    line: 2000,
    headers: 21,
};

/// A stream is read alike however it is cut; what was read is written and read again; nothing passes the limits.
pub fn check(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else {
        return;
    };
    let whole = decode(stream, stream.len().max(1), LIMITS);
    assert_eq!(whole, decode(stream, 1 + usize::from(cut % 64), LIMITS));
    for frame in whole.0 {
        let size = frame
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        assert!(frame.headers.len() <= LIMITS.headers && frame.body.len() <= LIMITS.frame);
        assert!(size.sum::<usize>() <= 3 * LIMITS.frame);
        if let (Ok(text), Ok(plain)) = (decode_text(&frame.body), std::str::from_utf8(&frame.body))
        {
            assert_eq!(text, plain);
        }
        survives(&frame);
    }
}

type Decoded = (Vec<Frame>, Option<FrameError>);

fn decode(stream: &[u8], chunk: usize, limits: Limits) -> Decoded {
    let (mut decoder, mut buffer) = (Decoder::new(limits), BytesMut::new());
    let mut frames = Vec::new();
    for piece in stream.chunks(chunk) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(
            buffer.len() <= limits.frame,
            "unread bytes are held within the limit"
        );
    }
    (frames, None)
}

fn survives(frame: &Frame) {
    let mut wire = BytesMut::new();
    match frame.encode(&mut wire) {
        // CONNECTED of a lenient broker may hold what CONNECTED cannot be written with.
        Err(FrameError::Unencodable { .. }) => assert!(wire.is_empty()),
        Err(error) => panic!("{error}"),
        Ok(()) => {
            let (again, error) = decode(&wire, wire.len(), WIDER);
            assert_eq!((again.len(), error), (1, None));
            assert_eq!(again[0].command, frame.command);
            assert_eq!(again[0].body, frame.body);
            assert_eq!(without_length(&again[0]), without_length(frame));
        }
    }
}

/// `content-length` is written as is right, whatever was read.
fn without_length(frame: &Frame) -> Vec<&(String, String)> {
    let headers = frame.headers.iter();
    headers
        .filter(|(name, _)| name != "content-length")
        .collect()
}
