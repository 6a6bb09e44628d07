//! Certificates of servers, and our own, on all three wires.

use sandbox::aws::Aws;

use crate::harness::{REGION, World};
use crate::tls_relay::{Behind, Identity, TlsRelay};

/// Relays in front of REST, broker and AWS that show this certificate.
struct Relays {
    rest: TlsRelay,
    stomp: TlsRelay,
    aws: TlsRelay,
}

impl Relays {
    async fn before(world: &World, shown: &Identity, clients: Option<&str>) -> Self {
        let sandbox = &world.sandbox;
        let endpoint = sandbox.aws_endpoint();
        let aws = endpoint.rsplit_once(':').unwrap().1.parse().unwrap();
        Self {
            rest: TlsRelay::start(shown, clients, Behind::Tls(sandbox.soar_port())).await,
            stomp: TlsRelay::start(shown, clients, Behind::Tls(sandbox.stomp_port())).await,
            aws: TlsRelay::start(shown, clients, Behind::Plain(aws)).await,
        }
    }

    fn lead_to_rest(&self, world: &mut World) {
        world.set_connection("port", &self.rest.port.to_string());
        world.set_connection("cafile", "trusted.pem");
    }

    fn lead_to_broker(&self, world: &mut World) {
        world.set_connection("stomp_port", &self.stomp.port.to_string());
        world.set_connection("stomp_cafile", "trusted.pem");
    }

    fn lead_to_aws(&self, world: &mut World) {
        let endpoint = format!("https://localhost:{}", self.aws.port);
        world.set_variables(&[("AWS_ENDPOINT_URL", &endpoint)]);
        world.set("verify", "trusted.pem");
    }

    fn lead_everywhere(&self, world: &mut World) {
        self.lead_to_rest(world);
        self.lead_to_broker(world);
        self.lead_to_aws(world);
    }
}

fn sample(world: &World) -> String {
    let kind = Aws::sample_kinds()[0];
    world.sandbox.aws().create_sample(REGION, kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appliances_own_certificate_made_by_openssl_is_its_own_cafile() {
    let mut world = World::new().await;
    let shown = Identity::good();
    let relays = Relays::before(&world, &shown, None).await;
    world.write("trusted.pem", &shown.certificate);
    relays.lead_everywhere(&mut world);
    let finding = sample(&world);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_check_any_certificate_will_do_and_the_log_warns_of_it() {
    let mut world = World::new().await;
    let shown = Identity::from_openssl(&["-subj", "/CN=elsewhere"]);
    let relays = Relays::before(&world, &shown, None).await;
    relays.lead_everywhere(&mut world);
    for key in ["cafile", "stomp_cafile"] {
        world.set_connection(key, "false");
    }
    world.set("verify", "false");
    let finding = sample(&world);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
    let log = world.log();
    let warned = log.lines().filter(|line| line.contains("WARN"));
    assert_eq!(
        warned
            .filter(|line| line.contains("is not checked"))
            .count(),
        3,
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown_on_all_three_wires() {
    let mut world = World::new().await;
    let (shown, own) = (Identity::good(), Identity::plain());
    let relays = Relays::before(&world, &shown, Some(&own.certificate)).await;
    world.write("trusted.pem", &shown.certificate);
    world.write("own.pem", &own.certificate);
    world.write("own.key", &own.key);
    relays.lead_everywhere(&mut world);
    world.set_connection("client_auth_cert", "own.pem");
    world.set_connection("client_auth_key", "own.key");
    world.set("client_auth_cert", "own.pem");
    world.set("client_auth_key", "own.key");
    let finding = sample(&world);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_client_certificate_is_told_of_on_all_three_wires() {
    let mut world = World::new().await;
    let (shown, own) = (Identity::good(), Identity::plain());
    let relays = Relays::before(&world, &shown, Some(&own.certificate)).await;
    world.write("trusted.pem", &shown.certificate);
    let told = ": the server wants a client certificate: set client_auth_cert";

    relays.lead_to_broker(&mut world);
    relays.lead_to_aws(&mut world);
    world.start();
    world.log_shows(&format!("broke{told}")).await;
    world
        .log_shows(&format!("DescribeRegions in us-east-1{told}"))
        .await;
    assert_eq!(world.stop().await.code(), Some(0));

    relays.lead_to_rest(&mut world);
    world.set_connection("max_connection_retries", "1");
    world.start();
    assert_eq!(world.exit().await.code(), Some(1));
    let log = world.log();
    let last = log.lines().last().unwrap();
    // The alert may be lost to a close that overtakes the request.
    assert!(
        last.contains("could not connect to SOAR") && last.contains("client_auth_cert"),
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_fit_ends_the_worker_at_once() {
    let mut world = World::new().await;
    let own = Identity::good();
    world.write("own.pem", &own.certificate);
    world.write("own.key", &Identity::good().key);
    world.set_connection("client_auth_cert", "own.pem");
    world.set_connection("client_auth_key", "own.key");
    world.start();
    assert_eq!(world.exit().await.code(), Some(1));
    let log = world.log();
    let last = log.lines().last().unwrap();
    assert!(
        last.contains("own.key is not that of the certificate in"),
        "{last}"
    );
}

/// What is trusted: the server's own certificate, or another.
fn trust(world: &World, shown: &Identity, trusted: bool) {
    if trusted {
        world.write("trusted.pem", &shown.certificate);
    } else {
        world.write("trusted.pem", &Identity::good().certificate);
    }
}

/// Servers, and what the log says of each.
fn wrong() -> Vec<(Identity, bool, &'static str)> {
    let named = |arguments: &[&str]| {
        let mut all = vec!["-subj", "/CN=localhost"];
        all.extend(arguments);
        Identity::from_openssl(&all)
    };
    let here = ["-addext", "subjectAltName=DNS:localhost"];
    let elsewhere = ["-addext", "subjectAltName=DNS:soar.example.com"];
    vec![
        (
            named(&[]),
            true,
            "the server\'s certificate has no subject alternative name (CN=localhost does not count)",
        ),
        (
            named(&elsewhere),
            true,
            "the server\'s certificate is not for localhost but for soar.example.com",
        ),
        (
            named(&here),
            false,
            "the server shows an authority's certificate as its own",
        ),
        (
            Identity::plain(),
            false,
            "the server's certificate comes from nobody in",
        ),
        (
            Identity::expired(),
            true,
            "the server\'s certificate is valid from Jan  1 00:00:00 2020 +00:00 to",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_certificate_is_told_on_one_line_on_all_three_wires() {
    for (shown, trusted, told) in wrong() {
        let mut world = World::new().await;
        let relays = Relays::before(&world, &shown, None).await;
        trust(&world, &shown, trusted);

        relays.lead_to_broker(&mut world);
        relays.lead_to_aws(&mut world);
        world.start();
        let port = relays.stomp.port;
        world
            .log_shows(&format!(
                "could not agree on TLS with localhost:{port}: {told}"
            ))
            .await;
        world
            .log_shows(&format!("DescribeRegions in us-east-1: {told}"))
            .await;
        assert_eq!(world.stop().await.code(), Some(0));

        relays.lead_to_rest(&mut world);
        world.set_connection("max_connection_retries", "1");
        world.start();
        assert_eq!(world.exit().await.code(), Some(1));
        let log = world.log();
        let last = log.lines().last().unwrap();
        assert!(last.contains(&format!("GET /session: {told}")), "{last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_selftest_tells_it_too_with_the_remedy_that_helps() {
    for (shown, trusted, told) in wrong() {
        let mut world = World::new().await;
        let relays = Relays::before(&world, &shown, None).await;
        trust(&world, &shown, trusted);
        relays.lead_to_broker(&mut world);
        world.set("aws_gd_regions", "^us-east-1$");
        let tested = world.command(&["selftest"]).await.stdout;
        let line = tested.lines().find(|line| line.starts_with("FAIL"));
        // A report's line has no double space.
        let told = told.replace("  ", " ");
        assert!(line.is_some_and(|line| line.contains(&told)), "{tested}");
        let remedy = if trusted {
            "-> mend what it says, on the server or in [resilient]"
        } else {
            "-> set stomp_cafile in [resilient]"
        };
        assert!(tested.contains(remedy), "{tested}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_selftest_tells_of_servers_that_want_a_client_certificate() {
    let mut world = World::new().await;
    let (shown, own) = (Identity::good(), Identity::plain());
    let relays = Relays::before(&world, &shown, Some(&own.certificate)).await;
    world.write("trusted.pem", &shown.certificate);
    let remedy = "-> set client_auth_cert and client_auth_key in [resilient]";
    relays.lead_to_broker(&mut world);
    let tested = world.command(&["selftest"]).await.stdout;
    assert!(tested.contains(remedy), "{tested}");
    relays.lead_to_rest(&mut world);
    let tested = world.command(&["selftest"]).await.stdout;
    assert!(tested.contains(remedy), "{tested}");
}
