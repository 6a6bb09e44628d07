//! The worker as a process of its own, configured as a user would do it.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::Sandbox;
use tempfile::TempDir;

/// How long an effect may take before the test gives up; generous, since a test machine is busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
pub(crate) const REGION: &str = "us-east-1";

/// A port of this machine that nobody holds now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Imports our customizations.
pub(crate) fn import_into(sandbox: &Sandbox) {
    let export = fn_aws_guardduty::customizations::export_document();
    let imported = sandbox.platform().import(&export);
    imported.expect("our export imports");
}

/// A worker's folder with its settings for the next start and, while it runs, the process.
pub(crate) struct WorkerProcess {
    folder: TempDir,
    /// Of `[resilient]`.
    pub(crate) connection: Settings,
    /// Of `[fn_aws_guardduty]`.
    pub(crate) app: Settings,
    /// The environment, apart from what every worker has.
    pub(crate) variables: Settings,
    /// After `run`.
    pub(crate) arguments: Vec<String>,
    process: Option<Child>,
    starts: usize,
}

/// How a command ended.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Names and their values.
pub(crate) struct Settings(Vec<(String, String)>);

impl WorkerProcess {
    /// Not started yet; it will connect to the sandbox for everything.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), sandbox.ca_pem()).unwrap();
        sandbox::no_worker_before(folder.path()).unwrap();
        let connection = Settings::from([
            ("host", sandbox.soar_host()),
            ("port", &sandbox.soar_port().to_string()),
            ("org", sandbox.org_name()),
            ("api_key_id", sandbox.api_key_id()),
            ("api_key_secret", sandbox.api_key_secret()),
            ("stomp_port", &sandbox.stomp_port().to_string()),
            ("cafile", "ca.pem"),
            ("request_retry_delay", "1"),
        ]);
        let app = Settings::from([
            ("aws_gd_access_key_id", sandbox.aws_access_key_id()),
            ("aws_gd_secret_access_key", sandbox.aws_secret_access_key()),
            ("aws_gd_master_region", REGION),
            ("aws_gd_polling_interval", "1s"),
            ("aws_gd_regions", "'^(us|eu|ap)-'"),
        ]);
        Self {
            folder,
            connection,
            app,
            variables: Settings::from([("AWS_ENDPOINT_URL", sandbox.aws_endpoint().as_str())]),
            arguments: Vec::new(),
            process: None,
            starts: 0,
        }
    }

    /// The folder in which the worker runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the worker as a user would: `APP_CONFIG_FILE` and the standard AWS variables.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "the worker runs already");
        self.starts += 1;
        let log = File::create(self.log_path()).unwrap();
        let process = self
            .program()
            .arg("run")
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the worker starts");
        self.process = Some(process);
    }

    /// Runs another command of the program to its end, as the worker would be run.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Finished {
        let mut program = tokio::process::Command::from(self.program());
        let output = program.args(arguments).kill_on_drop(true).output();
        let output = tokio::time::timeout(PATIENCE, output).await;
        let output = output.expect("the command ends").unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The program in the worker's folder and environment, with the configuration as it is set now.
    pub(crate) fn program(&self) -> Command {
        let config = self.write_config();
        let mut program = Command::new(env!("CARGO_BIN_EXE_fn-aws-guardduty"));
        program
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", self.folder())
            .env("TZ", "UTC")
            .env("APP_CONFIG_FILE", &config)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("RUST_LOG", "info,fn_aws_guardduty=debug")
            .envs(self.variables.0.iter().cloned())
            .stdin(Stdio::null());
        program
    }

    /// Writes the settings as they are now, and answers the file.
    pub(crate) fn write_config(&self) -> PathBuf {
        let config = self.folder().join("app.config");
        // At once: commands that run side by side read it.
        let beside = tempfile::NamedTempFile::new_in(self.folder()).unwrap();
        std::fs::write(beside.path(), self.config_text()).unwrap();
        beside.persist(&config).unwrap();
        config
    }

    /// Writes the settings as they are now and tells the worker by SIGHUP.
    pub(crate) fn reload(&self) {
        self.write_config();
        self.signal(Signal::SIGHUP);
    }

    /// SIGTERM, and how the worker took it.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.exit().await
    }

    /// SIGKILL, as a crash.
    pub(crate) async fn crash(&mut self) {
        self.signal(Signal::SIGKILL);
        self.exit().await;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("the worker runs");
        kill(Pid::from_raw(i32::try_from(process.id()).unwrap()), signal)
            .expect("the worker takes signals");
    }

    /// Waits for its end.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the worker runs");
        let waiting = tokio::task::spawn_blocking(move || process.wait());
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the worker ends")
            .unwrap()
            .unwrap()
    }

    /// What the worker logged since its last start.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join(format!("worker-{}.log", self.starts))
    }

    fn config_text(&self) -> String {
        let (connection, app) = (self.connection.text(), self.app.text());
        format!("[resilient]\n{connection}\n[fn_aws_guardduty]\n{app}")
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Settings {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let mut settings = Self(Vec::new());
        for (key, value) in pairs {
            settings.set(key, value);
        }
        settings
    }
}

impl Settings {
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.unset(key);
        self.0.push((key.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.0 {
            writeln!(text, "{key} = {value}").unwrap();
        }
        text
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(60);
            eprintln!("--- the worker's log ---\n{}", lines[last..].join("\n"));
        }
    }
}
