//! `man`: the manual pages, for packages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use super::Cli;

/// What the manual says beyond the help.
const MORE: &str = "\
The worker is configured by app.config, which app.config.example describes key by key. `fn-aws-guardduty selftest` tells \
whether it would work. As a service of systemd it reads /etc/fn-aws-guardduty/app.config and, for the variables that \
app.config names, /etc/fn-aws-guardduty/environment.

Exit codes: 0 when all is done, 1 when it failed, 2 when the arguments are wrong, 64 when the configuration cannot be used.

Called by the name of resilient-circuits, the program takes the commands of IBM's runner.";

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
        let command = Cli::command().after_long_help(MORE);
        clap_mangen::generate_to(command, &self.output).with_context(|| {
            format!(
                "could not write manual pages to {}; name another folder with --output",
                self.output.display()
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
