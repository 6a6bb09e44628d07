//! `export`: the customizations that SOAR imports.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::customizations::export_text;

/// Write export.res: the customizations that SOAR imports.
///
/// It holds the message destination, functions, workflows, rules, incident fields, data tables and artifact types; no
/// layouts, since an import would replace those of the platform. `customize` puts all of it into a platform.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// File to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "export/export.res")]
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
