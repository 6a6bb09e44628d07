//! `GuardDuty`'s operations (API version 2017-11-28, REST and JSON).

mod archive;
mod detectors;
mod findings;
mod samples;
mod statistics;

use axum::http::Method;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::account::{Account, Detector};
use super::error::ApiError;
use super::http_api::{Answer, admit};
use super::query_api;

/// How many ids a page or a call may hold.
const MAX_IDS: usize = 50;

pub(super) fn answer(
    account: &mut Account,
    region: &str,
    request: &Parts,
    body: &[u8],
) -> Result<Answer, ApiError> {
    let path = request.uri.path().trim_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let answer = match (&request.method, segments.as_slice()) {
        (&Method::GET, ["detector"]) => {
            admit(account, "ListDetectors")?;
            detectors::list(account, region, &query_api::parameters(request, b""))
        }
        (&Method::GET, ["detector", id]) => {
            admit(account, "GetDetector")?;
            detectors::get(account, region, id)
        }
        (&Method::POST, ["detector", id, "findings"]) => {
            admit(account, "ListFindings")?;
            findings::list(account, region, id, parse(body)?)
        }
        (&Method::POST, ["detector", id, "findings", action]) => {
            act_on_findings(account, region, id, action, body)
        }
        _ => Err(ApiError::UnknownOperation(format!(
            "{} /{path}",
            request.method
        ))),
    };
    answer.map(|value| Answer::Json(value.to_string()))
}

/// Whether a call may change findings.
pub(super) fn writes(request: &Parts) -> bool {
    let action = request.uri.path().rsplit('/').next();
    matches!(
        action,
        Some("archive" | "unarchive" | "create" | "feedback")
    )
}

fn act_on_findings(
    account: &mut Account,
    region: &str,
    detector: &str,
    action: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    match action {
        "get" => {
            admit(account, "GetFindings")?;
            findings::get(account, region, detector, parse(body)?)
        }
        "archive" => {
            admit(account, "ArchiveFindings")?;
            archive::set_archived(account, region, detector, &parse(body)?, true)
        }
        "unarchive" => {
            admit(account, "UnarchiveFindings")?;
            archive::set_archived(account, region, detector, &parse(body)?, false)
        }
        "create" => {
            admit(account, "CreateSampleFindings")?;
            samples::create(account, region, detector, parse(body)?)
        }
        "statistics" => {
            admit(account, "GetFindingsStatistics")?;
            statistics::count(account, region, detector, parse(body)?)
        }
        "feedback" => {
            admit(account, "UpdateFindingsFeedback")?;
            archive::update_feedback(account, region, detector, &parse(body)?)
        }
        _ => Err(ApiError::UnknownOperation(action.to_owned())),
    }
}

/// Reads a body; none at all is an object without members.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|_| ApiError::out_of_range())
}

fn page_size(max_results: Option<i64>) -> Result<usize, ApiError> {
    let size = usize::try_from(max_results.unwrap_or(50)).map_err(|_| ApiError::out_of_range())?;
    if (1..=MAX_IDS).contains(&size) {
        Ok(size)
    } else {
        Err(ApiError::out_of_range())
    }
}

fn check_ids(ids: &[String]) -> Result<(), ApiError> {
    let valid = |id: &String| (1..=300).contains(&id.len());
    if (1..=MAX_IDS).contains(&ids.len()) && ids.iter().all(valid) {
        Ok(())
    } else {
        Err(ApiError::out_of_range())
    }
}

/// The region's detector, when it is the one that the path names.
fn owned<'a>(
    account: &'a mut Account,
    region: &str,
    id: &str,
) -> Result<&'a mut Detector, ApiError> {
    let detector = account
        .detectors
        .get_mut(region)
        .filter(|detector| detector.id == id);
    detector.ok_or_else(|| {
        ApiError::Invalid("the input detectorId is not owned by the current account.".to_owned())
    })
}
