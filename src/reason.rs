//! Why a connection failed, in words that say what to do.
//!
//! Libraries wrap a failure in many layers of which the outer ones only say that something failed.

use std::error::Error;
use std::io;

use crate::proxy::PROXY_LOGIN_REFUSED;
use crate::tls;

/// What the HTTP client says of any refusal of a tunnel but for want of a login.
const NO_TUNNEL: &str = "tunnel error: unsuccessful";

/// The cause with a remedy, if there is one, else the innermost cause; on one line.
pub fn of(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    loop {
        if let Some(told) = remedy(cause) {
            return told;
        }
        match inner(cause) {
            Some(next) => cause = next,
            None => return plain(&cause.to_string()),
        }
    }
}

/// The error's own text, then the cause as [`of`] tells it.
pub fn full(error: &(dyn Error + 'static)) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", of(source)),
        None => error.to_string(),
    }
}

/// Whether an operator has to mend something before the same can succeed. A tunnel that fails may do so for a moment.
pub fn needs_mending(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.to_string() != NO_TUNNEL && remedy(error).is_some() {
            return true;
        }
        cause = inner(error);
    }
    false
}

/// Unlike `source`, does not step over what an I/O error wraps.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn remedy(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return tls::explain(error);
    }
    // The HTTP client keeps the types of these to itself.
    match error.to_string().as_str() {
        "tunnel error: proxy authorization required" => Some(PROXY_LOGIN_REFUSED.to_owned()),
        NO_TUNNEL => Some(
            // Whether it is the login stays untold: some proxies answer a wrong one with 401, and the status is lost here.
            "the proxy opens no tunnel: correct proxy_user and proxy_password (or the login in its address) if it wants one, and have it allow CONNECT to this host and port; or it cannot reach them itself"
                .to_owned(),
        ),
        _ => None,
    }
}

fn plain(text: &str) -> String {
    // The HTTP client says this when a close overtakes its request, and then loses the alert that told why.
    if text == "connection was not ready" {
        return "the server closed the connection as soon as it was up; if it wants a client certificate, set client_auth_cert and client_auth_key".to_owned();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it failed")]
    struct Layer(#[source] io::Error);

    #[test]
    fn what_an_io_error_wraps_is_not_stepped_over() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let error = Layer(io::Error::other(alert));
        assert!(needs_mending(&error));
        assert!(
            full(&error).starts_with("it failed: the server wants a client certificate"),
            "{}",
            full(&error)
        );
    }

    #[test]
    fn without_a_remedy_the_innermost_cause_is_told_on_one_line() {
        let error = Layer(io::Error::other("reset\n by peer"));
        assert_eq!(of(&error), "reset by peer");
        assert!(!needs_mending(&error));
        assert_eq!(full(&io::Error::other("closed")), "closed");
    }

    #[test]
    fn a_close_that_overtakes_the_request_may_be_for_want_of_a_client_certificate() {
        let error = Layer(io::Error::other("connection was not ready"));
        assert!(of(&error).contains("client_auth_cert"), "{}", of(&error));
        assert!(!needs_mending(&error));
    }
}
