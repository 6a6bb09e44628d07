//! Who may see the worker's page and its metrics.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, Request};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};

/// What is asked for where a token is set: programs send it as it is, browsers as a password, whatever the user's name.
pub(super) const CHALLENGE: &str = r#"Basic realm="fn-aws-guardduty", charset="UTF-8""#;

/// Whether the request brings the token; where none is set, every request does.
pub(super) fn is_let_in<B>(request: &Request<B>, token: Option<&SecretString>) -> bool {
    let Some(token) = token else { return true };
    brought(request.headers()).is_some_and(|brought| {
        // How long the comparison takes tells of the digests, which say nothing of the token.
        let digest = |text: &str| digest(&SHA256, text.as_bytes());
        digest(&brought).as_ref() == digest(token.expose_secret()).as_ref()
    })
}

fn brought(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (_, password) = pair.split_once(':')?;
    Some(password.to_owned())
}

/// Whether the request is meant for this machine by address. A page elsewhere could have its own name lead here, and read what
/// is meant for this machine's users only.
pub(super) fn is_by_address<B>(request: &Request<B>) -> bool {
    let Some(host) = request.headers().get(HOST) else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(header: http::HeaderName, value: &str) -> Request<()> {
        Request::builder().header(header, value).body(()).unwrap()
    }

    #[test]
    fn the_token_comes_from_a_program_or_a_browser() {
        let token = SecretString::from("open:sesame");
        let lets_in = |value: &str| is_let_in(&request(AUTHORIZATION, value), Some(&token));
        assert!(lets_in("Bearer open:sesame") && lets_in("bearer  open:sesame"));
        assert!(lets_in(&format!(
            "Basic {}",
            STANDARD.encode("me:open:sesame")
        )));
        for wrong in [
            "Bearer open:sesam",
            "Bearer ",
            "open:sesame",
            "Basic %",
            "Basic b3Blbg==",
            "Digest open:sesame",
        ] {
            assert!(!lets_in(wrong), "{wrong}");
        }
        let none = Request::builder().body(()).unwrap();
        assert!(!is_let_in(&none, Some(&token)) && is_let_in(&none, None));
    }

    #[test]
    fn a_name_of_somebody_else_is_none_of_ours() {
        let by_address = |host: &str| is_by_address(&request(HOST, host));
        for ours in [
            "127.0.0.1:8080",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8080",
            "10.1.2.3",
        ] {
            assert!(by_address(ours), "{ours}");
        }
        for other in ["evil.example:8080", "localhost.evil.example", ""] {
            assert!(!by_address(other), "{other}");
        }
    }
}
