//! Serves the two routers over HTTP, with or without TLS, and lets faults take a hand in it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::calls::{self, Calls, Side};
use crate::faults::{self, Failure, Faults};

/// The largest request that is read.
const MAX_REQUEST: usize = 64 * 1024 * 1024;
/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One HTTP service and everything in front of it.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) side: Side,
    pub(crate) router: Router,
    pub(crate) latency: Duration,
    pub(crate) faults: Faults,
    pub(crate) calls: Calls,
}

/// The connection ends here, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut by an injected fault")]
struct Cut;

/// Listens and serves until the token is cancelled; gives the address that was bound.
pub(crate) async fn serve(
    address: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    front: Front,
    tracker: &TaskTracker,
    stop: CancellationToken,
) -> io::Result<SocketAddr> {
    let acceptor = tls.map(TlsAcceptor::from);
    let connect = move |stream| connect(stream, acceptor.clone(), front.clone());
    listen(address, connect, tracker, stop).await
}

/// Listens until the token is cancelled, each connection in a task of its own; gives the address that was bound.
pub(crate) async fn listen<C>(
    address: SocketAddr,
    connect: impl Fn(TcpStream) -> C + Send + 'static,
    tracker: &TaskTracker,
    stop: CancellationToken,
) -> io::Result<SocketAddr>
where
    C: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let connections = tracker.clone();
    tracker.spawn(async move {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let Ok((stream, _)) = accepted else {
                // Most likely out of file descriptors; they come back as connections end.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Small answers on kept-alive connections must not wait for an acknowledgement.
            let _ = stream.set_nodelay(true);
            let connection = connect(stream);
            let stop = stop.clone();
            connections.spawn(async move { stop.run_until_cancelled(connection).await });
        }
    });
    Ok(bound)
}

async fn connect(stream: TcpStream, acceptor: Option<TlsAcceptor>, front: Front) {
    match acceptor {
        None => converse(stream, front).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => converse(stream, front).await,
            Err(error) => tracing::debug!(%error, "a client broke off the TLS handshake"),
        },
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, front: Front) {
    let service = hyper::service::service_fn(|request| front.clone().carry_out(request));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

impl Front {
    /// A request that has arrived is carried out even if its client is gone by then, as a real server does.
    async fn carry_out(self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        let body = http_body_util::Limited::new(body, MAX_REQUEST);
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let work = tokio::spawn(async move { self.answer(head, body).await });
        work.await.map_err(|_| Cut)?
    }

    async fn answer(&self, head: Parts, body: Bytes) -> Result<Response<Body>, Cut> {
        let action = query_action(&body).filter(|_| self.side == Side::Aws);
        let path = head.uri.path();
        let kind = calls::kind(head.method.as_str(), path, action);
        let mut call = self.calls.begin(self.side, kind);

        let target = match action {
            Some(action) => format!("{path}?Action={action}"),
            None => path.to_owned(),
        };
        let seen = faults::Request {
            head: &head,
            target: &target,
            body: &body,
        };
        let strike = self.faults.strike(self.side, &seen);
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let after = self.before(strike).await?;
        let response = match after {
            After::Refuse(response) => response,
            After::Handle => self.handle(Request::from_parts(head, body.into())).await,
            After::HandleAndClose => {
                self.handle(Request::from_parts(head, body.into())).await;
                return Err(Cut);
            }
            After::HandleAndCut => {
                let response = self.handle(Request::from_parts(head, body.into())).await;
                cut_in_the_middle(response).await?
            }
        };
        call.status = Some(response.status().as_u16());
        Ok(response)
    }

    async fn before(&self, strike: Option<(faults::FaultId, Failure)>) -> Result<After, Cut> {
        let Some((id, failure)) = strike else {
            return Ok(After::Handle);
        };
        match failure {
            Failure::Delay(delay) => {
                tokio::time::sleep(delay).await;
                Ok(After::Handle)
            }
            Failure::Stall => {
                self.faults.removed(id).await;
                Ok(After::Handle)
            }
            Failure::CloseBefore => Err(Cut),
            Failure::CloseAfter => Ok(After::HandleAndClose),
            Failure::CutAnswer => Ok(After::HandleAndCut),
            Failure::Answer {
                status,
                headers,
                body,
            } => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                let response = response.body(Body::from(body));
                Ok(After::Refuse(response.unwrap_or_else(|_| {
                    plain(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "the injected answer is not HTTP",
                    )
                })))
            }
        }
    }

    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }
}

enum After {
    Handle,
    HandleAndClose,
    HandleAndCut,
    Refuse(Response<Body>),
}

/// The action of AWS's query protocol, a form in the body.
fn query_action(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body.get(..body.len().min(4096))?).ok()?;
    body.split('&')
        .find_map(|pair| pair.strip_prefix("Action="))
}

async fn cut_in_the_middle(response: Response<Body>) -> Result<Response<Body>, Cut> {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    // The length is announced, so that the client can tell a cut body from a whole one.
    head.headers
        .insert(http::header::CONTENT_LENGTH, body.len().into());
    let half = body.slice(..body.len() / 2);
    let start = stream::once(async move { Ok::<Frame<Bytes>, Cut>(Frame::data(half)) });
    let end = stream::once(async {
        // A pause in which the first half is sent; without it the whole answer is dropped.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err(Cut)
    });
    let body = StreamBody::new(start.chain(end));
    Ok(Response::from_parts(head, Body::new(body)))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
