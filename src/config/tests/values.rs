use std::collections::BTreeSet;

use super::*;

#[test]
fn defaults_are_the_ancestors() {
    let config = read_text(MINIMAL).unwrap();
    let (soar, stomp, guardduty) = (config.soar, config.stomp, config.guardduty);
    assert_eq!(
        (soar.host.as_str(), soar.port, soar.org.as_str()),
        ("soar.example.com", 443, "Example")
    );
    assert_eq!(soar.trust, Trust::Public);
    assert_eq!(soar.resource_prefix, None);
    let retries = RetryConfig {
        attempts: 5,
        delay: Duration::from_secs(2),
        backoff: 2,
    };
    assert_eq!(soar.retries, retries);
    assert_eq!(soar.login_attempts, None);
    assert_eq!(soar.request_timeout, Duration::from_secs(30));
    assert_eq!(soar.max_requests, 16);
    assert!(stomp.enabled);
    assert_eq!(
        (stomp.host.as_str(), stomp.port),
        ("soar.example.com", 65001)
    );
    assert_eq!((stomp.num_workers, stomp.prefetch), (25, 25));
    assert_eq!(stomp.connect_timeout, minutes(1));
    assert!(guardduty.keys.is_none());
    assert_eq!(guardduty.regions_interval, minutes(60));
    assert_eq!(guardduty.polling_interval, Some(minutes(10)));
    assert_eq!(
        (guardduty.severity_threshold, guardduty.lookback),
        (None, None)
    );
    assert_eq!(guardduty.overlap, minutes(15));
    assert_eq!(guardduty.close_template, CloseTemplate::default());
    assert_eq!(guardduty.state_dir, None);
    assert_eq!(config.log.level, LogLevel::Info);
    assert_eq!(config.warnings, []);
}

#[test]
fn values_with_signs_of_their_own_survive() {
    let text = with("", "")
        .replace("= .*", r"= ^(us|eu)-.*\d$")
        .replace(SECRET, "#a=b;50%:\\$x");
    let config = read_text(&text).unwrap();
    assert_eq!(config.guardduty.regions.as_str(), r"^(us|eu)-.*\d$");
    let Credentials::ApiKey { secret, .. } = config.soar.credentials else {
        panic!("an API key")
    };
    assert_eq!(secret.expose_secret(), "#a=b;50%:\\$x");
}

#[test]
fn the_example_parses_and_shows_every_key_with_its_default() {
    let secret = |name: &str| (name == "SOAR_API_KEY_SECRET").then(|| SECRET.to_owned());
    let config = parse_with(EXAMPLE, &secret, &no_file).unwrap();
    assert_eq!(config.warnings, []);

    // With every optional key switched on it holds all that is read, and the built-in defaults.
    let on: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') && rest.contains(" = ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let sections = ini::parse(&on).unwrap();
    for known in &keys::SECTIONS {
        let section = sections
            .iter()
            .find(|section| section.name == known.name)
            .unwrap();
        let shown: BTreeSet<&str> = section
            .entries
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        assert_eq!(
            shown,
            known.read.iter().copied().collect(),
            "[{}]",
            known.name
        );
        for key in known.tolerated {
            assert!(EXAMPLE.contains(key), "{key}");
        }
    }
    for default in ini::parse(include_str!("../defaults.ini")).unwrap() {
        let section = sections
            .iter()
            .find(|section| section.name == default.name)
            .unwrap();
        for entry in default.entries {
            let shown = section
                .entries
                .iter()
                .find(|shown| shown.key == entry.key)
                .unwrap();
            assert_eq!(shown.value, entry.value, "{}", entry.key);
        }
    }
}

#[test]
fn a_template_replaces_the_built_in_one() {
    let text = with("", "aws_gd_close_incident_template = /etc/close.json");
    let file = |_: &Path| Ok(r#"{"resolution_id": "Unresolved"}"#.to_owned());
    let config = parse_with(&text, &nothing, &file).unwrap();
    let fields = serde_json::to_string(config.guardduty.close_template.fields()).unwrap();
    assert_eq!(
        fields,
        r#"{"resolution_id":"Unresolved","plan_status":"C"}"#
    );
}

#[test]
fn zero_and_empty_switch_off() {
    let config = good(
        "stomp = 0",
        "aws_gd_polling_interval = 0\naws_gd_severity_threshold = 0\naws_gd_lookback_interval =",
    );
    assert!(!config.stomp.enabled);
    assert_eq!(config.guardduty.polling_interval, None);
    assert_eq!(config.guardduty.severity_threshold, None);
    assert_eq!(config.guardduty.lookback, None);
    let config = good(
        "",
        "aws_gd_polling_interval = 10s\naws_gd_severity_threshold = 7\naws_gd_lookback_interval = 2d",
    );
    assert_eq!(
        config.guardduty.polling_interval,
        Some(Duration::from_secs(10))
    );
    assert_eq!(config.guardduty.severity_threshold, Some(7));
    assert_eq!(config.guardduty.lookback, Some(minutes(2 * 24 * 60)));
}

#[test]
fn what_depends_on_another_key_follows_it() {
    let readable = |_: &Path| Ok(String::new());
    let text = with("num_workers = 7\ncafile = /etc/soar.pem", "");
    let stomp = parse_with(&text, &nothing, &readable).unwrap().stomp;
    assert_eq!(stomp.prefetch, 7);
    assert_eq!(stomp.trust, Trust::Bundle("/etc/soar.pem".into()));
    let text = with(
        "cafile = /etc/soar.pem\nstomp_cafile = False\nstomp_host = broker\nstomp_prefetch_limit = 3",
        "",
    );
    let config = parse_with(&text, &nothing, &readable).unwrap();
    assert_eq!(config.soar.trust, Trust::Bundle("/etc/soar.pem".into()));
    assert_eq!((config.stomp.trust, config.stomp.prefetch), (Trust::Off, 3));
    assert_eq!(config.stomp.host, "broker");
    assert!(
        config.warnings[0]
            .text
            .starts_with("[resilient] stomp_cafile: false"),
        "{:?}",
        config.warnings
    );
}

#[test]
fn a_switched_off_check_is_obeyed_with_a_warning() {
    let config = good("cafile = FALSE", "");
    assert_eq!(
        (config.soar.trust, config.stomp.trust),
        (Trust::Off, Trust::Off)
    );
    assert_eq!(config.warnings.len(), 1);
}

#[test]
fn credentials_are_a_key_or_a_user_and_never_half() {
    let key = "api_key_id = id-1\napi_key_secret = hunter2hunter2\n";
    let user = MINIMAL.replace(key, "email = a@example.com\npassword = p\n");
    assert!(matches!(
        read_text(&user).unwrap().soar.credentials,
        Credentials::User { .. }
    ));
    let both = good("email = a@example.com\npassword = p", "");
    assert!(matches!(both.soar.credentials, Credentials::ApiKey { .. }));
    assert!(
        problem(&MINIMAL.replace(key, ""))
            .contains("give api_key_id and api_key_secret, or email and password")
    );
    assert!(
        problem(&MINIMAL.replace("api_key_id = id-1\n", ""))
            .contains("api_key_id: is not set, but api_key_secret is")
    );
    assert!(
        problem(&with("", "aws_gd_secret_access_key = x"))
            .contains("aws_gd_access_key_id: is not set")
    );
}

#[test]
fn the_resource_prefix_has_one_form() {
    for prefix in ["api/respond", "/api/respond", "/api/respond/"] {
        let config = good(&format!("resource_prefix = {prefix}"), "");
        assert_eq!(config.soar.resource_prefix.as_deref(), Some("/api/respond"));
    }
}

#[test]
fn the_environment_beats_the_file_where_it_may() {
    let environment = |name: &str| {
        let value = match name {
            "LOGLEVEL" => "debug",
            "RESOURCE_PREFIX" => "/prefix",
            "RESILIENT_STOMP_TIMEOUT" => "45",
            "RUST_LOG" => "trace",
            "RESILIENT_MAX_CONNECTION_RETRIES" => "9",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let text = with(
        "loglevel = error\nresource_prefix = /file\nstomp_timeout = 5\nmax_connection_retries = 3",
        "",
    );
    let config = parse_with(&text, &environment, &no_file).unwrap();
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.log.filter.as_deref(), Some("trace"));
    assert_eq!(config.soar.resource_prefix.as_deref(), Some("/prefix"));
    assert_eq!(config.stomp.connect_timeout, Duration::from_secs(45));
    assert_eq!(
        config.soar.login_attempts,
        Some(3),
        "the variable counts in App Host only"
    );
    let in_app_host = |name: &str| {
        if name == "APP_HOST_CONTAINER" {
            Some("1".to_owned())
        } else {
            environment(name)
        }
    };
    assert_eq!(
        parse_with(&text, &in_app_host, &no_file)
            .unwrap()
            .soar
            .login_attempts,
        Some(9)
    );
    let bad = |name: &str| (name == "RESILIENT_STOMP_TIMEOUT").then(|| "soon".to_owned());
    let error = parse_with(MINIMAL, &bad, &no_file).unwrap_err().to_string();
    assert!(
        error.contains("stomp_timeout (environment variable RESILIENT_STOMP_TIMEOUT)"),
        "{error}"
    );
}

#[test]
fn a_log_level_of_any_case_is_known_and_an_unknown_one_is_info() {
    assert_eq!(good("loglevel = warning", "").log.level, LogLevel::Warning);
    let config = good("loglevel = loud", "");
    assert_eq!(config.log.level, LogLevel::Info);
    assert_eq!(config.warnings.len(), 1);
}

#[test]
fn the_state_folder_is_the_keys_the_variables_or_the_files() {
    let folder = Path::new("/etc/soar");
    let unit = |name: &str| (name == "STATE_DIRECTORY").then(|| "/var/lib/a:/var/lib/b".to_owned());
    let state = |line: &str, lookup: &dyn Fn(&str) -> Option<String>| {
        let config = parse_in(
            Some(folder),
            &with("", line),
            &World {
                variables: lookup,
                files: &no_file,
            },
        )
        .unwrap();
        config.guardduty.state_dir
    };
    assert_eq!(
        state("aws_gd_state_dir = /state", &unit),
        Some("/state".into())
    );
    assert_eq!(state("", &unit), Some("/var/lib/a".into()));
    assert_eq!(state("", &nothing), Some(folder.to_owned()));
    assert_eq!(state("aws_gd_state_dir =", &unit), None);
}

#[test]
fn the_default_section_is_inherited() {
    let text = format!("[DEFAULT]\nport = 8443\n{MINIMAL}");
    assert_eq!(read_text(&text).unwrap().soar.port, 8443);
}
