//! `backfill`: the first import by hand.

mod progress;
mod since;
mod summary;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::config_file::ConfigFile;
use crate::app;
use crate::config::Config;
use crate::domain::Glob;
use crate::poller::backfill::{self, RegionReport};
use crate::requests::{StopSignal, StopSignals};
use progress::Progress;
use summary::Summary;

/// So often SOAR is asked to let us in, where the configuration says "for ever": somebody is waiting.
const LOGIN_ATTEMPTS: u32 = 3;

/// Import the findings of the past by hand, with a progress bar and a summary.
///
/// Makes the incidents that are missing, updates those that are older than their finding, and leaves the others. What app.config says of
/// regions and severity holds. It may be stopped (SIGINT, SIGTERM) and repeated at any time: nothing is made twice. The worker must not poll with
/// the same state folder meanwhile. Exits with 0 when all findings are in SOAR, with 1 when some are not, with 130 or 143 when it was stopped, with
/// 64 when the configuration cannot be used.
#[derive(Debug, Args)]
pub(super) struct Backfill {
    #[command(flatten)]
    config: ConfigFile,
    /// Findings updated since then: so long ago (90d, 2w, 12h, 30m), a date or a time (2026-08-01, 2026-08-01T06:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = since::parse)]
    since: Timestamp,
    /// Only the regions that match; `*` stands for any text. May be given several times
    #[arg(long = "region", value_name = "PATTERN")]
    regions: Vec<Glob>,
    /// Only findings of the types that match, such as `UnauthorizedAccess:EC2/*`. May be given several times
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<Glob>,
    /// Tell what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Backfill {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (mut config, _) = match self.config.load() {
            Ok(loaded) => loaded,
            Err(code) => return Ok(code),
        };
        config.soar.login_attempts.get_or_insert(LOGIN_ATTEMPTS);
        if self.dry_run {
            // What a worker remembers is of no use then, and may change under it.
            config.guardduty.state_dir = None;
        }
        let progress = Arc::new(Progress::begin());
        progress.start_log(&config.log)?;
        super::runtime()?.block_on(self.import(config, progress))
    }

    /// Works until all is done or a signal asks to stop; a second one does not wait for what is in hand.
    async fn import(self, config: Config, progress: Arc<Progress>) -> anyhow::Result<ExitCode> {
        let (begin, dry_run) = (Instant::now(), self.dry_run);
        // Not SIGHUP: who closes the terminal ends the program, which can be repeated, unless it was started with `nohup`.
        let mut signals = StopSignals::listen()?;
        let stop = CancellationToken::new();
        let mut work = std::pin::pin!(self.work(config, Arc::clone(&progress), stop.clone()));
        let mut stopped: Option<StopSignal> = None;
        let reports = loop {
            let signal = tokio::select! {
                reports = &mut work => break reports,
                signal = signals.next() => signal,
            };
            if stopped.replace(signal).is_some() {
                progress.end();
                return Ok(signal.into());
            }
            tracing::warn!(
                "stopping on {}: findings in hand are finished; once more ends at once",
                signal.name()
            );
            stop.cancel();
        };
        progress.end();
        let summary = Summary {
            reports: reports?,
            dry_run,
            stopped,
            took: begin.elapsed(),
        };
        print!("{summary}");
        Ok(summary.exit_code())
    }

    async fn work(
        self,
        config: Config,
        progress: Arc<Progress>,
        stop: CancellationToken,
    ) -> anyhow::Result<Vec<RegionReport>> {
        let found = Box::pin(async {
            let context = app::prepare_by_hand(config).await?;
            let regions = backfill::regions(&context, &self.regions).await?;
            anyhow::Ok((context, regions))
        });
        let Some(found) = stop.run_until_cancelled(found).await else {
            return Ok(Vec::new());
        };
        let (context, regions) = found?;
        let what = backfill::Backfill {
            since: self.since,
            types: self.types,
            dry_run: self.dry_run,
            tell: Box::new(move |told| progress.tell(told)),
        };
        Ok(backfill::run(Arc::new(context), &regions, Arc::new(what), stop).await?)
    }
}
