//! The command `config`, as a user runs it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const GOOD: &str = "[resilient]\nhost = soar.example.com\norg = o\napi_key_id = k\napi_key_secret = hunter2hunter2\n\n[fn_aws_guardduty]\naws_gd_master_region = us-east-1\naws_gd_regions = us\n";

/// A home folder to run the command in.
struct Home(TempDir);

/// How the command ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn with(text: &str) -> Self {
        let home = Self::new();
        fs::write(home.path("app.config"), text).unwrap();
        home
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_as(Path::new(env!("CARGO_BIN_EXE_fn-aws-guardduty")), arguments)
    }

    fn run_as(&self, program: &Path, arguments: &[&str]) -> Ended {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(program)
            .arg("config")
            .args(arguments)
            .env_clear()
            .env("HOME", self.0.path())
            .current_dir(self.0.path())
            .output()
            .unwrap();
        Ended {
            code: status.code(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }
}

#[test]
fn init_writes_the_example_for_its_owner_alone_and_never_over_a_file() {
    let home = Home::new();
    let ended = home.run(&["init"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let file = home.path(".resilient/app.config");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        include_str!("../../app.config.example")
    );
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(ended.out.contains("selftest --config"), "{}", ended.out);

    fs::write(&file, "mine").unwrap();
    let ended = home.run(&["init"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("is there already: config update"),
        "{}",
        ended.err
    );
    assert_eq!(ended.err.lines().count(), 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(home.run(&["init", "--force"]).code, Some(0));
    assert_ne!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn check_tells_everything_at_once_and_no_secret() {
    let ended = Home::with(GOOD).run(&["check"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_eq!(ended.out, "app.config can be used; selftest tries it\n");

    let spoiled =
        GOOD.replace("org = o", "port = many\nhots = x") + "aws_gd_polling_interval = soon\n";
    let ended = Home::with(&spoiled).run(&["check"]);
    assert_eq!(ended.code, Some(64));
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 5, "{}", ended.out);
    assert!(lines[..3].iter().all(|line| line.starts_with("error: [")));
    assert!(
        lines[3].starts_with("warning: [resilient] hots"),
        "{}",
        lines[3]
    );
    assert_eq!(lines[4], "app.config cannot be used: correct 3 errors");
    assert!(!ended.out.contains("hunter2"));
}

#[test]
fn an_unknown_key_is_an_error_only_where_the_check_is_strict() {
    let home = Home::with(&GOOD.replace("org = o", "org = o\nnum_worker = 3"));
    let ended = home.run(&["check"]);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .out
            .ends_with("app.config can be used, with 1 warning\n"),
        "{}",
        ended.out
    );
    let ended = home.run(&["check", "--strict"]);
    assert_eq!(ended.code, Some(64));
    assert!(
        ended.out.contains("error: [resilient] num_worker") && ended.out.contains("num_workers"),
        "{}",
        ended.out
    );
    let document =
        |arguments: &[&str]| -> Value { serde_json::from_str(&home.run(arguments).out).unwrap() };
    let lax = document(&["check", "--json"]);
    assert_eq!(
        (&lax["ok"], &lax["file"]),
        (&true.into(), &"app.config".into())
    );
    assert_eq!(lax["warnings"][0]["kind"], "unknown_key");
    let strict = document(&["check", "--json", "--strict"]);
    assert_eq!(strict["ok"], false);
    assert!(strict["errors"][0].as_str().unwrap().contains("num_worker"));
}

#[test]
fn a_file_that_is_not_there_is_said_to_be() {
    let home = Home::new();
    let ended = home.run(&["check"]);
    assert_eq!(ended.code, Some(64));
    assert!(
        ended.out.contains("found neither at app.config"),
        "{}",
        ended.out
    );
    let ended = home.run(&["update"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("config init writes a new one"),
        "{}",
        ended.err
    );
}

#[test]
fn update_adds_what_is_missing_and_keeps_mode_link_and_text() {
    let home = Home::with(GOOD);
    fs::rename(home.path("app.config"), home.path("real.config")).unwrap();
    symlink(home.path("real.config"), home.path("app.config")).unwrap();
    fs::set_permissions(home.path("real.config"), fs::Permissions::from_mode(0o640)).unwrap();
    let ended = home.run(&["update"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        ended
            .out
            .contains("added [fn_aws_guardduty] aws_gd_overlap_interval\n"),
        "{}",
        ended.out
    );
    let link = fs::symlink_metadata(home.path("app.config")).unwrap();
    assert!(link.is_symlink());
    let file = fs::metadata(home.path("real.config")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o640);
    let text = fs::read_to_string(home.path("app.config")).unwrap();
    assert!(text.contains("\n#aws_gd_overlap_interval = 15\n"));
    assert!(text.contains("api_key_secret = hunter2hunter2\n"));
    assert_eq!(home.run(&["check", "--strict"]).code, Some(0));

    let ended = home.run(&["update"]);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.out.ends_with("real.config lacks nothing\n"),
        "{}",
        ended.out
    );
    assert_eq!(fs::read_to_string(home.path("app.config")).unwrap(), text);
    assert_eq!(
        fs::read_dir(home.0.path()).unwrap().count(),
        2,
        "nothing is left behind"
    );
}

#[test]
fn what_cannot_be_read_is_not_touched() {
    let home = Home::with("[resilient]\nlonely\n");
    let ended = home.run(&["update"]);
    assert_eq!(ended.code, Some(64));
    assert!(ended.err.contains("line 2"), "{}", ended.err);
    assert!(
        ended
            .err
            .ends_with("was not changed: correct these lines first\n")
    );
    assert_eq!(
        fs::read_to_string(home.path("app.config")).unwrap(),
        "[resilient]\nlonely\n"
    );
}

#[test]
fn the_python_apps_spelling_does_the_same() {
    let home = Home::new();
    let circuits = home.path("resilient-circuits");
    symlink(env!("CARGO_BIN_EXE_fn-aws-guardduty"), &circuits).unwrap();
    let ended = home.run_as(&circuits, &["-c", "new.config", "-l", "fn-aws-guardduty"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    fs::write(home.path("new.config"), "[resilient]\nhost = h\n").unwrap();
    let ended = home.run_as(&circuits, &["-u", "new.config"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let text = fs::read_to_string(home.path("new.config")).unwrap();
    assert!(text.contains("\n[fn_aws_guardduty]\n"));
}
