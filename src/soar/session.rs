//! Login by API key or by user and password, and the choice of the organisation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::SoarError;
use super::exchange::{exchange, on_one_line, server_message, success, transport_error};
use crate::config::{Credentials, SoarConfig};
use crate::domain::Backoff;
use crate::redaction::Secrets;

/// What every request of a logged-in client carries.
pub(super) struct Session {
    pub(super) headers: HeaderMap,
    /// Counts the logins, so that of many callers with an expired session only one logs in again.
    pub(super) generation: u64,
    /// Whose login it is, where the platform says so.
    pub(super) account: Option<Account>,
}

/// An account by the number under which a message destination lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// An API key.
    ApiKey(i64),
    /// A user.
    User(i64),
}

/// The organisation the worker serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Organisation {
    pub(super) id: i64,
    pub(super) name: String,
}

/// Logs in; while the platform cannot be reached it waits and tries again.
pub(super) async fn login_until_up(
    http: &reqwest::Client,
    base: &str,
    config: &SoarConfig,
    backoff: &Backoff,
    failed: impl Fn(&SoarError),
) -> Result<(Session, Organisation), SoarError> {
    let mut attempt = 0;
    loop {
        match login(http, base, &config.credentials, 0).await {
            Ok((session, answer)) => {
                return Ok((session, choose_organisation(&answer, &config.org)?));
            }
            Err(error) if gives_up(&error, attempt, config.login_attempts) => return Err(error),
            Err(error) => {
                failed(&error);
                let delay = backoff.jittered(attempt, rand::random());
                tracing::warn!(
                    host = config.host,
                    "{error}; next login in {:.0} s",
                    delay.as_secs_f64()
                );
                tokio::time::sleep(delay).await;
                attempt += 1;
            }
        }
    }
}

fn gives_up(error: &SoarError, attempt: u32, most: Option<u32>) -> bool {
    matches!(error, SoarError::Unauthorized)
        || !error.is_transient()
        || most.is_some_and(|most| attempt + 1 >= most)
}

/// One login; answers the session and the body of `/rest/session`.
pub(super) async fn login(
    http: &reqwest::Client,
    base: &str,
    credentials: &Credentials,
    generation: u64,
) -> Result<(Session, Value), SoarError> {
    let url = format!("{base}/session?include_permissions=false");
    match credentials {
        Credentials::ApiKey { id, secret } => {
            let headers = basic_auth(id, secret.expose_secret())?;
            let answer = exchange(http.get(url).headers(headers.clone()), "GET /session").await?;
            Ok((
                Session {
                    headers,
                    generation,
                    account: answer["api_key_handle"].as_i64().map(Account::ApiKey),
                },
                answer,
            ))
        }
        Credentials::User { email, password } => {
            let request = http
                .post(url)
                .header(CONTENT_TYPE, "application/json")
                .body(login_body(email, password)?);
            user_login(request, email, password, generation).await
        }
    }
}

async fn user_login(
    request: reqwest::RequestBuilder,
    email: &str,
    password: &SecretString,
    generation: u64,
) -> Result<(Session, Value), SoarError> {
    const ACTION: &str = "POST /session";
    let response = request
        .send()
        .await
        .map_err(|error| transport_error(&error, ACTION))?;
    let cookies = cookies(response.headers());
    let mut secrets = Secrets::default();
    secrets.add_password(email, password.expose_secret());
    let body = success(response, ACTION, &secrets).await?;
    let answer: Value =
        serde_json::from_slice(&body).map_err(|_| malformed(&server_message(&body, &secrets)))?;
    let token = answer["csrf_token"]
        .as_str()
        .ok_or_else(|| malformed("it has no csrf_token"))?;
    let mut headers = HeaderMap::new();
    headers.insert("x-sess-id", secret_header(token)?);
    headers.insert(COOKIE, secret_header(&cookies)?);
    Ok((
        Session {
            headers,
            generation,
            account: answer["user_id"].as_i64().map(Account::User),
        },
        answer,
    ))
}

/// The body of a login, which is wiped when the request is done with. It is written into enough room, as a buffer that grows
/// leaves its beginnings behind.
fn login_body(email: &str, password: &SecretString) -> Result<Bytes, SoarError> {
    #[derive(Serialize)]
    struct Login<'a> {
        email: &'a str,
        password: &'a str,
    }
    let password = password.expose_secret();
    // A character takes six bytes at most, as `\u001f`.
    let room = 6 * (email.len() + password.len()) + 64;
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *body, &Login { email, password })
        .map_err(|error| SoarError::Setup(format!("the login cannot be written: {error}")))?;
    Ok(Bytes::from_owner(body))
}

/// The `name=value` parts of all cookies set.
fn cookies(headers: &HeaderMap) -> String {
    let pairs: Vec<&str> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    pairs.join("; ")
}

fn basic_auth(id: &str, secret: &str) -> Result<HeaderMap, SoarError> {
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let token = Zeroizing::new(STANDARD.encode(&*pair));
    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        secret_header(&Zeroizing::new(format!("Basic {}", *token)))?,
    );
    Ok(headers)
}

fn secret_header(value: &str) -> Result<HeaderValue, SoarError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| {
        SoarError::Setup("the SOAR credentials hold characters that HTTP does not allow".into())
    })?;
    header.set_sensitive(true);
    Ok(header)
}

fn malformed(reason: &str) -> SoarError {
    SoarError::Malformed {
        action: "the login".into(),
        reason: reason.to_owned(),
    }
}

/// Compares `org` with each organisation's cloud account, uuid, name and id, as the Python client does
/// for the first three.
pub(super) fn choose_organisation(answer: &Value, wanted: &str) -> Result<Organisation, SoarError> {
    let organisations = answer["orgs"]
        .as_array()
        .ok_or_else(|| malformed("it has no orgs"))?;
    let found = organisations.iter().find(|org| is_called(org, wanted));
    let Some(found) = found else {
        let names: Vec<&str> = organisations
            .iter()
            .filter_map(|org| org["name"].as_str())
            .collect();
        return Err(SoarError::Setup(format!(
            "the account is no member of the organisation '{wanted}': set org in [resilient] to one of: {}",
            on_one_line(&names.join(", "))
        )));
    };
    if found["enabled"] == Value::Bool(false) {
        return Err(SoarError::Setup(format!(
            "the organisation '{wanted}' is disabled on the platform"
        )));
    }
    let id = found["id"]
        .as_i64()
        .ok_or_else(|| malformed("the organisation has no id"))?;
    Ok(Organisation {
        id,
        name: found["name"].as_str().unwrap_or(wanted).to_owned(),
    })
}

fn is_called(org: &Value, wanted: &str) -> bool {
    ["cloud_account", "uuid", "name"]
        .iter()
        .any(|key| org[*key].as_str() == Some(wanted))
        || org["id"]
            .as_i64()
            .is_some_and(|id| id.to_string() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_login_is_written_in_the_room_made_for_it() {
        let (email, password) = ("ann@example.com", "p\"\u{1}ä😀".repeat(50));
        let body = login_body(email, &password.clone().into()).unwrap();
        let read: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(read, json!({"email": email, "password": password}));
        assert!(body.len() <= 6 * (email.len() + password.len()) + 64);
    }

    fn answer() -> Value {
        json!({"orgs": [
            {"id": 201, "name": "Test Org", "uuid": "u-1", "cloud_account": null, "enabled": true},
            {"id": 202, "name": "Closed", "uuid": "u-2", "cloud_account": "acc", "enabled": false},
        ]})
    }

    #[test]
    fn finds_the_organisation_by_name_uuid_or_id() {
        for wanted in ["Test Org", "u-1", "201"] {
            assert_eq!(choose_organisation(&answer(), wanted).unwrap().id, 201);
        }
    }

    #[test]
    fn an_unknown_organisation_is_answered_with_those_there_are() {
        let error = choose_organisation(&answer(), "Tset Org")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("'Tset Org'") && error.contains("Test Org, Closed"),
            "{error}"
        );
        assert!(
            choose_organisation(&answer(), "acc")
                .unwrap_err()
                .to_string()
                .contains("disabled")
        );
    }

    #[test]
    fn joins_the_cookies_that_were_set() {
        let mut headers = HeaderMap::new();
        headers.append(
            SET_COOKIE,
            HeaderValue::from_static("JSESSIONID=a1; Path=/; Secure"),
        );
        headers.append(SET_COOKIE, HeaderValue::from_static("route=b2"));
        assert_eq!(cookies(&headers), "JSESSIONID=a1; route=b2");
    }
}
