//! Who calls, and in which form the answer is wanted.

use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::soar::Platform;
use crate::soar::account::Permission;
use crate::soar::incident::Principal;
use crate::soar::refusal::Refusal;

/// Name of the session cookie.
pub(crate) const SESSION_COOKIE: &str = "JSESSIONID";

/// An authenticated caller of this organization.
pub(crate) struct Caller(pub(crate) Principal);

impl FromRequestParts<Platform> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Refusal> {
        let principal = match basic(parts) {
            Some((login, secret)) => by_key(platform, &login, &secret),
            None => by_session(platform, parts),
        };
        let principal = principal.ok_or_else(Refusal::unauthorized)?;
        let path = whole_path(parts);
        let rest = path.strip_prefix("/rest/orgs/");
        let organization = rest.and_then(|rest| rest.split('/').next());
        match organization {
            Some(id) if *id != platform.organization().id.to_string() => {
                Err(Refusal::forbidden("see that organization"))
            }
            _ => {
                if let Some(permission) = needed(&parts.method, path) {
                    platform.require(&principal, permission)?;
                }
                Ok(Self(principal))
            }
        }
    }
}

/// The path as it was called: a nested router takes its own part away.
fn whole_path(parts: &Parts) -> &str {
    let original = parts.extensions.get::<OriginalUri>();
    original.map_or(&parts.uri, |OriginalUri(uri)| uri).path()
}

/// What a call of an organization takes; who may change which field of an incident depends on its body, too.
fn needed(method: &Method, path: &str) -> Option<Permission> {
    let mut segments = path.strip_prefix("/rest/orgs/")?.split('/').skip(1);
    let (collection, object) = (segments.next()?, segments.next());
    let reads = *method == Method::GET || object.is_some_and(|name| name.starts_with("query"));
    match collection {
        "functions" => Some(Permission::ReadFunction),
        "incidents" if reads => Some(Permission::ReadAllIncidents),
        "incidents" if object.is_none() => Some(Permission::CreateIncident),
        // The fields that a PATCH names decide.
        "incidents" if *method == Method::PATCH => None,
        "incidents" if path.ends_with("/query_paged") => Some(Permission::ReadAllIncidents),
        "incidents" => Some(Permission::EditAllIncidentsFields),
        "types" | "actions" | "connectors" | "message_destinations" | "layouts" if reads => {
            Some(Permission::ReadData)
        }
        _ => None,
    }
}

impl Platform {
    /// Refuses an API key without the permission. Users are not limited here.
    pub(crate) fn require(&self, by: &Principal, permission: Permission) -> Result<(), Refusal> {
        if self.allows(by, permission) {
            return Ok(());
        }
        let message = format!("the caller lacks the permission {}", permission.name());
        Err(Refusal::new(StatusCode::FORBIDDEN, message))
    }

    /// Whether the caller has the permission.
    pub(crate) fn allows(&self, by: &Principal, permission: Permission) -> bool {
        by.kind != "apikey" || self.read(|state| state.permissions.contains(&permission))
    }
}

/// A caller who may configure the organization.
pub(crate) struct Administrator;

impl FromRequestParts<Platform> for Administrator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Refusal> {
        let Caller(principal) = Caller::from_request_parts(parts, platform).await?;
        if principal.administrator {
            return Ok(Self);
        }
        Err(Refusal::forbidden("administer the organization"))
    }
}

/// Only the API key comes with every call; a user logs in.
fn by_key(platform: &Platform, login: &str, secret: &str) -> Option<Principal> {
    let principal = platform.organization().log_in(login, secret);
    principal.filter(|principal| principal.kind == "apikey")
}

/// A session is the cookie together with its CSRF token in a header.
fn by_session(platform: &Platform, parts: &Parts) -> Option<Principal> {
    let token = parts.headers.get("X-sess-id")?.to_str().ok()?;
    let cookies = parts.headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let session = cookies
        .flat_map(|value| value.split(';'))
        .find_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            (name == SESSION_COOKIE).then_some(value)
        })?;
    let known = platform.read(|state| state.sessions.get(session).is_some_and(|t| t == token));
    known.then(|| platform.organization().administrator())
}

fn basic(parts: &Parts) -> Option<(String, String)> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(decoded).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// `handle_format`, in a header or in the query: names instead of ids.
pub(crate) struct Names(pub(crate) bool);

impl FromRequestParts<Platform> for Names {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Platform) -> Result<Self, Refusal> {
        Ok(Self(wants(parts, "handle_format", "names")))
    }
}

/// `text_content_output_format`: notes as objects that keep their format.
pub(crate) struct TextObjects(pub(crate) bool);

impl FromRequestParts<Platform> for TextObjects {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Platform) -> Result<Self, Refusal> {
        Ok(Self(wants(parts, "text_content_output_format", "objects")))
    }
}

fn wants(parts: &Parts, option: &str, value: &str) -> bool {
    let header = parts
        .headers
        .get(option)
        .and_then(|header| header.to_str().ok());
    let pairs = parts.uri.query().unwrap_or("").split('&');
    let query = pairs.filter_map(|pair| pair.split_once('='));
    let query = query
        .into_iter()
        .find(|(name, _)| *name == option)
        .map(|(_, value)| value);
    header
        .or(query)
        .is_some_and(|given| given.starts_with(value))
}

/// A JSON body, whatever its content type says.
pub(crate) struct Document(pub(crate) Value);

impl FromRequest<Platform> for Document {
    type Rejection = Refusal;

    async fn from_request(request: Request, platform: &Platform) -> Result<Self, Refusal> {
        let body = bytes::Bytes::from_request(request, platform).await;
        let body = body.map_err(|error| Refusal::bad(error.to_string()))?;
        let document = serde_json::from_slice(&body);
        let document = document.map_err(|error| Refusal::bad(format!("not JSON: {error}")))?;
        Ok(Self(document))
    }
}
