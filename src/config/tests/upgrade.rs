//! Files made for the Python app.

use super::*;

/// The lines that `resilient-circuits config` and the app write, with the placeholders filled in.
const ANCESTORS: &str = "\
[resilient]
host=resilient
port=443
api_key_id=ApiKeyId
api_key_secret=ApiKeySecret
org=My Org
logdir=/tmp
logfile=app.log
loglevel=INFO
num_workers=50
selftest_timeout=10
trap_exception=False

[fn_aws_guardduty]
aws_gd_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_gd_secret_access_key = hunter2hunter2
aws_gd_master_region = us-west-2
aws_gd_regions = '^(us|eu)-.*'
aws_gd_regions_interval = 60
aws_gd_polling_interval = 15
#http_proxy=http://proxy:80
#https_proxy=https://proxy:443

[fn_other_app]
timeout = whatever
";

/// A machine on which every log can be written.
struct Roomy;

impl Lookups for Roomy {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        no_file(path)
    }

    fn writable(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_ancestors_own_file_works_without_a_word() {
    let config = parse(ANCESTORS, &Roomy).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!((config.stomp.num_workers, config.stomp.prefetch), (50, 50));
    let wanted = LogFile {
        path: "/tmp/app.log".into(),
        max_bytes: 10_000_000,
        backups: 10,
    };
    assert_eq!(config.log.file, Some(wanted));
}

#[test]
fn what_asks_for_nothing_is_silent_and_all_else_is_said_once() {
    let silent = "cache_ttl = 240\nstomp_max_retries=3\nstomp_timer_interval=60\ntrap_exception=True\nnoload=fn_other\ncomponentsdir=\ntest_actions=False\ntest_port=8008\nrc_use_persistent_sessions=True\nmultitenancy=false";
    assert_eq!(good(silent, "").warnings, []);
    let loud = "stomp_max_retries=5\ncomponentsdir=/opt/components\nnoload=fn_other, FuncAwsGuarddutyPoller\nmultitenancy=true\nresilient_mock=a.B";
    let warnings = good(loud, "").warnings;
    assert_eq!(warnings.len(), 5, "{warnings:?}");
    for warning in &warnings {
        assert_eq!(warning.kind, WarningKind::Ineffective);
        assert!(warning.text.contains("has no effect: "), "{warning}");
    }
    let variable = |name: &str| (name == "RESILIENT_STOMP_MAX_RETRIES").then(|| "9".to_owned());
    let warnings = parse_with(MINIMAL, &variable, &no_file).unwrap().warnings;
    assert!(
        warnings[0]
            .text
            .starts_with("[resilient] stomp_max_retries (environment variable"),
        "{warnings:?}"
    );
}

#[test]
fn a_short_limit_for_connecting_is_replaced_as_it_was() {
    let config = good("stomp_timeout = 5", "");
    assert_eq!(config.stomp.connect_timeout, Duration::from_secs(45));
    assert_eq!(config.warnings.len(), 1);
    assert_eq!(good("stomp_timeout = 30", "").warnings, []);
}

#[test]
fn the_log_file_is_where_it_was_and_a_bad_one_is_an_error() {
    let file = |lines: &str, lookups: &dyn Lookups| {
        parse(&with(lines, ""), lookups).map(|config| config.log.file)
    };
    let usual = file("", &Roomy).unwrap().unwrap();
    assert_eq!(usual.path, Path::new("logs/app.log"));
    let set = file(
        "logdir=/l\nlogfile=x.log\nlog_max_bytes=0\nlog_backup_count=2",
        &Roomy,
    );
    let wanted = LogFile {
        path: "/l/x.log".into(),
        max_bytes: 0,
        backups: 2,
    };
    assert_eq!(set.unwrap(), Some(wanted));
    assert_eq!(good("", "").log.file, None);
    assert!(
        problem(&with("logdir = /gone", ""))
            .contains("logdir (line 6): cannot write /gone/app.log")
    );
    assert!(problem(&with("log_max_bytes = 5000", "")).contains("give 0 for a file"));
    let variable = |name: &str| (name == "APP_LOG_DIR").then(|| "/var/log/x".to_owned());
    let errors = parse_with(MINIMAL, &variable, &no_file)
        .unwrap_err()
        .to_string();
    assert!(
        errors
            .contains("logdir (environment variable APP_LOG_DIR): cannot write /var/log/x/app.log"),
        "{errors}"
    );
}
