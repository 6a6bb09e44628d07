//! The `fn-aws-guardduty` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    match fn_aws_guardduty::cli::run(std::env::args_os()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fn-aws-guardduty: {error:#}");
            ExitCode::FAILURE
        }
    }
}
