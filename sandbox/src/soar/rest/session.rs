//! Logging in, and what every client asks first.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::{Caller, Document, SESSION_COOKIE};
use crate::soar::account::Permission;
use crate::soar::incident::Principal;
use crate::soar::refusal::Refusal;
use crate::soar::{Platform, limits};

/// The release whose answers are imitated.
const SERVER_VERSION: &str = "51.0.0.0.9340";

/// Both forms that a release is told in, the one of two and the one of four parts.
pub(crate) fn server_version() -> Value {
    let parts: Vec<u64> = SERVER_VERSION
        .split('.')
        .filter_map(|p| p.parse().ok())
        .collect();
    json!({
        "v": parts[0], "r": parts[1], "m": parts[2], "f": parts[3], "build_number": parts[4],
        "major": parts[0], "minor": parts[1], "version": SERVER_VERSION,
    })
}

pub(crate) async fn by_key(State(platform): State<Platform>, caller: Caller) -> Json<Value> {
    let Caller(principal) = caller;
    let mut session = session(&platform, &principal);
    match principal.kind {
        "apikey" => session["api_key_handle"] = principal.id.into(),
        _ => session["user_id"] = principal.id.into(),
    }
    Json(session)
}

pub(crate) async fn login(
    State(platform): State<Platform>,
    Document(login): Document,
) -> Result<Response, Refusal> {
    let organization = platform.organization();
    let field = |name: &str| login[name].as_str().unwrap_or_default();
    let administrator = organization.log_in(field("email"), field("password"));
    let administrator = administrator.filter(|principal| principal.kind == "user");
    let administrator = administrator.ok_or_else(Refusal::unauthorized)?;
    let (cookie, token) = (
        Uuid::new_v4().simple().to_string(),
        Uuid::new_v4().to_string(),
    );
    let mut session = session(&platform, &administrator);
    session["csrf_token"] = token.clone().into();
    session["user_id"] = administrator.id.into();
    session["user_email"] = administrator.name.into();
    session["user_displayname"] = administrator.display_name.into();
    let header = format!("{SESSION_COOKIE}={cookie}; Path=/; Secure; HttpOnly");
    platform.update(|state| state.sessions.insert(cookie, token));
    Ok(([(SET_COOKIE, header)], Json(session)).into_response())
}

fn session(platform: &Platform, by: &Principal) -> Value {
    let organization = platform.organization();
    // Permissions by name were never seen here, only these few rights of users.
    let perms = json!({
        "create_incs": platform.allows(by, Permission::CreateIncident), "administrator": by.administrator,
        "master_administrator": by.administrator, "create_shared_layout": by.administrator, "observer": false,
    });
    json!({
        "orgs": [{
            "id": organization.id, "name": organization.name, "uuid": organization.uuid,
            "cloud_account": null, "enabled": true, "perms": perms, "effective_permissions": [],
            "role_handles": [], "session_timeout": 1200, "attachments_enabled": true,
            "incident_deletion_allowed": true, "timezone": null, "parent_org": null,
        }],
        "password_expiration_date": null,
        "client_id": null,
        "display_name": null,
    })
}

pub(crate) async fn organization(State(platform): State<Platform>, _: Caller) -> Json<Value> {
    let organization = platform.organization();
    Json(json!({
        "id": organization.id, "name": organization.name, "uuid": organization.uuid,
        "enabled": true, "actions_framework_enabled": true, "attachments_enabled": true,
        "cloud_account": null, "timezone": null,
    }))
}

/// The part of the platform's constants that clients read.
pub(crate) async fn constants(_: Caller) -> Response {
    let methods = json!([
        "equals",
        "not_equals",
        "has_a_value",
        "not_has_a_value",
        "changed"
    ]);
    let types = [
        "text",
        "textarea",
        "number",
        "boolean",
        "datepicker",
        "datetimepicker",
        "select",
        "multiselect",
    ];
    let inputs = types.map(|name| {
        let input = json!({"name": name, "can_use": true, "supported_methods": methods});
        (name.to_owned(), input)
    });
    let constants = json!({
        "server_version": server_version(),
        "input_types": serde_json::Map::from_iter(inputs),
        "max_page_size": limits::PAGE,
        "actions_framework": {"action_invocation_message_types":
            [{"id": 0, "name": "Information"}, {"id": 1, "name": "Error"}, {"id": 2, "name": "Warning"}]},
        "message_destination_types": [{"id": 0, "name": "Queue"}, {"id": 1, "name": "Topic"}],
    });
    ([(CONTENT_TYPE, "application/json")], constants.to_string()).into_response()
}
