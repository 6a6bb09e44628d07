//! What is answered at which path.

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use serde_json::json;

use super::{Desk, access, page};
use crate::health::Report;
use crate::mutex::lock;

/// `/healthz`: whether the worker is better off left alone than started again.
pub const HEALTHZ: &str = "/healthz";
/// `/readyz`: whether it does what it is there for.
pub const READYZ: &str = "/readyz";

type Answer = Response<Full<Bytes>>;

/// `/metrics`: figures for Prometheus.
const METRICS: &str = "/metrics";
/// Prometheus's own text form.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Nothing on the page comes from elsewhere, and none of its texts is a script.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Answers a request; its body is not looked at.
pub(super) fn answer<B>(request: &Request<B>, desk: &Desk) -> Answer {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD only");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        return refusal;
    }
    let health = &desk.health;
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
        path => refusal(request, desk).unwrap_or_else(|| shown(path, desk)),
    }
}

/// What only those see who may.
fn shown(path: &str, desk: &Desk) -> Answer {
    let (health, now) = (&desk.health, Timestamp::now());
    match path {
        "/" => {
            let page = page::page(health, &desk.problems.newest_first(), now);
            with_body(
                StatusCode::OK,
                "text/html; charset=utf-8",
                page.into_string(),
            )
        }
        "/page.css" => with_body(
            StatusCode::OK,
            "text/css; charset=utf-8",
            include_str!("page.css").to_owned(),
        ),
        "/page.js" => with_body(
            StatusCode::OK,
            "text/javascript; charset=utf-8",
            include_str!("page.js").to_owned(),
        ),
        METRICS => {
            let ready = health.report().is_ready();
            with_body(
                StatusCode::OK,
                EXPOSITION,
                health.measures().exposition(ready, now),
            )
        }
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /, /metrics, /healthz and /readyz",
        ),
    }
}

/// Why a request is not let in.
fn refusal<B>(request: &Request<B>, desk: &Desk) -> Option<Answer> {
    let token = lock(&desk.token);
    if token.is_none() && !access::is_by_address(request) {
        let why = "ask by the address of this machine, or set aws_gd_http_token in [fn_aws_guardduty] to be asked by name";
        return Some(text(StatusCode::MISDIRECTED_REQUEST, why));
    }
    if access::is_let_in(request, token.as_ref()) {
        return None;
    }
    let mut refusal = text(
        StatusCode::UNAUTHORIZED,
        "aws_gd_http_token is set: give it as a bearer token, or as a password",
    );
    let challenge = HeaderValue::from_static(access::CHALLENGE);
    refusal.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    Some(refusal)
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
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
