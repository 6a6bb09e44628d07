//! What is noted on findings: archived or not, useful or not.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{check_ids, owned};
use crate::aws::account::Account;
use crate::aws::error::ApiError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingIds {
    finding_ids: Vec<String>,
}

/// Ids that are unknown, or archived already, are passed over in silence.
pub(super) fn set_archived(
    account: &mut Account,
    region: &str,
    id: &str,
    request: &FindingIds,
    archived: bool,
) -> Result<Value, ApiError> {
    let is_member = account.is_member;
    let detector = owned(account, region, id)?;
    check_ids(&request.finding_ids)?;
    if is_member {
        return Err(ApiError::Invalid(
            "findings of a member account are archived by its administrator account.".to_owned(),
        ));
    }
    for id in &request.finding_ids {
        detector.findings.set_archived(id, archived);
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateFeedback {
    finding_ids: Vec<String>,
    feedback: Feedback,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Feedback {
    Useful,
    NotUseful,
}

pub(super) fn update_feedback(
    account: &mut Account,
    region: &str,
    id: &str,
    request: &UpdateFeedback,
) -> Result<Value, ApiError> {
    let detector = owned(account, region, id)?;
    check_ids(&request.finding_ids)?;
    let feedback = match request.feedback {
        Feedback::Useful => "USEFUL",
        Feedback::NotUseful => "NOT_USEFUL",
    };
    for id in &request.finding_ids {
        detector.findings.edit(id, |finding| {
            finding["service"]["userFeedback"] = json!(feedback);
        });
    }
    Ok(json!({}))
}
