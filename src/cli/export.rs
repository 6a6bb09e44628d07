//! `export`: the customizations that SOAR imports.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::customizations::export_text;

/// Write export.res: the customizations that SOAR imports.
///
/// Message destination, functions, workflows, rules, incident fields, data tables and artifact types; no layouts.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Where to write it; `-` writes to standard output
    #[arg(short, long, value_name = "FILE", default_value = "export.res")]
    output: PathBuf,
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let text = export_text();
        if self.output.as_os_str() == "-" {
            print!("{text}");
        } else {
            std::fs::write(&self.output, text).with_context(|| {
                format!(
                    "could not write {}; name another file with --output",
                    self.output.display()
                )
            })?;
            eprintln!("wrote {}", self.output.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
