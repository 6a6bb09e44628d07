//! `run`: the worker.

use std::process::ExitCode;

use clap::Args;

use super::config_file::ConfigFile;
use crate::requests::Requests;
use crate::service::Service;
use crate::telemetry;

/// Run the worker until SIGTERM or SIGINT.
///
/// SIGHUP reads the configuration again: what is in hand is finished, no message is lost, and a configuration that cannot be
/// used, or that cannot log in, changes nothing.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
    /// Read the configuration again when its file changes, as on SIGHUP
    #[arg(short = 'r', long)]
    auto_restart: bool,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (config, path) = match self.config.load() {
            Ok(loaded) => loaded,
            Err(code) => return Ok(code),
        };
        let log = telemetry::init(&config.log)?;
        tracing::info!(
            "fn-aws-guardduty {}, configured by {}",
            env!("CARGO_PKG_VERSION"),
            path.display()
        );
        let runtime = super::runtime()?;
        let verdict = runtime.block_on(async {
            let requests = Requests::listen(self.auto_restart.then_some(path))?;
            let reread = move || self.config.read().map(|(config, _)| config);
            Service::new(requests, Box::new(reread), log)
                .run(config)
                .await
        })?;
        Ok(verdict.into())
    }
}
