//! `completions`: what a shell offers on the tab key.

use std::io;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;

/// Print the completions of a shell.
///
/// For bash, in the current shell: `source <(fn-aws-guardduty completions bash)`; for good, write them to
/// ~/.local/share/bash-completion/completions/fn-aws-guardduty. The Debian package installs those of bash, fish and zsh.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Shell to complete commands in
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        let mut command = Cli::command();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut io::stdout());
        ExitCode::SUCCESS
    }
}
