//! What the wire takes by itself: a client that makes a function's round trips and does nothing else.
//!
//! It takes the message from the same broker, makes as many calls in the same order, over TLS where the worker does, to servers
//! that answer after the same time, and answers on the queue what the worker has answered before. What a worker adds to its calls
//! and this client does not is the worker's own; the rest is sockets, TLS, HTTP and the simulation.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::BenchOptions;
use super::functions::{Course, Functions};
use crate::broker::client::{Account, Client, Message, secured};
use crate::calls::{Calls, Side};
use crate::certificates::Certificates;
use crate::faults::Faults;
use crate::server::{self, Front};
use crate::soar::Reply;
use crate::worker::{self, ARCHIVE, REFRESH};
use crate::{Options, Sandbox};

/// How long the client may take to connect.
const PATIENCE: Duration = Duration::from_mins(1);
/// About as long as a finding and as an incident's artifacts.
const ANSWER: usize = 4 * 1024;

/// What the report calls this client's calls in place of the function.
pub(super) fn name(function: &str) -> String {
    format!("{function}, bare client")
}

/// Refreshes, then archives, as the worker's are measured; answered with these, which the worker gave.
pub(super) async fn one_after_another(
    options: &BenchOptions,
    answers: &[Reply],
) -> io::Result<Vec<Functions>> {
    let [refreshed, archived] = answers else {
        return Err(io::Error::other("two answers of the worker are needed"));
    };
    let customizations = worker::customizations(&options.worker)?;
    let sandbox = Sandbox::start(Options::default()).await?;
    let imported = sandbox.platform().import(&customizations);
    imported.map_err(|refusal| io::Error::other(refusal.to_string()))?;
    let far = FarServers::start(options).await?;
    let wire = Wire {
        refreshed: serde_json::to_vec(refreshed)?.into(),
        archived: serde_json::to_vec(archived)?.into(),
        account: Account::of(&sandbox),
        queue: worker::queue(&sandbox),
        soar: far.soar,
        soar_ca_pem: far.ca_pem.clone(),
        aws: far.aws,
    };
    // On a thread of its own, as the worker is a process of its own.
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(serve(wire))
    });
    let queue = worker::queue(&sandbox);
    let subscribed = timeout(PATIENCE, sandbox.broker().wait_for_subscriber(&queue)).await;
    subscribed.map_err(|_| io::Error::other("the bare client does not subscribe"))?;
    let inputs = json!({
        "aws_gd_region": "us-east-1",
        "aws_gd_detector_id": "0123456789abcdef0123456789abcdef",
        "aws_gd_finding_id": "0123456789abcdef0123456789abcdef",
        "incident_id": 1,
    });
    let mut measured = Vec::new();
    for function in [REFRESH, ARCHIVE] {
        let course = Course::run(&sandbox, &far.calls, function, &inputs, options.calls).await?;
        measured.push(course.of(&name(function), None));
    }
    far.stop().await;
    sandbox.shutdown().await;
    Ok(measured)
}

/// Stand for SOAR and AWS: whatever is asked, the answer is of the same length and comes after the same time.
struct FarServers {
    soar: SocketAddr,
    aws: SocketAddr,
    ca_pem: String,
    calls: Calls,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl FarServers {
    async fn start(options: &BenchOptions) -> io::Result<Self> {
        let certificates = Certificates::generate()?;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let calls = Calls::default();
        let answer = Bytes::from("x".repeat(ANSWER));
        let front = Front {
            side: Side::Soar,
            router: Router::new().fallback(async move || answer),
            latency: options.soar_latency,
            faults: Faults::default(),
            calls: calls.clone(),
        };
        let near = SocketAddr::from(([127, 0, 0, 1], 0));
        let tls = Some(certificates.server);
        let soar = server::serve(near, tls, front.clone(), &tracker, stop.clone()).await?;
        let front = Front {
            side: Side::Aws,
            latency: options.aws_latency,
            ..front
        };
        let aws = server::serve(near, None, front, &tracker, stop.clone()).await?;
        Ok(Self {
            soar,
            aws,
            ca_pem: certificates.ca_pem,
            calls,
            tracker,
            stop,
        })
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Where the client connects to, and what it answers.
struct Wire {
    refreshed: Bytes,
    archived: Bytes,
    account: Account,
    queue: String,
    soar: SocketAddr,
    soar_ca_pem: String,
    aws: SocketAddr,
}

/// Answers messages until the broker goes.
async fn serve(wire: Wire) -> io::Result<()> {
    let aws = TcpStream::connect(wire.aws).await?;
    aws.set_nodelay(true)?;
    let mut aws = Web::over(aws).await?;
    let mut soar = Web::over(secured(wire.soar.port(), &wire.soar_ca_pem).await?).await?;
    let mut client = Client::connect(&wire.account).await?;
    client.subscribe(&wire.queue).await?;
    let status =
        Bytes::from(json!({"message_type": 0, "message": "", "complete": false}).to_string());
    loop {
        let message = client.next().await?;
        client.reply(&message, status.clone()).await?;
        let answer = if calls_refresh(&message) {
            let (finding, artifacts) = tokio::join!(aws.call(0), soar.call(0));
            finding.and(artifacts)?;
            soar.call(ANSWER).await?;
            &wire.refreshed
        } else {
            aws.call(0).await?;
            &wire.archived
        };
        client.reply(&message, status.clone()).await?;
        client.reply(&message, answer.clone()).await?;
        client.acknowledge(&message).await?;
    }
}

fn calls_refresh(message: &Message) -> bool {
    let name = REFRESH.as_bytes();
    let mut places = message.body().windows(name.len());
    places.any(|place| place == name)
}

/// One kept connection.
struct Web(SendRequest<Full<Bytes>>);

impl Web {
    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// A call with a body of so many bytes; reads the whole answer.
    async fn call(&mut self, bytes: usize) -> io::Result<()> {
        let body = Full::new(Bytes::from("x".repeat(bytes)));
        let request = Request::post("/").header(HOST, "localhost").body(body);
        let request = request.map_err(io::Error::other)?;
        let answer = self.0.send_request(request).await;
        let answer = answer.map_err(io::Error::other)?.into_body().collect();
        answer.await.map_err(io::Error::other)?;
        Ok(())
    }
}
