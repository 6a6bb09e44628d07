use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A server on a free port of this machine, and where it is.
async fn server() -> (Server, SocketAddr) {
    let mut server = Server::new(Health::new(), Problems::default());
    let address = free_address();
    server.listen_on(Some(address)).await.unwrap();
    (server, address)
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Sends some bytes; answers all that comes back.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has refused may not read the rest.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, path, &format!("host: {address}\r\n")).await
}

async fn ask(address: SocketAddr, path: &str, headers: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\n{headers}\r\n")).await
}

#[tokio::test]
async fn the_answers_are_those_that_monitoring_knows() {
    let (server, address) = server().await;
    let healthz = get(address, "/healthz").await;
    assert!(healthz.starts_with("HTTP/1.1 200 OK\r\n"), "{healthz}");
    assert!(healthz.ends_with("\r\n\r\nok\n"), "{healthz}");
    let readyz = get(address, "/readyz?verbose").await;
    assert!(readyz.starts_with("HTTP/1.1 503 "), "{readyz}");
    assert!(
        readyz.contains("\r\n\r\nSOAR: not logged in for 0 s"),
        "{readyz}"
    );
    let json = exchange(
        address,
        "GET /readyz HTTP/1.1\r\nhost: x\r\naccept: text/html, application/json\r\n\r\n",
    )
    .await;
    assert!(json.contains("content-type: application/json"), "{json}");
    assert!(
        json.contains(r#"{"status":"unavailable","reasons":["SOAR: not"#),
        "{json}"
    );
    server.desk.health.stopping();
    assert!(
        get(address, "/readyz")
            .await
            .contains("\nthe worker is stopping\n")
    );
}

#[tokio::test]
async fn only_known_paths_can_be_read_and_nothing_written() {
    let (_server, address) = server().await;
    let unknown = get(address, "/unknown").await;
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
    let head = exchange(address, "HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let post = "POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
    let refusal = exchange(address, post).await;
    assert!(refusal.starts_with("HTTP/1.1 405 "), "{refusal}");
    assert!(refusal.contains("allow: GET, HEAD"), "{refusal}");
}

#[tokio::test]
async fn the_page_tells_how_things_stand_and_runs_nothing_of_what_it_tells() {
    let (server, address) = server().await;
    let health = &server.desk.health;
    health.login_failed(&"<script>alert(1)</script>");
    let page = get(address, "/").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("content-type: text/html; charset=utf-8"));
    assert!(page.contains("content-security-policy: default-src 'none'; "));
    assert!(page.contains("✗ Not ready"), "{page}");
    assert!(page.contains("SOAR: not logged in for 0 s: &lt;script&gt;alert(1)"));
    for (path, kind) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let file = get(address, path).await;
        assert!(file.contains(&format!("content-type: {kind}; ")), "{file}");
    }
    let metrics = get(address, "/metrics").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"));
    assert!(
        metrics.contains("\nfn_aws_guardduty_ready 0\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_token_keeps_the_page_and_the_metrics_for_those_who_have_it() {
    let (server, address) = server().await;
    server.guard(Some("0123456789abcdef".into()));
    for path in ["/", "/metrics", "/page.css", "/unknown"] {
        let refusal = get(address, path).await;
        assert!(refusal.starts_with("HTTP/1.1 401 "), "{path}: {refusal}");
        assert!(refusal.contains("www-authenticate: Basic realm="));
        assert!(!refusal.contains("0123456789abcdef"), "{refusal}");
    }
    let token = "host: soar.example\r\nauthorization: Bearer 0123456789abcdef\r\n";
    let metrics = ask(address, "/metrics", token).await;
    assert!(metrics.starts_with("HTTP/1.1 200 "), "{metrics}");
    let healthz = get(address, "/healthz").await;
    assert!(healthz.starts_with("HTTP/1.1 200 "), "{healthz}");
    server.guard(None);
    assert!(get(address, "/metrics").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_page_elsewhere_cannot_read_ours_by_a_name_of_its_own() {
    let (_server, address) = server().await;
    let refusal = ask(address, "/", "host: elsewhere.example\r\n").await;
    assert!(refusal.starts_with("HTTP/1.1 421 "), "{refusal}");
    let healthz = ask(address, "/healthz", "host: elsewhere.example\r\n").await;
    assert!(healthz.starts_with("HTTP/1.1 200 "), "{healthz}");
}

#[tokio::test]
async fn a_huge_request_is_refused() {
    let (_server, address) = server().await;
    let header = "x".repeat(2 * REQUEST_ROOM);
    let answer = exchange(
        address,
        &format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {header}\r\n\r\n"),
    )
    .await;
    assert!(!answer.contains(" 200 "), "{answer}");
    assert!(
        get(address, "/healthz").await.contains(" 200 "),
        "it goes on"
    );
}

#[tokio::test]
async fn who_says_nothing_is_let_go_and_keeps_others_out_only_so_long() {
    let (_server, address) = server().await;
    let mut silent = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    // Waits until the silent ones are let go.
    assert!(get(address, "/healthz").await.contains(" 200 "));
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn another_address_takes_the_place_of_the_one_before() {
    let (mut server, first) = server().await;
    server.listen_on(Some(first)).await.unwrap();
    assert!(get(first, "/healthz").await.contains(" 200 "));
    let everywhere = SocketAddr::new([0, 0, 0, 0].into(), first.port());
    server.listen_on(Some(everywhere)).await.unwrap();
    assert!(get(first, "/healthz").await.contains(" 200 "));
    let second = free_address();
    server.listen_on(Some(second)).await.unwrap();
    assert!(get(second, "/healthz").await.contains(" 200 "));
    let gone = async {
        while TcpStream::connect(first).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), gone)
        .await
        .expect("the first is left");
    server.listen_on(None).await.unwrap();
    assert!(server.at_work.is_none());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_the_remedy_and_changes_nothing() {
    let (mut server, first) = server().await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let error = server.listen_on(Some(taken)).await.unwrap_err().to_string();
    let begin = format!("aws_gd_http_listen in [fn_aws_guardduty]: cannot listen on {taken}: ");
    assert!(
        error.starts_with(&begin) && !error.contains('\n'),
        "{error}"
    );
    assert!(get(first, "/healthz").await.contains(" 200 "));
    let foreign = SocketAddr::new([192, 0, 2, 1].into(), first.port());
    server.listen_on(Some(foreign)).await.unwrap_err();
    assert!(get(first, "/healthz").await.contains(" 200 "));
}
