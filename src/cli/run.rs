//! `run`: the worker.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{Config, load};
use crate::lifecycle::{GRACE_PERIOD, Lifecycle};
use crate::{app, telemetry};

/// Exit code for a configuration that cannot be used (`EX_USAGE`).
const BAD_CONFIG: u8 = 64;

/// Run the worker until SIGTERM or SIGINT.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration file
    ///
    /// Without it: the variable `APP_CONFIG_FILE`, ./app.config, ~/.resilient/app.config, in this order.
    #[arg(long, visible_alias = "config-file")]
    config: Option<PathBuf>,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (config, path) = match load::load(self.config) {
            Ok(loaded) => loaded,
            Err(errors) => {
                eprintln!("{errors}");
                return Ok(ExitCode::from(BAD_CONFIG));
            }
        };
        telemetry::init(config.log_level, config.log_filter.as_deref())?;
        tracing::info!(
            "fn-aws-guardduty {}, configured by {}",
            env!("CARGO_PKG_VERSION"),
            path.display()
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(work(config))
    }
}

/// Signals count from the beginning, also while the platform cannot be reached yet.
async fn work(config: Config) -> anyhow::Result<ExitCode> {
    let lifecycle = Lifecycle::new();
    let starting = async {
        let started = lifecycle
            .soft()
            .run_until_cancelled(Box::pin(app::start(config, &lifecycle)))
            .await;
        if matches!(started, Some(Err(_))) {
            lifecycle.stop();
        }
        started.unwrap_or(Ok(()))
    };
    let (started, verdict) = tokio::join!(starting, lifecycle.run_until_stopped(GRACE_PERIOD));
    started?;
    Ok(verdict?.into())
}
