//! The command line: one file a command.

mod backfill;
mod circuits;
mod completions;
mod config;
mod config_file;
mod customize;
#[cfg(feature = "demo")]
mod demo;
mod export;
mod healthcheck;
mod man;
mod map;
mod package;
mod run;
mod selftest;

use std::ffi::OsString;
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
    Backfill(backfill::Backfill),
    Healthcheck(healthcheck::Healthcheck),
    Config(config::ConfigCommand),
    Customize(customize::Customize),
    Map(map::Map),
    Export(export::Export),
    Package(package::Package),
    Completions(completions::Completions),
    Man(man::Man),
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
}

/// Runs the command that `arguments` name, the program's own name before them.
///
/// Called as `resilient-circuits`, the program takes the commands of IBM's runner: App Host and unit files
/// made for the Python app call it so. Ends the process where help is asked for or the arguments are wrong.
///
/// # Errors
/// When the command fails; the error is for the user, on one line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if circuits::is_meant_by(&arguments) {
        return circuits::Circuits::parse_from(arguments).run();
    }
    Cli::parse_from(arguments).run()
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
            Command::Backfill(backfill) => backfill.run(),
            Command::Healthcheck(healthcheck) => healthcheck.run(),
            Command::Config(config) => config.run(),
            Command::Customize(customize) => customize.run(),
            Command::Map(map) => map.run(),
            Command::Export(export) => export.run(),
            Command::Package(package) => package.run(),
            Command::Completions(completions) => Ok(completions.run()),
            Command::Man(man) => man.run(),
            #[cfg(feature = "demo")]
            Command::Demo(demo) => demo.run(),
        }
    }
}

/// What the commands that talk to a network run on: one thread. The work is waiting, and what one thread wakes another for costs
/// more than it brings; docs/BENCHMARKS.md has the figures.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
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
