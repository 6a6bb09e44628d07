//! `config check`: every mistake and warning of a configuration.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::config_file::{BAD_CONFIG, ConfigFile};
use crate::config::{Warning, WarningKind};

/// Tell everything that is wrong with a configuration, and what deserves attention.
///
/// One line each, with section, key, line and remedy; secrets are looked up and never shown. Nothing is connected to: `selftest`
/// does that. Exits with 0 when the configuration can be used, with 64 when it cannot.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Refuse keys that nobody knows, which otherwise are warned of
    #[arg(long)]
    strict: bool,
    /// Print one JSON document in place of the lines
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Verdict {
    file: Option<PathBuf>,
    errors: Vec<String>,
    warnings: Vec<Warning>,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let verdict = self.verdict();
        if self.json {
            println!("{:#}", verdict.to_json());
        } else {
            println!("{}", verdict.text());
        }
        if verdict.errors.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(BAD_CONFIG)
        }
    }

    fn verdict(&self) -> Verdict {
        let verdict = match self.config.read() {
            Ok((config, file)) => Verdict {
                file: Some(file),
                errors: Vec::new(),
                warnings: config.warnings,
            },
            Err(errors) => Verdict {
                file: errors.path().map(PathBuf::from),
                errors: errors.problems().iter().map(ToString::to_string).collect(),
                warnings: errors.warnings().to_vec(),
            },
        };
        if self.strict {
            verdict.strict()
        } else {
            verdict
        }
    }
}

impl Verdict {
    /// Unknown keys are errors.
    fn strict(self) -> Self {
        let (unknown, warnings): (Vec<_>, Vec<_>) = self
            .warnings
            .into_iter()
            .partition(|warning| warning.kind == WarningKind::UnknownKey);
        let unknown = unknown.iter().map(ToString::to_string);
        Self {
            errors: self.errors.into_iter().chain(unknown).collect(),
            warnings,
            ..self
        }
    }

    fn text(&self) -> String {
        let errors = self.errors.iter().map(|error| format!("error: {error}"));
        let warnings = self
            .warnings
            .iter()
            .map(|warning| format!("warning: {warning}"));
        let lines: Vec<String> = errors.chain(warnings).chain([self.last_line()]).collect();
        lines.join("\n")
    }

    fn last_line(&self) -> String {
        let file = match &self.file {
            Some(file) => file.display().to_string(),
            None => "the configuration".to_owned(),
        };
        match (self.errors.len(), self.warnings.len()) {
            (0, 0) => format!("{file} can be used; selftest tries it"),
            (0, warnings) => format!("{file} can be used, with {}", counted(warnings, "warning")),
            (errors, _) => format!(
                "{file} cannot be used: correct {}",
                counted(errors, "error")
            ),
        }
    }

    fn to_json(&self) -> Value {
        let warnings: Vec<Value> = self
            .warnings
            .iter()
            .map(|warning| json!({"kind": kind(warning.kind), "text": warning.text}))
            .collect();
        json!({
            "file": self.file,
            "ok": self.errors.is_empty(),
            "errors": self.errors,
            "warnings": warnings,
        })
    }
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn kind(kind: WarningKind) -> &'static str {
    match kind {
        WarningKind::UnknownKey => "unknown_key",
        WarningKind::Ineffective => "ineffective",
        WarningKind::Insecure => "insecure",
        WarningKind::Notice => "notice",
    }
}
