//! A client as small as can be: it hands messages from one broker to another, and looks at what a queue holds.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::frame::{Decoder, Frame};
use crate::Sandbox;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a broker is and who one is there.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) port: u16,
    pub(crate) ca_pem: String,
    pub(crate) login: String,
    pub(crate) passcode: String,
}

impl Account {
    /// The worker's, at the sandbox's own broker.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self {
            port: sandbox.stomp_port(),
            ca_pem: sandbox.ca_pem().to_owned(),
            login: sandbox.api_key_id().to_owned(),
            passcode: sandbox.api_key_secret().to_owned(),
        }
    }
}

/// A logged-in client.
pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
    decoder: Decoder,
    /// Messages that came while something else was waited for.
    early: VecDeque<Message>,
    receipts: u64,
}

/// A message as it came.
pub(crate) struct Message(Frame);

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.0.body
    }
}

impl Client {
    pub(crate) async fn connect(account: &Account) -> io::Result<Self> {
        let mut client = Self {
            stream: secured(account.port, &account.ca_pem).await?,
            decoder: Decoder::default(),
            early: VecDeque::new(),
            receipts: 0,
        };
        let connect = Frame::new("CONNECT")
            .with("accept-version", "1.2")
            .with("host", "localhost")
            .with("login", &account.login)
            .with("passcode", &account.passcode);
        client.write(&connect).await?;
        let answer = client.frame().await?;
        match answer.command.as_str() {
            "CONNECTED" => Ok(client),
            _ => Err(refused(&answer)),
        }
    }

    /// Takes messages of a queue, to be acknowledged one by one.
    pub(crate) async fn subscribe(&mut self, queue: &str) -> io::Result<()> {
        let subscribe = Frame::new("SUBSCRIBE")
            .with("id", "0")
            .with("destination", format!("/queue/{queue}"))
            .with("ack", "client-individual")
            .with("activemq.prefetchSize", "1");
        self.confirmed(subscribe).await
    }

    /// Passes a message on to a queue, with the headers that are not a broker's own. Confirmed by the broker.
    pub(crate) async fn pass_on(&mut self, message: &Message, queue: &str) -> io::Result<()> {
        const OF_A_BROKER: [&str; 8] = [
            "destination",
            "message-id",
            "subscription",
            "ack",
            "redelivered",
            "expires",
            "priority",
            "content-length",
        ];
        let mut send = Frame::new("SEND").with("destination", format!("/queue/{queue}"));
        for (name, value) in &message.0.headers {
            if !OF_A_BROKER.contains(&name.as_str()) {
                send = send.with(name, value);
            }
        }
        let body = message.0.body.clone();
        let send = send.with("content-length", body.len().to_string());
        self.confirmed(send.with_body(body)).await
    }

    /// Answers a message; nobody confirms it.
    pub(crate) async fn reply(&mut self, message: &Message, body: Bytes) -> io::Result<()> {
        let header = |name| message.header(name).unwrap_or_default();
        let send = Frame::new("SEND")
            .with("destination", header("reply-to"))
            .with("correlation-id", header("correlation-id"))
            .with("content-length", body.len().to_string());
        self.write(&send.with_body(body)).await
    }

    pub(crate) async fn acknowledge(&mut self, message: &Message) -> io::Result<()> {
        let id = message.header("ack").unwrap_or_default();
        self.confirmed(Frame::new("ACK").with("id", id)).await
    }

    /// The next message, however long it takes.
    pub(crate) async fn next(&mut self) -> io::Result<Message> {
        match self.early.pop_front() {
            Some(message) => Ok(message),
            None => self.message().await,
        }
    }

    async fn message(&mut self) -> io::Result<Message> {
        loop {
            if let Some(frame) = self.decoder.next().map_err(io::Error::other)? {
                return taken(frame);
            }
            self.read().await?;
        }
    }

    /// How many messages the queue holds (`ActiveMQ` only); takes none.
    pub(crate) async fn browse(&mut self, queue: &str) -> io::Result<usize> {
        let subscribe = Frame::new("SUBSCRIBE")
            .with("id", "browser")
            .with("destination", format!("/queue/{queue}"))
            .with("browser", "true")
            .with("ack", "auto");
        self.write(&subscribe).await?;
        for count in 0.. {
            let message = taken(self.frame().await?)?;
            if message.header("browser") == Some("end") {
                return Ok(count);
            }
        }
        Ok(0)
    }

    async fn confirmed(&mut self, frame: Frame) -> io::Result<()> {
        self.receipts += 1;
        let receipt = self.receipts.to_string();
        self.write(&frame.with("receipt", &receipt)).await?;
        loop {
            let answer = self.frame().await?;
            if answer.command != "RECEIPT" {
                self.early.push_back(taken(answer)?);
            } else if answer.header("receipt-id") == Some(&receipt) {
                return Ok(());
            }
        }
    }

    async fn frame(&mut self) -> io::Result<Frame> {
        let frame = async {
            loop {
                if let Some(frame) = self.decoder.next().map_err(io::Error::other)? {
                    return Ok(frame);
                }
                self.read().await?;
            }
        };
        tokio::time::timeout(PATIENCE, frame)
            .await
            .map_err(io::Error::other)?
    }

    async fn read(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk).await? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            length => {
                self.decoder.push(&chunk[..length]);
                Ok(())
            }
        }
    }

    async fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.stream.write_all(&frame.encode()).await?;
        self.stream.flush().await
    }
}

fn taken(frame: Frame) -> io::Result<Message> {
    match frame.command.as_str() {
        "MESSAGE" => Ok(Message(frame)),
        _ => Err(refused(&frame)),
    }
}

fn refused(answer: &Frame) -> io::Error {
    let why = answer.header("message").unwrap_or(&answer.command);
    io::Error::other(format!("the broker answered {why}"))
}

/// A connection with TLS to a server on this machine.
pub(crate) async fn secured(port: u16, ca_pem: &str) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(("localhost", port)).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let tls = TlsConnector::from(Arc::new(trusting(ca_pem)?));
    tls.connect(name, tcp).await
}

fn trusting(ca_pem: &str) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate =
        CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(io::Error::other)?;
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
