//! From nothing to a green self-test and an incident, by the steps of the README.

use std::fs;

use sandbox::aws::Aws;
use tokio::process::Command;

use crate::harness::{PATIENCE, REGION, World};

/// Runs a command of the program to its end and answers what it printed.
async fn done(world: &World, arguments: &[&str]) -> String {
    let output = command(world, arguments).output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .expect("it ends")
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fn-aws-guardduty"));
    command
        .args(arguments)
        .current_dir(world.path("."))
        .env_clear()
        .env("HOME", world.path("."))
        .env("AWS_ENDPOINT_URL", world.sandbox.aws_endpoint())
        .env("SOAR_API_KEY_SECRET", world.sandbox.api_key_secret())
        .env("SOAR_PASSWORD", world.sandbox.password())
        .kill_on_drop(true);
    command
}

/// What a person does in an editor.
fn fill_in(world: &World) {
    let file = world.path(".resilient/app.config");
    let mut text = fs::read_to_string(&file).unwrap();
    let (port, stomp_port) = (world.sandbox.soar_port(), world.sandbox.stomp_port());
    for (key, value) in [
        ("host", world.sandbox.soar_host()),
        ("#port", &port.to_string()),
        ("org", world.sandbox.org_name()),
        ("api_key_id", world.sandbox.api_key_id()),
        ("#cafile", world.path("ca.pem").to_str().unwrap()),
        ("#stomp_port", &stomp_port.to_string()),
        ("#aws_gd_access_key_id", world.sandbox.aws_access_key_id()),
        (
            "#aws_gd_secret_access_key",
            world.sandbox.aws_secret_access_key(),
        ),
        ("aws_gd_regions", "^us-east-1$"),
    ] {
        let at = text.find(&format!("\n{key} = ")).expect(key) + 1;
        let end = at + text[at..].find('\n').unwrap();
        let key = key.trim_start_matches('#');
        text.replace_range(at..end, &format!("{key} = {value}"));
    }
    fs::write(&file, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_steps_of_the_readme_lead_to_a_green_selftest_and_an_incident() {
    let world = World::without_customizations().await;
    done(&world, &["config", "init"]).await;
    fill_in(&world);
    let checked = done(&world, &["config", "check", "--strict"]).await;
    assert!(
        checked.contains("can be used; selftest tries it"),
        "{checked}"
    );

    let email = world.sandbox.email();
    let customized = done(&world, &["customize", "--email", email, "--yes"]).await;
    assert!(customized.ends_with("done\n"), "{customized}");

    let tested = done(&world, &["selftest"]).await;
    assert!(
        !tested.contains("FAIL") && !tested.contains("warn"),
        "{tested}"
    );

    let _worker = command(&world, &["run"]).spawn().unwrap();
    let kind = Aws::sample_kinds()[0];
    let finding = world.sandbox.aws().create_sample(REGION, kind);
    world.escalated([&finding]).await;
}
