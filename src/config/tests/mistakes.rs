use proptest::prelude::*;

use super::*;

#[test]
fn all_mistakes_are_reported_at_once_with_place_and_remedy() {
    let text = "\
[resilient]
org = Example
port = http
email = a@example.com
num_workers = 0
[fn_aws_guardduty]
aws_gd_access_key_id = AKIA
aws_gd_regions = (
aws_gd_polling_interval = -5
aws_gd_severity_threshold = 7.5
";
    let errors = read_text(text).unwrap_err();
    insta::assert_snapshot!(errors.to_string());
}

#[test]
fn an_empty_file_names_both_sections_and_nothing_else() {
    let errors = read_text("").unwrap_err();
    let places: Vec<&str> = errors
        .problems()
        .iter()
        .map(|problem| problem.place.as_str())
        .collect();
    assert_eq!(places, ["[resilient]", "[fn_aws_guardduty]"]);
}

#[test]
fn a_misspelt_section_is_recognised() {
    let errors =
        read_text(&MINIMAL.replace("[fn_aws_guardduty]", "[fn_aws_guarduty]")).unwrap_err();
    assert!(
        errors
            .to_string()
            .contains("is [fn_aws_guarduty] meant to be it?"),
        "{errors}"
    );
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    assert!(problem("[resilient]\nhost\n").starts_with("line 2: neither"));
}

#[test]
fn b6_a_bad_pattern_and_a_bad_template_stop_the_start() {
    let text = with("", "aws_gd_close_incident_template = ~/close.json").replace("= .*", "= us-(");
    let home = |name: &str| (name == "HOME").then(|| "/home/soar".to_owned());
    let file = |path: &Path| match path.to_str() {
        Some("/home/soar/close.json") => Ok("{\"resolution_id\": ".to_owned()),
        _ => no_file(path),
    };
    let errors = parse_with(&text, &home, &file).unwrap_err().to_string();
    assert!(
        errors.contains("[fn_aws_guardduty] aws_gd_regions (line 9): the pattern is not a regular"),
        "{errors}"
    );
    assert!(
        errors.contains("/home/soar/close.json is not JSON (EOF"),
        "{errors}"
    );
}

#[test]
fn b37_a_template_that_is_not_there_stops_the_start() {
    let error = problem(&with(
        "",
        "aws_gd_close_incident_template = /gone/close.json",
    ));
    assert!(error.contains("cannot read /gone/close.json"), "{error}");
}

#[test]
fn a_negative_interval_is_refused() {
    for key in [
        "aws_gd_polling_interval",
        "aws_gd_regions_interval",
        "aws_gd_lookback_interval",
        "aws_gd_overlap_interval",
    ] {
        let error = problem(&with("", &format!("{key} = -1")));
        assert!(
            error.contains(key)
                && error.contains("`-1` cannot be used; give a whole number of minutes"),
            "{error}"
        );
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    for line in [
        "port = 0",
        "port = 65536",
        "num_workers = 2001",
        "stomp_prefetch_limit = 0",
        "request_max_retries = -2",
        "stomp_timeout = NaN",
        "request_retry_delay = -1",
    ] {
        let key = line.split(' ').next().unwrap();
        assert!(problem(&with(line, "")).contains(key), "{line}");
    }
    for line in [
        "aws_gd_severity_threshold = 11",
        "aws_gd_max_soar_requests = 257",
        "aws_gd_max_soar_requests = 0",
        "aws_gd_max_aws_requests = 0",
        "aws_gd_http_listen = 0",
        "aws_gd_http_listen = example.com:8080",
        "aws_gd_unready_after = 0",
    ] {
        let key = line.split(' ').next().unwrap();
        assert!(problem(&with("", line)).contains(key), "{line}");
    }
}

#[test]
fn a_file_of_certificates_that_is_not_there_is_reported_once() {
    assert!(problem(&with("cafile = /gone.pem", "")).contains("cannot read /gone.pem"));
}

#[test]
fn a_host_is_a_name_alone() {
    for host in ["https://soar.example.com", "soar.example.com/", "a b"] {
        assert!(
            problem(&MINIMAL.replace("soar.example.com", host)).contains("is not a host name"),
            "{host}"
        );
    }
    assert!(
        problem(&MINIMAL.replace("soar.example.com", "soar.example.com:443"))
            .contains("give the port in port")
    );
}

#[test]
fn unknown_keys_are_warned_of_once_with_the_nearest_known_one() {
    let config = good(
        "sotmp_host = x\nlogfile = x.log",
        "[fn_other]\nfoo = bar\n[DEFAULT]\nshared = x",
    );
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].text.contains(
        "[resilient] sotmp_host (line 6): no such key, ignored; did you mean stomp_host?"
    ));
}

#[test]
fn a_variable_that_is_not_set_is_told_with_its_key() {
    let error = problem(&MINIMAL.replace(SECRET, "$SOAR_SECRET"));
    assert!(
        error.contains(
            "[resilient] api_key_secret (line 5): refers to an environment variable that is not set"
        ),
        "{error}"
    );
    let set = |name: &str| (name == "SOAR_SECRET").then(|| SECRET.to_owned());
    let config = parse_with(&MINIMAL.replace(SECRET, "${SOAR_SECRET}!"), &set, &no_file).unwrap();
    let Credentials::ApiKey { secret, .. } = config.soar.credentials else {
        panic!("an API key")
    };
    assert_eq!(secret.expose_secret(), "hunter2hunter2!");
}

#[test]
fn a_password_that_looks_like_a_reference_is_not_shown() {
    let error = problem(&MINIMAL.replace(SECRET, "$HUNTER_2"));
    assert!(!error.contains("HUNTER"), "{error}");
    let error = problem(&MINIMAL.replace("= .*", "= $REGIONS"));
    assert!(
        error.contains("refers to environment variable REGIONS, which is not set"),
        "{error}"
    );
}

#[test]
fn a_value_over_several_lines_names_the_indentation() {
    let error = problem(&MINIMAL.replace("org = Example", "  port = 443\norg = Example"));
    assert!(
        error.contains("[resilient] host (line 2): the value runs over several lines"),
        "{error}"
    );
}

#[test]
fn a_placeholder_left_in_place_is_named() {
    let error = problem(&MINIMAL.replace("= .*", "= <AWS_GUARDDUTY_REGION_REGEX>"));
    assert!(
        error.contains("still holds the placeholder <AWS_GUARDDUTY_REGION_REGEX>"),
        "{error}"
    );
}

#[test]
fn no_secret_is_in_debug() {
    let config = good(
        "email = a@example.com\npassword = hunter2hunter2",
        "aws_gd_access_key_id = AKIA\naws_gd_secret_access_key = hunter2hunter2",
    );
    assert!(!format!("{config:?}").contains(SECRET));
}

proptest! {
    /// A secret in a secret's key stays hidden, whatever else is wrong with the file.
    #[test]
    fn no_secret_is_in_an_error(junk in "[ -~\n]{0,60}", indent in " {0,3}", form in 0..4_usize) {
        let secret = [SECRET.to_owned(), format!("${SECRET}"), format!("${{{SECRET}}}"), format!("x\n  {SECRET}")];
        let text = with(&format!("port = x\n{indent}password = {}\n{junk}", secret[form]), "");
        let errors = read_text(&text.replace(&format!("api_key_secret = {SECRET}"), "")).unwrap_err();
        prop_assert!(!errors.to_string().contains(SECRET), "{errors}");
        let debug = format!("{errors:?}");
        prop_assert!(!debug.contains(SECRET), "{debug}");
    }
}

#[test]
fn a_key_with_control_characters_does_not_break_its_line() {
    let told = problem("[resilient]\nho\u{1b}[2Jst\0 = a\nho\u{1b}[2Jst\0 = b\n");
    assert!(!told.contains(char::is_control), "{told:?}");
    let config = good("ho\u{1b}st = a", "");
    let text = &config.warnings[0].text;
    assert!(
        text.contains("no such key") && !text.contains(char::is_control),
        "{text:?}"
    );
}

#[test]
fn what_a_host_refers_to_is_not_shown() {
    for looked_up in ["https://s3cret", "s3cret:443"] {
        let variables = |name: &str| (name == "SOAR").then(|| looked_up.to_owned());
        let text = MINIMAL.replace("soar.example.com", "$SOAR");
        let told = parse_with(&text, &variables, &no_file)
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("`$SOAR`") && !told.contains("s3cret"),
            "{told}"
        );
    }
}
