//! A broker that follows a script, and the session against it.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::stomp::{Delivery, Handle, State, StompError, StompOptions, start};

pub(super) const QUEUE: &str = "actions.201.fn_aws_gd";
pub(super) const CONNECTED: &str = "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0";

/// Listens on a free port with a certificate that `trust` accepts.
pub(super) struct Script {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    trust: Arc<ClientConfig>,
}

/// The broker's end of one connection.
pub(super) struct Wire(pub(super) BufReader<TlsStream<TcpStream>>);

impl Script {
    pub(super) async fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(server)),
            trust: Arc::new(client),
        }
    }

    pub(super) fn options(&self) -> StompOptions {
        let port = self.listener.local_addr().unwrap().port();
        StompOptions {
            subscriptions: vec![QUEUE.to_owned()],
            reconnect_min: Duration::from_millis(10),
            reconnect_max: Duration::from_millis(100),
            ..StompOptions::new(
                "localhost",
                port,
                "key:id",
                "hunter:2".into(),
                self.trust.clone(),
            )
        }
    }

    pub(super) async fn accept(&self) -> Wire {
        let (tcp, _) = self.listener.accept().await.unwrap();
        Wire(BufReader::new(self.acceptor.accept(tcp).await.unwrap()))
    }

    /// Up to the answer to SUBSCRIBE.
    pub(super) async fn accept_and_confirm(&self) -> Wire {
        let mut wire = self.accept().await;
        wire.frame().await;
        wire.say(CONNECTED).await;
        let subscribe = wire.frame().await;
        assert!(subscribe.starts_with("SUBSCRIBE\n"), "{subscribe}");
        wire.confirm(&subscribe).await;
        wire
    }
}

impl Wire {
    pub(super) async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// The client's next frame up to its NUL, without the ends of line before it.
    pub(super) async fn frame(&mut self) -> String {
        let text = self.try_frame().await.unwrap();
        assert!(text.ends_with('\0'), "cut off after {text:?}");
        text.trim_matches(['\n', '\0']).to_owned() + "\n"
    }

    pub(super) async fn try_frame(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.0.read_until(0, &mut bytes).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    pub(super) async fn confirm(&mut self, frame: &str) {
        let id = receipt(frame);
        self.say(&format!("RECEIPT\nreceipt-id:{id}\n\n\0")).await;
    }

    /// Reads to the end of the connection, whichever way it ends.
    pub(super) async fn until_closed(mut self) {
        while self.try_frame().await.is_ok_and(|text| !text.is_empty()) {}
    }
}

pub(super) fn receipt(frame: &str) -> &str {
    let line = frame.lines().find_map(|line| line.strip_prefix("receipt:"));
    line.unwrap_or_else(|| panic!("no receipt asked in {frame:?}"))
}

pub(super) fn message(number: usize) -> String {
    format!(
        "MESSAGE\nmessage-id:m{number}\nack:a{number}\nsubscription:{QUEUE}\ndestination:/queue/{QUEUE}\n\n{{}}\0"
    )
}

pub(super) struct Running {
    pub(super) handle: Handle,
    pub(super) deliveries: mpsc::Receiver<Delivery>,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

pub(super) fn run(options: StompOptions) -> Running {
    let stop = CancellationToken::new();
    let (handle, deliveries, task) = start(options, stop.clone());
    Running {
        handle,
        deliveries,
        stop,
        task: tokio::spawn(task),
    }
}

impl Running {
    pub(super) async fn failure(&self) -> Arc<StompError> {
        let mut state = self.handle.state();
        let failed = |state: &State| matches!(state, State::Disconnected { reason: Some(_) });
        let found = state.wait_for(failed).await.unwrap().clone();
        match found {
            State::Disconnected {
                reason: Some(reason),
            } => reason,
            other => panic!("waited for a failure, found {other:?}"),
        }
    }

    pub(super) async fn subscribed(&self) {
        let mut state = self.handle.state();
        let subscribed = |state: &State| matches!(state, State::Subscribed { .. });
        state.wait_for(subscribed).await.unwrap();
    }
}

pub(super) async fn in_time<T>(case: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), case)
        .await
        .expect("the case hangs")
}
