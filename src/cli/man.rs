//! `man`: the manual pages, for packages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use super::Cli;

/// Write the manual pages, one for the program and one for each command.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Man {
    /// Folder to write them to; it must exist
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        clap_mangen::generate_to(Cli::command(), &self.output).with_context(|| {
            format!(
                "could not write manual pages to {}; name another folder with --output",
                self.output.display()
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
