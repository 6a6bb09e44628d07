//! `GuardDuty`'s operations (API version 2017-11-28, REST and JSON).

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::account::{Account, Detector, iso};
use super::criteria::Criteria;
use super::error::ApiError;
use super::http_api::{Answer, admit};
use super::listing::{Listing, Sort, sort_ids};
use super::query_api;
use super::samples;

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
            list_detectors(account, region, &query_api::parameters(request, b""))
        }
        (&Method::GET, ["detector", id]) => {
            admit(account, "GetDetector")?;
            get_detector(account, region, id)
        }
        (&Method::POST, ["detector", id, "findings"]) => {
            admit(account, "ListFindings")?;
            list_findings(account, region, id, parse(body)?)
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
            get_findings(account, region, detector, parse(body)?)
        }
        "archive" => {
            admit(account, "ArchiveFindings")?;
            set_archived(account, region, detector, parse(body)?, true)
        }
        "unarchive" => {
            admit(account, "UnarchiveFindings")?;
            set_archived(account, region, detector, parse(body)?, false)
        }
        "create" => {
            admit(account, "CreateSampleFindings")?;
            create_sample_findings(account, region, detector, parse(body)?)
        }
        "statistics" => {
            admit(account, "GetFindingsStatistics")?;
            findings_statistics(account, region, detector, parse(body)?)
        }
        "feedback" => {
            admit(account, "UpdateFindingsFeedback")?;
            update_feedback(account, region, detector, parse(body)?)
        }
        _ => Err(ApiError::UnknownOperation(action.to_owned())),
    }
}

/// Reads a body; none at all is an object without members.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|_| ApiError::out_of_range())
}

fn list_detectors(
    account: &Account,
    region: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Value, ApiError> {
    if let Some(limit) = parameters.get("maxResults") {
        page_size(Some(limit.parse().map_err(|_| ApiError::out_of_range())?))?;
    }
    // A region has one detector at most: there is never a second page to have a token of.
    if parameters
        .get("nextToken")
        .is_some_and(|token| !token.is_empty())
    {
        return Err(ApiError::Invalid(
            "the parameter nextToken has an invalid value.".to_owned(),
        ));
    }
    let ids: Vec<&String> = account
        .detectors
        .get(region)
        .map(|detector| &detector.id)
        .into_iter()
        .collect();
    Ok(json!({"detectorIds": ids, "nextToken": ""}))
}

fn get_detector(account: &mut Account, region: &str, id: &str) -> Result<Value, ApiError> {
    let (partition, account_id) = (account.partition.name(), account.options.account_id.clone());
    let detector = owned(account, region, id)?;
    let created_at = iso(detector.created_at);
    let role = "aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty";
    Ok(json!({
        "createdAt": created_at,
        "updatedAt": created_at,
        "findingPublishingFrequency": "FIFTEEN_MINUTES",
        "serviceRole": format!("arn:{partition}:iam::{account_id}:role/{role}"),
        "status": "ENABLED",
        "tags": {},
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FindingCriteria {
    criterion: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SortCriteria {
    attribute_name: Option<String>,
    order_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListFindings {
    finding_criteria: Option<FindingCriteria>,
    sort_criteria: Option<SortCriteria>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn list_findings(
    account: &mut Account,
    region: &str,
    id: &str,
    request: ListFindings,
) -> Result<Value, ApiError> {
    let repeats = account.repeats_next_token;
    let store = &owned(account, region, id)?.findings;
    let limit = page_size(request.max_results)?;
    let listing = Listing {
        criteria: criteria(request.finding_criteria)?,
        sort: sort(request.sort_criteria)?,
    };
    let token = request.next_token.filter(|token| !token.is_empty());
    let page = listing.page(store, limit, token.as_deref())?;
    let next_token = token.filter(|_| repeats).or(page.next_token);
    // The last page carries an empty token rather than none.
    Ok(json!({"findingIds": page.ids, "nextToken": next_token.unwrap_or_default()}))
}

fn page_size(max_results: Option<i64>) -> Result<usize, ApiError> {
    let size = usize::try_from(max_results.unwrap_or(50)).map_err(|_| ApiError::out_of_range())?;
    if (1..=MAX_IDS).contains(&size) {
        Ok(size)
    } else {
        Err(ApiError::out_of_range())
    }
}

fn criteria(request: Option<FindingCriteria>) -> Result<Criteria, ApiError> {
    Criteria::parse(
        request
            .and_then(|request| request.criterion)
            .unwrap_or_default(),
    )
}

fn sort(request: Option<SortCriteria>) -> Result<Option<Sort>, ApiError> {
    let Some(SortCriteria {
        attribute_name: Some(attribute),
        order_by,
    }) = request
    else {
        return Ok(None);
    };
    let descending = match order_by.as_deref() {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(_) => return Err(ApiError::out_of_range()),
    };
    Ok(Some(Sort {
        attribute,
        descending,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetFindings {
    finding_ids: Vec<String>,
    sort_criteria: Option<SortCriteria>,
}

/// Answers the findings there are, in an order of its own and each once.
fn get_findings(
    account: &mut Account,
    region: &str,
    id: &str,
    request: GetFindings,
) -> Result<Value, ApiError> {
    let store = &owned(account, region, id)?.findings;
    check_ids(&request.finding_ids)?;
    let unique: BTreeSet<String> = request.finding_ids.into_iter().collect();
    let mut ids: Vec<String> = unique.into_iter().collect();
    if let Some(sort) = sort(request.sort_criteria)? {
        sort_ids(store, &mut ids, &sort);
    }
    let findings: Vec<&Value> = ids
        .iter()
        .filter_map(|id| store.stored(id))
        .map(|stored| &stored.finding)
        .collect();
    Ok(json!({"findings": findings}))
}

fn check_ids(ids: &[String]) -> Result<(), ApiError> {
    let valid = |id: &String| (1..=300).contains(&id.len());
    if (1..=MAX_IDS).contains(&ids.len()) && ids.iter().all(valid) {
        Ok(())
    } else {
        Err(ApiError::out_of_range())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FindingIds {
    finding_ids: Vec<String>,
}

/// Ids that are unknown, or archived already, are passed over in silence.
fn set_archived(
    account: &mut Account,
    region: &str,
    id: &str,
    request: FindingIds,
    archived: bool,
) -> Result<Value, ApiError> {
    let detector = owned(account, region, id)?;
    check_ids(&request.finding_ids)?;
    for id in &request.finding_ids {
        detector.findings.set_archived(id, archived);
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateSampleFindings {
    finding_types: Option<Vec<String>>,
}

fn create_sample_findings(
    account: &mut Account,
    region: &str,
    id: &str,
    request: CreateSampleFindings,
) -> Result<Value, ApiError> {
    owned(account, region, id)?;
    let kinds = match request.finding_types.filter(|types| !types.is_empty()) {
        None => samples::KINDS.to_vec(),
        Some(types) if types.len() > MAX_IDS => return Err(ApiError::out_of_range()),
        Some(types) => {
            let kinds = types
                .iter()
                .map(|finding_type| samples::kind_of_type(finding_type));
            kinds
                .collect::<Option<_>>()
                .ok_or_else(ApiError::out_of_range)?
        }
    };
    for kind in kinds {
        let now = account.now();
        let finding = samples::finding(kind, region, now, account);
        account.publish(region, finding);
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FindingsStatistics {
    finding_statistic_types: Option<Vec<String>>,
    finding_criteria: Option<FindingCriteria>,
    group_by: Option<String>,
}

fn findings_statistics(
    account: &mut Account,
    region: &str,
    id: &str,
    request: FindingsStatistics,
) -> Result<Value, ApiError> {
    let store = &owned(account, region, id)?.findings;
    let criteria = criteria(request.finding_criteria)?;
    let mut counts: BTreeMap<String, (f64, u64)> = BTreeMap::new();
    let mut last = 0;
    for stored in store
        .by_id()
        .values()
        .filter(|stored| criteria.admits(stored))
    {
        let severity = stored.finding["severity"].as_f64().unwrap_or_default();
        counts
            .entry(format!("{severity:04.1}"))
            .or_insert((severity, 0))
            .1 += 1;
        last = last.max(stored.updated_ms / 1000);
    }
    let types = request.finding_statistic_types.unwrap_or_default();
    match (types.as_slice(), request.group_by.as_deref()) {
        ([kind], None) if kind == "COUNT_BY_SEVERITY" => {
            let counts: Map<String, Value> = counts
                .into_values()
                .map(|(severity, count)| (format!("{severity:.1}"), json!(count)))
                .collect();
            Ok(json!({"findingStatistics": {"countBySeverity": counts}}))
        }
        ([], Some("SEVERITY")) => {
            let group = |(severity, count)| json!({"severity": severity, "totalFindings": count, "lastGeneratedAt": last});
            let groups: Vec<Value> = counts.into_values().map(group).collect();
            Ok(json!({"findingStatistics": {"groupedBySeverity": groups}}))
        }
        _ => Err(ApiError::out_of_range()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateFeedback {
    finding_ids: Vec<String>,
    feedback: Feedback,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Feedback {
    Useful,
    NotUseful,
}

fn update_feedback(
    account: &mut Account,
    region: &str,
    id: &str,
    request: UpdateFeedback,
) -> Result<Value, ApiError> {
    let detector = owned(account, region, id)?;
    check_ids(&request.finding_ids)?;
    let feedback = match request.feedback {
        Feedback::Useful => "USEFUL",
        Feedback::NotUseful => "NOT_USEFUL",
    };
    for id in &request.finding_ids {
        detector.findings.edit(id, |finding| {
            finding["service"]["userFeedback"] = json!(feedback)
        });
    }
    Ok(json!({}))
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
