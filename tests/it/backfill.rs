//! The command `backfill`: a first import by hand.

use std::fs::File;
use std::io::Read as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::Options;
use sandbox::aws::Aws;
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use tokio::task::JoinHandle;

use crate::harness::{PATIENCE, REGION, World};
use crate::worker_process::Finished;

const ELSEWHERE: &str = "eu-west-1";
const QUARTER: Duration = Duration::from_hours(89 * 24);
const BACKFILL: [&str; 3] = ["backfill", "--since", "90d"];

async fn two_regions() -> World {
    World::with(Options {
        regions: vec![REGION.into(), ELSEWHERE.into()],
        ..Options::default()
    })
    .await
}

async fn slow() -> World {
    World::with(Options {
        regions: vec![REGION.into()],
        soar_latency: Duration::from_millis(50),
        aws_latency: Duration::from_millis(10),
        ..Options::default()
    })
    .await
}

async fn backfill(world: &World, arguments: &[&str]) -> Finished {
    world.command(&[&BACKFILL, arguments].concat()).await
}

/// An import that runs.
struct Begun {
    id: Pid,
    output: JoinHandle<std::io::Result<Output>>,
}

impl Begun {
    fn new(world: &World) -> Self {
        let mut program = tokio::process::Command::from(world.program());
        program
            .args(BACKFILL)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let process = program.spawn().unwrap();
        Self {
            id: Pid::from_raw(i32::try_from(process.id().unwrap()).unwrap()),
            // Read at once: a command whose output nobody reads would come to a stop.
            output: tokio::spawn(process.wait_with_output()),
        }
    }

    async fn end(self) -> Finished {
        let output = tokio::time::timeout(PATIENCE, self.output).await;
        let output = output.expect("the command ends").unwrap().unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Finished {
    fn assert(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        for text in texts {
            let told = format!("{}{}", self.stdout, self.stderr);
            assert!(told.contains(text), "no {text:?} in:\n{told}");
        }
    }

    /// The figures of a row: listed, created, updated, already there, set aside, and what is rare. The last, the seconds, is
    /// left out.
    fn row(&self, name: &str) -> Vec<usize> {
        let row = self.stdout.lines().find(|line| line.starts_with(name));
        let row = row.unwrap_or_else(|| panic!("no row {name} in:\n{}", self.stdout));
        let mut cells: Vec<&str> = row.split_whitespace().skip(1).collect();
        cells.pop();
        cells.iter().map(|cell| cell.parse().unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_findings_of_all_regions_become_incidents_and_a_repetition_makes_none() {
    let mut world = two_regions().await;
    let aws = world.sandbox.aws().clone();
    let here = aws.create_samples_over(REGION, 130, QUARTER);
    let there = aws.create_samples_over(ELSEWHERE, 60, QUARTER);
    let archived = aws.create_sample(REGION, Aws::sample_kinds()[0]);
    aws.archive(REGION, &archived);
    let done = backfill(&world, &[]).await;
    done.assert(0, &["\"message\":\"escalated finding "]);
    assert_eq!(done.row(ELSEWHERE), [60, 60, 0, 0, 0]);
    assert_eq!(done.row(REGION), [130, 130, 0, 0, 0]);
    assert_eq!(done.row("total"), [190, 190, 0, 0, 0]);
    for (region, findings) in [(REGION, &here), (ELSEWHERE, &there)] {
        for finding in findings {
            world.assert_whole_in(region, finding);
        }
    }
    let incidents = world.platform().incidents();
    assert_eq!(incidents.len(), 190, "and none of the archived finding");

    let again = backfill(&world, &[]).await;
    again.assert(0, &[]);
    assert_eq!(again.row("total"), [190, 0, 0, 190, 0]);
    assert_eq!(world.platform().incidents(), incidents);

    world.start();
    world.cycles(2).await;
    assert_eq!(
        world.platform().incidents(),
        incidents,
        "the worker makes none either"
    );
}

/// The worker's own first listing must still reach as far back as it would have.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker_begins_where_it_would_have_without_the_import() {
    let mut world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let findings = aws.create_samples_over(REGION, 30, QUARTER);
    let done = world.command(&["backfill", "--since", "1d"]).await;
    done.assert(0, &[]);
    assert!(world.platform().incident_count() < 30);
    world.start();
    world.escalated(&findings).await;
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_and_tells_what_the_import_then_does() {
    let world = World::new().await;
    let aws = world.sandbox.aws().clone();
    let findings = aws.create_samples_over(REGION, 60, QUARTER);
    let dry = backfill(&world, &["--dry-run"]).await;
    dry.assert(0, &["to create", "Nothing was changed."]);
    assert_eq!(dry.row(REGION), [60, 60, 0, 0, 0]);
    assert_eq!(world.platform().incident_count(), 0);
    assert_eq!(
        world.sandbox.calls().count(Side::Soar, "POST /incidents"),
        0
    );

    // One row is refused, so its incident lacks it; one finding changes afterwards; 10 are new.
    let refusal = Fault::status(Side::Soar, 400).path("/row_data$").times(1);
    world.sandbox.faults().inject(refusal);
    backfill(&world, &[]).await.assert(1, &["set aside in"]);
    aws.update_finding(REGION, &findings[20]);
    aws.create_samples(REGION, 10);
    let before = world.platform().incidents();
    world.sandbox.calls().clear();
    let dry = backfill(&world, &["--dry-run"]).await;
    dry.assert(0, &[]);
    assert_eq!(dry.row(REGION), [70, 10, 2, 58, 0]);
    assert_eq!(world.platform().incidents(), before);
    let writes = world.sandbox.calls().counts().into_keys();
    let writes = writes.filter(|(side, kind)| {
        *side == Side::Soar && !kind.starts_with("GET ") && !kind.contains("query")
    });
    let writes: Vec<String> = writes.map(|(_, kind)| kind).collect();
    assert!(
        writes.iter().all(|kind| kind.contains("session")),
        "{writes:?}"
    );

    let done = backfill(&world, &[]).await;
    done.assert(0, &["as soon as the worker runs"]);
    assert_eq!(done.row(REGION), [70, 10, 2, 58, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_and_types_narrow_the_import() {
    let world = two_regions().await;
    let aws = world.sandbox.aws().clone();
    aws.create_samples(REGION, 48);
    aws.create_samples(ELSEWHERE, 24);
    let one = backfill(&world, &["--region", "EU-*"]).await;
    one.assert(0, &[]);
    assert_eq!(one.row("total"), [24, 24, 0, 0, 0]);
    assert!(!one.stdout.contains(REGION), "{}", one.stdout);
    assert!(!one.stdout.contains("ap-south-1"), "{}", one.stdout);

    let wanted = |finding: &serde_json::Value| {
        let of = finding["type"].as_str().unwrap();
        of.contains(":EC2/") || of == "Object:S3/MaliciousFile"
    };
    let wanted = aws.findings(REGION).into_iter().filter(wanted).count();
    assert!(0 < wanted && wanted < 48);
    let types = [
        "--region",
        REGION,
        "--type",
        "*:EC2/*",
        "--type",
        "object:s3/maliciousfile",
    ];
    let some = backfill(&world, &types).await;
    some.assert(0, &["other type"]);
    assert_eq!(some.row("total"), [48, wanted, 0, 0, 0, 48 - wanted]);

    let none = backfill(&world, &["--region", "us-*", "--region", "mars-1"]).await;
    none.assert(
        1,
        &["--region mars-1 matches no region", "eu-west-1, eu-west-2"],
    );
    assert_eq!(world.platform().incident_count(), 24 + wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_amid_the_import_leaves_whole_incidents_and_a_repetition_makes_the_rest() {
    let (world, findings, stopped) = interrupted(200, Signal::SIGTERM).await;
    stopped.assert(143, &["Stopped on SIGTERM"]);
    let made = world.platform().incident_count();
    assert!(made < 200, "it was stopped in the middle");
    assert_eq!(stopped.row(REGION), [200, made, 0, 0, 0, 200 - made]);
    for incident in &world.platform().incidents() {
        let finding = incident.property("aws_guardduty_finding_id").unwrap();
        world.assert_whole(finding);
    }
    let done = backfill(&world, &[]).await;
    done.assert(0, &[]);
    assert_eq!(done.row(REGION), [200, 200 - made, 0, made, 0]);
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_is_finished_by_the_next() {
    let (world, findings, _) = interrupted(200, Signal::SIGKILL).await;
    assert!(world.platform().incident_count() < 200);
    backfill(&world, &[]).await.assert(0, &[]);
    assert_eq!(world.platform().incident_count(), 200);
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_finishes_what_a_killed_import_left() {
    let (mut world, findings, _) = interrupted(120, Signal::SIGKILL).await;
    world.start();
    world.escalated(&findings).await;
    world.cycles(1).await;
    assert_eq!(world.platform().incident_count(), 120);
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_for_what_is_in_hand() {
    let world = World::new().await;
    world.sandbox.aws().create_samples(REGION, 1);
    let stall = Fault::new(Side::Soar, Failure::Stall).path("/incidents$");
    let stall = world.sandbox.faults().inject(stall);
    let importing = Begun::new(&world);
    world.struck(stall).await;
    // The system may take two that come at once for one, so it is asked until the command has ended.
    let id = importing.id;
    let asking = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        while kill(id, Signal::SIGINT).is_ok() {
            pace.tick().await;
        }
    });
    let stopped = importing.end().await;
    asking.abort();
    stopped.assert(130, &["stopping on SIGINT"]);
    assert_eq!(stopped.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_worker_with_the_same_state_folder_nothing_is_imported() {
    let mut world = World::new().await;
    world.start();
    world.log_shows("polling region us-east-1").await;
    world.sandbox.calls().clear();
    let refused = backfill(&world, &[]).await;
    refused.assert(1, &["a worker is at work with the state folder"]);
    let line = refused.stderr.lines().last().unwrap();
    assert!(line.contains("stop it first"), "{line}");
    backfill(&world, &["--dry-run"]).await.assert(0, &[]);
    world.stop().await;
    backfill(&world, &[]).await.assert(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_that_soar_refuses_is_named_and_the_others_are_made() {
    let world = World::new().await;
    let findings = world.sandbox.aws().create_samples(REGION, 60);
    let refusal = Fault::status(Side::Soar, 400)
        .method("POST")
        .path("/incidents$")
        .times(1);
    world.sandbox.faults().inject(refusal);
    let done = backfill(&world, &[]).await;
    done.assert(1, &["Not all findings are in SOAR"]);
    assert_eq!(done.row(REGION), [60, 59, 0, 0, 1]);
    let missing = findings
        .iter()
        .find(|finding| world.platform().incident_for_finding(finding).is_empty());
    let named = format!(
        "set aside in us-east-1: finding {}: SOAR refused POST /incidents (HTTP 400)",
        missing.unwrap()
    );
    assert!(done.stdout.contains(&named), "{}", done.stdout);
    let state = std::fs::read_to_string(world.state_path()).unwrap();
    assert!(state.contains(missing.unwrap()), "the worker tries again");

    let again = backfill(&world, &[]).await;
    again.assert(0, &[]);
    assert_eq!(again.row(REGION), [60, 1, 0, 59, 0]);
    let state = std::fs::read_to_string(world.state_path()).unwrap();
    assert!(!state.contains(missing.unwrap()), "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_fails_is_told_and_the_others_go_on() {
    let world = two_regions().await;
    world.sandbox.aws().create_samples(REGION, 12);
    world.sandbox.aws().create_samples(ELSEWHERE, 12);
    let denied = Fault::aws_error(403, "AccessDeniedException")
        .path("/detector")
        .region(ELSEWHERE);
    world.sandbox.faults().inject(denied);
    let done = backfill(&world, &[]).await;
    done.assert(1, &["failed in eu-west-1: AWS does not allow"]);
    assert_eq!(done.row("total"), [12, 12, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again_and_each_incident_counts_as_made_once() {
    let mut world = World::new().await;
    world.set_connection("request_max_retries", "1");
    let findings = world.sandbox.aws().create_samples(REGION, 60);
    let throttled = Fault::status(Side::Soar, 429)
        .path("/row_data$")
        .after(20)
        .times(2);
    world.sandbox.faults().inject(throttled);
    let done = backfill(&world, &[]).await;
    done.assert(0, &["is soon tried again"]);
    assert_eq!(done.row(REGION), [60, 60, 0, 0, 0]);
    for finding in &findings {
        world.assert_whole(finding);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_since_that_is_no_time_is_refused_with_the_remedy() {
    let world = World::new().await;
    for since in ["yesterday", "90", "2999-01-01"] {
        let refused = world.command(&["backfill", "--since", since]).await;
        let line = refused.stderr.lines().next().unwrap();
        for text in ["--since", since, "90d", "2026-08-01"] {
            assert!(line.contains(text), "{line}");
        }
        assert_eq!(refused.code, Some(2));
    }
    let missing = world.command(&["backfill"]).await;
    missing.assert(2, &["--since"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_a_bar_and_what_is_wrong_only() {
    let world = World::new().await;
    world.sandbox.aws().create_samples(REGION, 60);
    let refusal = Fault::status(Side::Soar, 400)
        .method("POST")
        .path("/incidents$")
        .times(1);
    world.sandbox.faults().inject(refusal);
    let size = Winsize {
        ws_row: 40,
        ws_col: 160,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(Some(&size), None).unwrap();
    let mut program = world.program();
    program
        .args(BACKFILL)
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .stderr(terminal.slave);
    let mut process = program.spawn().unwrap();
    // The command holds the terminal's other end as well.
    drop(program);
    let shown = tokio::task::spawn_blocking(move || {
        let (mut shown, mut terminal) = (Vec::new(), File::from(terminal.master));
        // The end of a terminal whose other side is closed is an error.
        let _ = terminal.read_to_end(&mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    });
    let shown = tokio::time::timeout(PATIENCE, shown)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(1));
    assert!(shown.contains("/60 findings"), "{shown}");
    assert!(shown.contains("is set aside"), "{shown}");
    assert!(!shown.contains("escalated finding"), "{shown}");
}

/// An import of so many findings that gets a signal when some are incidents, and its end.
async fn interrupted(findings: usize, signal: Signal) -> (World, Vec<String>, Finished) {
    let world = slow().await;
    let findings = world.sandbox.aws().create_samples(REGION, findings);
    let importing = Begun::new(&world);
    world
        .eventually("some findings are incidents", |platform| {
            platform.incident_count() >= 40
        })
        .await;
    kill(importing.id, signal).unwrap();
    let ended = importing.end().await;
    (world, findings, ended)
}
