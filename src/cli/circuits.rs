//! The commands of IBM's runner, for those who call this program as `resilient-circuits`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::{config, customize, run, selftest};
use crate::package::VERSION;

/// The name of IBM's runner, which a link gives to this program.
const NAME: &str = "resilient-circuits";

/// What IBM's runner lists as parts of a package: the poller, and the component that serves the functions.
const COMPONENTS: [&str; 2] = ["poller", "functions"];

/// Whether the program was called by the name of IBM's runner.
pub(super) fn is_meant_by(arguments: &[OsString]) -> bool {
    let name = arguments.first().map(Path::new);
    name.and_then(Path::file_name)
        .is_some_and(|name| name == NAME)
}

/// fn-aws-guardduty in the place of resilient-circuits: takes its commands for the one app it has.
#[derive(Debug, Parser)]
#[command(
    name = NAME,
    version,
    about,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub(super) struct Circuits {
    /// Accepted, as IBM's runner does; loglevel says how much is told
    #[arg(short, long, hide = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Selftest(selftest::Selftest),
    Config(config::ConfigCommand),
    Customize(Customize),
    List(List),
}

/// Put the customizations into SOAR, after a preview.
#[derive(Debug, Args)]
#[group(skip)]
struct Customize {
    #[command(flatten)]
    customize: customize::Customize,
    /// The packages to do it for: there is but one
    #[arg(short, long, value_name = "PACKAGE", num_args = 1..)]
    list: Vec<String>,
}

/// List the installed app and its components.
#[derive(Debug, Args)]
struct List {
    /// Tell also where the program is
    #[arg(short, long)]
    verbose: bool,
}

impl Circuits {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(run) => run.run(),
            Command::Selftest(selftest) => selftest::as_circuits(&selftest),
            Command::Config(config) => config.run(),
            Command::Customize(customize) => customize.customize.run(),
            Command::List(list) => list.run(),
        }
    }
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        eprint!("{}", self.text(&std::env::current_exe()?));
        Ok(ExitCode::SUCCESS)
    }

    fn text(&self, program: &Path) -> String {
        let place = self.verbose.then(|| format!("\t{}\n", program.display()));
        format!(
            "The following packages and components are installed:\n\
             fn-aws-guardduty=={VERSION}:\n{}{}",
            place.unwrap_or_default(),
            COMPONENTS.map(|name| format!("\t{name}\n")).concat()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Circuits::command().debug_assert();
    }

    #[test]
    fn the_name_decides_in_any_folder() {
        assert!(is_meant_by(&arguments("resilient-circuits run")));
        assert!(is_meant_by(&arguments("/usr/bin/resilient-circuits run")));
        assert!(!is_meant_by(&arguments("/usr/bin/fn-aws-guardduty run")));
        assert!(!is_meant_by(&[]));
    }

    #[test]
    fn what_app_host_and_old_units_call_is_understood() {
        for line in [
            "resilient-circuits run",
            "resilient-circuits run -r",
            "resilient-circuits -v run -r",
            "resilient-circuits run -r --config-file /etc/rescircuits/app.config",
            "resilient-circuits run --auto-restart --config-file=app.config",
            "resilient-circuits run --stomp-host broker.example.com",
            "resilient-circuits selftest -l fn-aws-guardduty",
            "resilient-circuits selftest --list fn_aws_guardduty --print-env",
            "resilient-circuits config -u -l fn-aws-guardduty",
            "resilient-circuits config -c app.config",
            "resilient-circuits customize -y -l fn-aws-guardduty",
            "resilient-circuits list",
            "resilient-circuits list -v",
        ] {
            let parsed = Circuits::try_parse_from(arguments(line));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn an_unknown_command_or_flag_ends_with_2() {
        for line in [
            "resilient-circuits",
            "resilient-circuits test",
            "resilient-circuits run --loud",
        ] {
            let refused = Circuits::try_parse_from(arguments(line)).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_list_has_the_form_of_ibms_runner() {
        let list = List { verbose: false };
        let expected = format!(
            "The following packages and components are installed:\n\
             fn-aws-guardduty=={VERSION}:\n\tpoller\n\tfunctions\n"
        );
        assert_eq!(list.text(Path::new("/usr/bin/fn-aws-guardduty")), expected);
    }
}
