//! Finding ids by criteria, and findings by id.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{check_ids, owned, page_size};
use crate::aws::account::Account;
use crate::aws::criteria::Criteria;
use crate::aws::error::ApiError;
use crate::aws::listing::{Listing, Sort, sort_ids};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingCriteria {
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
pub(super) struct ListFindings {
    finding_criteria: Option<FindingCriteria>,
    sort_criteria: Option<SortCriteria>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(
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

pub(super) fn criteria(request: Option<FindingCriteria>) -> Result<Criteria, ApiError> {
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
pub(super) struct GetFindings {
    finding_ids: Vec<String>,
    sort_criteria: Option<SortCriteria>,
}

/// Answers the findings there are, in an order of its own and each once.
pub(super) fn get(
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
