//! What the worker finds around it: secrets that are not in its file, and a folder for its log.

use std::fs;

use sandbox::aws::Aws;
use serde_json::Value;

use crate::harness::{REGION, World, only};
use crate::worker_process::WorkerProcess;

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_from_a_file_and_from_the_environment_and_are_never_logged() {
    let mut world = World::new().await;
    let soar_secret = world.sandbox.api_key_secret().to_owned();
    let aws_secret = world.sandbox.aws_secret_access_key().to_owned();
    world.write("soar_secret", &format!("{soar_secret}\n"));
    world.unset_connection("api_key_secret");
    world.set_connection("api_key_secret_file", "soar_secret");
    world.set("aws_gd_secret_access_key", "$AWS_SECRET");
    let endpoint = world.sandbox.aws_endpoint();
    world.set_variables(&[
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_SECRET", aws_secret.as_str()),
        ("RUST_LOG", "trace"),
    ]);
    world.start_and_escalate_one().await;
    assert_eq!(world.stop().await.code(), Some(0));
    let log = world.log();
    assert!(log.contains("TRACE"), "the log is as fine as can be");
    for secret in [&soar_secret, &aws_secret] {
        assert!(!log.contains(secret.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_to_a_file_too_and_a_reload_moves_it_and_makes_it_finer() {
    let mut world = World::new().await;
    let endpoint = world.sandbox.aws_endpoint();
    world.set_variables(&[("AWS_ENDPOINT_URL", endpoint.as_str()), ("RUST_LOG", "")]);
    for folder in ["first", "second"] {
        fs::create_dir(world.path(folder)).unwrap();
    }
    world.set_connection("logdir", "first");
    world.start_and_escalate_one().await;
    world.set_connection("logdir", "second");
    world.set_connection("loglevel", "DEBUG");
    world.reload();
    world.log_shows("the new configuration is taken up").await;
    world.log_shows("cycle of us-east-1 ended").await;
    assert_eq!(world.stop().await.code(), Some(0));

    let first = lines(&world, "first/app.log");
    let second = lines(&world, "second/app.log");
    let levels = |lines: &[Value]| lines.iter().filter(|line| line["level"] == "DEBUG").count();
    assert_eq!(levels(&first), 0);
    assert!(levels(&second) > 0);
    assert_eq!(
        first.len() + second.len(),
        world.log().lines().count(),
        "both together are the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_poller_of_one_state_waits_until_the_first_has_ended() {
    let mut world = World::new().await;
    let state = world.path(".").display().to_string();
    let sample = |world: &World| {
        let kind = Aws::sample_kinds()[0];
        world.sandbox.aws().create_sample(REGION, kind)
    };
    world.start_and_listen().await;
    let first = sample(&world);
    world.escalated([&first]).await;
    let mut second_worker = WorkerProcess::of(&world.sandbox);
    second_worker.app.set("aws_gd_state_dir", &state);
    second_worker.start();
    while !second_worker.log().contains("another worker polls with") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let second = sample(&world);
    world.escalated([&second]).await;
    only(world.platform(), &second);

    assert_eq!(world.stop().await.code(), Some(0));
    let third = sample(&world);
    world.escalated([&third]).await;
    for finding in [&first, &second, &third] {
        only(world.platform(), finding);
    }
    assert_eq!(second_worker.stop().await.code(), Some(0));
}

fn lines(world: &World, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(world.path(name)).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .expect("one JSON object a line")
}
