use super::*;
use proptest::prelude::*;

fn decode_all(bytes: &[u8], limits: Limits) -> Result<Vec<Frame>, FrameError> {
    let mut buffer = BytesMut::from(bytes);
    let mut decoder = Decoder::new(limits);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.decode(&mut buffer)? {
        frames.push(frame);
    }
    Ok(frames)
}

fn decode_one(bytes: &[u8]) -> Frame {
    let mut frames = decode_all(bytes, Limits::default()).unwrap();
    assert_eq!(frames.len(), 1, "{frames:?}");
    frames.remove(0)
}

fn encoded(frame: &Frame) -> String {
    let mut out = BytesMut::new();
    frame.encode(&mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn connect_is_written_without_escapes_and_without_length() {
    let frame = Frame::new(Command::Connect)
        .with("accept-version", "1.2")
        .with("passcode", "a:b\\c");
    assert_eq!(
        encoded(&frame),
        "CONNECT\naccept-version:1.2\npasscode:a:b\\c\n\n\0"
    );
}

#[test]
fn send_is_escaped_and_has_its_true_length() {
    let frame = Frame::new(Command::Send)
        .with("destination", "/queue/acks.201.fn_aws_gd")
        .with("correlation-id", "invid:80\r\n\\")
        .with("content-length", "999")
        .with_body("{}");
    assert_eq!(
        encoded(&frame),
        "SEND\ndestination:/queue/acks.201.fn_aws_gd\ncorrelation-id:invid\\c80\\r\\n\\\\\n\
         content-length:2\n\n{}\0"
    );
}

#[test]
fn a_line_break_cannot_be_smuggled_into_connect() {
    for (name, value) in [("login", "x\nhost:evil"), ("a:b", "c"), ("login", "x\0y")] {
        let mut out = BytesMut::new();
        let error = Frame::new(Command::Connect)
            .with(name, value)
            .encode(&mut out);
        assert_eq!(
            error,
            Err(FrameError::Unencodable {
                header: name.into()
            })
        );
        assert!(out.is_empty());
    }
}

#[test]
fn a_message_as_activemq_writes_it() {
    let frame = decode_one(
        b"MESSAGE\ncorrelation-id:invid\\c80\nack:ID\\cvm-40345-1795562392612-2\\c1\nCo3X:a\\c\\\\b\n\n{\"n\":0}\0\n",
    );
    assert_eq!(frame.command, Command::Message);
    assert_eq!(frame.header("correlation-id"), Some("invid:80"));
    assert_eq!(frame.header("ack"), Some("ID:vm-40345-1795562392612-2:1"));
    assert_eq!(frame.header("Co3X"), Some("a:\\b"));
    assert_eq!(&frame.body[..], b"{\"n\":0}");
}

#[test]
fn colons_left_unescaped_belong_to_the_value() {
    let frame = decode_one(b"MESSAGE\nack:ID:host-1:2\n\n\0");
    assert_eq!(frame.header("ack"), Some("ID:host-1:2"));
    let frame = decode_one(b"CONNECTED\nsession:ID:host\\c1\n\n\0");
    assert_eq!(frame.header("session"), Some("ID:host\\c1"));
}

#[test]
fn the_first_of_a_repeated_header_counts() {
    let frame = decode_one(b"MESSAGE\nfoo:World\nfoo:Hello\n\n\0");
    assert_eq!(frame.header("foo"), Some("World"));
    assert_eq!(frame.headers.len(), 2);
}

#[test]
fn length_lets_a_body_hold_nul_and_its_absence_ends_it_there() {
    assert_eq!(
        &decode_one(b"MESSAGE\ncontent-length:3\n\na\0b\0").body[..],
        b"a\0b"
    );
    assert_eq!(&decode_one(b"MESSAGE\n\nab\0").body[..], b"ab");
}

#[test]
fn carriage_returns_and_heart_beats_are_tolerated() {
    let frames = decode_all(
        b"\n\r\n\nRECEIPT\r\nreceipt-id:7\r\n\r\n\0\r\n\nRECEIPT\nreceipt-id:8\n\n\0\n",
        Limits::default(),
    )
    .unwrap();
    let ids: Vec<_> = frames
        .iter()
        .map(|frame| frame.header("receipt-id"))
        .collect();
    assert_eq!(ids, [Some("7"), Some("8")]);
}

#[test]
fn what_is_no_stomp_is_refused_by_name() {
    let http = "HTTP/1.1 400 Bad Request".to_owned();
    for (bytes, error) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            FrameError::UnknownCommand(http),
        ),
        (b"MESSAGE\nno colon here\n", FrameError::NoColon(1)),
        (b"MESSAGE\na:b\nc:\\t\n", FrameError::UndefinedEscape(2)),
        (b"MESSAGE\nc:cut\\\n", FrameError::UndefinedEscape(1)),
        (b"MESSAGE\ncontent-length:-1\n\n", FrameError::ContentLength),
        (b"MESSAGE\ncontent-length:1\n\nab\0", FrameError::MissingNul),
    ] {
        assert_eq!(decode_all(bytes, Limits::default()), Err(error));
    }
}

#[test]
fn limits_are_held_before_the_bytes_arrive() {
    let limits = Limits {
        frame: 100,
        line: 20,
        headers: 2,
    };
    for (bytes, error) in [
        (
            &b"MESSAGE\ncontent-length:101\n\n"[..],
            FrameError::FrameTooLarge { limit: 100 },
        ),
        (
            b"MESSAGE\ncontent-length:90\n\n",
            FrameError::FrameTooLarge { limit: 100 },
        ),
        (
            b"MESSAGE\na:b\nc:d\ne:f\n",
            FrameError::TooManyHeaders { limit: 2 },
        ),
        (
            b"a line of more than twenty bytes",
            FrameError::LineTooLong { limit: 20 },
        ),
    ] {
        assert_eq!(decode_all(bytes, limits), Err(error));
    }
    let mut endless = b"MESSAGE\n\n".to_vec();
    endless.resize(200, b'x');
    assert_eq!(
        decode_all(&endless, limits),
        Err(FrameError::FrameTooLarge { limit: 100 })
    );
}

#[test]
fn each_limit_is_reached_and_not_passed() {
    // "MESSAGE\n" has 8 bytes, the empty line and the NUL one each.
    let limits = |frame, line, headers| Limits {
        frame,
        line,
        headers,
    };
    let body = b"MESSAGE\n\nabcde\0";
    let counted = b"MESSAGE\ncontent-length:5\n\nabcde\0";
    let lines = b"MESSAGE\r\nname:value\r\nb:c\r\n\r\n\0";
    let bare_lines = b"MESSAGE\nname:value\nb:c\n\n\0";
    for (bytes, reached, passed, error) in [
        (
            &body[..],
            limits(15, 20, 2),
            limits(14, 20, 2),
            FrameError::FrameTooLarge { limit: 14 },
        ),
        (
            counted,
            limits(32, 20, 2),
            limits(31, 20, 2),
            FrameError::FrameTooLarge { limit: 31 },
        ),
        (
            lines,
            limits(100, 10, 2),
            limits(100, 9, 2),
            FrameError::LineTooLong { limit: 9 },
        ),
        (
            bare_lines,
            limits(100, 10, 2),
            limits(100, 9, 2),
            FrameError::LineTooLong { limit: 9 },
        ),
        (
            lines,
            limits(100, 10, 2),
            limits(100, 10, 1),
            FrameError::TooManyHeaders { limit: 1 },
        ),
    ] {
        assert_eq!(decode_all(bytes, reached).map(|frames| frames.len()), Ok(1));
        assert_eq!(decode_all(bytes, passed), Err(error));
    }
}

#[test]
fn debug_shows_no_value() {
    let frame = Frame::new(Command::Connect)
        .with("passcode", "hunter2")
        .with_body("private");
    let shown = format!("{frame:?}");
    assert!(shown.contains("passcode"), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("private"),
        "{shown}"
    );
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let escaped = (
        proptest::sample::select(
            Command::ALL
                .into_iter()
                .filter(|c| c.escapes())
                .collect::<Vec<_>>(),
        ),
        proptest::collection::vec((any::<String>(), any::<String>()), 0..6),
        proptest::collection::vec(any::<u8>(), 0..200),
    );
    escaped.prop_map(|(command, mut headers, body)| {
        headers.retain(|(name, _)| name != CONTENT_LENGTH);
        let body = if command.has_body() { body } else { Vec::new() };
        Frame {
            command,
            headers,
            body: body.into(),
        }
    })
}

proptest! {
    #[test]
    fn frames_survive_any_chunking(
        frames in proptest::collection::vec(any_frame(), 1..4),
        cuts in proptest::collection::vec(1usize..40, 1..40),
        beats in proptest::sample::select(vec!["", "\n", "\r\n\n"]),
    ) {
        let mut wire = BytesMut::new();
        for frame in &frames {
            frame.encode(&mut wire).unwrap();
            wire.extend_from_slice(beats.as_bytes());
        }
        let (mut decoder, mut buffer) = (Decoder::new(Limits::default()), BytesMut::new());
        let mut decoded = Vec::new();
        let mut cuts = cuts.iter().cycle();
        while !wire.is_empty() {
            let cut = (*cuts.next().unwrap()).min(wire.len());
            buffer.extend_from_slice(&wire.split_to(cut));
            while let Some(mut frame) = decoder.decode(&mut buffer).unwrap() {
                frame.headers.retain(|(name, _)| name != CONTENT_LENGTH);
                decoded.push(frame);
            }
        }
        prop_assert_eq!(decoded.len(), frames.len());
        for (decoded, frame) in decoded.iter().zip(&frames) {
            prop_assert_eq!(decoded.command, frame.command);
            prop_assert_eq!(&decoded.headers, &frame.headers);
            prop_assert_eq!(&decoded.body, &frame.body);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_stay_bounded(
        chunks in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                Just(b"MESSAGE\n".to_vec()),
                Just(b"content-length:9\n".to_vec()),
                Just(b"a\\cb:c\n".to_vec()),
                Just(b"\n".to_vec()),
                Just(b"\0".to_vec()),
            ],
            0..40,
        ),
    ) {
        let limits = Limits { frame: 120, line: 30, headers: 4 };
        let (mut decoder, mut buffer) = (Decoder::new(limits), BytesMut::new());
        'stream: for chunk in chunks {
            buffer.extend_from_slice(&chunk);
            loop {
                match decoder.decode(&mut buffer) {
                    Ok(Some(frame)) => prop_assert!(frame.body.len() <= limits.frame && frame.headers.len() <= limits.headers),
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
            prop_assert!(buffer.len() <= limits.frame);
        }
    }
}
