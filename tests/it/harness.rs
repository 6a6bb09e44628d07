//! A world to test in: the sandbox, its customizations, and the worker as a process of its own.

use std::cell::Cell;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use fn_aws_guardduty::domain::incident::TABLES;
use fn_aws_guardduty::domain::mapping::{MappingContext, incident_for};
use fn_aws_guardduty::domain::{Finding, NewIncident};
use nix::sys::signal::Signal;
use sandbox::aws::Aws;
use sandbox::faults::FaultId;
use sandbox::soar::{IncidentView, Platform};
use sandbox::{Options, Sandbox};

use crate::worker_process::{Finished, Settings, WorkerProcess, import_into};
pub(crate) use crate::worker_process::{PATIENCE, REGION};

/// The sandbox and its worker.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    worker: WorkerProcess,
}

impl World {
    /// A platform with our customizations, `GuardDuty` in one region, and no worker yet.
    pub(crate) async fn new() -> Self {
        Self::with(Options {
            regions: vec![REGION.into()],
            ..Options::default()
        })
        .await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let world = Self::bare(options).await;
        world.import();
        world
    }

    /// A listening worker that has escalated one finding; answers the finding's id as well.
    pub(crate) async fn with_an_incident() -> (Self, String) {
        let mut world = Self::new().await;
        let finding = world.start_and_escalate_one().await;
        (world, finding)
    }

    /// Publishes a finding and starts the worker, which listens and escalates it; answers the finding's id.
    pub(crate) async fn start_and_escalate_one(&mut self) -> String {
        let kind = Aws::sample_kinds()[0];
        let finding = self.sandbox.aws().create_sample(REGION, kind);
        self.start_and_listen().await;
        self.escalated([&finding]).await;
        finding
    }

    /// A platform that has none of our customizations yet.
    pub(crate) async fn without_customizations() -> Self {
        Self::bare(Options {
            regions: vec![REGION.into()],
            ..Options::default()
        })
        .await
    }

    async fn bare(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let worker = WorkerProcess::of(&sandbox);
        Self { sandbox, worker }
    }

    /// Imports our customizations.
    pub(crate) fn import(&self) {
        import_into(&self.sandbox);
    }

    /// Writes a file into the folder the worker is started in.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.worker.folder().join(name), text).unwrap();
    }

    /// A file or folder in the folder the worker is started in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.worker.folder().join(name)
    }

    /// The worker's configuration file, written as the next start would.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.worker.write_config()
    }

    /// Sets a key of `[fn_aws_guardduty]` for the next start or reload.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.worker.app.set(key, value);
    }

    /// Sets a key of `[resilient]` for the next start or reload.
    pub(crate) fn set_connection(&mut self, key: &str, value: &str) {
        self.worker.connection.set(key, value);
    }

    /// Takes a key of `[resilient]` away.
    pub(crate) fn unset_connection(&mut self, key: &str) {
        self.worker.connection.unset(key);
    }

    /// Runs another command with the worker's configuration and environment to its end.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Finished {
        self.worker.command(arguments).await
    }

    /// The program with the worker's configuration and environment, for a command that is started otherwise.
    pub(crate) fn program(&self) -> Command {
        self.worker.program()
    }

    /// Adds an argument of `run` for the next start.
    pub(crate) fn add_argument(&mut self, argument: &str) {
        self.worker.arguments.push(argument.to_owned());
    }

    /// Writes the configuration as it is set now.
    pub(crate) fn rewrite_config(&self) {
        self.worker.write_config();
    }

    /// Writes the configuration as it is set now, and SIGHUP.
    pub(crate) fn reload(&self) {
        self.worker.reload();
    }

    /// The environment of the next start, in place of `AWS_ENDPOINT_URL`.
    pub(crate) fn set_variables<const N: usize>(&mut self, variables: &[(&str, &str); N]) {
        self.worker.variables = Settings::from(*variables);
    }

    /// Adds a variable to the environment of the next start.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.worker.variables.set(name, value);
    }

    /// Logs in by user and password from the next start on, in place of the API key.
    pub(crate) fn log_in_by_password(&mut self) {
        let connection = &mut self.worker.connection;
        connection.unset("api_key_id");
        connection.unset("api_key_secret");
        connection.set("email", self.sandbox.email());
        connection.set("password", self.sandbox.password());
    }

    pub(crate) fn platform(&self) -> &Platform {
        self.sandbox.platform()
    }

    pub(crate) fn start(&mut self) {
        self.worker.start();
    }

    /// Starts the worker and waits until it listens on the queue.
    pub(crate) async fn start_and_listen(&mut self) {
        self.start();
        let queue = format!("actions.{}.fn_aws_gd", self.sandbox.org_id());
        let listening = self.sandbox.broker().wait_for_subscriber(&queue);
        tokio::time::timeout(PATIENCE, listening)
            .await
            .expect("the worker subscribes");
    }

    /// SIGTERM, and how the worker took it.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.worker.stop().await
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.worker.signal(signal);
    }

    /// Waits for its end.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        self.worker.exit().await
    }

    /// SIGKILL, as a crash.
    pub(crate) async fn crash(&mut self) {
        self.worker.crash().await;
    }

    /// Waits until the platform is as wanted.
    pub(crate) async fn eventually(
        &self,
        what: &str,
        condition: impl Fn(&Platform) -> bool + Send,
    ) {
        let seen = self.platform().wait_for(condition, PATIENCE).await;
        assert!(seen, "not in time: {what}");
    }

    /// Waits until each of the findings has an incident with all its rows; answers all incidents.
    pub(crate) async fn escalated<'a>(
        &self,
        findings: impl IntoIterator<Item = &'a String>,
    ) -> Vec<IncidentView> {
        let wanted: Vec<(&String, NewIncident)> = findings
            .into_iter()
            .map(|finding| (finding, self.mapped(finding)))
            .collect();
        let what = format!("{} findings are whole incidents", wanted.len());
        // Each is looked for until it is there, not at every change: the platform that is asked is the one that works.
        let seen = Cell::new(0);
        self.eventually(&what, move |platform| {
            let missing = &wanted[seen.get()..];
            let whole = |(finding, wanted): &&(&String, NewIncident)| {
                has_whole_incident(platform, finding, wanted)
            };
            seen.set(seen.get() + missing.iter().take_while(whole).count());
            seen.get() == wanted.len()
        })
        .await;
        self.platform().incidents()
    }

    /// A finding becomes an incident (AWS and REST), and its closing archives it (a message of the broker).
    pub(crate) async fn does_its_whole_work(&mut self) {
        let aws = self.sandbox.aws().clone();
        let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
        self.start_and_listen().await;
        self.escalated([&finding]).await;
        let incident = only(self.platform(), &finding).id;
        self.closing_archives(incident, &finding).await;
    }

    /// Closes the incident as an analyst does, and waits until its finding is archived.
    pub(crate) async fn closing_archives(&self, incident: u64, finding: &str) {
        self.platform()
            .close(incident, "Resolved", "seen to")
            .unwrap();
        self.eventually("the property says so", |platform| {
            platform.incident_for_finding(finding)[0].property("aws_guardduty_archived")
                == Some("True")
        })
        .await;
        assert!(self.sandbox.aws().is_archived(REGION, finding));
    }

    /// What a finding of the sandbox maps to.
    pub(crate) fn mapped(&self, finding: &str) -> NewIncident {
        self.mapped_in(REGION, finding)
    }

    fn mapped_in(&self, region: &str, finding: &str) -> NewIncident {
        let wire = self
            .sandbox
            .aws()
            .finding(region, finding)
            .expect("the finding is there");
        let context = MappingContext {
            region,
            now: jiff::Timestamp::now(),
            time_zone: &jiff::tz::TimeZone::UTC,
            has_critical: false,
        };
        incident_for(&Finding::from_wire(wire).unwrap(), &context)
    }

    /// Asserts that a finding has one incident, never refreshed, with exactly what it maps to.
    pub(crate) fn assert_whole(&self, finding: &str) {
        self.assert_whole_in(REGION, finding);
    }

    /// The same of a finding in any region.
    pub(crate) fn assert_whole_in(&self, region: &str, finding: &str) {
        let incident = only(self.platform(), finding);
        let wanted = self.mapped_in(region, finding);
        assert_eq!(incident.name, wanted.name);
        assert_eq!(incident.severity.as_deref(), wanted.severity_code);
        assert_eq!(incident.notes.len(), 1, "notes of {}", wanted.name);
        let artifacts: Vec<(&str, &str)> = incident
            .artifacts
            .iter()
            .map(|artifact| (artifact.kind.as_str(), artifact.value.as_str()))
            .collect();
        let wanted_artifacts: Vec<(&str, &str)> = wanted
            .artifacts
            .iter()
            .map(|artifact| (artifact.kind.display_name(), artifact.value.as_str()))
            .collect();
        assert_eq!(artifacts, wanted_artifacts, "artifacts of {}", wanted.name);
        assert!(
            has_rows_of(&incident, &wanted),
            "rows of {}: {:?}",
            wanted.name,
            incident.rows
        );
    }

    /// Lets the poller end the cycle it is in and then go round `cycles` times; its log tells of each.
    pub(crate) async fn cycles(&self, cycles: usize) {
        let ended = || self.log().matches("cycle of us-east-1 ended").count();
        let enough = ended() + cycles + 1;
        let turning = async {
            let mut pace = tokio::time::interval(Duration::from_millis(50));
            while ended() < enough {
                pace.tick().await;
            }
        };
        let turned = tokio::time::timeout(PATIENCE, turning).await;
        turned.expect("the poller goes round");
    }

    /// Waits until the worker's log shows a text.
    pub(crate) async fn log_shows(&self, text: &str) {
        self.log_shows_times(text, 1).await;
    }

    /// Waits until the worker's log shows a text so many times.
    pub(crate) async fn log_shows_times(&self, text: &str, times: usize) {
        let shown = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while self.log().matches(text).count() < times {
                pace.tick().await;
            }
        };
        let shown = tokio::time::timeout(PATIENCE, shown).await;
        assert!(shown.is_ok(), "the log never shows: {text}");
    }

    /// Waits until a fault has struck.
    pub(crate) async fn struck(&self, fault: FaultId) {
        let struck = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while self.sandbox.faults().hits(fault) == 0 {
                pace.tick().await;
            }
        };
        let struck = tokio::time::timeout(PATIENCE, struck).await;
        struck.expect("the fault strikes");
    }

    /// Forgets how far the worker has come.
    pub(crate) fn remove_state(&self) {
        std::fs::remove_file(self.state_path()).expect("there is a state file");
    }

    pub(crate) fn state_path(&self) -> PathBuf {
        self.worker
            .folder()
            .join(fn_aws_guardduty::state::FILE_NAME)
    }

    /// What the worker logged since its last start.
    pub(crate) fn log(&self) -> String {
        self.worker.log()
    }
}

/// Whether one of the finding's incidents has all that it maps to.
pub(crate) fn has_whole_incident(platform: &Platform, finding: &str, wanted: &NewIncident) -> bool {
    platform
        .incident_for_finding(finding)
        .iter()
        .any(|incident| has_rows_of(incident, wanted))
}

/// Whether the incident has a note, and in every table as many rows as its finding maps to.
pub(crate) fn has_rows_of(incident: &IncidentView, wanted: &NewIncident) -> bool {
    let rows = |name: &str| {
        wanted
            .tables
            .iter()
            .find(|table| table.name == name)
            .map_or(0, |table| table.rows.len())
    };
    !incident.notes.is_empty()
        && TABLES
            .iter()
            .all(|name| incident.table(name).len() == rows(name))
}

/// The only incident of a finding.
pub(crate) fn only(platform: &Platform, finding: &str) -> IncidentView {
    let mut incidents = platform.incident_for_finding(finding);
    assert_eq!(incidents.len(), 1, "incidents of finding {finding}");
    incidents.remove(0)
}
