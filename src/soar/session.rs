//! Login by API key or by user and password, and the choice of the organisation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::SoarError;
use super::exchange::{exchange, server_message, success, transport_error};
use crate::config::{Credentials, SoarConfig};
use crate::domain::Backoff;

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
) -> Result<(Session, Organisation), SoarError> {
    let mut attempt = 0;
    loop {
        match login(http, base, &config.credentials, 0).await {
            Ok((session, answer)) => {
                return Ok((session, choose_organisation(&answer, &config.org)?));
            }
            Err(error) if gives_up(&error, attempt, config.login_attempts) => return Err(error),
            Err(error) => {
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
            let body = json!({"email": email, "password": password.expose_secret()});
            user_login(http.post(url).json(&body), generation).await
        }
    }
}

async fn user_login(
    request: reqwest::RequestBuilder,
    generation: u64,
) -> Result<(Session, Value), SoarError> {
    const ACTION: &str = "POST /session";
    let response = request
        .send()
        .await
        .map_err(|error| transport_error(&error, ACTION))?;
    let cookies = cookies(response.headers());
    let body = success(response, ACTION).await?;
    let answer: Value =
        serde_json::from_slice(&body).map_err(|_| malformed(&server_message(&body)))?;
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
    let token = STANDARD.encode(format!("{id}:{secret}"));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, secret_header(&format!("Basic {token}"))?);
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
fn choose_organisation(answer: &Value, wanted: &str) -> Result<Organisation, SoarError> {
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
            names.join(", ")
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
