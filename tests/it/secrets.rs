//! No secret leaves the worker: planted ones are looked for in everything that it writes, whatever happens.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sandbox::calls::Side;
use sandbox::faults::{Failure, Fault};
use sandbox::soar::Reply;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::harness::{REGION, World};
use crate::health::Monitored;
use crate::tinyproxy::{TinyProxy, USER};
use crate::worker_process::Finished;

const ARCHIVE: &str = "func_aws_guardduty_archive_finding";
const SESSION_TOKEN: &str = "FwoGZXIvYXdzEPlanted/session+token==";
const CSRF_TOKEN: &str = "planted-csrf-token-2f6a";
const COOKIE: &str = "planted-session-cookie-91bc";
const PROXY_PASSWORD: &str = "planted:proxy p@ssword";
/// Files of the worker's folder that hold secrets by right.
const BY_RIGHT: [&str; 2] = ["app.config", "bad.config"];

/// Secrets, and what has been seen that must not hold them.
struct Watch {
    secrets: Vec<String>,
    seen: Vec<(String, String)>,
}

impl Watch {
    fn new(world: &World) -> Self {
        let mut secrets = soar_hears(world);
        secrets.extend(logins(&[(world.sandbox.email(), world.sandbox.password())]));
        secrets.extend(logins(&[(USER, PROXY_PASSWORD)]));
        let others = [
            world.sandbox.aws_secret_access_key(),
            SESSION_TOKEN,
            CSRF_TOKEN,
            COOKIE,
        ];
        secrets.extend(others.map(str::to_owned));
        Self {
            secrets,
            seen: Vec::new(),
        }
    }

    fn saw(&mut self, what: &str, text: impl Into<String>) {
        self.seen.push((what.to_owned(), text.into()));
    }

    fn saw_command(&mut self, what: &str, finished: &Finished) {
        self.saw(what, format!("{}{}", finished.stdout, finished.stderr));
    }

    /// Runs a command, whose output is looked through as well.
    async fn command(&mut self, world: &World, arguments: &[&str]) -> Finished {
        let finished = world.command(arguments).await;
        self.saw_command(&arguments.join(" "), &finished);
        finished
    }

    /// Looks through all of it, and through every file that the worker has written.
    fn assert_clean(mut self, world: &World) {
        for entry in fs::read_dir(world.path(".")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_file() && !BY_RIGHT.contains(&name.as_str()) {
                let bytes = fs::read(&path).unwrap();
                self.saw(&name, String::from_utf8_lossy(&bytes));
            }
        }
        for (what, text) in &self.seen {
            for form in self.secrets.iter().flat_map(|secret| forms(secret)) {
                let found = text.lines().find(|line| line.contains(&form));
                assert!(found.is_none(), "{what} shows {form}: {}", found.unwrap());
            }
        }
    }
}

/// A password, and what HTTP makes of it with its user.
fn logins(users: &[(&str, &str)]) -> Vec<String> {
    let forms = users.iter().flat_map(|(user, password)| {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        [(*password).to_owned(), pair]
    });
    forms.collect()
}

/// The secrets that SOAR and its broker are sent.
fn soar_hears(world: &World) -> Vec<String> {
    logins(&[(world.sandbox.api_key_id(), world.sandbox.api_key_secret())])
}

/// What a server says that repeats what it heard, in every form.
fn echo(secrets: &[String]) -> String {
    let mut text = String::from("refused");
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        write!(text, "; {form}").unwrap();
    }
    text
}

fn forms(secret: &str) -> [String; 3] {
    [
        secret.to_owned(),
        STANDARD.encode(secret),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
    ]
}

/// A world whose worker logs everything, libraries included, also to a file, and has AWS's keys from the environment.
async fn talkative() -> World {
    let mut world = World::new().await;
    let id = world.sandbox.aws_access_key_id().to_owned();
    let secret = world.sandbox.aws_secret_access_key().to_owned();
    world.set("aws_gd_access_key_id", "");
    world.set("aws_gd_secret_access_key", "");
    world.set_variable("AWS_ACCESS_KEY_ID", &id);
    world.set_variable("AWS_SECRET_ACCESS_KEY", &secret);
    world.set_variable("AWS_SESSION_TOKEN", SESSION_TOKEN);
    world.set_variable("RUST_LOG", "trace");
    world.set_connection("logdir", ".");
    world.set("aws_gd_regions", REGION);
    world
}

fn answer(side: Side, status: u16, message: &str) -> Fault {
    let code = "AccessDeniedException";
    let headers = [
        ("content-type", "application/json"),
        ("x-amzn-errortype", code),
    ];
    let body = json!({"message": message, "success": false, "__type": code});
    let failure = Failure::Answer {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: body.to_string(),
    };
    Fault::new(side, failure)
}

async fn call(world: &World, inputs: &Value) -> Reply {
    let invocation = world.platform().invocation(ARCHIVE, inputs).unwrap();
    let correlation = world.platform().publish(&invocation);
    world
        .eventually("the function is answered", |platform| {
            platform.final_reply(&correlation).is_some()
        })
        .await;
    world.platform().final_reply(&correlation).unwrap()
}

fn told(reply: &Reply) -> String {
    json!({"message": reply.message, "results": reply.results}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_shows_in_a_run_that_does_its_whole_work() {
    let mut world = talkative().await;
    let mut watch = Watch::new(&world);
    let secret = world.sandbox.api_key_secret().to_owned();
    world.set_variable("API_SECRET", &secret);
    world.set_connection("api_key_secret", "$API_SECRET");
    world.does_its_whole_work().await;
    assert!(world.log().contains("\"level\":\"TRACE\""), "all is logged");
    for arguments in [
        &["selftest"][..],
        &["selftest", "--json"],
        &["config", "check"],
        &["config", "check", "--json"],
    ] {
        let finished = watch.command(&world, arguments).await;
        assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stdout);
    }
    assert_eq!(world.stop().await.code(), Some(0));
    assert!(world.state_path().is_file() && world.path("app.log").is_file());
    watch.assert_clean(&world);
}

/// The log of AWS's own library at its finest would show what hands out the credentials, as on EC2, ECS and EKS.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_handed_out_do_not_show() {
    let mut world = talkative().await;
    let watch = Watch::new(&world);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        world.set_variable(name, "");
    }
    let handed_out = json!({
        "AccessKeyId": world.sandbox.aws_access_key_id(),
        "SecretAccessKey": world.sandbox.aws_secret_access_key(),
        "Token": SESSION_TOKEN,
        "Expiration": "2126-01-01T00:00:00Z",
    });
    let url = says(&handed_out).await;
    world.set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    world.does_its_whole_work().await;
    assert_eq!(world.stop().await.code(), Some(0));
    watch.assert_clean(&world);
}

/// The address of a server that says this to everybody.
async fn says(document: &Value) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let body = document.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = client.read(&mut request).await;
            let _ = client.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}/credentials")
}

/// Who writes a workflow learns nothing of the worker's environment.
#[tokio::test(flavor = "multi_thread")]
async fn an_input_is_never_expanded_from_the_environment() {
    let mut world = talkative().await;
    let mut watch = Watch::new(&world);
    world.start_and_listen().await;
    let inputs = json!({
        "aws_gd_region": REGION,
        "aws_gd_detector_id": "${AWS_SECRET_ACCESS_KEY}",
        "aws_gd_finding_id": "$HOME",
    });
    let reply = call(&world, &inputs).await;
    assert_eq!(reply.results.as_ref().unwrap()["inputs"], inputs);
    let home = world.path("");
    assert!(
        !told(&reply).contains(home.to_str().unwrap()),
        "{}",
        told(&reply)
    );
    watch.saw("the answer", told(&reply));
    watch.assert_clean(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_repeat_the_request_tell_nobody() {
    let mut world = talkative().await;
    let mut watch = Watch::new(&world);
    let (soar, aws) = (echo(&soar_hears(&world)), echo(&[SESSION_TOKEN.to_owned()]));
    let finding = world.start_and_escalate_one().await;

    let faults = world.sandbox.faults().clone();
    for status in [400, 403, 409, 500, 503] {
        let marked = world.log().matches("[secret]").count();
        let fault = faults.inject(answer(Side::Soar, status, &soar).path("/incidents/query_paged"));
        world.log_shows_times("[secret]", marked + 1).await;
        assert!(faults.hits(fault) > 0);
        faults.remove(fault);
    }
    let fault = faults.inject(answer(Side::Aws, 403, &aws));
    world.log_shows("AWS does not allow").await;
    let detector = world.sandbox.aws().detector_id(REGION).unwrap();
    let inputs = json!({"aws_gd_region": REGION, "aws_gd_finding_id": finding, "aws_gd_detector_id": detector});
    watch.saw("the answer", told(&call(&world, &inputs).await));
    faults.remove(fault);

    world.sandbox.broker().send_error(&soar);
    world.log_shows("the broker reported an error").await;
    world.stop().await;

    faults.inject(answer(Side::Soar, 401, &soar).path("/session$"));
    let finished = watch.command(&world, &["selftest"]).await;
    assert_eq!(finished.code, Some(1));
    world.start();
    assert_eq!(world.exit().await.code(), Some(1));
    watch.assert_clean(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn monitoring_is_told_no_secret() {
    let mut monitored = Monitored::of(talkative().await);
    let mut watch = Watch::new(&monitored.world);
    let soar = echo(&soar_hears(&monitored.world));
    monitored.world.start_and_escalate_one().await;
    let faults = monitored.world.sandbox.faults().clone();
    faults.inject(answer(Side::Soar, 403, &soar).path("/incidents/query_paged"));
    let told = monitored.is_unready(&["[secret]", REGION]).await;
    watch.saw("/readyz", told);
    for path in ["/", "/metrics"] {
        watch.saw(path, monitored.get(path).await.unwrap().1);
    }
    watch.assert_clean(&monitored.world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_and_the_session_it_gets_stay_inside() {
    let mut world = talkative().await;
    let mut watch = Watch::new(&world);
    world.log_in_by_password();
    world.does_its_whole_work().await;
    world.stop().await;

    let organisation =
        json!({"id": world.sandbox.org_id(), "name": world.sandbox.org_name(), "enabled": true});
    let session = json!({"csrf_token": CSRF_TOKEN, "user_id": 1, "orgs": [organisation]});
    let login = Failure::Answer {
        status: 200,
        headers: vec![(
            "set-cookie".to_owned(),
            format!("JSESSIONID={COOKIE}; Secure; HttpOnly"),
        )],
        body: session.to_string(),
    };
    let faults = world.sandbox.faults().clone();
    faults.inject(
        Fault::new(Side::Soar, login)
            .method("POST")
            .path("/session"),
    );
    let heard = echo(&[CSRF_TOKEN.to_owned(), COOKIE.to_owned()]);
    let refused = faults.inject(answer(Side::Soar, 400, &heard));
    let finished = watch.command(&world, &["selftest"]).await;
    assert!(finished.stdout.contains("[secret]"), "{}", finished.stdout);
    assert!(faults.hits(refused) > 0);

    let password = [world.sandbox.password().to_owned()];
    faults.clear();
    faults.inject(answer(Side::Soar, 400, &echo(&password)));
    let finished = watch.command(&world, &["selftest"]).await;
    assert!(finished.stdout.contains("[secret]"), "{}", finished.stdout);
    watch.assert_clean(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_certificate_or_proxy_names_no_secret() {
    let mut world = talkative().await;
    let mut watch = Watch::new(&world);
    let proxy = TinyProxy::opening(&[world.sandbox.soar_port()]);
    for (key, value) in [
        ("proxy_host", "127.0.0.1"),
        ("proxy_port", &proxy.port.to_string()),
        ("proxy_user", USER),
        ("proxy_password", PROXY_PASSWORD),
    ] {
        world.set_connection(key, value);
    }
    let finished = watch.command(&world, &["selftest"]).await;
    assert!(
        finished.stdout.contains("proxy_password"),
        "{}",
        finished.stdout
    );
    for key in [
        "proxy_host",
        "proxy_port",
        "proxy_user",
        "proxy_password",
        "cafile",
    ] {
        world.unset_connection(key);
    }
    let finished = watch.command(&world, &["selftest"]).await;
    assert!(finished.stdout.contains("cafile"), "{}", finished.stdout);
    watch.assert_clean(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_told_without_its_secrets() {
    let world = World::new().await;
    let mut watch = Watch::new(&world);
    let text = fs::read_to_string(world.config_file()).unwrap();
    let secret = world.sandbox.api_key_secret();
    for (mistake, bad) in [
        (
            "no separator",
            text.replace("[fn_aws", &format!("{secret}\n[fn_aws")),
        ),
        (
            "a key that nobody knows",
            text.replace("api_key_secret =", "api_key_secert ="),
        ),
        (
            "a key twice",
            text.replace("[fn_aws", &format!("api_key_secret = {secret}\n[fn_aws")),
        ),
        ("no variable", text.replace(secret, &format!("$A{secret}"))),
        ("no entry", text.replace(secret, &format!("^A{secret}"))),
        ("a wrong port", text.replace("port =", "port = x")),
        ("no section", format!("api_key_secret = {secret}\n{text}")),
    ] {
        world.write("bad.config", &bad);
        for arguments in [
            &["config", "check"][..],
            &["config", "check", "--json"],
            &["run"],
            &["selftest"],
        ] {
            let mut arguments = arguments.to_vec();
            arguments.extend(["--config", "bad.config"]);
            let finished = watch.command(&world, &arguments).await;
            assert_ne!(finished.code, Some(0), "{mistake}: {arguments:?}");
        }
    }
    watch.assert_clean(&world);
}
