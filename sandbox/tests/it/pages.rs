//! The pages for people, as a browser asks for them.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::World;

const SOON: Duration = Duration::from_secs(30);
const EXPORT: &str = include_str!("../../../export/export.res");
const REGION: &str = "us-east-1";

/// A browser without a script.
struct Browser {
    world: World,
    client: Client,
}

impl Browser {
    async fn open() -> Self {
        let world = World::start().await;
        let export: Value = serde_json::from_str(EXPORT).expect("JSON");
        world.sandbox.platform().import(&export).expect("imported");
        let client = Client::builder().redirect(Policy::none()).no_proxy();
        Self {
            world,
            client: client.build().expect("a client"),
        }
    }

    fn url(&self, path: &str) -> String {
        let pages = self.world.sandbox.pages_url();
        format!("{}{path}", pages.trim_end_matches('/'))
    }

    async fn page(&self, path: &str) -> String {
        let response = send(self.client.get(self.url(path))).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.expect("a page")
    }

    /// Sends a form as one of the pages would.
    async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let origin = self.url("");
        send(self.form(path, form).header("origin", origin)).await
    }

    fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let body = serde_urlencoded::to_string(form).expect("a form");
        let request = self.client.post(self.url(path)).body(body);
        request.header("content-type", "application/x-www-form-urlencoded")
    }

    fn incident(&self, name: &str, region: &str, finding: &str) -> u64 {
        let incident = json!({
            "name": name, "discovered_date": 1_700_000_000_000_i64, "severity_code": {"name": "High"},
            "description": {"format": "text", "content": format!("about {finding}")},
            "properties": {
                "aws_guardduty_finding_id": finding, "aws_guardduty_region": region,
                "aws_guardduty_detector_id": "d",
            },
        });
        let created = self.world.sandbox.platform().create(&incident);
        created.expect("an incident")
    }
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

fn location(response: &Response) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let location = response.headers().get("location").expect("a location");
    location.to_str().expect("a text")
}

/// The numbers of the incidents that a list shows, in its order.
fn listed(page: &str) -> Vec<u64> {
    let rows = page.split("id=\"incident-").skip(1);
    let ids = rows.filter_map(|row| row.split('"').next());
    ids.filter_map(|id| id.parse().ok()).collect()
}

#[tokio::test]
async fn the_list_filters_searches_and_sorts() {
    let browser = Browser::open().await;
    let port = browser.incident("Port probe", "us-east-1", "abc");
    let tor = browser.incident("Tor relay", "eu-west-1", "def");
    let dns = browser.incident("A DNS request", "us-east-1", "ghi");
    let platform = browser.world.sandbox.platform();
    platform.close(tor, "Resolved", "done").expect("closed");

    for (address, expected) in [
        ("/", vec![dns, tor, port]),
        ("/?sort=name&order=ascending", vec![dns, port, tor]),
        ("/?sort=region&order=descending", vec![port, dns, tor]),
        ("/?sort=closed&order=descending", vec![tor, port, dns]),
        ("/?region=us-east-1", vec![dns, port]),
        ("/?status=closed", vec![tor]),
        ("/?status=active&severity=High", vec![dns, port]),
        ("/?severity=Low", vec![]),
        ("/?q=PROBE", vec![port]),
        ("/?q=abc", vec![port]),
        ("/?q=about", vec![dns, tor, port]),
        (&format!("/?q=%23{tor}"), vec![tor]),
        ("/?page=2", vec![]),
    ] {
        assert_eq!(listed(&browser.page(address).await), expected, "{address}");
    }
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let browser = Browser::open().await;
    let all: Vec<u64> = (0..28)
        .map(|n| browser.incident("One", REGION, &format!("f-{n}")))
        .collect();
    let first = browser.page("/?order=ascending").await;
    assert_eq!(listed(&first), all[..25]);
    assert!(first.contains("Page 1 of 2") && first.contains("28 incidents"));
    assert!(first.contains("href=\"/?order=ascending&amp;page=2\""));
    let second = browser.page("/?order=ascending&page=2").await;
    assert_eq!(listed(&second), all[25..]);
}

#[tokio::test]
async fn an_incident_shows_what_it_has_and_no_tag_of_a_finding() {
    let browser = Browser::open().await;
    let id = browser.incident("<img src=x>", REGION, "<script>alert(1)</script>");
    let platform = browser.world.sandbox.platform();
    platform
        .add_artifact(id, "IP Address", "198.51.100.7")
        .expect("an artifact");
    let note =
        json!({"text": {"format": "html", "content": "was <b>archived</b><script>x</script>"}});
    let comments = format!("/incidents/{id}/comments");
    browser.world.post(&comments, &note).await;
    let payload = json!({"text": {"format": "text", "content": "Payload:\n{\"Id\": \"<i>\"}"}});
    browser.world.post(&comments, &payload).await;
    let cells = json!({"cells": {"region": {"value": "eu-north-1"}}});
    let rows = format!("/incidents/{id}/table_data/gd_finding_overview/row_data");
    let rows = format!("{rows}?handle_format=names");
    browser.world.post(&rows, &cells).await;

    let details = browser.page(&format!("/incidents/{id}")).await;
    assert!(details.contains("AWS GuardDuty Properties"));
    for field in platform.property_labels() {
        assert!(details.contains(&field.text), "{}", field.text);
    }
    let notes = browser.page(&format!("/incidents/{id}?tab=notes")).await;
    assert!(notes.contains("was <b>archived</b>&lt;script&gt;x&lt;/script&gt;"));
    assert!(notes.contains("{\n  &quot;Id&quot;: &quot;&lt;i&gt;&quot;\n}"));
    let artifacts = browser
        .page(&format!("/incidents/{id}?tab=artifacts"))
        .await;
    assert!(artifacts.contains("198.51.100.7"));
    let tables = browser
        .page(&format!("/incidents/{id}?tab=guardduty"))
        .await;
    assert_eq!(platform.table_labels().len(), 6);
    for table in platform.table_labels() {
        assert!(tables.contains(&table.text), "{}", table.text);
    }
    assert!(tables.contains("eu-north-1") && tables.contains("Query Execution date"));
    for page in [&details, &notes, &browser.page("/").await] {
        assert!(!page.contains("<img") && !page.contains("<script>"));
    }
}

#[tokio::test]
async fn an_incident_is_refreshed_closed_and_reopened() {
    let browser = Browser::open().await;
    let id = browser.incident("One", REGION, "abc");
    let platform = browser.world.sandbox.platform();
    let here = format!("/incidents/{id}");
    assert!(browser.page(&here).await.contains("Refresh Finding"));

    let refresh = format!("{here}/refresh?tab=workflows");
    let refreshed = browser.submit(&refresh, &[]).await;
    assert_eq!(location(&refreshed), format!("{here}?tab=workflows"));
    let runs = platform.workflow_runs_of(id);
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].workflow, "wf_aws_guardduty_refresh_finding");
    let workflows = browser.page(&format!("{here}?tab=workflows")).await;
    assert!(workflows.contains("Running"));

    let empty = [("resolution", "Resolved"), ("summary", " ")];
    let refused = browser.submit(&format!("{here}/close"), &empty).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let why = refused.text().await.expect("a page");
    assert!(why.contains("role=\"alert\"") && why.contains("resolution_summary"));

    let form = [("resolution", "Duplicate"), ("summary", "seen & known")];
    let closed = browser.submit(&format!("{here}/close"), &form).await;
    assert_eq!(location(&closed), format!("{here}?tab=details"));
    let view = platform.incident(id).expect("an incident");
    assert_eq!(
        (view.plan_status.as_str(), view.resolution.as_deref()),
        ("C", Some("Duplicate"))
    );
    assert!(browser.page(&here).await.contains("seen &amp; known"));

    let reopened = browser.submit(&format!("{here}/reopen"), &[]).await;
    assert_eq!(location(&reopened), format!("{here}?tab=details"));
    assert_eq!(platform.incident(id).expect("an incident").plan_status, "A");
}

#[tokio::test]
async fn guardduty_creates_updates_archives_and_deletes() {
    let browser = Browser::open().await;
    let aws = browser.world.sandbox.aws();
    let form = [("region", REGION), ("kind", "rds_login")];
    let created = browser.submit("/guardduty/samples", &form).await;
    assert_eq!(location(&created), "/guardduty?region=us-east-1");
    let findings = aws.findings(REGION);
    assert_eq!(findings.len(), 1);
    let id = findings[0]["id"].as_str().expect("an id");
    let page = browser.page("/guardduty").await;
    assert!(page.contains(&format!("finding-{id}")) && page.contains("1 finding, 0 archived"));

    let act = async |action: &str| {
        let form = [
            ("region", REGION),
            ("finding", id),
            ("list", "show=archived"),
            ("action", action),
        ];
        browser.submit("/guardduty/findings", &form).await
    };
    assert_eq!(
        location(&act("archive").await),
        "/guardduty?region=&show=archived"
    );
    assert!(aws.is_archived(REGION, id));
    assert!(
        browser
            .page("/guardduty?show=archived")
            .await
            .contains("Unarchive")
    );
    assert!(!browser.page("/guardduty?show=current").await.contains(id));
    act("unarchive").await;
    assert!(!aws.is_archived(REGION, id));
    let count = || aws.finding(REGION, id).expect("there")["service"]["count"].as_u64();
    let before = count().expect("a number");
    act("update").await;
    assert_eq!(count(), Some(before + 1));
    act("delete").await;
    assert_eq!(aws.finding(REGION, id), None);
    assert_eq!(act("delete").await.status(), StatusCode::NOT_FOUND);

    let all = browser.submit("/guardduty/samples", &[("region", REGION), ("kind", "")]);
    location(&all.await);
    assert_eq!(
        aws.findings(REGION).len(),
        sandbox::aws::Aws::sample_kinds().len()
    );
    for (wrong, status) in [
        ([("region", "mars-1"), ("kind", "")], StatusCode::NOT_FOUND),
        ([("region", REGION), ("kind", "x")], StatusCode::BAD_REQUEST),
    ] {
        let refused = browser.submit("/guardduty/samples", &wrong).await;
        assert_eq!(refused.status(), status);
    }
}

#[tokio::test]
async fn other_pages_of_the_browser_change_nothing() {
    let browser = Browser::open().await;
    let form = [("region", REGION), ("kind", "rds_login")];
    let foreign = browser.form("/guardduty/samples", &form);
    let foreign = send(foreign.header("origin", "http://evil.example")).await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let rebound = browser.client.get(browser.url("/"));
    let rebound = send(rebound.header("host", "evil.example")).await;
    assert_eq!(rebound.status(), StatusCode::FORBIDDEN);
    assert_eq!(browser.world.sandbox.aws().findings(REGION).len(), 0);
    for path in ["/", "/nowhere", "/style.css"] {
        let response = send(browser.client.get(browser.url(path))).await;
        let policy = &response.headers()["content-security-policy"];
        let policy = policy.to_str().expect("a text");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    }
}

#[tokio::test]
async fn changes_of_both_sides_are_told() {
    let browser = Browser::open().await;
    let mut events = send(browser.client.get(browser.url("/changes"))).await;
    let mut told = async || {
        let chunk = tokio::time::timeout(SOON, events.chunk()).await;
        let chunk = chunk
            .expect("in time")
            .expect("a stream")
            .expect("an event");
        assert_eq!(chunk.as_ref(), b"data: changed\n\n");
    };
    told().await;
    let id = browser.incident("One", REGION, "abc");
    told().await;
    browser
        .world
        .sandbox
        .aws()
        .create_sample(REGION, "rds_login");
    told().await;
    browser.world.get(&format!("/incidents/{id}")).await;
    browser
        .world
        .sandbox
        .platform()
        .delete(id)
        .expect("deleted");
    told().await;
}

#[tokio::test]
async fn people_are_not_counted_among_the_callers() {
    let browser = Browser::open().await;
    for path in ["/", "/guardduty", "/style.css", "/live.js", "/icon.svg"] {
        browser.page(path).await;
    }
    assert!(browser.world.sandbox.calls().all().is_empty());
}
