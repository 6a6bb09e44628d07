//! CONNECT: a way through a proxy for what is not HTTP.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{PROXY_LOGIN_REFUSED, Proxy, address};
use crate::reason;
use crate::redaction::Secrets;

/// A proxy that says more than this before the tunnel is open is none.
const LONGEST_HEAD: usize = 16 * 1024;
/// The longest part of a proxy's own words that is passed on.
const LONGEST_STATUS: usize = 100;

/// A way to a server, direct or through a proxy.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a proxy opened no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// No connection to the proxy, or it broke.
    #[error(
        "could not reach the proxy {proxy}: check proxy_host and proxy_port, or HTTPS_PROXY ({cause})"
    )]
    Unreachable {
        /// The proxy's address.
        proxy: String,
        /// What went wrong, on one line.
        cause: String,
    },
    /// It wants another login.
    #[error("{proxy}: {PROXY_LOGIN_REFUSED}")]
    Login {
        /// The proxy's address.
        proxy: String,
    },
    /// It is not willing, or could not reach the server itself.
    #[error(
        "the proxy {proxy} opens no tunnel to {target} ({status}): have it allow CONNECT to this port"
    )]
    Refused {
        /// The proxy's address.
        proxy: String,
        /// Where the tunnel was to end.
        target: String,
        /// The proxy's own words.
        status: String,
    },
    /// What answers there speaks no HTTP.
    #[error(
        "what answers at {proxy} is no HTTP proxy: check proxy_host and proxy_port, or HTTPS_PROXY"
    )]
    NoProxy {
        /// The proxy's address.
        proxy: String,
    },
}

impl TunnelError {
    /// A connection to the proxy that failed.
    pub fn unreachable(proxy: &Proxy, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Unreachable {
            proxy: proxy.to_string(),
            cause: reason::of(error),
        }
    }
}

impl Proxy {
    /// Opens a tunnel to `host` and `port` over a connection to this proxy. `tls` is for the proxy itself, where it is
    /// spoken to over TLS. The caller limits the time.
    pub async fn tunnel(
        &self,
        connection: TcpStream,
        host: &str,
        port: u16,
        tls: &Arc<ClientConfig>,
    ) -> Result<Box<dyn Stream>, TunnelError> {
        let mut stream = self
            .secured(connection, tls)
            .await
            .map_err(|error| TunnelError::unreachable(self, &error))?;
        let target = address(host, port);
        let head = async {
            stream.write_all(self.request(&target).as_bytes()).await?;
            stream.flush().await?;
            answer_head(&mut stream).await
        };
        let head = head
            .await
            .map_err(|error| TunnelError::unreachable(self, &error))?;
        self.judge(&head, target)?;
        Ok(stream)
    }

    async fn secured(
        &self,
        connection: TcpStream,
        tls: &Arc<ClientConfig>,
    ) -> io::Result<Box<dyn Stream>> {
        if !self.tls {
            return Ok(Box::new(connection));
        }
        let name = ServerName::try_from(self.host().to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(tls.clone()).connect(name, connection);
        Ok(Box::new(stream.await?))
    }

    fn request(&self, target: &str) -> String {
        let login = self
            .authorization
            .as_ref()
            .and_then(|value| value.to_str().ok())
            .map(|value| format!("Proxy-Authorization: {value}\r\n"))
            .unwrap_or_default();
        format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: fn-aws-guardduty/{}\r\n{login}\r\n",
            env!("CARGO_PKG_VERSION")
        )
    }

    /// The proxy's words, should it repeat the login.
    fn without_login(&self, status: &str) -> String {
        let mut secrets = Secrets::default();
        let login = self.authorization.as_ref();
        if let Some(login) = login.and_then(|login| login.to_str().ok()) {
            secrets.add_login(login);
        }
        let hidden = secrets.hide(status);
        hidden.chars().take(LONGEST_STATUS).collect()
    }

    fn judge(&self, head: &[u8], target: String) -> Result<(), TunnelError> {
        let proxy = self.to_string();
        match status(head) {
            Some((200..=299, _)) => Ok(()),
            // tinyproxy tells a wrong login by 401.
            Some((401 | 407, _)) => Err(TunnelError::Login { proxy }),
            Some((_, status)) => Err(TunnelError::Refused {
                proxy,
                target,
                status: self.without_login(&status),
            }),
            None => Err(TunnelError::NoProxy { proxy }),
        }
    }
}

/// What comes up to the empty line, and no byte more: the rest is the tunnel's. Stops early at what is no HTTP.
async fn answer_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    const PROTOCOL: &[u8] = b"HTTP/";
    let mut head = Vec::new();
    while head.len() < LONGEST_HEAD && !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        head.push(stream.read_u8().await?);
        let start = head.len().min(PROTOCOL.len());
        if head[..start] != PROTOCOL[..start] {
            break;
        }
    }
    if head.len() >= LONGEST_HEAD {
        return Err(io::Error::other("the proxy's answer is too long"));
    }
    Ok(head)
}

/// The status and the proxy's words for it.
fn status(head: &[u8]) -> Option<(u16, String)> {
    let head = String::from_utf8_lossy(head);
    let (protocol, status) = head.lines().next()?.split_once(' ')?;
    let code = status.trim_start().get(..3)?.parse().ok()?;
    let words = status.chars().filter(|c| !c.is_control());
    protocol
        .starts_with("HTTP/")
        .then(|| (code, words.collect()))
}
