//! `demo`: the whole loop on a simulated SOAR and AWS, told on the terminal.

mod account;
mod stage;
mod story;

use std::process::ExitCode;

use clap::Args;

/// Show the whole loop on a simulated SOAR and AWS, on loopback only.
///
/// Findings of three regions become incidents; an update, an archived finding, a closed incident and a refresh from the
/// menu travel between both sides. Then new findings keep coming until Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Stop after the story; exit 0 when every step was seen on the platform's side, else 1
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = super::runtime()?;
        runtime.block_on(story::tell(self.once))
    }
}
