//! The pages for people: the incident list, an incident, and `GuardDuty`'s console, each of them live.
//!
//! They have a listener of their own on loopback and plain HTTP, since a browser would refuse the platform's certificate. What
//! is asked there is neither counted nor hit by faults. Everything works without the script; with it, pages follow changes.

mod actions;
mod assets;
mod changes;
mod frame;
mod guard;
mod guardduty;
mod incident;
mod list;
mod paging;
mod rich_text;
mod words;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::aws::Aws;
use crate::server;
use crate::soar::Platform;

/// What the pages show and change.
#[derive(Clone)]
struct Pages {
    platform: Platform,
    aws: Aws,
}

pub(crate) fn router(platform: Platform, aws: Aws) -> Router {
    Router::new()
        .route("/", get(list::show))
        .route("/incidents/{id}", get(incident::show))
        .route("/incidents/{id}/refresh", post(actions::refresh))
        .route("/incidents/{id}/close", post(actions::close))
        .route("/incidents/{id}/reopen", post(actions::reopen))
        .route("/guardduty", get(guardduty::show))
        .route("/guardduty/samples", post(actions::create_samples))
        .route("/guardduty/findings", post(actions::act_on_finding))
        .route("/changes", get(changes::tell))
        .merge(assets::router())
        .fallback(frame::not_found)
        .layer(middleware::from_fn(guard::protect))
        .with_state(Pages { platform, aws })
}

/// Serves the pages on loopback until the token is cancelled; gives the address that was bound.
pub(crate) async fn serve(
    port: u16,
    router: Router,
    tracker: &TaskTracker,
    stop: CancellationToken,
) -> io::Result<SocketAddr> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connect = move |stream| converse(stream, router.clone());
    server::listen(address, connect, tracker, stop).await
}

async fn converse(stream: TcpStream, router: Router) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new());
    let service = TowerToHyperService::new(router);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection of a page ended");
    }
}
