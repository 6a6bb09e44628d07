//! Everything through a real proxy process, with its login.
//!
//! AWS is reached at 0.0.0.0, which is this machine too: what is at `localhost` is never asked for through a proxy.

use crate::harness::World;
use crate::tinyproxy::{PASSWORD, TinyProxy, USER};
use crate::tls_relay::{Behind, Identity, TlsRelay};
use crate::worker_process::free_port;

/// The sandbox's AWS as a server elsewhere.
fn far_aws(world: &World) -> String {
    world.sandbox.aws_endpoint().replace("127.0.0.1", "0.0.0.0")
}

fn aws_port(world: &World) -> u16 {
    let endpoint = world.sandbox.aws_endpoint();
    endpoint.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn set_soar_proxy(world: &mut World, proxy: &TinyProxy, password: &str) {
    world.set_connection("proxy_host", "127.0.0.1");
    world.set_connection("proxy_port", &proxy.port.to_string());
    world.set_connection("proxy_user", USER);
    world.set_connection("proxy_password", password);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_through_the_proxies_of_app_config() {
    let mut world = World::new().await;
    let (rest, stomp) = (world.sandbox.soar_port(), world.sandbox.stomp_port());
    let proxy = TinyProxy::opening(&[rest, stomp]);
    set_soar_proxy(&mut world, &proxy, PASSWORD);
    world.set("http_proxy", &proxy.url(PASSWORD));
    let aws = far_aws(&world);
    world.set_variables(&[("AWS_ENDPOINT_URL", &aws)]);

    world.does_its_whole_work().await;

    assert!(proxy.saw(&format!("CONNECT localhost:{rest} ")));
    assert!(proxy.saw(&format!("CONNECT localhost:{stomp} ")));
    assert!(proxy.saw(&format!("POST {aws}/detector/")), "GuardDuty");
    assert!(proxy.saw(&format!("POST {aws}/ ")), "DescribeRegions");
    let log = world.log();
    assert!(!log.contains("without the proxy") && !log.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_through_the_proxies_of_the_environment() {
    let mut world = World::new().await;
    let (rest, stomp) = (world.sandbox.soar_port(), world.sandbox.stomp_port());
    let proxy = TinyProxy::opening(&[rest, stomp]);
    let (aws, url) = (far_aws(&world), proxy.url(PASSWORD));
    world.set_variables(&[
        ("AWS_ENDPOINT_URL", &aws),
        ("HTTP_PROXY", &url),
        ("HTTPS_PROXY", &url),
    ]);

    world.does_its_whole_work().await;

    assert!(proxy.saw(&format!("CONNECT localhost:{rest} ")));
    assert!(proxy.saw(&format!("CONNECT localhost:{stomp} ")));
    assert!(proxy.saw(&format!("POST {aws}/detector/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_names_what_is_reached_without() {
    let mut world = World::new().await;
    let proxy = TinyProxy::opening(&[]);
    let (aws, url) = (far_aws(&world), proxy.url(PASSWORD));
    world.set_variables(&[
        ("AWS_ENDPOINT_URL", &aws),
        ("HTTP_PROXY", &url),
        ("HTTPS_PROXY", &url),
        ("NO_PROXY", "localhost"),
    ]);

    world.does_its_whole_work().await;

    assert!(!proxy.saw("CONNECT localhost"));
    assert!(proxy.saw(&format!("POST {aws}/detector/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_over_tls_goes_through_a_tunnel() {
    let mut world = World::new().await;
    let shown = Identity::good();
    let relay = TlsRelay::start(&shown, None, Behind::Plain(aws_port(&world))).await;
    let proxy = TinyProxy::opening(&[relay.port]);
    world.write("aws.pem", &shown.certificate);
    world.set("verify", "aws.pem");
    world.set("https_proxy", &proxy.url(PASSWORD));
    let aws = format!("https://0.0.0.0:{}", relay.port);
    world.set_variables(&[("AWS_ENDPOINT_URL", &aws)]);

    world.does_its_whole_work().await;

    assert!(proxy.saw(&format!("CONNECT 0.0.0.0:{} ", relay.port)));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_runs_inside_the_tunnel_and_asks_for_the_broker_by_its_name() {
    let mut world = World::new().await;
    let shown = Identity::good();
    let stomp = Behind::Tls(world.sandbox.stomp_port());
    let relay = TlsRelay::start(&shown, None, stomp).await;
    let proxy = TinyProxy::opening(&[world.sandbox.soar_port(), relay.port]);
    set_soar_proxy(&mut world, &proxy, PASSWORD);
    world.write("broker.pem", &shown.certificate);
    world.set_connection("stomp_host", "localhost");
    world.set_connection("stomp_port", &relay.port.to_string());
    world.set_connection("stomp_cafile", "broker.pem");

    world.does_its_whole_work().await;

    assert!(proxy.saw(&format!("CONNECT localhost:{} ", relay.port)));
    assert_eq!(relay.names(), ["localhost"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_opens_no_tunnel_to_the_broker_is_passed_by_with_a_warning() {
    let mut world = World::new().await;
    let stomp = world.sandbox.stomp_port();
    let proxy = TinyProxy::opening(&[world.sandbox.soar_port()]);
    set_soar_proxy(&mut world, &proxy, PASSWORD);

    world.does_its_whole_work().await;

    assert!(proxy.saw(&format!("CONNECT localhost:{stomp} ")));
    let log = world.log();
    let warnings: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("without the proxy"))
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let named = format!("the proxy http://127.0.0.1:{} opens no tunnel", proxy.port);
    assert!(
        warnings[0].contains("WARN")
            && warnings[0].contains(&named)
            && warnings[0].contains("(403 "),
        "{}",
        warnings[0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_its_login_is_named_with_the_remedy() {
    let mut world = World::new().await;
    let proxy = TinyProxy::opening(&[world.sandbox.soar_port()]);
    set_soar_proxy(&mut world, &proxy, "gu3ssed");
    world.set_connection("max_connection_retries", "2");
    world.start();

    assert_eq!(world.exit().await.code(), Some(1));

    let log = world.log();
    let last = log.lines().last().unwrap();
    assert!(
        last.contains("could not connect to SOAR") && last.contains("correct proxy_user and"),
        "{last}"
    );
    assert!(log.contains("next login in") && !log.contains("gu3ssed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_on_the_way_to_aws_that_refuses_its_login_is_told() {
    let mut world = World::new().await;
    let proxy = TinyProxy::opening(&[aws_port(&world)]);
    world.set("https_proxy", &proxy.url("gu3ssed"));
    let aws = format!("https://0.0.0.0:{}", aws_port(&world));
    world.set_variables(&[("AWS_ENDPOINT_URL", &aws)]);
    world.start_and_listen().await;
    world
        .log_shows("AWS could not serve DescribeRegions in us-east-1: the proxy opens no tunnel")
        .await;
    assert!(!world.log().contains("gu3ssed"));
    assert_eq!(world.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_away_is_waited_for() {
    let mut world = World::new().await;
    let away = free_port();
    world.set_connection("proxy_host", "127.0.0.1");
    world.set_connection("proxy_port", &away.to_string());
    world.start();
    world.log_shows("next login in").await;
    assert_eq!(world.stop().await.code(), Some(0));
}
