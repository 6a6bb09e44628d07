//! What belongs to an incident: artifacts, notes, data tables.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::caller::{Caller, Document, Names, TextObjects};
use super::incidents::{InPath, incident_id, page};
use crate::soar::refusal::Refusal;
use crate::soar::{Platform, limits, now};

pub(crate) async fn artifacts(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Path((_, id)): InPath,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let artifacts = platform.read(|state| {
        let artifacts = state.incident(id)?.artifacts.iter();
        Ok(artifacts
            .map(|a| a.dto(id, &state.catalog, names))
            .collect())
    })?;
    Ok(Json(artifacts))
}

pub(crate) async fn artifacts_paged(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Path((_, id)): InPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let (start, length) = page(&body, limits::ARTIFACT_PAGE)?;
    let page = platform.read(|state| {
        let artifacts = &state.incident(id)?.artifacts;
        let page = artifacts.iter().skip(start).take(length);
        let data: Vec<Value> = page.map(|a| a.dto(id, &state.catalog, names)).collect();
        let total = artifacts.len();
        Ok(json!({"recordsTotal": total, "recordsFiltered": total, "data": data}))
    })?;
    Ok(Json(page))
}

/// Answers with a list, since one text may name several artifacts.
pub(crate) async fn add_artifact(
    State(platform): State<Platform>,
    Caller(by): Caller,
    Names(names): Names,
    Path((_, id)): InPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let artifact = platform.change(|state| {
        let artifact = state.add_artifact(id, &body, &by, now())?;
        let added = (state.incident(id)?.artifacts.iter()).find(|a| a.id == artifact);
        Ok(added.map(|a| a.dto(id, &state.catalog, names)))
    })?;
    Ok(Json(artifact.into_iter().collect()))
}

pub(crate) async fn notes(
    State(platform): State<Platform>,
    _: Caller,
    TextObjects(objects): TextObjects,
    Path((_, id)): InPath,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let notes = platform.read(|state| {
        let notes = state.incident(id)?.notes.iter();
        Ok(notes.map(|note| note.dto(id, objects)).collect())
    })?;
    Ok(Json(notes))
}

pub(crate) async fn add_note(
    State(platform): State<Platform>,
    Caller(by): Caller,
    TextObjects(objects): TextObjects,
    Path((_, id)): InPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let note = platform.change(|state| {
        let note = state.add_note(id, &body, &by, now())?;
        let added = state.incident(id)?.notes.iter().find(|n| n.id == note);
        Ok(added.map(|note| note.dto(id, objects)))
    })?;
    Ok(Json(note.unwrap_or_default()))
}

/// The organization, the incident and the data table of a path.
type TableInPath = Path<(String, String, String)>;

pub(crate) async fn rows(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Path((_, id, table)): TableInPath,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let rows = platform.read(|state| {
        let known = state.catalog.tables.get(&table);
        let missing = || Refusal::missing(format!("there is no data table {table}"));
        let type_id = known.ok_or_else(missing)?.id;
        let rows = state.incident(id)?.tables.get(&table);
        let rows = rows.into_iter().flatten();
        let rows: Vec<Value> = rows
            .map(|row| row.dto(&table, &state.catalog, names))
            .collect();
        Ok(json!({"id": type_id, "rows": rows}))
    })?;
    Ok(Json(rows))
}

pub(crate) async fn add_row(
    State(platform): State<Platform>,
    _: Caller,
    Names(names): Names,
    Path((_, id, table)): TableInPath,
    Document(body): Document,
) -> Result<Json<Value>, Refusal> {
    let id = incident_id(&id)?;
    let row = platform.change(|state| {
        let row = state.add_row(id, &table, &body)?;
        let rows = state.incident(id)?.tables.get(&table);
        let added = rows.into_iter().flatten().find(|r| r.id == row);
        Ok(added.map(|row| row.dto(&table, &state.catalog, names)))
    })?;
    Ok(Json(row.unwrap_or_default()))
}
