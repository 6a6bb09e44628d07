//! What a region's detector tells of itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{owned, page_size};
use crate::aws::account::{Account, iso};
use crate::aws::error::ApiError;

pub(super) fn list(
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

pub(super) fn get(account: &mut Account, region: &str, id: &str) -> Result<Value, ApiError> {
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
