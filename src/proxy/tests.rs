use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::Trust;
use crate::tls::{self, Purpose};

fn server(url: &str) -> ProxyServer {
    ProxyServer {
        url: url.to_owned(),
        credentials: None,
    }
}

fn through(url: &str, login: Option<(&str, &str)>) -> Result<Option<Proxy>, ProxyError> {
    let credentials = login.map(|(user, password)| ProxyCredentials {
        user: user.to_owned(),
        password: password.to_owned().into(),
    });
    let https = Some(ProxyServer {
        credentials,
        ..server(url)
    });
    let proxying = Proxying::ByConfig(Proxies { http: None, https });
    for_tunnel(&proxying, "soar.example.com", 65001)
}

fn rules(https: &'static str, no: &'static str) -> Matcher {
    Matcher::builder().https(https).no(no).build()
}

#[test]
fn the_file_names_a_proxy_with_its_login() {
    let proxy = through("http://proxy.example.com:3128", Some(("us:er", "p@ss")))
        .unwrap()
        .unwrap();
    assert_eq!(proxy.to_string(), "http://proxy.example.com:3128");
    let expected = format!("Basic {}", STANDARD.encode("us:er:p@ss"));
    assert_eq!(proxy.authorization.as_ref().unwrap(), expected.as_str());
    assert!(!format!("{proxy:?}").contains(&expected), "{proxy:?}");
}

#[test]
fn without_a_proxy_there_is_none() {
    let none = Proxying::ByConfig(Proxies::default());
    assert_eq!(for_tunnel(&none, "soar.example.com", 65001).unwrap(), None);
}

#[test]
fn the_schemes_have_their_ports_and_an_ipv6_address_its_brackets() {
    let shown = |url| through(url, None).unwrap().unwrap().to_string();
    assert_eq!(shown("http://proxy"), "http://proxy:80");
    assert_eq!(shown("https://proxy"), "https://proxy:443");
    let six = through("http://[::1]:3128", None).unwrap().unwrap();
    assert_eq!((six.host(), six.port()), ("::1", 3128));
    assert_eq!(six.to_string(), "http://[::1]:3128");
}

#[test]
fn what_is_no_http_proxy_is_refused_without_its_password() {
    for url in [
        "socks5://user:hunter2@proxy:1080",
        "http://user:hunter2@pro xy",
    ] {
        let error = through(url, None).unwrap_err().to_string();
        assert!(
            error.contains("http://proxy.example.com:3128") && !error.contains("hunter2"),
            "{error}"
        );
        let proxying = Proxying::ByConfig(Proxies {
            http: None,
            https: Some(server(url)),
        });
        assert!(for_web(reqwest::Client::builder(), &proxying).is_err());
    }
}

#[test]
fn no_proxy_excepts_hosts() {
    let rules = rules(
        "http://us%65r:p%40ss@proxy:3128",
        "soar.example.com, 10.0.0.0/8",
    );
    let through = |host| proxy_for(&rules, "https", host, 65001).unwrap();
    assert_eq!(through("soar.example.com"), None);
    assert_eq!(through("stomp.soar.example.com"), None);
    assert_eq!(through("10.1.2.3"), None);
    let proxy = through("soar.example.org").unwrap();
    assert_eq!((proxy.host(), proxy.port()), ("proxy", 3128));
    let expected = format!("Basic {}", STANDARD.encode("user:p@ss"));
    assert_eq!(proxy.authorization.unwrap(), expected.as_str());
    assert_eq!(through("not a host"), None);
}

/// Answers one CONNECT with `answer` and then speaks for the server behind; gives what was asked.
async fn ask(answer: &'static [u8]) -> (Result<Vec<u8>, TunnelError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxying = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(answer).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let url = format!("http://user:secret@{address}");
    let proxy = through(&url, None).unwrap().unwrap();
    let connection = TcpStream::connect(address).await.unwrap();
    let tls = tls::client_config(&Trust::Off, None, Purpose::Broker).unwrap();
    let opened = proxy
        .tunnel(connection, "soar.example.com", 65001, &Arc::new(tls))
        .await;
    let asked = proxying.await.unwrap();
    let read = match opened {
        Ok(mut stream) => {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            Ok(rest)
        }
        Err(error) => Err(error),
    };
    (read, asked)
}

#[tokio::test]
async fn a_tunnel_begins_right_after_the_empty_line() {
    let (read, asked) = ask(b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\nHELLO").await;
    assert_eq!(read.unwrap(), b"HELLO");
    assert!(
        asked.starts_with(
            "CONNECT soar.example.com:65001 HTTP/1.1\r\nHost: soar.example.com:65001\r\n"
        ),
        "{asked}"
    );
    let login = format!(
        "Proxy-Authorization: Basic {}\r\n",
        STANDARD.encode("user:secret")
    );
    assert!(asked.contains(&login), "{asked}");
}

#[tokio::test]
async fn a_proxy_that_wants_another_login_is_told_from_one_that_is_not_willing() {
    for answer in [
        &b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..],
        b"HTTP/1.0 401 Unauthorized\r\n\r\n",
    ] {
        let (read, _) = ask(answer).await;
        let error = read.unwrap_err();
        assert!(matches!(error, TunnelError::Login { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    let (read, _) = ask(b"HTTP/1.1 403 Filtered\r\nX: y\r\n\r\n<html>").await;
    let error = read.unwrap_err().to_string();
    assert!(
        error.contains("no tunnel to soar.example.com:65001 (403 Filtered)"),
        "{error}"
    );
}

#[tokio::test]
async fn what_speaks_no_http_or_nothing_at_all_is_no_proxy() {
    let (read, _) = ask(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    assert!(matches!(read, Err(TunnelError::NoProxy { .. })));
    let (read, _) = ask(b"").await;
    assert!(matches!(read, Err(TunnelError::Unreachable { .. })));
}
