//! One page: read, and what is wanted of it brought to SOAR.

use super::Backfill;
use crate::poller::CycleError;
use crate::poller::page::Batch;
use crate::poller::progress::PageOutcome;

/// What became of a page.
#[derive(Default)]
pub(super) struct Page {
    pub(super) ids: Vec<String>,
    /// Whether all of it was looked at; if not, nothing of it was written.
    pub(super) looked_at: bool,
    /// How many of its findings AWS does not have any more.
    pub(super) gone: usize,
    /// How many are of a type that is not wanted.
    pub(super) other_type: usize,
    pub(super) outcome: PageOutcome,
}

impl Page {
    /// Works on the findings with these ids, at most 50, unless nothing is to be begun any more.
    pub(super) async fn of(batch: &Batch<'_>, backfill: &Backfill, ids: Vec<String>) -> Self {
        let mut page = Self {
            ids,
            ..Self::default()
        };
        if !batch.halt.is_cancelled()
            && let Err(error) = page.work(batch, backfill).await
        {
            page.outcome.error = Some(error);
        }
        page
    }

    async fn work(&mut self, batch: &Batch<'_>, backfill: &Backfill) -> Result<(), CycleError> {
        let mut findings = batch.read(&self.ids).await?;
        let read = findings.len();
        findings.retain(|finding| backfill.wants(finding));
        self.gone = self.ids.len().saturating_sub(read);
        self.other_type = read - findings.len();
        if backfill.dry_run {
            batch.preview(&findings, &mut self.outcome).await?;
        } else {
            batch.bring(findings, &mut self.outcome).await?;
        }
        self.looked_at = true;
        Ok(())
    }
}
