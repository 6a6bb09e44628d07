//! What monitoring is told, and the command that asks.

use sandbox::Options;
use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, REGION, World};
use crate::worker_process::free_port;

/// A world whose worker is asked at a port of its own, and says soon what is wrong.
pub(crate) struct Monitored {
    pub(crate) world: World,
    pub(crate) port: u16,
}

impl Monitored {
    pub(crate) async fn new() -> Self {
        Self::of(World::new().await)
    }

    pub(crate) fn of(mut world: World) -> Self {
        let port = free_port();
        world.set("aws_gd_http_listen", &port.to_string());
        world.set("aws_gd_unready_after", "1s");
        world.set_connection("request_max_retries", "1");
        Self { world, port }
    }

    /// One that has an incident, and is ready.
    pub(crate) async fn ready() -> Self {
        let mut monitored = Self::new().await;
        let aws = monitored.world.sandbox.aws();
        aws.create_sample(REGION, Aws::sample_kinds()[0]);
        monitored.world.start();
        monitored.is_ready().await;
        monitored
    }

    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        ask(self.port, path, "").await
    }

    /// Asks without a pause until the log shows a text; every time there must be an answer.
    async fn asked_all_along(&self, text: &str) {
        let mut shown = std::pin::pin!(self.world.log_shows(text));
        loop {
            tokio::select! {
                () = &mut shown => return,
                answer = self.get("/healthz") => assert_eq!(answer.expect("no gap").0, 200),
            }
        }
    }

    async fn is_ready(&self) {
        let answer = self.readyz(|status, _| status == 200).await;
        assert_eq!(answer, "ok\n");
    }

    /// Waits until the worker is not ready and names all of this; answers what it says.
    pub(crate) async fn is_unready(&self, names: &[&str]) -> String {
        self.readyz(|status, text| status == 503 && names.iter().all(|name| text.contains(name)))
            .await
    }

    async fn readyz(&self, wanted: impl Fn(u16, &str) -> bool) -> String {
        self.asked("/readyz", wanted).await
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn asked(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let mut last = None;
        let asking = async {
            loop {
                last = self.get(path).await;
                if let Some((status, text)) = &last
                    && wanted(*status, text)
                {
                    return text.clone();
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        answer.unwrap_or_else(|_| panic!("not in time, the last answer was {last:?}"))
    }
}

/// One request; the status and the body of the answer, if anybody listens.
pub(crate) async fn ask(port: u16, path: &str, headers: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_listens_and_polls_is_ready_until_it_stops() {
    let mut monitored = Monitored::ready().await;
    assert_eq!(
        monitored.get("/healthz").await.unwrap(),
        (200, "ok\n".into())
    );
    let accept = "accept: application/json\r\n";
    let (_, answer) = ask(monitored.port, "/readyz", accept).await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer, json!({"status": "ok", "reasons": []}));
    assert_eq!(monitored.world.stop().await.code(), Some(0));
    assert_eq!(monitored.get("/healthz").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waits_for_soar_says_so_from_the_start() {
    let mut monitored = Monitored::new().await;
    let faults = monitored.world.sandbox.faults().clone();
    let away = faults.inject(Fault::status(Side::Soar, 503).path("/session"));
    monitored.world.start();
    monitored
        .is_unready(&["SOAR: not logged in", "HTTP 503"])
        .await;
    assert_eq!(monitored.get("/healthz").await.unwrap().0, 200);
    faults.remove(away);
    monitored.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_soar_is_unready_and_then_ready_again() {
    let monitored = Monitored::ready().await;
    let faults = monitored.world.sandbox.faults();
    for failure in [
        Fault::status(Side::Soar, 503),
        Fault::new(Side::Soar, Failure::CloseBefore),
    ] {
        let away = faults.inject(failure);
        monitored
            .is_unready(&["region us-east-1: no complete cycle for", "SOAR"])
            .await;
        assert_eq!(monitored.get("/healthz").await.unwrap().0, 200);
        faults.remove(away);
        monitored.is_ready().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soar_that_never_answers_makes_a_region_unready() {
    let monitored = Monitored::ready().await;
    let faults = monitored.world.sandbox.faults();
    let stalled = faults.inject(Fault::new(Side::Soar, Failure::Stall));
    monitored
        .is_unready(&["region us-east-1: no progress for"])
        .await;
    faults.remove(stalled);
    monitored.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_its_broker_is_unready_and_then_ready_again() {
    let monitored = Monitored::ready().await;
    let broker = monitored.world.sandbox.broker();
    broker.refuse_new(true);
    broker.cut_connections();
    let text = monitored
        .is_unready(&["message broker: not subscribed for"])
        .await;
    assert!(!text.contains("region"), "{text}");
    broker.refuse_new(false);
    monitored.is_ready().await;
}

/// The session's heart-beats find out, after more than half a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_falls_silent_is_away_as_well() {
    let monitored = Monitored::ready().await;
    let broker = monitored.world.sandbox.broker();
    broker.freeze(true);
    monitored
        .is_unready(&["message broker: not subscribed for"])
        .await;
    broker.freeze(false);
    monitored.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_first_import_is_ready_with_its_first_page() {
    let options = Options {
        regions: vec![REGION.into()],
        soar_latency: std::time::Duration::from_millis(20),
        ..Options::default()
    };
    let mut monitored = Monitored::of(World::with(options).await);
    let findings = monitored.world.sandbox.aws().create_samples(REGION, 400);
    monitored.world.start();
    monitored.is_ready().await;
    assert!(!monitored.world.log().contains("cycle of us-east-1 ended"));
    monitored.world.escalated(&findings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_aws_refuses_is_named_and_no_other() {
    let options = Options {
        regions: vec![REGION.into(), "eu-west-1".into()],
        ..Options::default()
    };
    let mut monitored = Monitored::of(World::with(options).await);
    monitored.world.start();
    monitored.is_ready().await;
    let faults = monitored.world.sandbox.faults().clone();
    let refused = faults.inject(Fault::aws_error(403, "AccessDeniedException").region("eu-west-1"));
    let text = monitored
        .is_unready(&["region eu-west-1: no complete cycle", "AccessDenied"])
        .await;
    assert!(!text.contains(REGION), "{text}");
    faults.remove(refused);
    monitored.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_aws_throttles_from_the_start_is_not_ready() {
    let mut monitored = Monitored::new().await;
    let faults = monitored.world.sandbox.faults().clone();
    let throttled = faults.inject(Fault::aws_error(429, "ThrottlingException"));
    monitored.world.start();
    monitored.is_unready(&["the regions are not listed"]).await;
    faults.remove(throttled);
    monitored.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_too_long_is_named() {
    let monitored = Monitored::ready().await;
    let (world, faults) = (&monitored.world, monitored.world.sandbox.faults());
    let stalled = faults.inject(Fault::new(Side::Aws, Failure::Stall).path("/findings/archive$"));
    let incident = world.platform().incidents()[0].id;
    world
        .platform()
        .close(incident, "Resolved", "seen to")
        .unwrap();
    let name = "func_aws_guardduty_archive_finding";
    monitored
        .is_unready(&["functions:", name, "in hand for"])
        .await;
    faults.remove(stalled);
    monitored.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_up_another_port_and_keeps_one_that_stays() {
    let mut monitored = Monitored::ready().await;
    monitored.world.set("aws_gd_regions", "us-");
    monitored.world.reload();
    monitored
        .asked_all_along("the new configuration is taken up")
        .await;
    let (old, new) = (monitored.port, free_port());
    monitored.port = new;
    monitored.world.set("aws_gd_http_listen", &new.to_string());
    monitored.world.reload();
    monitored.is_ready().await;
    let gone = ask(old, "/healthz", "").await;
    assert_eq!(gone, None, "nobody listens there any more");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    monitored.world.set("aws_gd_http_listen", &port);
    monitored.world.reload();
    monitored
        .world
        .log_shows("monitoring asks where it did: aws_gd_http_listen")
        .await;
    monitored.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_ends_the_start_with_one_line() {
    let mut monitored = Monitored::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    monitored
        .world
        .set("aws_gd_http_listen", &address.port().to_string());
    monitored.world.start();
    assert_eq!(monitored.world.exit().await.code(), Some(1));
    let log = monitored.world.log();
    let last = log.lines().last().unwrap();
    let begin = format!(
        "fn-aws-guardduty: aws_gd_http_listen in [fn_aws_guardduty]: cannot listen on {address}:"
    );
    assert!(last.starts_with(&begin), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_asks_the_worker_and_tells_by_its_exit_code() {
    let monitored = Monitored::ready().await;
    let good = monitored.world.command(&["healthcheck"]).await;
    assert_eq!((good.code, good.stdout.as_str()), (Some(0), "ok\n"));
    let faults = monitored.world.sandbox.faults();
    faults.inject(Fault::status(Side::Soar, 503));
    monitored.is_unready(&["region us-east-1"]).await;
    let bad = monitored.world.command(&["healthcheck"]).await;
    assert_eq!(bad.code, Some(1), "{}", bad.stderr);
    assert!(
        bad.stdout
            .starts_with("region us-east-1: no complete cycle"),
        "{}",
        bad.stdout
    );
    assert_eq!(bad.stdout.lines().count(), 1, "{}", bad.stdout);
    let live = monitored.world.command(&["healthcheck", "--live"]).await;
    assert_eq!((live.code, live.stdout.as_str()), (Some(0), "ok\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_tells_a_worker_that_is_away_from_one_that_cannot_be_asked() {
    let mut world = World::without_customizations().await;
    let off = world.command(&["healthcheck"]).await;
    assert_eq!((off.code, off.stdout.as_str()), (Some(2), ""));
    assert!(
        off.stderr.contains("set aws_gd_http_listen"),
        "{}",
        off.stderr
    );
    world.set("aws_gd_http_listen", &free_port().to_string());
    let away = world.command(&["healthcheck"]).await;
    assert_eq!(away.code, Some(1));
    assert!(
        away.stdout.starts_with("no answer from http://127.0.0.1:"),
        "{}",
        away.stdout
    );
    assert_eq!(away.stdout.lines().count(), 1, "{}", away.stdout);
    world.set("aws_gd_http_listen", "everywhere");
    let wrong = world.command(&["healthcheck"]).await;
    assert_eq!(wrong.code, Some(64));
    assert!(
        wrong.stderr.contains("aws_gd_http_listen"),
        "{}",
        wrong.stderr
    );
}

/// The addresses of this machine that listen on a port, as the kernel lists them.
fn listeners(port: u16) -> Vec<String> {
    let listening = |file: &str| {
        let table = std::fs::read_to_string(file).unwrap_or_default();
        let wanted = format!(":{port:04X}");
        let rows = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| row.get(3) == Some(&"0A") && row[1].ends_with(&wanted))
            .map(|row| row[1].to_owned())
            .collect::<Vec<_>>()
    };
    [listening("/proc/net/tcp"), listening("/proc/net/tcp6")].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_alone_is_for_this_machine_only() {
    let monitored = Monitored::ready().await;
    // 127.0.0.1 with its bytes from the last to the first.
    let loopback = format!("0100007F:{:04X}", monitored.port);
    assert_eq!(listeners(monitored.port), [loopback]);
}
