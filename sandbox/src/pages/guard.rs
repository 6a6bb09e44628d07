//! Who may use the pages: whoever opened them on this machine, and no page from elsewhere that the browser has open as well.

use axum::body::Body;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};

use super::frame::refusal;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // With `no-referrer` a form would be sent with the origin `null`.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-cache"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Refuses what comes from elsewhere, and adds what tells the browser to keep to us.
pub(super) async fn protect(request: Request<Body>, next: Next) -> Response {
    let refused = refuse(request.method(), request.headers());
    let mut response = match refused {
        Some(why) => refusal(StatusCode::FORBIDDEN, why).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    response
}

fn refuse(method: &Method, headers: &HeaderMap) -> Option<&'static str> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if !is_loopback(host) {
        // A foreign name that leads to this machine is an attack by name service.
        return Some("These pages are served on localhost only.");
    }
    if method.is_safe() {
        return None;
    }
    let origin = text(header::ORIGIN);
    let fetch_site = text(HeaderName::from_static("sec-fetch-site"));
    let from_here = |origin: &str| origin.strip_prefix("http://") == Some(host);
    let foreign = origin.is_some_and(|origin| !from_here(origin))
        || fetch_site.is_some_and(|site| site != "same-origin");
    let untold = origin.is_none() && fetch_site.is_none();
    (foreign || untold).then_some("Only these pages themselves may change something here.")
}

/// Whether a `Host` names this machine, with any port: a tunnel may have its own.
fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &Method, headers: &[(&'static str, &'static str)], allowed: bool) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let value = http::HeaderValue::from_static(value);
                (HeaderName::from_static(name), value)
            })
            .collect();
        assert_eq!(refuse(method, &headers).is_none(), allowed, "{headers:?}");
    }

    #[test]
    fn foreign_names_of_this_machine_are_refused() {
        for host in [
            "localhost",
            "localhost:81",
            "127.0.0.1:81",
            "[::1]",
            "[::1]:8080",
        ] {
            check(&Method::GET, &[("host", host)], true);
        }
        for host in [
            "",
            "evil.example",
            "evil.example:81",
            "localhost.evil.example",
            "127.0.0.1.evil.example:1",
        ] {
            check(&Method::GET, &[("host", host)], false);
        }
        check(&Method::GET, &[], false);
    }

    #[test]
    fn only_our_own_pages_change_something() {
        let host = ("host", "localhost:81");
        let ours = ("origin", "http://localhost:81");
        check(&Method::POST, &[host, ours], true);
        for origin in [
            "http://localhost:82",
            "https://localhost:81",
            "http://evil.example",
            "null",
            "",
        ] {
            check(&Method::POST, &[host, ("origin", origin)], false);
        }
        check(
            &Method::POST,
            &[host, ("sec-fetch-site", "same-origin")],
            true,
        );
        for site in ["same-site", "cross-site", "none"] {
            check(&Method::POST, &[host, ("sec-fetch-site", site)], false);
            check(
                &Method::POST,
                &[host, ours, ("sec-fetch-site", site)],
                false,
            );
        }
        check(&Method::POST, &[host], false);
        check(
            &Method::DELETE,
            &[host, ("origin", "http://evil.example")],
            false,
        );
    }
}
