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
    assert!(
        problem(&with("proxy_host = p\nproxy_port = 1\nproxy_user = u", ""))
            .contains("proxy_password: is not set, but proxy_user is")
    );
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
    for variable in ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"] {
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
    assert!(
        problem(&with("client_auth_cert = /c.pem", ""))
            .contains("client_auth_key: is not set, but client_auth_cert is")
    );
    let errors = read_text(&with(lines, "")).unwrap_err();
    assert_eq!(errors.problems().len(), 2, "{errors}");
}

#[test]
fn verify_is_the_apps_or_that_of_all_apps() {
    let readable = |_: &Path| Ok(String::new());
    let trust = |lines: &str| {
        let config = parse_with(&with("", lines), &nothing, &readable).unwrap();
        (config.guardduty.trust, config.warnings.len())
    };
    let bundle = Trust::Bundle("/ca.pem".into());
    assert_eq!(trust(""), (Trust::Public, 0));
    assert_eq!(trust("verify = /ca.pem"), (bundle.clone(), 0));
    assert_eq!(trust("[integrations]\nverify = /ca.pem"), (bundle, 0));
    assert_eq!(
        trust("verify = True\n[integrations]\nverify = false"),
        (Trust::Public, 0)
    );
    assert_eq!(trust("[integrations]\nverify = False"), (Trust::Off, 1));
}

#[test]
fn time_limits_are_the_apps_or_those_of_all_apps() {
    let config = good(
        "selftest_timeout = 20",
        "timeout = 5\n[integrations]\ntimeout = 60",
    );
    assert_eq!(config.guardduty.request_timeout, Duration::from_secs(5));
    assert_eq!(config.soar.request_timeout, Duration::from_secs(60));
    assert_eq!(config.selftest_timeout, Duration::from_secs(20));
    let config = good("", "[integrations]\ntimeout = 1_0");
    assert_eq!(config.guardduty.request_timeout, Duration::from_secs(10));
    assert!(
        problem(&with("", "[integrations]\ntimeout = soon")).contains("[integrations] timeout")
    );
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
