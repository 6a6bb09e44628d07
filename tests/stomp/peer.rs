//! The platform's side, in a codec of its own: it shares nothing with the one under test.

use std::collections::{HashMap, VecDeque};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Broker;
use crate::client::trusting;

/// What the platform sends with each invocation, apart from addresses.
const PLATFORM_HEADERS: [(&str, &str); 5] = [
    ("persistent", "true"),
    ("Co3MessagePayload", "FunctionDataDTO"),
    ("Co3ContentType", "application/json"),
    (
        "Co3ContextToken",
        "eyJhbGciOiJIUzI1NiJ9.bnVsbA.c2lnbmF0dXJl",
    ),
    ("Co3RemoteAddr", "127.0.0.1"),
];

pub(crate) struct Message {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub(crate) struct Peer {
    stream: BufReader<TlsStream<TcpStream>>,
    early: VecDeque<Message>,
    receipts: usize,
}

impl Peer {
    pub(crate) async fn platform(broker: &Broker) -> Self {
        Self::connect(broker, &broker.platform_login, &broker.platform_passcode).await
    }

    /// A second worker, with the rights of the first.
    pub(crate) async fn worker(broker: &Broker) -> Self {
        Self::connect(broker, &broker.login, &broker.passcode).await
    }

    async fn connect(broker: &Broker, login: &str, passcode: &str) -> Self {
        let tcp = TcpStream::connect((broker.host.as_str(), broker.port))
            .await
            .unwrap();
        let name = ServerName::try_from(broker.host.clone()).unwrap();
        let tls = TlsConnector::from(trusting(&broker.ca_pem));
        let mut peer = Self {
            stream: BufReader::new(tls.connect(name, tcp).await.unwrap()),
            early: VecDeque::new(),
            receipts: 0,
        };
        let connect = format!(
            "CONNECT\naccept-version:1.2\nhost:{}\nlogin:{login}\npasscode:{passcode}\n\n\0",
            broker.host
        );
        peer.write(connect.as_bytes()).await;
        let (command, _) = peer.read().await;
        assert_eq!(command, "CONNECTED");
        peer
    }

    pub(crate) async fn subscribe(&mut self, queue: &str) {
        let head = format!("SUBSCRIBE\nid:{queue}\ndestination:{queue}\nack:auto\n");
        self.confirmed(&head, b"").await;
    }

    /// One invocation for `actions.201.<name>`, to be answered on `acks.201.<name>`.
    pub(crate) async fn invoke(&mut self, name: &str, correlation_id: &str, body: &str) {
        let length = format!("content-length:{}\n", body.len());
        self.publish(name, correlation_id, &length, body.as_bytes())
            .await;
    }

    /// The same as a text message: without content-length `ActiveMQ` makes one of it.
    pub(crate) async fn invoke_as_text(&mut self, name: &str, correlation_id: &str, body: &str) {
        self.publish(name, correlation_id, "", body.as_bytes())
            .await;
    }

    /// The same as from a JMS client: `ActiveMQ` keeps the bytes of a text as they come, a JMS client's are in Java's
    /// modified UTF-8.
    pub(crate) async fn invoke_as_jms_text(
        &mut self,
        name: &str,
        correlation_id: &str,
        body: &str,
    ) {
        self.publish(name, correlation_id, "", &modified_utf8(body))
            .await;
    }

    /// A message that nobody wants an answer to.
    pub(crate) async fn tell(&mut self, name: &str, body: &str) {
        let length = body.len();
        let head =
            format!("SEND\ndestination:/queue/actions.201.{name}\ncontent-length:{length}\n");
        self.confirmed(&head, body.as_bytes()).await;
    }

    /// One answer on `acks.201.<name>`, as a worker gives it.
    pub(crate) async fn answer(&mut self, name: &str, correlation_id: &str) {
        let correlation_id = correlation_id.replace(':', "\\c");
        let head =
            format!("SEND\ndestination:/queue/acks.201.{name}\ncorrelation-id:{correlation_id}\n");
        self.confirmed(&head, b"{}").await;
    }

    async fn publish(&mut self, name: &str, correlation_id: &str, length: &str, body: &[u8]) {
        let correlation_id = correlation_id.replace(':', "\\c");
        let fixed = PLATFORM_HEADERS.map(|(name, value)| format!("{name}:{value}\n"));
        let head = format!(
            "SEND\ndestination:/queue/actions.201.{name}\nreply-to:/queue/acks.201.{name}\n\
             correlation-id:{correlation_id}\n{length}{}",
            fixed.concat()
        );
        self.confirmed(&head, body).await;
    }

    pub(crate) async fn next(&mut self) -> Message {
        if let Some(message) = self.early.pop_front() {
            return message;
        }
        let (command, message) = self.read().await;
        assert_eq!(command, "MESSAGE", "{:?}", message.headers);
        message
    }

    async fn confirmed(&mut self, head: &str, body: &[u8]) {
        self.receipts += 1;
        let receipt = format!("peer-{}", self.receipts);
        let head = format!("{head}receipt:{receipt}\n\n");
        self.write(&[head.as_bytes(), body, b"\0"].concat()).await;
        loop {
            let (command, message) = self.read().await;
            if command == "MESSAGE" {
                self.early.push_back(message);
            } else {
                assert_eq!(command, "RECEIPT", "{:?}", message.headers);
                assert_eq!(message.header("receipt-id"), receipt);
                return;
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// No body here holds NUL, so the first one ends the frame.
    async fn read(&mut self) -> (String, Message) {
        let mut frame = Vec::new();
        self.stream.read_until(0, &mut frame).await.unwrap();
        assert_eq!(frame.pop(), Some(0), "the broker closed the connection");
        let start = frame.iter().position(|byte| *byte != b'\n').unwrap();
        let frame = &frame[start..];
        let blank = frame.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let head = String::from_utf8(frame[..blank].to_vec()).unwrap();
        let (command, headers) = head.split_once('\n').unwrap_or((&head, ""));
        let headers = headers.lines().map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (plain(name), plain(value))
        });
        let message = Message {
            headers: headers.collect(),
            body: frame[blank + 2..].to_vec(),
        };
        (command.to_owned(), message)
    }
}

fn plain(text: &str) -> String {
    let parts = text.split("\\\\");
    let parts = parts.map(|part| part.replace("\\c", ":").replace("\\n", "\n"));
    parts.collect::<Vec<_>>().join("\\")
}

/// Beyond the BMP a character is two surrogates of three bytes each; NUL does not occur here.
fn modified_utf8(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for c in text.chars() {
        let mut buffer = [0; 4];
        if c.len_utf16() == 1 {
            bytes.extend(c.encode_utf8(&mut buffer).bytes());
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let [high, low] = unit.to_be_bytes();
            let middle = 0x80 | ((high & 0x0f) << 2) | (low >> 6);
            bytes.extend([0xe0 | (high >> 4), middle, 0x80 | (low & 0x3f)]);
        }
    }
    bytes
}
