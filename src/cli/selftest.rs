//! `selftest`: whether the worker would work.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::config_file::ConfigFile;
use crate::config::{Config, Credentials};
use crate::selftest::{self, Check, Outcome, Report, circuits_text, circuits_unconfigured};

/// Check everything the worker needs: configuration, SOAR, message queue, AWS.
///
/// Prints one line for each check and, where something is wrong, what to do about it. Changes nothing, neither on the platform nor
/// at AWS, and takes no message from a worker that runs beside it. Exits with 0 when the worker can be started, with 1 when something has to
/// be mended first, with 64 when the configuration cannot be used.
#[derive(Debug, Args)]
pub(super) struct Selftest {
    #[command(flatten)]
    config: ConfigFile,
    /// Print one JSON document in place of the lines
    #[arg(long)]
    json: bool,
    /// Print what `resilient-circuits selftest` prints, with its exit codes, for these packages
    #[arg(short, long = "list", value_name = "PACKAGE", num_args = 1.., hide = true)]
    list: Vec<String>,
    /// Print the environment first
    #[arg(long, hide = true)]
    print_env: bool,
}

impl Selftest {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if !self.list.is_empty() {
            return as_circuits(&self);
        }
        let (config, path) = match self.config.load() {
            Ok(loaded) => loaded,
            Err(code) => return Ok(code),
        };
        let json = self.json;
        let colours = Colours::of_stdout();
        let tell = |check: &Check| {
            if !json {
                print(check, colours);
            }
        };
        let report = super::runtime()?.block_on(selftest::run(&config, &path, tell));
        if json {
            println!("{:#}", report.to_json());
        } else {
            if let Some(needed) = report.needed() {
                println!("\n{}", needed.trim_end());
            }
            println!("\n{}", report.verdict());
        }
        Ok(verdict(&report))
    }
}

fn verdict(report: &Report) -> ExitCode {
    if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[derive(Clone, Copy)]
struct Colours(bool);

impl Colours {
    /// For people only, and not for those who set `NO_COLOR` (no-color.org).
    fn of_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self(wanted && io::stdout().is_terminal())
    }

    fn word(self, outcome: Outcome) -> String {
        let colour = match outcome {
            Outcome::Ok => "32",
            Outcome::Warning => "33",
            Outcome::Failed => "1;31",
            Outcome::Unknown | Outcome::Skipped => "2",
        };
        let word = format!("{:<4}", outcome.word());
        if self.0 {
            format!("\u{1b}[{colour}m{word}\u{1b}[0m")
        } else {
            word
        }
    }
}

fn print(check: &Check, colours: Colours) {
    println!(
        "{}  {:<18}  {}",
        colours.word(check.outcome),
        check.name,
        check.detail
    );
    if let Some(remedy) = &check.remedy {
        println!("      -> {remedy}");
    }
    // A line is told when it is known, also to a file or a pipe.
    let _ = io::stdout().flush();
}

/// The self-test as `resilient-circuits` prints it, on standard error, with its exit codes.
pub(super) fn as_circuits(args: &Selftest) -> anyhow::Result<ExitCode> {
    let Ok((config, path)) = args.config.load() else {
        let outcome = circuits_unconfigured();
        eprint!("{}", outcome.text);
        return Ok(outcome.code.into());
    };
    if args.print_env {
        eprintln!(
            "fn-aws-guardduty {} on {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        );
    }
    let started = Instant::now();
    let report = super::runtime()?.block_on(selftest::run(&config, &path, |_| {}));
    let outcome = circuits_text(
        &report,
        &config.soar.host,
        user(&config),
        &args.list,
        started.elapsed(),
    );
    eprint!("{}", outcome.text);
    Ok(outcome.code.into())
}

fn user(config: &Config) -> &str {
    match &config.soar.credentials {
        Credentials::ApiKey { id, .. } => id,
        Credentials::User { email, .. } => email,
    }
}
