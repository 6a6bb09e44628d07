//! The `fn-aws-guardduty` command.

use std::process::ExitCode;

use clap::Parser as _;
use fn_aws_guardduty::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fn-aws-guardduty: {error:#}");
            ExitCode::FAILURE
        }
    }
}
