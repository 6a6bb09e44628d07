//! Everything that is to change on a platform, imported or not.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Customize;
use crate::customizations::plan::{Plan, PlanError, Verdict};
use crate::customizations::{
    ARCHIVE_FINDING, MESSAGE_DESTINATION, MergedLayout, REFRESH_FINDING, merge_layout,
};
use crate::soar::{Account, Soar, SoarError};

/// What is to change.
pub(super) struct Changes {
    pub(super) plan: Plan,
    /// Whom the message destinations are opened to; `None` where the platform does not tell the worker's account.
    pub(super) worker: Option<Account>,
    /// Message destinations that the worker may not use yet.
    pub(super) closed: Vec<String>,
    /// What the layout lacks, in words.
    pub(super) layout: Vec<String>,
    /// Whether the platform has a layout to put it in, or it is none of our business.
    pub(super) has_layout: bool,
}

impl Changes {
    /// Compares the platform with what it should be.
    ///
    /// # Errors
    /// The outer one when SOAR does not answer, the inner one when it must not be customized.
    pub(super) async fn find(
        soar: &Soar,
        platform: &Value,
        worker: Option<Account>,
        options: &Customize,
    ) -> Result<Result<Self, PlanError>, SoarError> {
        let plan = match Plan::new(platform, options.replace_workflows) {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(error)),
        };
        let mut changes = Self {
            plan,
            worker,
            closed: Vec::new(),
            layout: Vec::new(),
            has_layout: true,
        };
        if let Some(worker) = worker {
            let imported = changes.plan.import.iter().flat_map(destinations_of);
            let queues: BTreeSet<String> =
                destinations(platform).into_iter().chain(imported).collect();
            for destination in queues {
                if soar.may_use(&destination, worker).await? != Some(true) {
                    changes.closed.push(destination);
                }
            }
        }
        if !options.no_layout {
            let layout = soar.incident_tabs().await?;
            changes.has_layout = layout.is_some();
            let merged = layout.map(|layout| merge_layout(layout, platform));
            changes.layout = merged.map(|merged| merged.added).unwrap_or_default();
        }
        Ok(Ok(changes))
    }

    /// Whether the platform is as it should be.
    pub(super) fn are_none(&self) -> bool {
        self.plan.import.is_none() && self.closed.is_empty() && self.layout.is_empty()
    }

    /// How many objects the platform has as they should be.
    pub(super) fn unchanged(&self) -> usize {
        self.plan.steps(Verdict::Same).count()
    }

    /// Makes the changes that no import makes. `platform` is an export of the platform after the import.
    pub(super) async fn apply(&self, soar: &Soar, platform: &Value) -> Result<(), SoarError> {
        if let Some(worker) = self.worker {
            for destination in &self.closed {
                soar.let_use(destination, worker).await?;
            }
        }
        if self.layout.is_empty() {
            return Ok(());
        }
        let Some(layout) = soar.incident_tabs().await? else {
            return Ok(());
        };
        let complete = |layout: &Value| {
            let MergedLayout { layout, added } = merge_layout(layout.clone(), platform);
            (!added.is_empty()).then_some(layout)
        };
        soar.change_incident_tabs(&layout, complete).await
    }
}

/// The queues that the worker reads: ours, and wherever the platform has moved our functions.
fn destinations(platform: &Value) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = destinations_of(platform).collect();
    if names.is_empty() {
        names.insert(MESSAGE_DESTINATION.to_owned());
    }
    names
}

/// The queues of our functions in a document.
fn destinations_of(document: &Value) -> impl Iterator<Item = String> + '_ {
    let functions = document["functions"].as_array().into_iter().flatten();
    functions
        .filter(|function| {
            function["name"] == ARCHIVE_FINDING || function["name"] == REFRESH_FINDING
        })
        .filter_map(|function| function["destination_handle"].as_str().map(str::to_owned))
}
