//! What people and Prometheus see of a worker: its page, its metrics, the alert rules and the dashboard.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use serde_json::Value;

use crate::harness::REGION;
use crate::health::Monitored;
use crate::prometheus::{Prometheus, promtool};

const TOKEN: &str = "a-token-of-thirty-two-characters";
const PREFIX: &str = "fn_aws_guardduty_";

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(path)
}

/// A refresh, a close in each direction.
async fn busy(monitored: &Monitored) {
    let (world, aws) = (&monitored.world, monitored.world.sandbox.aws());
    let findings = aws.create_samples(REGION, 3);
    world.escalated(&findings).await;
    aws.update_finding(REGION, &findings[0]);
    world
        .eventually("one is refreshed", |platform| {
            platform.incident_for_finding(&findings[0])[0].notes.len() == 3
        })
        .await;
    aws.archive(REGION, &findings[1]);
    world
        .eventually("one is closed", |platform| {
            platform.incident_for_finding(&findings[1])[0].plan_status == "C"
        })
        .await;
    let incident = world.platform().incident_for_finding(&findings[2])[0].id;
    world.closing_archives(incident, &findings[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_sees_what_happened() {
    let mut monitored = Monitored::new().await;
    monitored.world.set("aws_gd_http_token", TOKEN);
    monitored.world.start_and_listen().await;
    let prometheus = Prometheus::scraping(monitored.port, TOKEN);
    prometheus.tells(r#"up{job="fn-aws-guardduty"}"#, 1.0).await;
    busy(&monitored).await;
    let function = |name| format!(r#"queue_messages_total{{function="{name}",outcome="done"}}"#);
    for (series, wanted) in [
        (r#"findings_escalated_total{region="us-east-1"}"#, 3.0),
        (r#"findings_refreshed_total{region="us-east-1"}"#, 1.0),
        (r#"incidents_closed_total{region="us-east-1"}"#, 1.0),
        (r#"findings_quarantined{region="us-east-1"}"#, 0.0),
        (&function("func_aws_guardduty_refresh_finding"), 1.0),
        (&function("func_aws_guardduty_archive_finding"), 1.0),
        ("broker_subscriptions_total", 1.0),
        ("ready", 1.0),
    ] {
        prometheus.tells(&format!("{PREFIX}{series}"), wanted).await;
    }
    let version = env!("CARGO_PKG_VERSION");
    for (series, wanted) in [
        (format!(r#"build_info{{version="{version}"}}"#), 1.0),
        (
            r#"cycle_duration_seconds_count{region="us-east-1",outcome="done"} > bool 0"#.into(),
            1.0,
        ),
        (
            r#"call_duration_seconds_count{server="SOAR",outcome="answered"} > bool 20"#.into(),
            1.0,
        ),
        (
            r#"function_duration_seconds_count{function="func_aws_guardduty_refresh_finding"}"#
                .into(),
            1.0,
        ),
        (r#"lag_seconds{region="us-east-1"} < bool 600"#.into(), 1.0),
        (
            r#"watermark_timestamp_seconds{region="us-east-1"} > bool 1e9"#.into(),
            1.0,
        ),
    ] {
        prometheus.tells(&format!("{PREFIX}{series}"), wanted).await;
    }
    prometheus
        .tells(
            "process_resident_memory_bytes{job='fn-aws-guardduty'} > bool 1e6",
            1.0,
        )
        .await;
    let set_aside = monitored.world.sandbox.faults().inject(refused());
    monitored.world.sandbox.aws().create_samples(REGION, 1);
    let quarantined = format!(r#"{PREFIX}findings_quarantined{{region="{REGION}"}}"#);
    prometheus.tells(&quarantined, 1.0).await;
    monitored.world.sandbox.faults().remove(set_aside);
    prometheus.tells(&quarantined, 0.0).await;
}

/// SOAR refuses incidents, whatever they are.
fn refused() -> Fault {
    Fault::status(Side::Soar, 400)
        .method("POST")
        .path("/incidents$")
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_finds_no_fault_with_metrics_rules_and_dashboard() {
    let monitored = Monitored::ready().await;
    busy(&monitored).await;
    let folder = tempfile::tempdir().unwrap();
    let (_, metrics) = monitored.get("/metrics").await.unwrap();
    let path = folder.path().join("metrics");
    fs::write(&path, &metrics).unwrap();
    promtool(folder.path(), &["check", "metrics"], Some(&path)).unwrap();
    let rules = deploy("prometheus");
    promtool(&rules, &["check", "rules", "alerts.yml"], None).unwrap();
    promtool(&rules, &["test", "rules", "alerts_test.yml"], None).unwrap();

    let dashboard = fs::read_to_string(deploy("grafana/fn-aws-guardduty.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut queries = String::from("groups:\n- name: dashboard\n  rules:\n");
    for target in dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
    {
        let query = target["expr"].as_str().unwrap();
        let query = query
            .replace("$__rate_interval", "5m")
            .replace("$__range", "6h");
        writeln!(queries, "  - {{record: q, expr: {}}}", Value::from(query)).unwrap();
    }
    let path = folder.path().join("queries.yml");
    fs::write(&path, &queries).unwrap();
    // Linting apart: the records of this file serve nobody.
    let check = ["check", "rules", "--lint=none", "queries.yml"];
    promtool(folder.path(), &check, None).unwrap();

    let rules = fs::read_to_string(rules.join("alerts.yml")).unwrap();
    let asked = names(&format!("{queries}{rules}"));
    let told = names(&metrics);
    assert!(asked.len() > 10, "{asked:?}");
    let unknown: Vec<_> = asked.difference(&told).collect();
    assert!(
        unknown.is_empty(),
        "the worker has no {unknown:?}: {told:?}"
    );
}

/// Our metrics that a text names.
fn names(text: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    text.match_indices(PREFIX)
        .map(|(at, _)| word(&text[at..]))
        .collect()
}

/// What the page shows as text, without its marks.
async fn shows(monitored: &Monitored, wanted: &[&str]) -> String {
    let fits = |page: &str| wanted.iter().all(|wanted| page.contains(wanted));
    monitored
        .asked("/", |status, page| status == 200 && fits(&text_of(page)))
        .await
}

fn text_of(page: &str) -> String {
    let mut text = String::new();
    for (n, part) in page.split('<').enumerate() {
        text.push_str(if n == 0 {
            part
        } else {
            part.split_once('>').map_or("", |(_, text)| text)
        });
        text.push(' ');
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_what_was_done() {
    let monitored = Monitored::ready().await;
    busy(&monitored).await;
    let detector = monitored.world.sandbox.aws().detector_id(REGION).unwrap();
    let page = shows(
        &monitored,
        &[
            "✓ Ready",
            "Message broker ✓ subscribed",
            "None since the start.",
        ],
    )
    .await;
    let text = text_of(&page);
    assert!(
        text.contains(&format!(
            "us-east-1 ✓ last complete cycle 0 s ago {detector}"
        )),
        "{text}"
    );
    assert!(
        text.contains("func_aws_guardduty_archive_finding 0.2"),
        "one in five minutes: {text}"
    );
    assert!(text.contains("Calls to SOAR ✓ are answered"), "{text}");
    assert!(page.contains("<svg"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_the_truth_without_soar() {
    let monitored = Monitored::ready().await;
    let faults = monitored.world.sandbox.faults();
    let away = faults.inject(Fault::new(Side::Soar, Failure::CloseBefore));
    shows(
        &monitored,
        &[
            "✗ Not ready",
            "Calls to SOAR ✗ fail",
            "us-east-1 ✗ the last cycle failed",
            "polling us-east-1 failed: SOAR",
        ],
    )
    .await;
    faults.remove(away);
    shows(
        &monitored,
        &[
            "✓ Ready",
            "Calls to SOAR ✓ are answered",
            "us-east-1 ✓ last complete cycle",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_the_truth_where_aws_throttles() {
    let monitored = Monitored::ready().await;
    let faults = monitored.world.sandbox.faults();
    let throttled = faults.inject(Fault::aws_error(429, "ThrottlingException"));
    shows(
        &monitored,
        &[
            "✗ Not ready",
            "Calls to 127.0.0.1 ✗ are throttled",
            "us-east-1 ✗ the last cycle failed",
        ],
    )
    .await;
    faults.remove(throttled);
    shows(
        &monitored,
        &["✓ Ready", "Calls to 127.0.0.1 ✓ are answered"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_the_truth_without_the_broker() {
    let monitored = Monitored::ready().await;
    let broker = monitored.world.sandbox.broker();
    broker.refuse_new(true);
    broker.cut_connections();
    shows(
        &monitored,
        &[
            "✗ Not ready",
            "Message broker ✗ not subscribed for",
            "us-east-1 ✓ last complete cycle",
        ],
    )
    .await;
    broker.refuse_new(false);
    shows(&monitored, &["✓ Ready", "Message broker ✓ subscribed"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_names_what_is_set_aside_and_why() {
    let monitored = Monitored::ready().await;
    let faults = monitored.world.sandbox.faults();
    let refusal = faults.inject(refused());
    let finding = monitored
        .world
        .sandbox
        .aws()
        .create_samples(REGION, 1)
        .remove(0);
    shows(
        &monitored,
        &[
            &format!("{finding} us-east-1 SOAR refused POST /incidents (HTTP 400)"),
            "is set aside and will be tried again",
        ],
    )
    .await;
    faults.remove(refusal);
    shows(&monitored, &["Findings set aside None."]).await;
    monitored.world.escalated([&finding]).await;
}
