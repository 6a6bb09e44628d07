//! The worker as a process, configured as a user would do it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::Sandbox;

pub(crate) const REFRESH: &str = "func_aws_guardduty_refresh_finding";
pub(crate) const ARCHIVE: &str = "func_aws_guardduty_archive_finding";

/// The queue that its functions are called by.
pub(crate) fn queue(sandbox: &Sandbox) -> String {
    format!("actions.{}.fn_aws_gd", sandbox.org_id())
}

/// How long a worker may take to end after SIGTERM.
const END: Duration = Duration::from_secs(90);
const MASTER_REGION: &str = "us-east-1";
const PACE: Duration = Duration::from_millis(10);

/// Where the worker finds its message broker.
#[derive(Debug, Clone)]
pub(crate) struct BrokerAddress {
    pub(crate) port: u16,
    pub(crate) ca_pem: String,
}

impl BrokerAddress {
    /// The sandbox's own.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        Self {
            port: sandbox.stomp_port(),
            ca_pem: sandbox.ca_pem().to_owned(),
        }
    }
}

/// What a worker is told beyond how it connects: lines of the two sections of `app.config`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) resilient: String,
    pub(crate) guardduty: String,
}

/// What a process takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    pub(crate) resident_kb: u64,
    pub(crate) peak_kb: u64,
    pub(crate) files: u64,
    pub(crate) threads: u64,
    /// Processor time of all threads so far.
    pub(crate) processor: Duration,
}

/// A worker's folder and, while it runs, the process.
pub(crate) struct Worker {
    program: PathBuf,
    folder: TempDir,
    endpoint: String,
    process: Option<Child>,
}

impl Worker {
    /// Not started yet.
    pub(crate) fn new(
        program: &Path,
        sandbox: &Sandbox,
        broker: &BrokerAddress,
        settings: &Settings,
    ) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let within = |name: &str| folder.path().join(name);
        fs::create_dir(within("state"))?;
        crate::no_worker_before(&within("state"))?;
        fs::write(within("soar.pem"), sandbox.ca_pem())?;
        fs::write(within("broker.pem"), &broker.ca_pem)?;
        fs::write(within("app.config"), config(sandbox, broker, settings))?;
        Ok(Self {
            program: program.to_owned(),
            endpoint: sandbox.aws_endpoint(),
            folder,
            process: None,
        })
    }

    pub(crate) fn start(&mut self) -> io::Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        self.process = Some(
            self.command()
                .arg("run")
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()?,
        );
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TZ", "UTC")
            .env("APP_CONFIG_FILE", self.folder.path().join("app.config"))
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    /// SIGKILL; true when there was a process to kill.
    pub(crate) fn kill(&mut self) -> io::Result<bool> {
        let Some(mut process) = self.process.take() else {
            return Ok(false);
        };
        process.kill()?;
        status(process.wait().map(Some))?;
        Ok(true)
    }

    /// SIGTERM; false when there is no process.
    pub(crate) fn terminate(&self) -> io::Result<bool> {
        let Some(process) = &self.process else {
            return Ok(false);
        };
        let id = i32::try_from(process.id()).map_err(io::Error::other)?;
        kill(Pid::from_raw(id), Signal::SIGTERM)?;
        Ok(true)
    }

    /// SIGTERM, and how it ended.
    ///
    /// # Errors
    /// Also when it does not end in time.
    pub(crate) async fn stop(&mut self) -> io::Result<ExitStatus> {
        self.terminate()?;
        let Some(mut process) = self.process.take() else {
            return Err(io::Error::other("the worker does not run"));
        };
        let ended = async {
            loop {
                if let Some(status) = status(process.try_wait())? {
                    return io::Result::Ok(status);
                }
                tokio::time::sleep(PACE).await;
            }
        };
        if let Ok(status) = tokio::time::timeout(END, ended).await {
            return status;
        }
        process.kill()?;
        process.wait()?;
        Err(io::Error::other(format!(
            "the worker did not end within {} s of SIGTERM",
            END.as_secs()
        )))
    }

    /// How it ended, if it has ended by itself.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some(process) = &mut self.process else {
            return Ok(None);
        };
        let status = status(process.try_wait())?;
        if status.is_some() {
            self.process = None;
        }
        Ok(status)
    }

    /// What it takes now, as Linux tells.
    pub(crate) fn usage(&self) -> io::Result<Use> {
        let process = self.process.as_ref();
        let process = process.ok_or_else(|| io::Error::other("the worker does not run"))?;
        let folder = PathBuf::from(format!("/proc/{}", process.id()));
        let status = fs::read_to_string(folder.join("status"))?;
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            figure.ok_or_else(|| io::Error::other(format!("no {name}")))
        };
        Ok(Use {
            resident_kb: figure("VmRSS:")?,
            peak_kb: figure("VmHWM:")?,
            threads: figure("Threads:")?,
            processor: processor(&folder)?,
            files: fs::read_dir(folder.join("fd"))?.count() as u64,
        })
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("worker.log")
    }

    /// Forgets how far it has come.
    pub(crate) fn lose_state(&self) {
        // There may be none yet.
        let _ = fs::remove_file(self.folder.path().join("state/fn_aws_guardduty.state.json"));
    }

    /// Puts a file where the folder was: nothing can be written there, whoever one is.
    pub(crate) fn spoil_state(&self) -> io::Result<()> {
        let (state, aside) = (
            self.folder.path().join("state"),
            self.folder.path().join("aside"),
        );
        if state.is_dir() {
            fs::rename(&state, &aside)?;
            fs::write(&state, "")?;
        }
        Ok(())
    }

    pub(crate) fn heal_state(&self) -> io::Result<()> {
        let (state, aside) = (
            self.folder.path().join("state"),
            self.folder.path().join("aside"),
        );
        if aside.is_dir() {
            fs::remove_file(&state)?;
            fs::rename(&aside, &state)?;
        }
        Ok(())
    }

    /// What these findings map to: a list of incidents with their data tables.
    pub(crate) fn map(&self, findings: &[Value]) -> io::Result<Vec<Value>> {
        let file = self.folder.path().join("findings.json");
        fs::write(&file, Value::from(findings).to_string())?;
        let map = || self.command().arg("map").arg(&file).output();
        let output = map().or_else(|error| {
            if has_no_status(&error) {
                map()
            } else {
                Err(error)
            }
        })?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(text));
        }
        serde_json::from_slice(&output.stdout).map_err(io::Error::other)
    }
}

/// `RustPython` ignores SIGCHLD for a moment whenever an interpreter is made: a child that ends just then leaves no status.
fn has_no_status(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::ECHILD as i32)
}

/// The status of a child, if it has ended; a good one where it left none.
pub(crate) fn status(ended: io::Result<Option<ExitStatus>>) -> io::Result<Option<ExitStatus>> {
    ended.or_else(|error| {
        if has_no_status(&error) {
            Ok(Some(ExitStatus::default()))
        } else {
            Err(error)
        }
    })
}

/// The customizations that the worker brings along.
pub(crate) fn customizations(program: &Path) -> io::Result<Value> {
    let output = Command::new(program)
        .args(["export", "--output", "-"])
        .output()?;
    serde_json::from_slice(&output.stdout).map_err(io::Error::other)
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// User and system time in Linux's `stat`: the 14th and 15th field, in hundredths of a second.
fn processor(folder: &Path) -> io::Result<Duration> {
    let stat = fs::read_to_string(folder.join("stat"))?;
    // The program's name, in brackets, may hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: Option<Vec<u64>> = ticks.map(|field| field.parse().ok()).collect();
    let ticks = ticks.filter(|ticks| ticks.len() == 2);
    let ticks = ticks.ok_or_else(|| io::Error::other("no processor time"))?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 10))
}

fn config(sandbox: &Sandbox, broker: &BrokerAddress, settings: &Settings) -> String {
    format!(
        "[resilient]\nhost={}\nport={}\norg={}\napi_key_id={}\napi_key_secret={}\nstomp_host=localhost\nstomp_port={}\n\
         cafile=soar.pem\nstomp_cafile=broker.pem\n{}\n\
         [fn_aws_guardduty]\naws_gd_access_key_id={}\naws_gd_secret_access_key={}\naws_gd_master_region={MASTER_REGION}\n\
         aws_gd_regions=.*\naws_gd_state_dir=state\n{}\n",
        sandbox.soar_host(),
        sandbox.soar_port(),
        sandbox.org_name(),
        sandbox.api_key_id(),
        sandbox.api_key_secret(),
        broker.port,
        settings.resilient,
        sandbox.aws_access_key_id(),
        sandbox.aws_secret_access_key(),
        settings.guardduty,
    )
}
