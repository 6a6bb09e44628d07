//! What is answered at which path.

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::health::{Health, Report};

/// `/healthz`: whether the worker is better off left alone than started again.
pub const HEALTHZ: &str = "/healthz";
/// `/readyz`: whether it does what it is there for.
pub const READYZ: &str = "/readyz";

type Answer = Response<Full<Bytes>>;

/// Answers a request; its body is not looked at.
pub(super) fn answer<B>(request: &Request<B>, health: &Health) -> Answer {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD only");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        return refusal;
    }
    match request.uri().path() {
        HEALTHZ => {
            let report = health.report();
            let hangs = Report {
                unready: Vec::new(),
                ..report
            };
            told(&hangs, wants_json(request))
        }
        READYZ => told(&health.report(), wants_json(request)),
        _ => text(StatusCode::NOT_FOUND, "there are /healthz and /readyz"),
    }
}

fn wants_json<B>(request: &Request<B>) -> bool {
    let accepted = request.headers().get_all(ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/json"))
}

/// 200, or 503 with a line for each reason.
fn told(report: &Report, as_json: bool) -> Answer {
    let good = report.is_ready();
    let status = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let reasons: Vec<&str> = report.reasons().collect();
    if as_json {
        let body = json!({"status": if good { "ok" } else { "unavailable" }, "reasons": reasons});
        return with_body(status, "application/json", format!("{body}\n"));
    }
    let lines = if good {
        "ok".to_owned()
    } else {
        reasons.join("\n")
    };
    text(status, &lines)
}

fn text(status: StatusCode, text: &str) -> Answer {
    with_body(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

fn with_body(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
