//! Proxies, certificates and time limits.

use super::*;

fn by_config(proxying: &Proxying) -> &Proxies {
    match proxying {
        Proxying::ByConfig(proxies) => proxies,
        Proxying::ByEnvironment => panic!("the proxies of the configuration"),
    }
}

fn login(server: Option<&ProxyServer>) -> (&str, &str) {
    let credentials = server.unwrap().credentials.as_ref().unwrap();
    (&credentials.user, credentials.password.expose_secret())
}

#[test]
fn without_a_proxy_the_environment_decides() {
    let config = good("", "");
    for proxying in [
        config.soar.proxying,
        config.stomp.proxying,
        config.guardduty.proxying,
    ] {
        assert!(matches!(proxying, Proxying::ByEnvironment));
    }
}

#[test]
fn the_proxy_to_soar_is_that_of_rest_and_broker() {
    let config = good(
        "proxy_host = proxy.corp\nproxy_port = 3128\nproxy_user = u@corp\nproxy_password = p%41",
        "",
    );
    for proxying in [&config.soar.proxying, &config.stomp.proxying] {
        let server = by_config(proxying).https.as_ref();
        assert_eq!(server.unwrap().url, "http://proxy.corp:3128");
        assert_eq!(login(server), ("u@corp", "p%41"));
    }
    assert!(matches!(config.guardduty.proxying, Proxying::ByEnvironment));
}

#[test]
fn a_proxy_host_may_be_a_whole_address() {
    for (lines, url) in [
        (
            "proxy_host = http://proxy.corp:8080",
            "http://proxy.corp:8080",
        ),
        (
            "proxy_host = https://proxy.corp\nproxy_port = 8443",
            "https://proxy.corp:8443",
        ),
        (
            "proxy_host = http://proxy.corp:1/\nproxy_port = 2",
            "http://proxy.corp:2",
        ),
        ("proxy_host = [::1]\nproxy_port = 3128", "http://[::1]:3128"),
        ("proxy_host = 10.0.0.1:3128", "http://10.0.0.1:3128"),
    ] {
        let config = good(lines, "");
        let proxies = by_config(&config.soar.proxying);
        assert_eq!(proxies.https.as_ref().unwrap().url, url, "{lines}");
    }
    assert!(problem(&with("proxy_host = proxy.corp", "")).contains("proxy_port: is not set"));
}

#[test]
fn the_proxies_to_aws_are_the_apps_or_those_of_all_apps() {
    let all = "[integrations]\nhttp_proxy = all:1\nhttps_proxy = all:2";
    let config = good("", all);
    let proxies = by_config(&config.guardduty.proxying);
    assert_eq!(proxies.http.as_ref().unwrap().url, "http://all:1");
    assert_eq!(proxies.https.as_ref().unwrap().url, "http://all:2");
    // As soon as the app has one of its own, both are the app's.
    let config = good(
        "",
        &format!("https_proxy = http://us%40er:p%3aw@own\n{all}"),
    );
    let proxies = by_config(&config.guardduty.proxying);
    assert!(proxies.http.is_none());
    assert_eq!(proxies.https.as_ref().unwrap().url, "http://own:80");
    assert_eq!(login(proxies.https.as_ref()), ("us@er", "p:w"));
    assert!(matches!(config.soar.proxying, Proxying::ByEnvironment));
}

#[test]
fn an_address_that_is_none_of_a_proxy_is_refused_without_being_shown() {
    for value in [
        "socks5://u:hunter2hunter2@p:1",
        "http://u:hunter2hunter2@",
        "http://u:hunter2hunter2@p:99999",
    ] {
        let error = problem(&with("", &format!("https_proxy = {value}")));
        assert!(error.contains("https_proxy (line 10): the value is not the address of an HTTP proxy; give http://host:port"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_variable_makes_the_proxies_of_the_configuration_void() {
    let text = with("proxy_host = p\nproxy_port = 1", "https_proxy = http://p:1");
    for variable in ["HTTPS_PROXY", "HTTP_PROXY"] {
        let set = |name: &str| (name == variable).then(|| "http://env:1".to_owned());
        let config = parse_with(&text, &set, &no_file).unwrap();
        assert!(matches!(config.soar.proxying, Proxying::ByEnvironment));
        assert!(matches!(config.guardduty.proxying, Proxying::ByEnvironment));
        let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        let reason = format!("since the variable {variable} is set");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("[resilient] proxy_host") && warnings[0].contains(&reason));
        assert!(warnings[1].starts_with("[fn_aws_guardduty] https_proxy"));
    }
    let small = |name: &str| (name == "https_proxy").then(|| "http://env:1".to_owned());
    let config = parse_with(&text, &small, &no_file).unwrap();
    assert!(matches!(config.soar.proxying, Proxying::ByConfig(_)));
    assert!(matches!(config.guardduty.proxying, Proxying::ByConfig(_)));
}

#[test]
fn client_certificates_are_pairs_of_readable_files() {
    let readable = |_: &Path| Ok(String::new());
    let lines = "client_auth_cert = ~/c.pem\nclient_auth_key = /etc/c.key";
    let home = |name: &str| (name == "HOME").then(|| "/home/soar".to_owned());
    let wanted = ClientCertificate {
        certificate: "/home/soar/c.pem".into(),
        key: "/etc/c.key".into(),
    };
    let config = parse_with(&with(lines, ""), &home, &readable).unwrap();
    assert_eq!(config.soar.client_certificate.as_ref(), Some(&wanted));
    assert_eq!(config.stomp.client_certificate.as_ref(), Some(&wanted));
    assert_eq!(config.guardduty.client_certificate, None);
    for place in [lines.to_owned(), format!("[integrations]\n{lines}")] {
        let config = parse_with(&with("", &place), &home, &readable).unwrap();
        assert_eq!(config.guardduty.client_certificate.as_ref(), Some(&wanted));
        assert_eq!(config.soar.client_certificate, None);
    }
    let errors = read_text(&with(lines, "")).unwrap_err();
    assert_eq!(errors.problems().len(), 2, "{errors}");
}

/// What AWS is trusted by, and the warnings.
fn trust_of_aws(lines: &str, variables: &dyn Fn(&str) -> Option<String>) -> (Trust, Vec<String>) {
    let readable = |path: &Path| match path.to_str() {
        Some("/ca.pem") => Ok(String::new()),
        _ => no_file(path),
    };
    let config = parse_with(&with("", lines), variables, &readable).unwrap();
    let warnings = config.warnings.iter().map(ToString::to_string).collect();
    (config.guardduty.trust, warnings)
}

#[test]
fn verify_is_the_apps_own() {
    let bundle = Trust::Bundle("/ca.pem".into());
    let silent = |trust: &Trust| (trust.clone(), Vec::<String>::new());
    assert_eq!(trust_of_aws("", &nothing), silent(&Trust::Public));
    let own = trust_of_aws("verify = /ca.pem", &nothing);
    assert_eq!(own, silent(&bundle));
    let own = trust_of_aws("verify = True\n[integrations]\nverify = false", &nothing);
    assert_eq!(own, silent(&Trust::Public));
    assert_eq!(trust_of_aws("verify = False", &nothing).0, Trust::Off);
    for others in ["false", "/other.pem"] {
        let lines = format!("[integrations]\nverify = {others}");
        let (trust, warnings) = trust_of_aws(&lines, &nothing);
        assert_eq!(trust, Trust::Public);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("not used for AWS; set verify in [fn_aws_guardduty]"));
    }
}

#[test]
fn files_of_certificates_that_the_pythons_libraries_would_take_are_taken() {
    let set = |name: &'static str, value: &'static str| {
        move |asked: &str| (asked == name).then(|| value.to_owned())
    };
    let bundle = Trust::Bundle("/ca.pem".into());
    let of_aws = trust_of_aws("", &set("AWS_CA_BUNDLE", "/ca.pem"));
    assert_eq!(of_aws, (bundle.clone(), Vec::new()));
    let (trust, warnings) = trust_of_aws("", &set("AWS_CA_BUNDLE", "/gone.pem"));
    assert_eq!((trust, warnings.len()), (Trust::Public, 1));
    assert!(warnings[0].contains("AWS_CA_BUNDLE names /gone.pem, which cannot be read"));

    let readable = |_: &Path| Ok(String::new());
    for variable in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
        let read = |lines| parse_with(&with(lines, ""), &set(variable, "/ca.pem"), &readable);
        let config = read("").unwrap();
        assert_eq!(config.soar.trust, bundle);
        assert_eq!(config.stomp.trust, bundle);
        assert_eq!(config.guardduty.trust, Trust::Public);
        let config = read("cafile = /own.pem").unwrap();
        assert_eq!(config.soar.trust, Trust::Bundle("/own.pem".into()));
    }
}

#[test]
fn half_of_a_pair_that_is_not_needed_is_warned_of() {
    for (lines, missing) in [
        ("email = e", "password"),
        (
            "proxy_host = p\nproxy_port = 1\nproxy_user = u",
            "proxy_password",
        ),
        ("client_auth_cert = /c.pem", "client_auth_key"),
    ] {
        let config = read_text(&with(lines, "")).unwrap();
        let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let text = format!("not used, since {missing} is not set");
        assert!(warnings[0].contains(&text), "{warnings:?}");
    }
    let user = with("", "").replace("api_key_secret = hunter2hunter2", "email = e\npassword = p");
    let config = read_text(&user).unwrap();
    assert!(matches!(config.soar.credentials, Credentials::User { .. }));
    assert_eq!(config.warnings.len(), 1);
}

#[test]
fn time_limits_are_the_apps_or_those_of_all_apps_where_they_are_long_enough() {
    let config = good(
        "selftest_timeout = 20",
        "timeout = 5\n[integrations]\ntimeout = 60",
    );
    assert_eq!(config.guardduty.request_timeout, Duration::from_secs(5));
    assert_eq!(config.soar.request_timeout, minutes(1));
    assert_eq!(config.selftest_timeout, Duration::from_secs(20));
    let config = good("", "[integrations]\ntimeout = 4_0");
    assert_eq!(config.guardduty.request_timeout, Duration::from_secs(40));
    let config = good("", "[integrations]\ntimeout = 5");
    let limits = (
        config.guardduty.request_timeout,
        config.soar.request_timeout,
    );
    assert_eq!(limits, (Duration::from_secs(30), Duration::from_secs(30)));
    assert!(
        problem(&with("", "[integrations]\ntimeout = soon")).contains("[integrations] timeout")
    );
}

#[test]
fn retries_without_limit_are_very_many() {
    assert_eq!(
        good("request_max_retries = -1", "").soar.retries.attempts,
        1000
    );
    assert_eq!(good("request_max_retries = 0", "").soar.retries.attempts, 1);
    assert_eq!(good("request_max_retries = 7", "").soar.retries.attempts, 7);
}

#[test]
fn numbers_have_the_forms_that_python_reads() {
    let config = good(
        "num_workers = +1_0\nport = 0443",
        "aws_gd_max_soar_requests = 1_6",
    );
    assert_eq!(config.stomp.num_workers, 10);
    assert_eq!((config.soar.port, config.soar.max_requests), (443, 16));
}
