//! `CreateSampleFindings`

use serde::Deserialize;
use serde_json::{Value, json};

use super::{MAX_IDS, owned};
use crate::aws::account::Account;
use crate::aws::error::ApiError;
use crate::aws::samples;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateSampleFindings {
    finding_types: Option<Vec<String>>,
}

pub(super) fn create(
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
