//! Proxies on the way to the three systems.
//!
//! The HTTP client finds its own way through them; what is not HTTP goes through a tunnel that CONNECT opens.

mod tunnel;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use secrecy::ExposeSecret;

use crate::config::{Proxies, ProxyCredentials, ProxyServer, Proxying};

pub use tunnel::{Stream, TunnelError};

/// What to do when a proxy wants another login.
pub(crate) const PROXY_LOGIN_REFUSED: &str = "the proxy wants a login, or another one: correct proxy_user and proxy_password, or the user and password in the proxy's address";

/// A proxy that cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The address is none.
    #[error("{address:?} is no proxy: give its address as http://proxy.example.com:3128")]
    Address {
        /// As configured, without user and password.
        address: String,
    },
    /// It speaks something else than HTTP.
    #[error("the proxy {proxy} is not reached by HTTP: give one as http://proxy.example.com:3128")]
    Scheme {
        /// Its address, without user and password.
        proxy: String,
    },
}

/// Lets an HTTP client go through the proxies, if any.
pub fn for_web(
    client: reqwest::ClientBuilder,
    proxying: &Proxying,
) -> Result<reqwest::ClientBuilder, ProxyError> {
    match proxying {
        Proxying::ByEnvironment => {
            let environment = Matcher::from_env();
            for scheme in ["http", "https"] {
                proxy_for(&environment, scheme, "example.com", 443)?;
            }
            Ok(client)
        }
        Proxying::ByConfig(Proxies { http, https }) => {
            // First, since the variables must not count beside the file.
            let mut client = client.no_proxy();
            if let Some(server) = http {
                let proxy = reqwest::Proxy::http(&server.url);
                client = client.proxy(with_login(proxy, server)?);
            }
            if let Some(server) = https {
                let proxy = reqwest::Proxy::https(&server.url);
                client = client.proxy(with_login(proxy, server)?);
            }
            Ok(client)
        }
    }
}

fn with_login(
    proxy: reqwest::Result<reqwest::Proxy>,
    server: &ProxyServer,
) -> Result<reqwest::Proxy, ProxyError> {
    // Read once more by the rules of the tunnel, so that both refuse the same.
    configured(server)?;
    let proxy = proxy.map_err(|_| unusable(&server.url))?;
    Ok(match &server.credentials {
        Some(login) => proxy.basic_auth(&login.user, login.password.expose_secret()),
        None => proxy,
    })
}

/// The proxy on the way to a server that is reached by a tunnel, as those are that `https://` leads to.
pub fn for_tunnel(proxying: &Proxying, host: &str, port: u16) -> Result<Option<Proxy>, ProxyError> {
    match proxying {
        Proxying::ByEnvironment => proxy_for(&Matcher::from_env(), "https", host, port),
        Proxying::ByConfig(proxies) => proxies.https.as_ref().map(configured).transpose(),
    }
}

fn configured(server: &ProxyServer) -> Result<Proxy, ProxyError> {
    let only = Matcher::builder().https(server.url.as_str()).build();
    let proxy = proxy_for(&only, "https", "example.com", 443)?;
    let proxy = proxy.ok_or_else(|| unusable(&server.url))?;
    Ok(match &server.credentials {
        Some(login) => Proxy {
            authorization: basic(login),
            ..proxy
        },
        None => proxy,
    })
}

fn proxy_for(
    rules: &Matcher,
    scheme: &str,
    host: &str,
    port: u16,
) -> Result<Option<Proxy>, ProxyError> {
    let target = format!("{scheme}://{}/", address(host, port)).parse::<Uri>();
    // What is no address has no proxy; connecting to it will say more.
    let Some(found) = target.ok().and_then(|target| rules.intercept(&target)) else {
        return Ok(None);
    };
    Proxy::new(&found).map(Some)
}

/// Without what may be a user and a password.
fn unusable(url: &str) -> ProxyError {
    let address = url.rsplit_once('@').map_or(url, |(_, address)| address);
    ProxyError::Address {
        address: address.to_owned(),
    }
}

fn basic(login: &ProxyCredentials) -> Option<HeaderValue> {
    let pair = format!("{}:{}", login.user, login.password.expose_secret());
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Host and port as they stand in an address.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// An HTTP proxy that opens tunnels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    /// Whether the proxy itself is spoken to over TLS.
    tls: bool,
    /// Marked as sensitive, so that `Debug` hides it.
    authorization: Option<HeaderValue>,
}

impl Proxy {
    fn new(found: &Intercept) -> Result<Self, ProxyError> {
        let uri = found.uri();
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => {
                return Err(ProxyError::Scheme {
                    proxy: uri.to_string(),
                });
            }
        };
        Ok(Self {
            host: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            authorization: found.basic_auth().cloned(),
        })
    }

    /// Its host as the system resolves it.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", address(&self.host, self.port))
    }
}

#[cfg(test)]
mod tests;
