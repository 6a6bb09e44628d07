//! A world to test in: the sandbox, its customizations, and the worker as a process of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use fn_aws_guardduty::domain::incident::TABLES;
use fn_aws_guardduty::domain::mapping::{MappingContext, incident_for};
use fn_aws_guardduty::domain::{Finding, NewIncident};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::soar::{IncidentView, Platform};
use sandbox::{Options, Sandbox};
use tempfile::TempDir;

/// How long an effect may take before the test gives up; generous, since a test machine is busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const REGION: &str = "us-east-1";

/// The sandbox and, while it runs, the worker.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
    settings: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    /// With the administrator's password instead of the API key.
    by_password: bool,
    worker: Option<Child>,
    starts: usize,
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
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = vec![
            (
                "aws_gd_access_key_id".into(),
                sandbox.aws_access_key_id().into(),
            ),
            (
                "aws_gd_secret_access_key".into(),
                sandbox.aws_secret_access_key().into(),
            ),
            ("aws_gd_master_region".into(), REGION.into()),
            ("aws_gd_polling_interval".into(), "1s".into()),
            ("aws_gd_regions".into(), "'^(us|eu|ap)-'".into()),
        ];
        let variables = vec![("AWS_ENDPOINT_URL".into(), sandbox.aws_endpoint())];
        let world = Self {
            sandbox,
            folder,
            settings,
            variables,
            by_password: false,
            worker: None,
            starts: 0,
        };
        world.write("ca.pem", world.sandbox.ca_pem());
        world
    }

    /// Imports our customizations.
    pub(crate) fn import(&self) {
        let export = fn_aws_guardduty::customizations::export_document();
        self.platform().import(&export).expect("our export imports");
    }

    /// Writes a file into the folder the worker is started in.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Sets a key of `[fn_aws_guardduty]` for the next start.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.retain(|(name, _)| name != key);
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    /// The environment of the next start, in place of `AWS_ENDPOINT_URL`.
    pub(crate) fn set_variables(&mut self, variables: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.variables = variables.iter().map(owned).collect();
    }

    /// Logs in by user and password from the next start on.
    pub(crate) fn log_in_by_password(&mut self) {
        self.by_password = true;
    }

    pub(crate) fn platform(&self) -> &Platform {
        self.sandbox.platform()
    }

    /// Starts the worker as a user would: `APP_CONFIG_FILE` and the standard AWS variables.
    pub(crate) fn start(&mut self) {
        assert!(self.worker.is_none(), "the worker runs already");
        let config = self.folder.path().join("app.config");
        std::fs::write(&config, self.config_text()).unwrap();
        self.starts += 1;
        let log = File::create(self.log_path()).unwrap();
        let worker = Command::new(env!("CARGO_BIN_EXE_fn-aws-guardduty"))
            .arg("run")
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TZ", "UTC")
            .env("APP_CONFIG_FILE", &config)
            .envs(self.variables.iter().cloned())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("RUST_LOG", "info,fn_aws_guardduty=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the worker starts");
        self.worker = Some(worker);
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
        self.signal(Signal::SIGTERM);
        self.exit().await
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let worker = self.worker.as_ref().expect("the worker runs");
        kill(Pid::from_raw(i32::try_from(worker.id()).unwrap()), signal)
            .expect("the worker takes signals");
    }

    /// SIGKILL, as a crash.
    pub(crate) async fn crash(&mut self) {
        self.signal(Signal::SIGKILL);
        self.exit().await;
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        let mut worker = self.worker.take().expect("the worker runs");
        let waiting = tokio::task::spawn_blocking(move || worker.wait());
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the worker ends")
            .unwrap()
            .unwrap()
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
        self.eventually(&what, |platform| {
            wanted.iter().all(|(finding, wanted)| {
                platform
                    .incident_for_finding(finding)
                    .iter()
                    .any(|incident| has_rows_of(incident, wanted))
            })
        })
        .await;
        self.platform().incidents()
    }

    /// What a finding of the sandbox maps to.
    pub(crate) fn mapped(&self, finding: &str) -> NewIncident {
        let wire = self
            .sandbox
            .aws()
            .finding(REGION, finding)
            .expect("the finding is there");
        let context = MappingContext {
            region: REGION,
            now: jiff::Timestamp::now(),
            time_zone: &jiff::tz::TimeZone::UTC,
            has_critical: false,
        };
        incident_for(&Finding::from_wire(wire).unwrap(), &context)
    }

    /// Asserts that a finding has one incident, never refreshed, with exactly what it maps to.
    pub(crate) fn assert_whole(&self, finding: &str) {
        let (incident, wanted) = (only(self.platform(), finding), self.mapped(finding));
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

    /// Lets the poller go round at least `cycles` times from now on.
    pub(crate) async fn cycles(&self, cycles: usize) {
        let lists = || {
            self.sandbox
                .aws()
                .calls()
                .get("ListFindings")
                .copied()
                .unwrap_or_default()
        };
        // A cycle lists once for new findings and, where incidents are open, once for the unarchived.
        let enough = lists() + 2 * cycles as u64 + 1;
        let turning = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while lists() < enough {
                pace.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, turning)
            .await
            .expect("the poller goes round");
    }

    /// Waits until the worker's log shows a text.
    pub(crate) async fn log_shows(&self, text: &str) {
        let shown = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while !self.log().contains(text) {
                pace.tick().await;
            }
        };
        let shown = tokio::time::timeout(PATIENCE, shown).await;
        assert!(shown.is_ok(), "the log never shows: {text}");
    }

    /// Forgets how far the worker has come.
    pub(crate) fn remove_state(&self) {
        std::fs::remove_file(self.state_path()).expect("there is a state file");
    }

    pub(crate) fn state_path(&self) -> PathBuf {
        self.folder.path().join(fn_aws_guardduty::state::FILE_NAME)
    }

    /// What the worker logged since its last start.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder
            .path()
            .join(format!("worker-{}.log", self.starts))
    }

    fn config_text(&self) -> String {
        let s = &self.sandbox;
        let (host, port, org, stomp) = (s.soar_host(), s.soar_port(), s.org_name(), s.stomp_port());
        let login = if self.by_password {
            format!("email={}\npassword={}", s.email(), s.password())
        } else {
            format!(
                "api_key_id={}\napi_key_secret={}",
                s.api_key_id(),
                s.api_key_secret()
            )
        };
        let mut text = format!(
            "[resilient]\nhost={host}\nport={port}\norg={org}\n{login}\nstomp_port={stomp}\n\
             cafile=ca.pem\nrequest_retry_delay=1\n\n[fn_aws_guardduty]\n"
        );
        for (key, value) in &self.settings {
            writeln!(text, "{key} = {value}").unwrap();
        }
        text
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(worker) = &mut self.worker {
            let _ = worker.kill();
            let _ = worker.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(60);
            eprintln!("--- the worker's log ---\n{}", lines[last..].join("\n"));
        }
    }
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
