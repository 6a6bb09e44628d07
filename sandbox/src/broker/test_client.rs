//! A raw STOMP client for the tests: it writes bytes and reads frames, and knows nothing of the broker's codec.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Broker, BrokerOptions};

/// Guards against a test that hangs; nothing is measured by it.
const GUARD: Duration = Duration::from_secs(20);

pub(super) const GREETING: &str = "CONNECT\naccept-version:1.2\nheart-beat:0,15000\nhost:localhost\nlogin:worker\npasscode:secret:with colon\n\n\0";

/// A broker on a free port, and what clients must trust.
pub(super) struct Started {
    pub(super) broker: Broker,
    roots: Arc<RootCertStore>,
}

pub(super) async fn start(heart_beat: Duration) -> Started {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("key");
    let certificate = signed.cert.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("server config");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("root");
    let options = BrokerOptions {
        addr: ([127, 0, 0, 1], 0).into(),
        tls: Arc::new(tls),
        authenticate: Arc::new(|login, passcode| {
            login == "worker" && passcode == "secret:with colon"
        }),
        authorize: Arc::new(|login, _, queue| login == "worker" && !queue.contains("forbidden")),
        heart_beat,
    };
    Started {
        broker: Broker::start(options).await.expect("start"),
        roots: Arc::new(roots),
    }
}

impl Started {
    pub(super) async fn client(&self) -> Client {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        let socket = TcpStream::connect(("127.0.0.1", self.broker.port()))
            .await
            .expect("tcp");
        let name = ServerName::try_from("localhost").expect("name");
        let stream = TlsConnector::from(Arc::new(tls))
            .connect(name, socket)
            .await
            .expect("tls");
        Client {
            stream,
            buffer: Vec::new(),
            early: VecDeque::new(),
        }
    }

    /// A client that is logged in.
    pub(super) async fn connected(&self) -> Client {
        let mut client = self.client().await;
        client.write(GREETING).await;
        assert!(client.frame().await.starts_with("CONNECTED\n"));
        client
    }

    /// A client that is logged in and subscribed with client-individual acks.
    pub(super) async fn subscribed(&self, queue: &str, prefetch: usize) -> Client {
        let mut client = self.connected().await;
        client
            .write(&format!(
                "SUBSCRIBE\nack:client-individual\nactivemq.prefetchSize:{prefetch}\ndestination:{queue}\nid:{}\nreceipt:subscribed\n\n\0",
                queue.replace(':', "\\c")
            ))
            .await;
        client.receipt("subscribed").await;
        client
    }
}

pub(super) struct Client {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    /// Frames that came before a receipt that was waited for.
    early: VecDeque<Vec<u8>>,
}

impl Client {
    pub(super) async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("write");
        self.stream.flush().await.expect("flush");
    }

    /// Waits for a receipt; messages that come before it are kept.
    pub(super) async fn receipt(&mut self, id: &str) {
        let expected = format!("RECEIPT\nreceipt-id:{id}\n\n");
        let mut early = VecDeque::new();
        loop {
            let frame = self.frame_bytes().await;
            if frame == expected.as_bytes() {
                break;
            }
            assert!(frame.starts_with(b"MESSAGE\n"), "{frame:?}");
            early.push_back(frame);
        }
        self.early.extend(early);
    }

    /// The next frame as text without its NUL; heart-beats before it are skipped.
    pub(super) async fn frame(&mut self) -> String {
        String::from_utf8(self.frame_bytes().await).expect("UTF-8")
    }

    /// The same for a body that is not UTF-8 and holds no NUL.
    pub(super) async fn frame_bytes(&mut self) -> Vec<u8> {
        if let Some(frame) = self.early.pop_front() {
            return frame;
        }
        loop {
            while self.buffer.first() == Some(&b'\n') {
                self.buffer.remove(0);
            }
            if let Some(end) = self.buffer.iter().position(|byte| *byte == 0) {
                let rest = self.buffer.split_off(end + 1);
                let mut frame = std::mem::replace(&mut self.buffer, rest);
                frame.pop();
                return frame;
            }
            assert!(self.read().await, "the broker closed the connection");
        }
    }

    /// The next byte, whatever it is.
    pub(super) async fn byte(&mut self) -> u8 {
        while self.buffer.is_empty() {
            assert!(self.read().await, "the broker closed the connection");
        }
        self.buffer.remove(0)
    }

    /// Returns when the broker has closed the connection; fails if anything but heart-beats comes before.
    pub(super) async fn closed(&mut self) {
        while self.read().await {}
        let left = String::from_utf8_lossy(&self.buffer);
        assert_eq!(left.trim(), "");
    }

    async fn read(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match timeout(GUARD, self.stream.read(&mut chunk))
            .await
            .expect("the broker sent nothing for long")
        {
            Ok(length @ 1..) => {
                self.buffer.extend(&chunk[..length]);
                true
            }
            _ => false,
        }
    }
}

/// The value of a header in a frame, still escaped.
pub(super) fn header<'a>(frame: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = frame.split_once("\n\n")?;
    head.lines()
        .skip(1)
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// The body of a frame.
pub(super) fn body(frame: &str) -> &str {
    frame.split_once("\n\n").map_or("", |(_, body)| body)
}
