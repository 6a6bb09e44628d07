//! The session against a broker that follows a script, for what a good broker never does.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

const QUEUE: &str = "actions.201.fn_aws_gd";
const CONNECTED: &str = "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0";

/// Options with the usual figures that lead nowhere.
pub(super) fn idle_options() -> StompOptions {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    StompOptions::new("localhost", 1, "key:id", "hunter:2".into(), Arc::new(tls))
}

/// Listens on a free port with a certificate that `trust` accepts.
struct Script {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    trust: Arc<ClientConfig>,
}

/// The broker's end of one connection.
struct Wire(BufReader<TlsStream<TcpStream>>);

impl Script {
    async fn new() -> Self {
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

    fn options(&self) -> StompOptions {
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

    async fn accept(&self) -> Wire {
        let (tcp, _) = self.listener.accept().await.unwrap();
        Wire(BufReader::new(self.acceptor.accept(tcp).await.unwrap()))
    }

    /// Up to the answer to SUBSCRIBE.
    async fn accept_and_confirm(&self) -> Wire {
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
    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// The client's next frame up to its NUL, without the ends of line before it.
    async fn frame(&mut self) -> String {
        let text = self.try_frame().await.unwrap();
        assert!(text.ends_with('\0'), "cut off after {text:?}");
        text.trim_matches(['\n', '\0']).to_owned() + "\n"
    }

    async fn try_frame(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.0.read_until(0, &mut bytes).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    async fn confirm(&mut self, frame: &str) {
        let id = receipt(frame);
        self.say(&format!("RECEIPT\nreceipt-id:{id}\n\n\0")).await;
    }

    /// Reads to the end of the connection, whichever way it ends.
    async fn until_closed(mut self) {
        while self.try_frame().await.is_ok_and(|text| !text.is_empty()) {}
    }
}

fn receipt(frame: &str) -> &str {
    let line = frame.lines().find_map(|line| line.strip_prefix("receipt:"));
    line.unwrap_or_else(|| panic!("no receipt asked in {frame:?}"))
}

fn message(number: usize) -> String {
    format!(
        "MESSAGE\nmessage-id:m{number}\nack:a{number}\nsubscription:{QUEUE}\ndestination:/queue/{QUEUE}\n\n{{}}\0"
    )
}

struct Running {
    handle: Handle,
    deliveries: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn run(options: StompOptions) -> Running {
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
    async fn failure(&self) -> Arc<StompError> {
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

    async fn subscribed(&self) {
        let mut state = self.handle.state();
        let subscribed = |state: &State| matches!(state, State::Subscribed { .. });
        state.wait_for(subscribed).await.unwrap();
    }
}

async fn in_time<T>(case: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), case)
        .await
        .expect("the case hangs")
}

#[tokio::test]
async fn the_frames_are_exactly_these() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.prefetch = 7;
        let mut running = run(options);
        let mut wire = script.accept().await;
        assert_eq!(
            wire.frame().await,
            "CONNECT\naccept-version:1.2\nheart-beat:15000,15000\nhost:localhost\nlogin:key:id\npasscode:hunter:2\n"
        );
        wire.say(CONNECTED).await;
        let subscribe = wire.frame().await;
        assert_eq!(
            subscribe,
            format!("SUBSCRIBE\nack:client-individual\nactivemq.prefetchSize:7\ndestination:{QUEUE}\nid:{QUEUE}\nreceipt:1\n")
        );
        assert!(matches!(*running.handle.state().borrow(), State::Connected { .. }));
        wire.confirm(&subscribe).await;
        running.subscribed().await;

        wire.say("MESSAGE\nmessage-id:ID\\c1\nack:ID\\c2\n\n{}\0\n").await;
        let delivery = running.deliveries.recv().await.unwrap();
        let script = async {
            let send = wire.frame().await;
            assert_eq!(send, "SEND\ndestination:/queue/acks\ncorrelation-id:invid\\c1\nreceipt:2\ncontent-length:2\n\n{}\n");
            wire.confirm(&send).await;
            let ack = wire.frame().await;
            assert_eq!(ack, "ACK\nid:ID\\c2\nreceipt:3\n");
            wire.confirm(&ack).await;
            let unsubscribe = wire.frame().await;
            assert_eq!(unsubscribe, format!("UNSUBSCRIBE\nid:{QUEUE}\nreceipt:4\n"));
            wire.confirm(&unsubscribe).await;
            let disconnect = wire.frame().await;
            assert_eq!(disconnect, "DISCONNECT\nreceipt:5\n");
            wire.confirm(&disconnect).await;
            wire.until_closed().await;
        };
        let client = async {
            let handle = &running.handle;
            handle.send("/queue/acks", Some("invid:1"), "{}".into()).await.unwrap();
            handle.ack(&delivery).await.unwrap();
            handle.unsubscribe().await;
            handle.disconnect().await;
        };
        tokio::join!(script, client);
        running.task.await.unwrap();
        assert!(running.deliveries.recv().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_passcode_repeated_by_the_broker_is_not_passed_on() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("ERROR\nmessage:no\\n user key\\cid with hunter\\c2\n\n\0")
            .await;
        let failure = running.failure().await;
        let StompError::LoginRefused { message } = &*failure else {
            panic!("{failure:?}")
        };
        assert_eq!(message, "no  user key:id with [passcode]");
    })
    .await;
}

#[tokio::test]
async fn silence_ends_the_connection_and_the_next_one_subscribes_again() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.heart_beat = Duration::from_millis(20);
        let running = run(options);
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("CONNECTED\nversion:1.2\nheart-beat:20,20\n\n\0")
            .await;
        assert!(matches!(
            *running.failure().await,
            StompError::Silent { .. }
        ));
        let _wire = script.accept_and_confirm().await;
        running.subscribed().await;
    })
    .await;
}

#[tokio::test]
async fn we_beat_when_we_have_nothing_to_say() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.heart_beat = Duration::from_millis(20);
        let _running = run(options);
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("CONNECTED\nversion:1.2\nheart-beat:0,20\n\n\0")
            .await;
        let subscribe = wire.frame().await;
        wire.confirm(&subscribe).await;
        for _ in 0..3 {
            let mut line = String::new();
            wire.0.read_line(&mut line).await.unwrap();
            assert_eq!(line, "\n");
        }
    })
    .await;
}

#[tokio::test]
async fn half_frames_are_put_together() {
    in_time(async {
        let script = Script::new().await;
        let mut running = run(script.options());
        let mut wire = script.accept_and_confirm().await;
        for piece in message(1).as_bytes().chunks(7) {
            wire.say(std::str::from_utf8(piece).unwrap()).await;
        }
        assert_eq!(running.deliveries.recv().await.unwrap().message_id, "m1");
    })
    .await;
}

#[tokio::test]
async fn another_protocol_is_named() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        script
            .accept()
            .await
            .say("HTTP/1.1 400 Bad Request\r\n\r\n")
            .await;
        let failure = running.failure().await;
        let StompError::Protocol(reason) = &*failure else {
            panic!("{failure:?}")
        };
        assert!(reason.to_string().contains("HTTP/1.1"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn an_older_version_is_refused() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say("CONNECTED\nversion:1.1\n\n\0").await;
        let failure = running.failure().await;
        assert!(matches!(&*failure, StompError::Version { version } if version == "1.1"));
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_says_nothing_at_all_times_out() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.connect_timeout = Duration::from_millis(50);
        let running = run(options);
        let wire = script.accept().await;
        assert!(matches!(
            *running.failure().await,
            StompError::ConnectTimeout { .. }
        ));
        wire.until_closed().await;
    })
    .await;
}

#[tokio::test]
async fn an_error_of_nothing_ours_ends_the_connection() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept_and_confirm().await;
        wire.say("ERROR\n\njava.io.IOException: disk full\n\tat x\n\0")
            .await;
        let failure = running.failure().await;
        let StompError::Broker { message } = &*failure else {
            panic!("{failure:?}")
        };
        assert_eq!(message, "java.io.IOException: disk full");
    })
    .await;
}

#[tokio::test]
async fn a_refused_queue_is_known_without_its_receipt_id() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let mut wire = script.accept().await;
        wire.frame().await;
        wire.say(CONNECTED).await;
        wire.frame().await;
        wire.say(&format!(
            "ERROR\nmessage:not authorized to read from queue {QUEUE}\n\n\0"
        ))
        .await;
        let failure = running.failure().await;
        assert!(
            matches!(&*failure, StompError::SubscriptionRefused { queue, .. } if queue == QUEUE)
        );
    })
    .await;
}

#[tokio::test]
async fn a_missing_receipt_ends_the_connection() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.receipt_timeout = Duration::from_millis(100);
        let running = run(options);
        let mut wire = script.accept_and_confirm().await;
        running.subscribed().await;
        let (lost, failure, _) = tokio::join!(
            running.handle.send("/queue/acks", None, "{}".into()),
            running.failure(),
            wire.frame(),
        );
        assert!(matches!(lost, Err(StompError::ConnectionLost)), "{lost:?}");
        assert!(matches!(*failure, StompError::NoReceipt { .. }));
    })
    .await;
}

#[tokio::test]
async fn receipts_come_through_while_nobody_takes_deliveries() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.prefetch = 2;
        let mut running = run(options);
        let mut wire = script.accept_and_confirm().await;
        running.subscribed().await;
        let flood = async {
            for number in 1..=20 {
                wire.say(&message(number)).await;
            }
            let send = wire.frame().await;
            wire.confirm(&send).await;
        };
        let send = running.handle.send("/queue/acks", None, "{}".into());
        let (sent, ()) = tokio::join!(send, flood);
        sent.unwrap();
        for number in 1..=20 {
            let delivery = running.deliveries.recv().await.unwrap();
            assert_eq!(delivery.message_id, format!("m{number}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_beyond_the_limit_ends_the_connection() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        options.prefetch = 1;
        options.limits.frame = 1000;
        let running = run(options);
        let mut wire = script.accept_and_confirm().await;
        let flood: String = (1..=20).map(message).collect();
        wire.say(&flood).await;
        let failure = running.failure().await;
        assert!(matches!(
            *failure,
            StompError::PrefetchIgnored { prefetch: 1 }
        ));
    })
    .await;
}

#[tokio::test]
async fn a_session_without_a_broker_answers_and_ends_when_asked() {
    in_time(async {
        let script = Script::new().await;
        let mut options = script.options();
        drop(script);
        options.reconnect_min = Duration::from_mins(10);
        options.reconnect_max = Duration::from_mins(10);
        let mut running = run(options);
        assert!(matches!(
            *running.failure().await,
            StompError::Unreachable { .. }
        ));
        let sent = running.handle.send("/queue/acks", None, "{}".into()).await;
        assert!(matches!(sent, Err(StompError::NotConnected)), "{sent:?}");
        running.handle.unsubscribe().await;
        assert!(running.deliveries.recv().await.is_none());
        running.handle.disconnect().await;
        running.task.await.unwrap();
        let sent = running.handle.send("/queue/acks", None, "{}".into()).await;
        assert!(matches!(sent, Err(StompError::Ended)), "{sent:?}");
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_session_drops_its_connection_at_once() {
    in_time(async {
        let script = Script::new().await;
        let running = run(script.options());
        let wire = script.accept_and_confirm().await;
        running.subscribed().await;
        running.stop.cancel();
        running.task.await.unwrap();
        wire.until_closed().await;
    })
    .await;
}
