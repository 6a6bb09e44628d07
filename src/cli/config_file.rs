//! `--config`, which every command has that works with a platform.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{Config, ConfigErrors, load};

/// Exit code for a configuration that cannot be used (`EX_USAGE`).
const BAD_CONFIG: u8 = 64;

/// Which configuration is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct ConfigFile {
    /// The configuration file
    ///
    /// Without it: the variable `APP_CONFIG_FILE`, ./app.config, ~/.resilient/app.config, in this order.
    #[arg(long, visible_alias = "config-file", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// The configuration and the file it was read from; otherwise every mistake is told and the exit code returned.
    pub(super) fn load(&self) -> Result<(Config, PathBuf), ExitCode> {
        self.read().map_err(|errors| {
            eprintln!("{errors}");
            ExitCode::from(BAD_CONFIG)
        })
    }

    /// The configuration and the file it was read from.
    pub(super) fn read(&self) -> Result<(Config, PathBuf), ConfigErrors> {
        load::load(self.config.clone())
    }
}
