//! `healthcheck`: whether the worker that runs with this configuration is well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config_file::ConfigFile;
use crate::monitoring::{HEALTHZ, READYZ};

/// How long the worker may take for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Exit code where nobody can be asked.
const OFF: u8 = 2;

/// Ask the running worker whether it is ready.
///
/// Reads the same configuration as `run`, asks at the address that `aws_gd_http_listen` names, and prints the answer on one line. Exits
/// with 0 when the worker is ready, with 1 when it is not or does not answer, with 2 when the key is not set, with 64 when the configuration
/// cannot be used.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    config: ConfigFile,
    /// Ask only whether it is alive, not whether SOAR, the message broker and AWS are there
    #[arg(long)]
    live: bool,
}

impl Healthcheck {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (config, _) = match self.config.load() {
            Ok(loaded) => loaded,
            Err(code) => return Ok(code),
        };
        let Some(address) = config.guardduty.http_listen else {
            eprintln!(
                "the worker cannot be asked: set aws_gd_http_listen = 8080, or another port, in [fn_aws_guardduty]"
            );
            return Ok(OFF.into());
        };
        let path = if self.live { HEALTHZ } else { READYZ };
        let address = reachable(address);
        let asking = async { timeout(PATIENCE, ask(address, path)).await? };
        let answer = super::runtime()?.block_on(asking);
        let (good, line) = match answer {
            Ok((status, line)) => (status == StatusCode::OK, line),
            Err(error) => (
                false,
                format!("no answer from http://{address}{path}: {error:#}"),
            ),
        };
        println!("{line}");
        Ok(if good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Who listens on all addresses is asked on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The status and the answer's lines as one.
async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<(StatusCode, String)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let question = Request::get(path)
        .header(HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    let asking = async {
        let answer = sender.send_request(question).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::Ok((status, body))
    };
    // The connection works while someone waits for it.
    let (answer, _) = tokio::join!(asking, connection);
    let (status, body) = answer?;
    let text = String::from_utf8_lossy(&body);
    let lines: Vec<&str> = text.lines().collect();
    Ok((status, lines.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_on_all_addresses_is_asked_on_its_own() {
        for (listens, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), asked);
        }
    }
}
