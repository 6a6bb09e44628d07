//! `selftest` on a good set-up, and with each single thing broken.

use std::collections::BTreeMap;

use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::Fault;
use sandbox::soar::Platform;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::harness::{REGION, World};
use crate::worker_process::Finished;

const ARCHIVE: &str = "func_aws_guardduty_archive_finding";
const ARCHIVE_RULE: &str = "Example: AWS GuardDuty: Archive Finding";

/// What a self-test printed with `--json`.
struct Tested {
    finished: Finished,
    document: Value,
}

impl Tested {
    /// Names and remedies of the lines with this outcome.
    fn with(&self, outcome: &str) -> BTreeMap<String, String> {
        let checks = self.document["checks"].as_array().unwrap();
        let of_outcome = checks.iter().filter(|check| check["outcome"] == outcome);
        of_outcome
            .map(|check| {
                let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
                (
                    text("name"),
                    format!("{} -> {}", text("detail"), text("remedy")),
                )
            })
            .collect()
    }

    /// Exactly one line is red, it has this name, and speaks of all of this; the exit code is 1.
    #[track_caller]
    fn only(&self, name: &str, words: &[&str]) {
        let failed = self.with("failed");
        assert_eq!(failed.keys().collect::<Vec<_>>(), [name], "{failed:#?}");
        for word in words {
            assert!(
                failed[name].contains(word),
                "no {word:?} in: {}",
                failed[name]
            );
        }
        assert_eq!(self.finished.code, Some(1));
        assert_eq!(self.document["passed"], false);
    }

    #[track_caller]
    fn all_good(&self) {
        let failed = self.with("failed");
        assert!(failed.is_empty(), "{failed:#?}");
        assert_eq!(self.finished.code, Some(0), "{}", self.finished.stderr);
        assert_eq!(self.document["passed"], true);
    }
}

/// A world whose pattern matches only the region that has a detector.
async fn world() -> World {
    let mut world = World::new().await;
    world.set("aws_gd_regions", "^us-east-1$");
    world
}

async fn tested(world: &World) -> Tested {
    let finished = world.command(&["selftest", "--json"]).await;
    let document = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", finished.stdout, finished.stderr);
    });
    Tested { finished, document }
}

/// Breaks a good set-up, and tells what the self-test finds.
async fn broken(spoil: impl FnOnce(&mut World)) -> Tested {
    let mut world = world().await;
    spoil(&mut world);
    tested(&world).await
}

/// An open incident to see, and a finding to read.
async fn with_an_incident() -> World {
    let world = world().await;
    let kind = Aws::sample_kinds()[0];
    let finding = world.sandbox.aws().create_sample(REGION, kind);
    let incident = json!({"name": "by hand", "discovered_date": 1,
        "properties": {"aws_guardduty_finding_id": finding}});
    world.platform().create(&incident).unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_set_up_is_all_green() {
    let world = with_an_incident().await;
    let before = (
        world.platform().incidents(),
        world.sandbox.aws().findings(REGION),
    );
    let found = tested(&world).await;
    found.all_good();
    assert!(
        found.with("warning").is_empty(),
        "{:#?}",
        found.with("warning")
    );
    // Only what cannot be tried is unknown.
    let unknown = found.with("unknown");
    assert_eq!(unknown.keys().collect::<Vec<_>>(), ["archiving"]);
    let after = (
        world.platform().incidents(),
        world.sandbox.aws().findings(REGION),
    );
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_without_incidents_leaves_permissions_open() {
    let found = tested(&world().await).await;
    found.all_good();
    let unknown = found.with("unknown");
    assert!(unknown["SOAR permissions"].contains("edit_all_incidents_status"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_tell_outcome_remedy_and_verdict() {
    let mut world = world().await;
    let good = world.command(&["selftest"]).await;
    assert_eq!(good.code, Some(0), "{}", good.stdout);
    let first = good.stdout.lines().next().unwrap();
    assert!(first.starts_with("ok    configuration"), "{first}");
    assert!(
        good.stdout
            .lines()
            .last()
            .unwrap()
            .starts_with("selftest passed")
    );
    assert!(
        !good.stdout.contains('\u{1b}'),
        "no colours but on a terminal"
    );

    world.set_connection("api_key_secret", "wrong");
    let bad = world.command(&["selftest"]).await;
    assert_eq!(bad.code, Some(1));
    let line = bad
        .stdout
        .lines()
        .position(|line| line.starts_with("FAIL  SOAR REST"));
    let remedy = bad.stdout.lines().nth(line.unwrap() + 1).unwrap();
    assert!(
        remedy.contains("-> check api_key_id and api_key_secret"),
        "{remedy}"
    );
    let verdict = bad.stdout.lines().last().unwrap();
    assert!(
        verdict.starts_with("selftest failed") && verdict.contains("check api_key_id"),
        "{verdict}"
    );
    assert!(!bad.stdout.contains("wrong"), "secrets are not printed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_used_is_64() {
    let mut world = world().await;
    world.set_connection("port", "many");
    let finished = world.command(&["selftest"]).await;
    assert_eq!(finished.code, Some(64));
    assert!(
        finished.stderr.contains("[resilient] port"),
        "{}",
        finished.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_soar_key() {
    let found = broken(|world| world.set_connection("api_key_secret", "wrong")).await;
    found.only("SOAR REST", &["refuses the login", "api_key_secret"]);
    let skipped = found.with("skipped");
    assert_eq!(
        skipped.keys().collect::<Vec<_>>(),
        ["SOAR platform", "message queue"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_organisation() {
    let found = broken(|world| world.set_connection("org", "Elsewhere")).await;
    found.only("SOAR REST", &["Elsewhere", "set org in [resilient]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_where_nobody_listens() {
    let found = broken(|world| world.set_connection("port", "9")).await;
    found.only(
        "SOAR REST",
        &["could not be reached", "check host and port"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_authority_of_rest() {
    let mut world = world().await;
    let other = Sandbox::start(Options::default()).await.unwrap();
    world.write("other.pem", other.ca_pem());
    world.set_connection("cafile", "other.pem");
    world.set_connection("stomp_cafile", "ca.pem");
    let found = tested(&world).await;
    found.only("SOAR REST", &["certificate", "set cafile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_authority_of_the_broker() {
    let mut world = world().await;
    let other = Sandbox::start(Options::default()).await.unwrap();
    world.write("other.pem", other.ca_pem());
    world.set_connection("stomp_cafile", "other.pem");
    let found = tested(&world).await;
    found.only("message queue", &["certificate", "set stomp_cafile"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_that_is_missing() {
    for missing in Platform::api_key_permissions() {
        let world = with_an_incident().await;
        let others: Vec<&str> = Platform::api_key_permissions()
            .into_iter()
            .filter(|name| *name != missing)
            .collect();
        world.platform().set_api_key_permissions(&others);
        let found = tested(&world).await;
        found.only("SOAR permissions", &[missing, "give the API key"]);
        let needed = found.document["needed_soar_permissions"].as_array();
        assert_eq!(needed.map(Vec::len), Some(6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_without_our_customizations() {
    let mut world = World::without_customizations().await;
    world.set("aws_gd_regions", "^us-east-1$");
    let found = tested(&world).await;
    found.only(
        "customizations",
        &[ARCHIVE, "gd_instance_details", "customize"],
    );
    assert!(found.with("skipped").contains_key("message queue"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_customization_that_is_missing() {
    type Spoil = fn(&Platform);
    let cases: [(Spoil, &str); 5] = [
        (
            |p| p.delete_field("aws_guardduty_count").unwrap(),
            "the field aws_guardduty_count",
        ),
        (
            |p| p.delete_table("gd_s3_bucket_details").unwrap(),
            "the data table gd_s3_bucket_details",
        ),
        (
            |p| p.delete_column("gd_action_details", "asn").unwrap(),
            "the column asn of the data table gd_action_details",
        ),
        (
            |p| p.delete_function(ARCHIVE).unwrap(),
            "the function func_aws_guardduty_archive_finding",
        ),
        (
            |p| p.delete_artifact_type("aws_s3_bucket_name").unwrap(),
            "the artifact type AWS S3 Bucket Name",
        ),
    ];
    for (spoil, words) in cases {
        let found = broken(|world| spoil(world.platform())).await;
        found.only(
            "customizations",
            &[words, "run `fn-aws-guardduty customize`"],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_apps_customizations_of_the_same_names_will_do() {
    let mut export = fn_aws_guardduty::customizations::export_document();
    for function in export["functions"].as_array_mut().unwrap() {
        let name = function["name"].as_str().unwrap();
        let bpmn = format!("{name}-uuid-of-another");
        function["uuid"] = json!(bpmn);
    }
    export["workflows"] = json!([]);
    export["actions"] = json!([]);
    let mut world = World::without_customizations().await;
    world.set("aws_gd_regions", "^us-east-1$");
    world.platform().import(&export).unwrap();
    let found = tested(&world).await;
    found.all_good();
    assert!(found.with("ok")["customizations"].contains("served as well"));
    assert!(found.with("warning")["rules"].contains(ARCHIVE_RULE));
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_only_the_python_app_serves_are_a_warning() {
    let mut export = fn_aws_guardduty::customizations::export_document();
    let mut function = export["functions"][0].clone();
    function["name"] = json!("aws_guardduty_list_ipset");
    function["uuid"] = json!("of-the-python-app");
    export["functions"].as_array_mut().unwrap().push(function);
    let mut world = World::without_customizations().await;
    world.set("aws_gd_regions", "^us-east-1$");
    world.platform().import(&export).unwrap();
    let found = tested(&world).await;
    found.all_good();
    let warnings = found.with("warning");
    assert!(warnings["functions of the Python app"].contains("aws_guardduty_list_ipset"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_rule_is_a_warning() {
    let found = broken(|world| {
        world
            .platform()
            .set_rule_enabled(ARCHIVE_RULE, false)
            .unwrap();
    })
    .await;
    found.all_good();
    assert!(found.with("warning")["rules"].contains(ARCHIVE_RULE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_template_with_a_field_that_is_not_there() {
    let mut world = world().await;
    world.write(
        "close.json",
        r#"{"resolution_id": "Resolved", "resolution_summary": "x", "root_cause": 1}"#,
    );
    world.set("aws_gd_close_incident_template", "close.json");
    let found = tested(&world).await;
    found.only(
        "close template",
        &["root_cause", "aws_gd_close_incident_template"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_template_that_lacks_what_is_required() {
    let mut world = world().await;
    world.write("close.json", r#"{"resolution_id": "Resolved"}"#);
    world.set("aws_gd_close_incident_template", "close.json");
    let found = tested(&world).await;
    found.only(
        "close template",
        &[
            "requires resolution_summary on close",
            "add resolution_summary",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_the_key_may_not_read() {
    let found = broken(|world| world.platform().revoke_queues()).await;
    found.only(
        "message queue",
        &["actions.201.fn_aws_gd", "message destination fn_aws_gd"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stomp_port_where_nobody_listens() {
    let found = broken(|world| world.set_connection("stomp_port", "9")).await;
    found.only(
        "message queue",
        &["could not reach localhost:9", "stomp_port"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_says_nothing_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let mut world = world().await;
    world.set_connection("stomp_port", &port);
    world.set_connection("stomp_timeout", "1");
    let found = tested(&world).await;
    found.only("message queue", &["did not answer", "stomp_port"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_aws_key() {
    let found = broken(|world| world.set("aws_gd_secret_access_key", "wrong")).await;
    found.only(
        "AWS identity",
        &["AWS refuses the credentials", "aws_gd_secret_access_key"],
    );
    let skipped = found.with("skipped");
    assert_eq!(
        skipped.keys().collect::<Vec<_>>(),
        ["AWS regions", "GuardDuty"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_aws_action_that_is_not_allowed() {
    for (operation, line) in [
        ("DescribeRegions", "AWS regions"),
        ("ListDetectors", "GuardDuty us-east-1"),
        ("ListFindings", "GuardDuty us-east-1"),
        ("GetFindings", "GuardDuty us-east-1"),
    ] {
        let world = with_an_incident().await;
        world.sandbox.aws().set_denied(operation, true);
        let found = tested(&world).await;
        found.only(line, &[operation, "policy"]);
        let policy = &found.document["needed_iam_policy"]["Statement"][0]["Action"];
        assert_eq!(policy.as_array().map(Vec::len), Some(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_sts_the_worker_does_well() {
    let found = broken(|world| world.sandbox.aws().set_denied("GetCallerIdentity", true)).await;
    found.all_good();
    assert!(found.with("unknown").contains_key("AWS identity"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_without_a_detector() {
    let found = broken(|world| {
        world.sandbox.aws().add_detector("us-west-2");
        world.set("aws_gd_regions", "^us-(east-1|east-2|west-2)$");
    })
    .await;
    found.only("GuardDuty us-east-2", &["no detector", "aws_gd_regions"]);
    let ok = found.with("ok");
    assert!(ok.contains_key("GuardDuty us-east-1") && ok.contains_key("GuardDuty us-west-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_region_that_is_refused() {
    let found = broken(|world| {
        world.sandbox.aws().add_detector("us-west-2");
        world.set("aws_gd_regions", "^us-(east-1|west-2)$");
        let refused = Fault::aws_error(403, "AccessDeniedException").region("us-west-2");
        world.sandbox.faults().inject(refused);
    })
    .await;
    found.only(
        "GuardDuty us-west-2",
        &["AWS does not allow ListDetectors", "policy"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_matches_no_region() {
    let found = broken(|world| world.set("aws_gd_regions", "^mars-")).await;
    found.only("AWS regions", &["^mars-", "us-east-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_cannot_be_used() {
    let found = broken(|world| {
        world.write("file", "");
        world.set("aws_gd_state_dir", "file/below");
    })
    .await;
    found.only("state folder", &["file/below", "aws_gd_state_dir"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_platform_is_a_warning() {
    let answer = sandbox::faults::Failure::Answer {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: r#"{"server_version": {"version": "39.0.6328"}}"#.into(),
    };
    let found = broken(|world| {
        let fault = Fault::new(Side::Soar, answer).path("/const$");
        world.sandbox.faults().inject(fault);
    })
    .await;
    found.all_good();
    assert!(found.with("warning")["platform version"].contains("39.0.6328"));
}

/// A worker beside a self-test gets every message, and answers it once.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_worker_loses_no_message() {
    let mut world = world().await;
    let aws = world.sandbox.aws().clone();
    world.set("aws_gd_polling_interval", "0");
    world.start_and_listen().await;
    let invocations = async {
        let mut published = Vec::new();
        for _ in 0..20 {
            let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
            let inputs = json!({
                "aws_gd_region": REGION,
                "aws_gd_detector_id": aws.detector_id(REGION).unwrap(),
                "aws_gd_finding_id": finding,
            });
            let platform = world.platform();
            published.push(platform.publish_invocation(ARCHIVE, &inputs).unwrap());
            let last = published.last().cloned().unwrap();
            world
                .eventually("the function is answered", |platform| {
                    platform.final_reply(&last).is_some()
                })
                .await;
        }
        published
    };
    let (found, other, published) = tokio::join!(tested(&world), tested(&world), invocations);
    found.all_good();
    other.all_good();
    for correlation in published {
        let replies = world.platform().replies(&correlation);
        let answers = replies.iter().filter(|reply| reply.complete).count();
        assert_eq!(answers, 1, "{correlation}");
    }
    assert_eq!(world.stop().await.code(), Some(0));
}

/// With nobody else there, messages stay in the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_goes_on_waiting() {
    let world = world().await;
    let queue = format!("actions.{}.fn_aws_gd", world.sandbox.org_id());
    world
        .platform()
        .publish_invocation(ARCHIVE, &json!({}))
        .unwrap();
    tested(&world).await.all_good();
    let broker = world.sandbox.broker();
    assert_eq!((broker.queue_depth(&queue), broker.unacked(&queue)), (1, 0));
    let delivered = broker.journal().iter().any(|frame| frame.command == "ACK");
    assert!(!delivered);
}

/// What `resilient-sdk validate` looks at: the exit code, and the text of both streams.
#[tokio::test(flavor = "multi_thread")]
async fn callers_of_resilient_circuits_get_its_text_and_codes() {
    type Spoil = fn(&mut World);
    let cases: [(Spoil, i32, &str); 6] = [
        (|_| (), 0, "{'state': 'success'}"),
        (
            |world| world.set("aws_gd_secret_access_key", "wrong"),
            1,
            "{'state': 'failure', 'reason': ",
        ),
        (
            |world| world.set_connection("api_key_secret", "wrong"),
            21,
            "Error Code: 21",
        ),
        (
            |world| world.set_connection("org", "Elsewhere"),
            24,
            "is no member of the organisation",
        ),
        (
            |world| world.platform().revoke_queues(),
            32,
            "Error Code: 32",
        ),
        (
            |world| world.set_connection("stomp_port", "9"),
            30,
            "Error Code: 30",
        ),
    ];
    for (spoil, code, words) in cases {
        let mut world = world().await;
        spoil(&mut world);
        let finished = world.command(&["selftest", "-l", "fn-aws-guardduty"]).await;
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
        assert_eq!(finished.stdout, "");
    }
}
