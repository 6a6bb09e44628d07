//! What an administrator configures, and what every client may read of it.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{Administrator, Caller, Document, Names};
use crate::soar::Platform;
use crate::soar::catalog::{Destination, Function, Selection};
use crate::soar::refusal::Refusal;

/// The organization and one name or id of a path.
type InPath = Path<(String, String)>;

pub(crate) async fn types(State(platform): State<Platform>, _: Caller) -> Json<Value> {
    Json(platform.read(|state| state.catalog.types_dto()))
}

pub(crate) async fn type_named(
    State(platform): State<Platform>,
    _: Caller,
    Path((_, name)): InPath,
) -> Result<Json<Value>, Refusal> {
    let found = platform.read(|state| state.catalog.type_dto(&name));
    let missing = || Refusal::missing(format!("there is no type {name}"));
    found.map(Json).ok_or_else(missing)
}

pub(crate) async fn fields(
    State(platform): State<Platform>,
    _: Caller,
    Path((_, name)): InPath,
) -> Result<Json<Value>, Refusal> {
    let found = platform.read(|state| state.catalog.fields(&name));
    let missing = || Refusal::missing(format!("there is no type {name}"));
    Ok(Json(found.ok_or_else(missing)?.into()))
}

pub(crate) async fn actions(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
) -> Json<Value> {
    let rules = platform.read(|state| {
        let rules = state.catalog.rules.iter().map(|rule| {
            let mut dto = rule.definition.clone();
            dto["id"] = rule.id.into();
            dto["enabled"] = rule.enabled.into();
            if !names {
                dto["object_type"] = 0.into();
            }
            dto
        });
        rules.collect::<Vec<_>>()
    });
    Json(json!({"entities": rules}))
}

pub(crate) async fn connector_queues(State(platform): State<Platform>, _: Caller) -> Json<Value> {
    Json(json!({"queues": [], "org_id": platform.organization().id}))
}

pub(crate) async fn functions(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
) -> Json<Value> {
    let functions: Vec<Value> = platform.read(|state| {
        let catalog = &state.catalog;
        let dto = |f: &Function| f.dto(catalog.destination(&f.destination), names);
        catalog.functions.values().map(dto).collect()
    });
    Json(json!({"entities": functions}))
}

pub(crate) async fn function(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Path((_, name)): InPath,
) -> Result<Json<Value>, Refusal> {
    let found = platform.read(|state| {
        let by_id = |f: &&Function| f.id.to_string() == name;
        let functions = &state.catalog.functions;
        let function = functions
            .get(&name)
            .or_else(|| functions.values().find(by_id))?;
        Some(function.dto(state.catalog.destination(&function.destination), names))
    });
    let missing = || Refusal::missing(format!("there is no function {name}"));
    found.map(Json).ok_or_else(missing)
}

pub(crate) async fn destinations(State(platform): State<Platform>, _: Caller) -> Json<Value> {
    let destinations: Vec<Value> = platform.read(|state| {
        let destinations = state.catalog.destinations.iter();
        destinations.map(Destination::dto).collect()
    });
    Json(json!({"entities": destinations}))
}

pub(crate) async fn destination(
    State(platform): State<Platform>,
    _: Caller,
    Path((_, id)): InPath,
) -> Result<Json<Value>, Refusal> {
    let found = platform.read(|state| {
        let mut destinations = state.catalog.destinations.iter();
        destinations
            .find(|d| d.id.to_string() == id)
            .map(Destination::dto)
    });
    let missing = || Refusal::missing(format!("there is no message destination {id}"));
    found.map(Json).ok_or_else(missing)
}

/// Of a destination only its users and API keys can be changed.
pub(crate) async fn put_destination(
    State(platform): State<Platform>,
    _: Administrator,
    Path((_, id)): InPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let changed = platform.change(|state| {
        let mut destinations = state.catalog.destinations.iter_mut();
        let destination = destinations.find(|d| d.id.to_string() == id);
        let missing = || Refusal::missing(format!("there is no message destination {id}"));
        let destination = destination.ok_or_else(missing)?;
        for list in ["users", "api_keys"] {
            if body[list].is_array() {
                destination
                    .definition
                    .insert(list.to_owned(), body[list].clone());
            }
        }
        Ok(destination.dto())
    })?;
    Ok(Json(changed))
}

#[derive(Deserialize)]
pub(crate) struct LayoutFilter {
    r#type: Option<u64>,
}

pub(crate) async fn layouts(
    State(platform): State<Platform>,
    _: Caller,
    Query(filter): Query<LayoutFilter>,
) -> Json<Value> {
    let layouts: Vec<Value> = platform.read(|state| {
        let wanted = |l: &&Value| filter.r#type.is_none_or(|kind| l["type"] == kind);
        state
            .catalog
            .layouts
            .iter()
            .filter(wanted)
            .cloned()
            .collect()
    });
    Json(layouts.into())
}

pub(crate) async fn layout(
    State(platform): State<Platform>,
    _: Caller,
    Path((_, id)): InPath,
) -> Result<Json<Value>, Refusal> {
    let found = platform.read(|state| {
        let mut layouts = state.catalog.layouts.iter();
        layouts.find(|layout| is_layout(layout, &id)).cloned()
    });
    let missing = || Refusal::missing(format!("there is no layout {id}"));
    found.map(Json).ok_or_else(missing)
}

pub(crate) async fn put_layout(
    State(platform): State<Platform>,
    _: Administrator,
    Path((_, id)): InPath,
    Document(mut body): Document,
) -> Result<Json<Value>, Refusal> {
    let changed = platform.change(|state| {
        let mut layouts = state.catalog.layouts.iter_mut();
        let layout = layouts.find(|layout| is_layout(layout, &id));
        let missing = || Refusal::missing(format!("there is no layout {id}"));
        let layout = layout.ok_or_else(missing)?;
        if !body["content"].is_array() {
            return Err(Refusal::bad("a layout needs its content"));
        }
        body["id"] = layout["id"].clone();
        *layout = body;
        Ok(layout.clone())
    })?;
    Ok(Json(changed))
}

fn is_layout(layout: &Value, id: &str) -> bool {
    layout["id"]
        .as_u64()
        .is_some_and(|known| id.parse() == Ok(known))
}

/// The configuration as a document that another platform can import.
pub(crate) async fn export(
    State(platform): State<Platform>,
    _: Administrator,
    Document(selection): Document,
) -> Result<Json<Value>, Refusal> {
    let selection: Selection =
        serde_json::from_value(selection).map_err(|error| Refusal::bad(error.to_string()))?;
    Ok(Json(platform.exported(selection)))
}

/// Checks the document and keeps it until it is accepted.
pub(crate) async fn begin_import(
    State(platform): State<Platform>,
    _: Administrator,
    Document(export): Document,
) -> Result<Json<Value>, Refusal> {
    let pending = platform.change(|state| state.begin_import(export))?;
    Ok(Json(pending))
}

pub(crate) async fn settle_import(
    State(platform): State<Platform>,
    _: Administrator,
    Path((_, id)): InPath,
    Document(mut body): Document,
) -> Result<Json<Value>, Refusal> {
    let missing = || Refusal::missing(format!("there is no pending import {id}"));
    let id = id.parse().map_err(|_| missing())?;
    match body["status"].as_str() {
        Some("ACCEPTED") => platform.change(|state| state.accept_import(id))?,
        Some("REJECTED") => {
            platform.change(|state| state.imports.remove(&id).ok_or_else(missing))?;
        }
        _ => return Err(Refusal::bad("an import is ACCEPTED or REJECTED")),
    }
    body["id"] = id.into();
    Ok(Json(body))
}
