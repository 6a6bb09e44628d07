//! A TCP relay in front of a broker, to cut or hold a connection.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::Broker;

pub(crate) const CHUNK: usize = 16 * 1024;

pub(crate) struct Relay {
    pub(crate) port: u16,
    line: Line,
}

#[derive(Clone)]
struct Line {
    cut: watch::Sender<usize>,
    held: Arc<AtomicBool>,
    /// Chunks of at most [`CHUNK`] bytes that came from the client.
    chunks: watch::Sender<usize>,
}

impl Relay {
    pub(crate) async fn before(broker: &Broker) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Line {
            cut: watch::channel(0).0,
            held: Arc::default(),
            chunks: watch::channel(0).0,
        };
        tokio::spawn(relay(
            listener,
            broker.host.clone(),
            broker.port,
            line.clone(),
        ));
        Self { port, line }
    }

    /// Swallows what the client sends from now on.
    pub(crate) fn hold(&self) {
        self.line.held.store(true, Ordering::SeqCst);
    }

    /// Breaks every connection; the next ones work.
    pub(crate) fn cut(&self) {
        self.line.held.store(false, Ordering::SeqCst);
        self.line.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Waits until the client has sent `more` chunks after this call.
    pub(crate) async fn chunks(&self, more: usize) {
        let mut chunks = self.line.chunks.subscribe();
        let target = *chunks.borrow() + more;
        chunks.wait_for(|chunks| *chunks >= target).await.unwrap();
    }
}

async fn relay(listener: TcpListener, host: String, port: u16, line: Line) {
    while let Ok((client, _)) = listener.accept().await {
        // Nobody there at the moment: the client finds its connection closed.
        if let Ok(server) = TcpStream::connect((host.as_str(), port)).await {
            let line = line.clone();
            tokio::spawn(async move {
                let mut cut = line.cut.subscribe();
                let (mut from_server, to_server) = server.into_split();
                let (from_client, mut to_client) = client.into_split();
                tokio::select! {
                    () = upstream(from_client, to_server, &line) => {}
                    _ = copy(&mut from_server, &mut to_client) => {}
                    _ = cut.changed() => {}
                }
            });
        }
    }
}

async fn upstream(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, line: &Line) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = client.read(&mut chunk).await {
        line.chunks.send_modify(|chunks| *chunks += 1);
        let held = line.held.load(Ordering::SeqCst);
        if !held && server.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}
