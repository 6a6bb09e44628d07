//! `run`: the worker.

use std::process::ExitCode;

use clap::Args;

use super::config_file::ConfigFile;
use crate::config::Config;
use crate::lifecycle::{GRACE_PERIOD, Lifecycle};
use crate::{app, systemd, telemetry};

/// Run the worker until SIGTERM or SIGINT.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (config, path) = match self.config.load() {
            Ok(loaded) => loaded,
            Err(code) => return Ok(code),
        };
        telemetry::init(config.log.level, config.log.filter.as_deref())?;
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
    systemd::watch(&lifecycle);
    let starting = async {
        let started = lifecycle
            .soft()
            .run_until_cancelled(Box::pin(app::start(config, &lifecycle)))
            .await;
        match started {
            Some(Ok(())) => systemd::ready(),
            Some(Err(_)) => lifecycle.stop(),
            None => {}
        }
        started.unwrap_or(Ok(()))
    };
    let (started, verdict) = tokio::join!(starting, lifecycle.run_until_stopped(GRACE_PERIOD));
    started?;
    Ok(verdict?.into())
}
