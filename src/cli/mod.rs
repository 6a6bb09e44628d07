//! The command line: one file a command.

mod config_file;
mod customize;
#[cfg(feature = "demo")]
mod demo;
mod export;
mod map;
mod run;
mod selftest;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Escalates AWS GuardDuty findings to IBM SOAR incidents and keeps both sides in step.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Selftest(selftest::Selftest),
    Customize(customize::Customize),
    Map(map::Map),
    Export(export::Export),
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// When it fails; the error is for the user, on one line.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(run) => run.run(),
            Command::Selftest(selftest) => selftest.run(),
            Command::Customize(customize) => customize.run(),
            Command::Map(map) => map.run(),
            Command::Export(export) => export.run(),
            #[cfg(feature = "demo")]
            Command::Demo(demo) => demo.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
