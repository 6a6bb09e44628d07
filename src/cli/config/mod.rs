//! `config`: write, check and complete an `app.config`.

mod check;
mod files;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use check::Check;

/// Write a configuration file, check it, or add the keys that it lacks.
///
/// Without FILE, `init` writes the file that the variable `APP_CONFIG_FILE` names, else ~/.resilient/app.config, and `update`
/// takes the one that the worker would take.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    spelling: PythonSpelling,
}

#[derive(Debug, Subcommand)]
enum Action {
    Init(Init),
    Check(Check),
    Update(Update),
}

/// How the Python app's runner spells `init` and `update`.
#[derive(Debug, Args)]
#[group(skip)]
struct PythonSpelling {
    /// As init
    #[arg(
        short = 'c',
        long = "create",
        value_name = "FILE",
        hide = true,
        conflicts_with = "update"
    )]
    #[expect(
        clippy::option_option,
        reason = "the flag, and its value, may be absent"
    )]
    create: Option<Option<PathBuf>>,
    /// As update
    #[arg(short = 'u', long = "update", value_name = "FILE", hide = true)]
    #[expect(
        clippy::option_option,
        reason = "the flag, and its value, may be absent"
    )]
    update: Option<Option<PathBuf>>,
    /// The packages to do it for: there is but one
    #[arg(short = 'l', long = "list", value_name = "PACKAGE", num_args = 1.., hide = true)]
    list: Vec<String>,
}

/// Write a commented configuration file with every key and its default.
///
/// Only its owner may read it. What is there already is left alone.
#[derive(Debug, Args)]
struct Init {
    /// The file to write
    file: Option<PathBuf>,
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

/// Add the sections and keys that a configuration file lacks, as comments.
///
/// Every byte that is there stays. A key that stands in a comment already is not added. A second run changes nothing.
#[derive(Debug, Args)]
struct Update {
    /// The file to complete
    file: Option<PathBuf>,
}

impl ConfigCommand {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match (self.action, self.spelling) {
            (Some(Action::Init(init)), _) => files::init(init.file, init.force),
            (Some(Action::Check(check)), _) => Ok(check.run()),
            (Some(Action::Update(update)), _) => files::update(update.file),
            (
                None,
                PythonSpelling {
                    create: Some(file), ..
                },
            ) => files::init(file, false),
            (
                None,
                PythonSpelling {
                    update: Some(file), ..
                },
            ) => files::update(file),
            (None, _) => {
                anyhow::bail!("say what to do: config init, config check or config update")
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        config: ConfigCommand,
    }

    #[test]
    fn both_spellings_are_understood() {
        for line in [
            "config init",
            "config init app.config --force",
            "config check --strict --json --config app.config",
            "config update app.config",
            "config -c",
            "config -c app.config -l fn-aws-guardduty",
            "config -u app.config",
            "config --update",
        ] {
            let parsed = Command::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
        for line in ["config", "config -c -u", "config mend", "config init a b"] {
            assert!(Command::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
