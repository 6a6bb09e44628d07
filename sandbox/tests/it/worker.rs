//! A worker as small as can be: one connection, one queue, STOMP written by hand.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sandbox::Sandbox;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub struct Worker {
    stream: BufReader<TlsStream<TcpStream>>,
}

pub struct Message {
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Worker {
    /// Connects with the API key and subscribes to the queue of `fn_test`.
    pub async fn subscribe(sandbox: &Sandbox) -> Self {
        Self::subscribe_to(sandbox, "fn_test").await
    }

    pub async fn subscribe_to(sandbox: &Sandbox, destination: &str) -> Self {
        let mut worker = Self::connect(sandbox).await;
        let queue = format!("actions.{}.{destination}", sandbox.org_id());
        worker
            .send(
                "SUBSCRIBE",
                &[
                    ("id", &queue),
                    ("destination", &queue),
                    ("ack", "client-individual"),
                ],
                "",
            )
            .await;
        sandbox.broker().wait_for_subscriber(&queue).await;
        worker
    }

    /// Logs in with the API key.
    pub async fn connect(sandbox: &Sandbox) -> Self {
        let mut worker =
            Self::log_in(sandbox, sandbox.api_key_id(), sandbox.api_key_secret()).await;
        assert_eq!(worker.frame().await.0, "CONNECTED");
        worker
    }

    /// Sends CONNECT; what is answered is the next frame.
    pub async fn log_in(sandbox: &Sandbox, login: &str, passcode: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(sandbox.ca_pem().as_bytes()).expect("PEM");
        roots.add(ca).expect("a certificate");
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(("127.0.0.1", sandbox.stomp_port()))
            .await
            .expect("connected");
        let name = ServerName::try_from(sandbox.soar_host().to_owned()).expect("a name");
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
            .expect("TLS");
        let mut worker = Self {
            stream: BufReader::new(stream),
        };
        let headers = [
            ("accept-version", "1.2"),
            ("host", sandbox.soar_host()),
            ("heart-beat", "0,0"),
            ("login", login),
            ("passcode", passcode),
        ];
        worker.send("CONNECT", &headers, "").await;
        worker
    }

    pub async fn send(&mut self, command: &str, headers: &[(&str, &str)], body: &str) {
        let escape = |text: &str| match command {
            "CONNECT" => text.to_owned(),
            _ => text.replace(':', "\\c"),
        };
        let mut frame = format!("{command}\n");
        for (name, value) in headers {
            frame.extend([*name, ":", &escape(value), "\n"]);
        }
        frame.extend(["\n", body, "\0"]);
        self.stream.write_all(frame.as_bytes()).await.expect("sent");
    }

    /// The next invocation.
    pub async fn receive(&mut self) -> Message {
        let (command, headers, body) = self.frame().await;
        assert_eq!(command, "MESSAGE", "{headers:?}");
        Message {
            headers,
            body: serde_json::from_slice(&body).expect("JSON"),
        }
    }

    /// Answers an invocation and settles it.
    pub async fn reply(&mut self, message: &Message, reply: &Value) {
        let headers = [
            ("destination", message.header("reply-to")),
            ("correlation-id", message.header("correlation-id")),
        ];
        self.send("SEND", &headers, &reply.to_string()).await;
        if reply["complete"] == true {
            self.send("ACK", &[("id", message.header("ack"))], "").await;
        }
    }

    /// Command, headers and body of the next frame.
    pub async fn frame(&mut self) -> (String, Vec<(String, String)>, Vec<u8>) {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            match (line.is_empty(), lines.is_empty()) {
                (true, true) => {}
                (true, false) => break,
                (false, _) => lines.push(line),
            }
        }
        let headers: Vec<_> = lines[1..]
            .iter()
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_owned(), value.replace("\\c", ":")))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
        let mut body = vec![0; length + 1];
        self.stream.read_exact(&mut body).await.expect("a body");
        assert_eq!(body.pop(), Some(0));
        (lines.remove(0), headers, body)
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.stream.read_u8().await.expect("a byte") {
                b'\n' => return String::from_utf8(line).expect("UTF-8"),
                byte => line.push(byte),
            }
        }
    }
}
