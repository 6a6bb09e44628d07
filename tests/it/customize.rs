//! The command `customize` on platforms of every kind.

use std::process::{Command, Stdio};

use fn_aws_guardduty::customizations::export_document;
use nix::pty::openpty;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use serde_json::{Value, json};

use crate::harness::{REGION, World};

/// What the command printed, and how it ended.
struct Outcome {
    code: Option<i32>,
    text: String,
}

impl Outcome {
    fn assert(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for text in texts {
            assert!(self.text.contains(text), "no {text:?} in:\n{}", self.text);
        }
    }
}

/// Runs the command as the administrator.
async fn customize(world: &World, arguments: &[&str]) -> Outcome {
    let email = world.sandbox.email().to_owned();
    let arguments = [&["--email", &email], arguments].concat();
    let password = world.sandbox.password().to_owned();
    run(world, &arguments, &password, None).await
}

/// Runs the command; with an answer there is a terminal on which it is typed.
async fn run(world: &World, arguments: &[&str], password: &str, answer: Option<&str>) -> Outcome {
    let config = world.config_file();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fn-aws-guardduty"));
    command
        .current_dir(config.parent().unwrap())
        .arg("customize")
        .arg("--config")
        .arg(&config)
        .args(arguments)
        .env_clear()
        .env("SOAR_PASSWORD", password)
        .env("SOAR_API_KEY_SECRET", password)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .stdin(Stdio::null());
    let terminal = answer.map(|answer| {
        let terminal = openpty(None, None).unwrap();
        nix::unistd::write(&terminal.master, format!("{answer}\n").as_bytes()).unwrap();
        command.stdin(terminal.slave);
        terminal.master
    });
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    drop(terminal);
    let (out, err) = (output.stdout, output.stderr);
    Outcome {
        code: output.status.code(),
        text: String::from_utf8([out, err].concat()).unwrap(),
    }
}

/// An export without what changes by itself.
fn configuration(world: &World) -> Value {
    let mut export = world.platform().export();
    export["export_date"] = Value::Null;
    export
}

/// Every uuid of ours but the internal ones, which all apps share, is another's.
fn with_other_identities(document: &Value) -> Value {
    let mut text = document.to_string();
    let lists = [
        "message_destinations",
        "fields",
        "types",
        "incident_artifact_types",
    ];
    let lists = lists.iter().chain(&["functions", "workflows", "actions"]);
    for object in lists.flat_map(|list| document[*list].as_array().unwrap()) {
        let columns = object["fields"].as_object().into_iter().flatten();
        let objects = std::iter::once(object).chain(columns.map(|(_, column)| column));
        for uuid in objects
            .filter(|o| o["internal"] != true)
            .map(|o| o["uuid"].as_str().unwrap())
        {
            let (first, rest) = uuid.split_at(8);
            let other: String = first.chars().rev().collect();
            text = text.replace(uuid, &format!("{other}{}", rest.replace("-5", "-4")));
        }
    }
    serde_json::from_str(&text).unwrap()
}

/// What version 1.0.0 of the Python app leaves on a platform, with an analyst's edit of a script.
fn ancestor() -> Value {
    let mut document = with_other_identities(&export_document());
    for function in document["functions"].as_array_mut().unwrap() {
        function["description"]["content"] = json!("Resilient Function of AWS GuardDuty.");
    }
    for workflow in document["workflows"].as_array_mut().unwrap() {
        workflow["description"] = json!("An example workflow.");
        let xml = workflow["content"]["xml"].as_str().unwrap();
        let (start, end) = (
            xml.find("<documentation>").unwrap(),
            xml.find("</documentation>").unwrap(),
        );
        let mut xml = format!(
            "{}{}",
            &xml[..start],
            &xml[end + "</documentation>".len()..]
        );
        xml = xml
            .replace("AWS GuardDuty Integration:", "AWS IAM Integration, edited:")
            .replace("&quot;python3&quot;", "&quot;python&quot;");
        workflow["content"]["xml"] = json!(xml);
    }
    for field in document["fields"].as_array_mut().unwrap() {
        if field["name"] == "aws_guardduty_count" {
            field["text"] = json!("How often");
        }
    }
    document
}

fn automatic_playbook() -> Value {
    json!({
        "name": "example_aws_guardduty_archive_finding_pb", "export_key": "example_aws_guardduty_archive_finding_pb",
        "display_name": "Example: AWS GuardDuty: Archive Finding (PB)", "activation_type": "automatic",
        "status": "enabled", "object_type": "incident", "uuid": "11111111-2222-4333-8444-555555555555",
    })
}

/// What version 2.0.0 of the Python app adds.
fn newer_ancestor() -> Value {
    let mut document = ancestor();
    let mut function = document["functions"][0].clone();
    function["name"] = json!("aws_guardduty_create_ipset");
    function["export_key"] = function["name"].clone();
    function["uuid"] = json!("99999999-2222-4333-8444-555555555555");
    document["functions"].as_array_mut().unwrap().push(function);
    document["playbooks"] = json!([automatic_playbook()]);
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_platform_gets_everything_and_a_second_run_changes_nothing() {
    let mut world = World::without_customizations().await;
    let outcome = customize(&world, &["--yes"]).await;
    outcome.assert(
        0,
        &[
            "add:",
            "workflow",
            "opened to the worker",
            "10 fields",
            "6 data tables",
            "done",
        ],
    );
    assert_eq!(world.platform().readers("fn_aws_gd", "api_keys").len(), 1);
    let before = configuration(&world);
    let calls = world.sandbox.calls().total(Side::Soar);
    customize(&world, &["--yes"])
        .await
        .assert(0, &["nothing to do"]);
    assert!(world.sandbox.calls().total(Side::Soar) > calls);
    assert_eq!(configuration(&world), before);

    let kind = sandbox::aws::Aws::sample_kinds()[0];
    let finding = world.sandbox.aws().create_sample(REGION, kind);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_ancestors_platform_nothing_is_lost_and_the_worker_works() {
    let mut world = World::without_customizations().await;
    world.platform().import_only(&ancestor()).unwrap();
    world.platform().set_readers("fn_aws_gd", "api_keys", &[77]);
    let before = configuration(&world);
    let outcome = customize(&world, &["--yes"]).await;
    outcome.assert(
        0,
        &[
            "keep:",
            "--replace-workflows would take ours",
            "opened to the worker",
        ],
    );
    let after = configuration(&world);
    for list in [
        "functions",
        "workflows",
        "actions",
        "fields",
        "types",
        "incident_artifact_types",
    ] {
        assert_eq!(after[list], before[list], "{list}");
    }
    assert_eq!(world.platform().readers("fn_aws_gd", "api_keys")[0], 77);
    assert_eq!(world.platform().readers("fn_aws_gd", "api_keys").len(), 2);

    let kind = sandbox::aws::Aws::sample_kinds()[0];
    let finding = world.sandbox.aws().create_sample(REGION, kind);
    world.start_and_listen().await;
    world.escalated([&finding]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_workflows_take_the_ancestors_place_only_when_asked_to() {
    let world = World::without_customizations().await;
    world.platform().import_only(&ancestor()).unwrap();
    customize(&world, &["--yes", "--replace-workflows"])
        .await
        .assert(0, &["update:", "in place of the platform's"]);
    let workflows = world.platform().export()["workflows"].to_string();
    assert!(!workflows.contains("AWS IAM Integration"));
    let uuid = ancestor()["workflows"][0]["uuid"].to_string();
    assert!(workflows.contains(&uuid), "the identity is the platform's");
    customize(&world, &["--yes"])
        .await
        .assert(0, &["nothing to do"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_not_overwritten() {
    let world = World::without_customizations().await;
    let own = format!("fn-aws-guardduty {}", env!("CARGO_PKG_VERSION"));
    let newer = export_document()
        .to_string()
        .replace(&own, "fn-aws-guardduty 9.0.0");
    let newer: Value = serde_json::from_str(&newer).unwrap();
    world.platform().import_only(&newer).unwrap();
    let before = configuration(&world);
    customize(&world, &["--yes", "--replace-workflows"])
        .await
        .assert(1, &["9.0.0", "run customize of that version"]);
    assert_eq!(configuration(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_python_app_serves_is_named_and_asked_about() {
    let world = World::without_customizations().await;
    world.platform().import_only(&newer_ancestor()).unwrap();
    let before = configuration(&world);
    let (email, password) = (
        world.sandbox.email().to_owned(),
        world.sandbox.password().to_owned(),
    );
    let outcome = run(&world, &["--email", &email], &password, Some("n")).await;
    outcome.assert(
        1,
        &[
            "aws_guardduty_create_ipset",
            "would both run",
            "Go on, although",
            "nothing was changed",
        ],
    );
    assert!(!outcome.text.contains("Carry this out"));
    assert_eq!(configuration(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_at_the_prompt_rejects_the_import() {
    let world = World::without_customizations().await;
    let before = configuration(&world);
    let (email, password) = (
        world.sandbox.email().to_owned(),
        world.sandbox.password().to_owned(),
    );
    run(&world, &["--email", &email], &password, Some("n"))
        .await
        .assert(
            1,
            &["SOAR says INFO", "Carry this out?", "nothing was changed"],
        );
    assert_eq!(configuration(&world), before);
    assert_eq!(world.platform().pending_imports(), 0);
    run(&world, &["--email", &email], &password, Some("y"))
        .await
        .assert(0, &["done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_or_with_a_dry_run_nothing_changes() {
    let world = World::without_customizations().await;
    let before = configuration(&world);
    customize(&world, &[]).await.assert(1, &["say --yes"]);
    customize(&world, &["--dry-run"])
        .await
        .assert(0, &["add:", "--dry-run"]);
    assert_eq!(configuration(&world), before);
    assert_eq!(world.platform().pending_imports(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customers_layout_is_completed_and_kept() {
    let world = World::without_customizations().await;
    let mut content = world.platform().incident_tabs()["content"].clone();
    content[0]["fields"]
        .as_array_mut()
        .unwrap()
        .push(json!({"element": "html", "content": "<b>ours</b>", "unknown": {"z": 1, "a": 2}}));
    world.platform().set_incident_tabs(&content);
    customize(&world, &["--yes", "--no-layout"])
        .await
        .assert(0, &["done"]);
    assert_eq!(world.platform().incident_tabs()["content"], content);
    customize(&world, &["--yes"]).await.assert(0, &["done"]);
    let mut after = world.platform().incident_tabs()["content"].clone();
    let known = content[0]["fields"].as_array().unwrap().len();
    after[0]["fields"].as_array_mut().unwrap().truncate(known);
    let tabs = content.as_array().unwrap().len();
    after.as_array_mut().unwrap().truncate(tabs);
    assert_eq!(after, content);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_ends_with_the_remedy() {
    let world = World::without_customizations().await;
    let email = world.sandbox.email().to_owned();
    run(&world, &["--email", &email, "--yes"], "wrong", None)
        .await
        .assert(1, &["check the address and the password"]);
    run(&world, &["--yes"], "", None)
        .await
        .assert(1, &["does not allow", "--email"]);
    let (id, secret) = (
        world.sandbox.api_key_id().to_owned(),
        world.sandbox.api_key_secret().to_owned(),
    );
    run(&world, &["--api-key-id", &id, "--yes"], &secret, None)
        .await
        .assert(1, &["does not allow", "use another"]);
    let refusal = Failure::Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: r#"{"success":false,"message":"the workspace is locked"}"#.into(),
    };
    let refusal = Fault::new(Side::Soar, refusal).path("/configurations/imports$");
    world.sandbox.faults().inject(refusal);
    customize(&world, &["--yes"])
        .await
        .assert(1, &["the workspace is locked", "nothing was changed"]);
}
