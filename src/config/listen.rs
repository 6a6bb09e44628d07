//! The address that is listened on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What [`parse`] accepts, for error texts.
pub(super) const FORM: &str =
    "a port of this machine's own (8080), or address and port (0.0.0.0:8080)";

/// A port alone is one that only this machine reaches.
pub(super) fn parse(text: &str) -> Option<SocketAddr> {
    let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = |text: &str| {
        let port = text.strip_prefix(':').unwrap_or(text).parse().ok()?;
        Some(SocketAddr::new(own, port))
    };
    let address = match text.strip_prefix("localhost:") {
        Some(text) => port(text),
        None => text.parse().ok().or_else(|| port(text)),
    };
    address.filter(|address| address.port() != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_this_machine() {
        for text in ["8080", ":8080", "127.0.0.1:8080", "localhost:8080"] {
            assert_eq!(parse(text).unwrap().to_string(), "127.0.0.1:8080", "{text}");
        }
        for text in ["0.0.0.0:8080", "[::]:8080", "10.1.2.3:1"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "0",
            ":0",
            "0.0.0.0:0",
            "65536",
            "-1",
            "10.1.2.3",
            "::",
            "example.com:80",
            "localhost:",
            "::8080",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
