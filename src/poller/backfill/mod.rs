//! A first import by hand: all findings since a time, once, by the poller's own means.

mod page;
mod region;
mod report;
mod tally;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Context, take_over};
use crate::domain::{Criteria, Finding, Glob, WindowSettings};
use crate::guardduty::AwsError;
use crate::state::InUse;
use region::RegionBackfill;

pub use report::{Counts, RegionReport, SetAside};

/// What is imported, and how.
pub struct Backfill {
    /// Findings updated at or after this time.
    pub since: Timestamp,
    /// Findings of these types only; of every type where there are none.
    pub types: Vec<Glob>,
    /// Tell what would be done, and change nothing.
    pub dry_run: bool,
    /// Is told how far it has come.
    pub tell: Box<dyn Fn(Told) + Send + Sync>,
}

/// A step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// So many findings more are to be looked at.
    Listed(usize),
    /// So many findings more are done with.
    Done(usize),
}

/// Why nothing is imported.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// AWS does not tell the regions.
    #[error("the regions cannot be listed: {0}")]
    Regions(AwsError),
    /// A pattern for regions is of no use.
    #[error("--region {pattern} matches no region; aws_gd_regions and the account have {names}", names = names.join(", "))]
    NoSuchRegion {
        /// The pattern.
        pattern: String,
        /// What it could match.
        names: Vec<String>,
    },
    /// The configuration leaves no region.
    #[error("aws_gd_regions matches none of the account's regions: {names}", names = names.join(", "))]
    NoRegion {
        /// The regions of the account.
        names: Vec<String>,
    },
    /// A worker would make the same incidents.
    #[error(transparent)]
    InUse(#[from] InUse),
}

/// The regions that a poller would poll, those of them that match one of `only` where there are such patterns.
pub async fn regions(context: &Context, only: &[Glob]) -> Result<Vec<String>, BackfillError> {
    let account = context.aws.describe_regions().await;
    let account = account.map_err(BackfillError::Regions)?;
    let (mut polled, others): (Vec<String>, Vec<String>) = account
        .into_iter()
        .partition(|name| context.regions.is_match(name));
    polled.sort();
    if polled.is_empty() {
        return Err(BackfillError::NoRegion { names: others });
    }
    let matches_none = |glob: &&Glob| !polled.iter().any(|name| glob.is_match(name));
    if let Some(glob) = only.iter().find(matches_none) {
        return Err(BackfillError::NoSuchRegion {
            pattern: glob.as_str().to_owned(),
            names: polled,
        });
    }
    polled.retain(|name| only.is_empty() || only.iter().any(|glob| glob.is_match(name)));
    Ok(polled)
}

/// Imports what these regions have, side by side, until all is done or `stop`; what is in hand then is finished. Answers what
/// became of each region, in the order of their names.
///
/// # Errors
/// When another poller uses the state folder.
pub async fn run(
    context: Arc<Context>,
    regions: &[String],
    backfill: Arc<Backfill>,
    stop: CancellationToken,
) -> Result<Vec<RegionReport>, BackfillError> {
    let changes = !backfill.dry_run;
    let alone = if changes {
        context.state.alone_at_once()?
    } else {
        None
    };
    if changes && alone.is_none() {
        tracing::warn!(
            "without a state folder no worker beside this import is noticed: see that none polls meanwhile, or incidents are made twice"
        );
    }
    if changes && take_over(&context.state, &stop).await.is_break() {
        return Ok(Vec::new());
    }
    let mut tasks = JoinSet::new();
    let mut names: HashMap<Id, &String> = HashMap::new();
    for name in regions {
        let region = RegionBackfill::new(
            Arc::clone(&context),
            Arc::clone(&backfill),
            name,
            stop.clone(),
        );
        names.insert(tasks.spawn(region.run()).id(), name);
    }
    let mut reports = Vec::with_capacity(names.len());
    while let Some(ended) = tasks.join_next().await {
        reports.push(ended.unwrap_or_else(|error| {
            let name = names.get(&error.id()).map_or("", |name| name.as_str());
            RegionReport::failed(name, format!("its import ended by itself: {error}"))
        }));
    }
    reports.sort_by(|a, b| a.region.cmp(&b.region));
    if changes {
        context.state.end().await;
    }
    drop(alone);
    Ok(reports)
}

impl Backfill {
    fn criteria(&self, window: &WindowSettings) -> Criteria {
        Criteria {
            severity_at_least: window.threshold,
            updated_since: Some(self.since),
        }
    }

    fn wants(&self, finding: &Finding) -> bool {
        let of = finding.finding_type().unwrap_or_default();
        self.types.is_empty() || self.types.iter().any(|glob| glob.is_match(of))
    }
}

impl fmt::Debug for Backfill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfill")
            .field("since", &self.since)
            .field("types", &self.types)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}
