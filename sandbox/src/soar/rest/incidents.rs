//! Incidents: create, read, query, change, delete.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use super::caller::{Administrator, Caller, Document, Names};
use crate::soar::account::Permission;
use crate::soar::incident::Principal;
use crate::soar::patch::Patched;
use crate::soar::query::Query;
use crate::soar::refusal::Refusal;
use crate::soar::state::State as PlatformState;
use crate::soar::{Platform, limits, now};

/// The organization and the incident of a path; what is no number is no incident.
pub(crate) type InPath = Path<(String, String)>;

pub(crate) fn incident_id(text: &str) -> Result<u64, Refusal> {
    let id = text.parse();
    id.map_err(|_| Refusal::missing(format!("there is no incident {text:?}")))
}

pub(crate) async fn create(
    State(platform): State<Platform>,
    Caller(by): Caller,
    Names(names): Names,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let dto = platform.change(|state| {
        let id = state.create(&body, &by, now())?;
        full_dto(state, id, names)
    })?;
    Ok(Json(dto))
}

pub(crate) async fn read(
    State(platform): State<Platform>,
    Caller(by): Caller,
    Names(names): Names,
    Path((_, id)): InPath,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let mut dto = platform.read(|state| full_dto(state, id, names))?;
    dto["perms"] = perms(&platform, &by);
    Ok(Json(dto))
}

/// What the caller may do with an incident, under the names that a real platform was seen to use.
fn perms(platform: &Platform, by: &Principal) -> Value {
    let fields = platform.allows(by, Permission::EditAllIncidentsFields);
    let status = platform.allows(by, Permission::EditAllIncidentsStatus);
    json!({
        "read": true, "write": fields, "comment": fields, "assign": fields, "close": status,
        "change_members": fields, "attach_file": fields, "read_attachments": true,
        "delete_attachments": fields, "create_milestones": fields, "list_milestones": true,
        "create_artifacts": fields, "list_artifacts": true, "delete": by.administrator,
    })
}

/// An incident with the menu items that it offers.
fn full_dto(state: &PlatformState, id: u64, names: bool) -> Result<Value, Refusal> {
    let incident = state.incident(id)?;
    let by_name = incident.dto(&state.catalog, true);
    let actions = state.menu(&by_name);
    let mut dto = if names {
        by_name
    } else {
        incident.dto(&state.catalog, false)
    };
    dto["actions"] = actions;
    Ok(dto)
}

/// Picks a menu item, as the platform's own page does.
pub(crate) async fn run_menu_rule(
    State(platform): State<Platform>,
    _: Caller,
    Path((_, id)): InPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let none = serde_json::Map::new();
    let properties = body["properties"].as_object().unwrap_or(&none);
    let action = body["action_id"].as_u64();
    platform.change(|state| {
        state.run_menu_rule(id, |rule| Some(rule.id) == action, properties, now())
    })?;
    Ok(Json(json!({"action_id": action, "properties": properties})))
}

pub(crate) async fn workflow_instance(
    State(platform): State<Platform>,
    _: Caller,
    Path((_, id)): InPath,
) -> Result<Json<Value>, Refusal> {
    let run = id.parse().ok().and_then(|id| platform.workflow_run(id));
    let missing = || Refusal::missing(format!("there is no workflow instance {id}"));
    run.map(|run| Json(run.dto())).ok_or_else(missing)
}

pub(crate) async fn query(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let found = platform.read(|state| {
        let ids = Query::parse(&body, &state.catalog)?.run(state);
        let incidents = ids.iter().filter_map(|id| state.incidents.get(id));
        Ok(incidents
            .map(|incident| incident.dto(&state.catalog, names))
            .collect())
    })?;
    Ok(Json(found))
}

pub(crate) async fn query_paged(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let page = platform.read(|state| {
        let ids = Query::parse(&body, &state.catalog)?.run(state);
        let (start, length) = page(&body, limits::PAGE)?;
        let incidents = ids.iter().filter_map(|id| state.incidents.get(id));
        let page = incidents.skip(start).take(length);
        let data: Vec<Value> = page.map(|i| i.dto(&state.catalog, names)).collect();
        Ok(json!({"recordsTotal": ids.len(), "recordsFiltered": ids.len(), "data": data}))
    })?;
    Ok(Json(page))
}

/// Where a page starts and how long it is; `default` holds without a length.
pub(crate) fn page(body: &Value, default: usize) -> Result<(usize, usize), Refusal> {
    let number = |name: &str, default: usize| match &body[name] {
        Value::Null => Ok(default),
        value => {
            let number = value.as_u64().and_then(|n| usize::try_from(n).ok());
            number.ok_or_else(|| Refusal::bad(format!("{name} is no count")))
        }
    };
    Ok((
        number("start", 0)?,
        number("length", default)?.min(limits::PAGE),
    ))
}

pub(crate) async fn patch(
    State(platform): State<Platform>,
    Caller(by): Caller,
    Names(names): Names,
    Path((_, id)): InPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    for change in body["changes"].as_array().into_iter().flatten() {
        let permission = match change["field"].as_str() {
            Some("plan_status") => Permission::EditAllIncidentsStatus,
            _ => Permission::EditAllIncidentsFields,
        };
        platform.require(&by, permission)?;
    }
    let failures = match platform.change(|state| state.patch(id, &body, names, now()))? {
        Patched::Applied => Vec::new(),
        Patched::Conflicts(failures) => failures,
    };
    let message = (!failures.is_empty()).then_some("another change came first");
    Ok(Json(json!({
        "success": failures.is_empty(), "title": null, "message": message, "hints": [],
        "field_failures": failures,
    })))
}

/// `PUT` of a whole incident as it was read; a stale version is a conflict.
pub(crate) async fn replace(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Path((_, id)): InPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let dto = platform.change(|state| {
        let version = state.incident(id)?.version;
        if body["vers"].as_u64().is_some_and(|sent| sent != version) {
            return Err(Refusal::conflict(format!(
                "incident {id} is at version {version}"
            )));
        }
        let changes = state.read_changes(&body)?;
        state.apply(id, changes, now())?;
        full_dto(state, id, names)
    })?;
    Ok(Json(dto))
}

pub(crate) async fn delete(
    State(platform): State<Platform>,
    _: Administrator,
    Path((_, id)): InPath,
) -> Result<StatusCode, Refusal> {
    let id = incident_id(&id)?;
    platform.change(|state| state.delete(id))?;
    Ok(StatusCode::NO_CONTENT)
}
