//! Logging in, and what an administrator configures.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{World, export, incident};

#[tokio::test]
async fn the_api_key_logs_in_and_learns_the_organization() {
    let world = World::start().await;
    let session = world.get("/rest/session").await;
    assert_eq!(session["orgs"][0]["name"], world.sandbox.org_name());
    assert!(session["api_key_handle"].is_number());
    let organization = world.get("/rest/orgs/201").await;
    assert_eq!(organization["actions_framework_enabled"], true);
    assert_eq!(world.get("").await, organization);
    let version = &world.get("/rest/const").await["server_version"]["version"];
    assert!(version.is_string());
    assert!(world.get("/types").await["organization"].is_object());
}

#[tokio::test]
async fn a_user_needs_the_cookie_and_the_token() {
    let world = World::start().await;
    let login = json!({"email": world.sandbox.email(), "password": world.sandbox.password()});
    let sent = world
        .client
        .post(world.url("/rest/session"))
        .json(&login)
        .send();
    let response = sent.await.expect("an answer");
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .expect("text")
        .to_owned();
    let session: Value = response.json().await.expect("JSON");
    let token = session["csrf_token"].as_str().expect("a token").to_owned();

    let status = async |cookie: Option<&str>, token: Option<&str>| {
        let mut request = world.client.get(world.url("/actions"));
        if let Some(cookie) = cookie {
            request = request.header("Cookie", cookie);
        }
        if let Some(token) = token {
            request = request.header("X-sess-id", token);
        }
        request.send().await.expect("an answer").status().as_u16()
    };
    let cookie = cookie.split(';').next();
    assert_eq!(status(cookie, Some(&token)).await, 200);
    assert_eq!(status(cookie, None).await, 401);
    assert_eq!(status(None, Some(&token)).await, 401);
    world.sandbox.platform().expire_sessions();
    assert_eq!(status(cookie, Some(&token)).await, 401);
}

#[tokio::test]
async fn wrong_logins_are_refused() {
    let world = World::start().await;
    let request = world.client.get(world.url("/rest/session"));
    let response = request
        .basic_auth(world.sandbox.api_key_id(), Some("wrong"))
        .send();
    assert_eq!(response.await.expect("an answer").status(), 401);
    let login = json!({"email": world.sandbox.email(), "password": "wrong"});
    let response = world
        .client
        .post(world.url("/rest/session"))
        .json(&login)
        .send();
    assert_eq!(response.await.expect("an answer").status(), 401);
}

#[tokio::test]
async fn the_api_key_may_not_administer() {
    let world = World::customized().await;
    let created = world.post("/incidents", &incident("One", &json!({}))).await;
    let denied = [
        (Method::DELETE, format!("/incidents/{}", created["id"])),
        (Method::POST, "/configurations/imports".to_owned()),
        (Method::PUT, "/layouts/3".to_owned()),
        (Method::PUT, "/message_destinations/1001".to_owned()),
    ];
    for (method, path) in denied {
        assert_eq!(
            world.refused(method, &path, &export()).await.0,
            403,
            "{path}"
        );
    }
    assert_eq!(world.sandbox.platform().incident_count(), 1);
}

#[tokio::test]
async fn a_function_names_its_destination() {
    let world = World::customized().await;
    let named = world
        .get("/functions/fn_test_echo?handle_format=names")
        .await;
    assert_eq!(named["destination_handle"], "fn_test");
    let plain = world.get("/functions/fn_test_echo").await;
    assert!(plain["destination_handle"].is_number());
    assert_eq!(
        world
            .refused(Method::GET, "/functions/other", &Value::Null)
            .await
            .0,
        404
    );
    let inputs = world.get("/types/__function/fields").await;
    assert_eq!(inputs[0]["name"], "test_text");
    let fields = &world.get("/types/incident").await["fields"];
    assert_eq!(fields["resolution_id"]["required"], "close");
}

#[tokio::test]
async fn an_import_waits_to_be_accepted_and_replaces_layouts() {
    let world = World::start().await;
    let login = json!({"email": world.sandbox.email(), "password": world.sandbox.password()});
    let response = world
        .client
        .post(world.url("/rest/session"))
        .json(&login)
        .send()
        .await;
    let response = response.expect("an answer");
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .expect("text")
        .to_owned();
    let session: Value = response.json().await.expect("JSON");
    let send = async |method: Method, path: &str, body: &Value| {
        let request = world.client.request(method, world.url(path));
        let request = request.header("Cookie", cookie.split(';').next().unwrap_or_default());
        let request = request.header(
            "X-sess-id",
            session["csrf_token"].as_str().expect("a token"),
        );
        let response = request.json(body).send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.expect("JSON"))
    };
    let mut export = export();
    export["layouts"] = json!([{"type": 7, "name": "incident", "content": []}]);
    let (_, mut pending) = send(Method::POST, "/configurations/imports", &export).await;
    assert_eq!(pending["status"], "PENDING");
    assert!(
        world.get("/functions").await["entities"]
            .as_array()
            .is_some_and(Vec::is_empty)
    );
    pending["status"] = "ACCEPTED".into();
    let path = format!("/configurations/imports/{}", pending["id"]);
    assert_eq!(send(Method::PUT, &path, &pending).await.0, 200);
    assert_eq!(
        world.get("/functions").await["entities"][0]["name"],
        "fn_test_echo"
    );
    let tabs = world.get("/layouts?type=7").await;
    assert_eq!(tabs[0]["content"], json!([]));

    let layout = format!("/layouts/{}", tabs[0]["id"]);
    let mut tabs = tabs[0].clone();
    tabs["content"] = json!([{"element": "tab"}]);
    assert_eq!(send(Method::PUT, &layout, &tabs).await.0, 200);
    assert_eq!(world.get(&layout).await["content"][0]["element"], "tab");

    export["functions"][0]["destination_handle"] = "elsewhere".into();
    let (status, refusal) = send(Method::POST, "/configurations/imports", &export).await;
    assert_eq!(status, 400);
    assert!(
        refusal["message"]
            .as_str()
            .is_some_and(|m| m.contains("elsewhere"))
    );
}
