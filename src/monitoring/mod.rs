//! What monitoring and people ask over HTTP: a small listener, off unless `aws_gd_http_listen` names an address.
//!
//! Anyone who reaches the address is told whether the worker is well; its page and its metrics are for those who have the token,
//! where one is set. Nothing is told that is secret, and nothing can be changed. What one caller may
//! cost is bounded: one request a connection, its size, its time, and how many there are.

mod access;
mod chart;
mod page;
mod routes;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

pub use routes::{HEALTHZ, READYZ};

use crate::health::Health;
use crate::mutex::lock;
use crate::telemetry::Problems;

/// Connections at a time; more wait.
const MOST_CONNECTIONS: usize = 16;
/// How long a connection may take for its request and the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a request that are looked at; the smallest that hyper takes.
const REQUEST_ROOM: usize = 8192;
/// The pause after a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Why nobody can ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "aws_gd_http_listen in [fn_aws_guardduty]: cannot listen on {address}: {reason}; give an address of this machine and a port \
     that no other program has, or remove the key"
)]
pub struct ListenError {
    address: SocketAddr,
    reason: io::Error,
}

/// How often the figures are sampled for the charts.
const SAMPLES: Duration = Duration::from_mins(1);

/// The listener, on or off.
#[derive(Debug)]
pub struct Server {
    desk: Arc<Desk>,
    at_work: Option<AtWork>,
}

/// What is told, and to whom.
#[derive(Debug)]
struct Desk {
    health: Health,
    problems: Problems,
    /// `aws_gd_http_token`.
    token: Mutex<Option<SecretString>>,
}

#[derive(Debug)]
struct AtWork {
    address: SocketAddr,
    task: AbortOnDropHandle<()>,
}

impl Server {
    /// One that listens nowhere yet and will tell of `health` and `problems`.
    pub fn new(health: Health, problems: Problems) -> Self {
        let desk = Desk {
            health,
            problems,
            token: Mutex::default(),
        };
        Self {
            desk: Arc::new(desk),
            at_work: None,
        }
    }

    /// Only those who bring this token see the page and the metrics from now on; everyone where there is none.
    pub fn guard(&self, token: Option<SecretString>) {
        *lock(&self.desk.token) = token;
    }

    /// Listens on `address` from now on, on nothing where there is none. Where that is where it listens already, nothing
    /// changes, and after a failure neither.
    ///
    /// # Errors
    /// When the address is taken or none of this machine.
    pub async fn listen_on(&mut self, address: Option<SocketAddr>) -> Result<(), ListenError> {
        let before = self.at_work.as_ref().map(|at_work| at_work.address);
        if before == address {
            return Ok(());
        }
        let Some(address) = address else {
            self.at_work = None;
            tracing::info!("nothing is answered over HTTP any more");
            return Ok(());
        };
        // One port on two addresses of which one is all of them would clash.
        let clash = before.filter(|before| before.port() == address.port());
        if clash.is_some() {
            self.leave().await;
        }
        let bound = self.bind(address).await;
        if let (Err(_), Some(before)) = (&bound, clash) {
            self.bind(before).await?;
        }
        bound
    }

    async fn bind(&mut self, address: SocketAddr) -> Result<(), ListenError> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|reason| ListenError { address, reason })?;
        tracing::info!(%address, "the worker's page is at http://{address}/, with /metrics, /healthz and /readyz");
        let task = AbortOnDropHandle::new(tokio::spawn(serve(listener, Arc::clone(&self.desk))));
        self.at_work = Some(AtWork { address, task });
        Ok(())
    }

    /// Returns when the port is free. Requests that were taken are answered.
    async fn leave(&mut self) {
        if let Some(AtWork { task, .. }) = self.at_work.take() {
            task.abort();
            // It always says that it was aborted.
            let _ = task.await;
        }
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    tokio::join!(take(listener, &desk), sample(&desk));
}

async fn sample(desk: &Desk) {
    let mut turns = interval(SAMPLES);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        desk.health.measures().sample(Timestamp::now());
    }
}

async fn take(listener: TcpListener, desk: &Arc<Desk>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(desk);
                tokio::spawn(async move {
                    // Whoever takes too long is let go.
                    let _ = timeout(PATIENCE, converse(stream, &desk)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!("a request over HTTP could not be taken: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, desk: &Desk) {
    let answer = service_fn(
        |request: hyper::Request<hyper::body::Incoming>| async move {
            Ok::<_, Infallible>(routes::answer(&request, desk))
        },
    );
    let outcome = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(REQUEST_ROOM)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = outcome {
        tracing::debug!("a request over HTTP was not answered: {error}");
    }
}

#[cfg(test)]
mod tests;
