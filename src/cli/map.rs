//! `map`: the incident that a finding would become.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::domain::Finding;
use crate::domain::mapping::{MappingContext, creation_note, incident_for};

/// Print the incident that a finding would become, without any network.
///
/// Takes the JSON of a finding as the GuardDuty API, the AWS CLI, boto3 or EventBridge give it, also several in
/// a list or in an answer of GetFindings, and prints a list of incidents with the rows of their data tables.
#[derive(Debug, Args)]
pub(super) struct Map {
    /// File with JSON; `-` is standard input
    file: PathBuf,
    /// The platform's severity field has the value "Critical"
    #[arg(long)]
    critical: bool,
}

impl Map {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let text = self
            .read()
            .with_context(|| format!("could not read {}", self.file.display()))?;
        let document = serde_json::from_str(&text)
            .with_context(|| format!("{} is not JSON", self.file.display()))?;
        let findings = Finding::from_document(document)
            .with_context(|| format!("{} holds no finding", self.file.display()))?;
        let incidents: Vec<Value> = findings
            .iter()
            .map(|finding| self.incident(finding))
            .collect();
        println!("{}", serde_json::to_string_pretty(&incidents)?);
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> std::io::Result<String> {
        if self.file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            return Ok(text);
        }
        std::fs::read_to_string(&self.file)
    }

    fn incident(&self, finding: &Finding) -> Value {
        let time_zone = TimeZone::system();
        let context = MappingContext {
            region: finding.region().unwrap_or("unknown"),
            now: Timestamp::now(),
            time_zone: &time_zone,
            has_critical: self.critical,
        };
        let incident = incident_for(finding, &context);
        json!({"incident": incident.to_dto(&creation_note(finding)), "data_tables": incident.data_tables()})
    }
}
