//! `func_aws_guardduty_archive_finding`: archives the finding of an incident that was closed.

use serde_json::json;

use super::inputs::FindingInputs;
use super::result::Content;
use super::{FunctionError, Functions, Patience, Request};
use crate::guardduty::Archiving;

impl Functions {
    /// Content `{"status": "ok"}`, or `{"status": "error", "msg": …}` where AWS refuses; archiving twice
    /// does no harm.
    pub(super) async fn archive_finding(
        &self,
        request: &Request,
    ) -> Result<Content, FunctionError> {
        let inputs = FindingInputs::read(&request.inputs)?;
        let guardduty = self.aws.region(inputs.region);
        let mut patience = Patience::new();
        let archiving = loop {
            match guardduty.archive(inputs.detector, inputs.finding).await {
                Ok(archiving) => break archiving,
                Err(error) => patience.after(error).await?,
            }
        };
        match archiving {
            Archiving::Done => {
                tracing::info!(
                    region = inputs.region,
                    finding = inputs.finding,
                    "archived finding {}",
                    inputs.finding
                );
                Ok(Content::of(&json!({"status": "ok"})))
            }
            Archiving::Refused(message) => {
                tracing::warn!(
                    finding = inputs.finding,
                    "AWS refuses to archive finding {}: {message}",
                    inputs.finding
                );
                Ok(Content::of(&json!({"status": "error", "msg": message})))
            }
        }
    }
}
