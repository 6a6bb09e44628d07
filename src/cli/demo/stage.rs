//! The stage: the sandbox, and the worker as a process of its own, configured as anybody would.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::{Options, Sandbox};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::customizations::{MESSAGE_DESTINATION, export_document};

/// The regions with a detector.
pub(super) const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];
/// What the worker takes over from the user.
const ENVIRONMENT: [&str; 5] = [
    "PATH",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_BACKTRACE",
];
const START_TIME: Duration = Duration::from_secs(20);
const STOP_TIME: Duration = Duration::from_secs(30);

/// The sandbox and the worker.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    /// Where the worker shows how it does.
    pub(super) page: SocketAddr,
    folder: TempDir,
    worker: Child,
}

impl Stage {
    /// Starts the sandbox with our customizations, then the worker, and waits until it listens.
    pub(super) async fn set() -> anyhow::Result<Self> {
        let options = Options {
            regions: REGIONS.map(str::to_owned).to_vec(),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options)
            .await
            .context("the sandbox does not start")?;
        if let Err(refusal) = sandbox.platform().import(&export_document()) {
            bail!("the sandbox refuses our customizations: {refusal}");
        }
        let folder = tempfile::tempdir().context("there is no room for temporary files")?;
        let page = free_address().context("there is no free port")?;
        let worker = start_worker(&sandbox, page, &folder)?;
        let mut stage = Self {
            sandbox,
            page,
            folder,
            worker,
        };
        stage.wait_for_worker().await?;
        Ok(stage)
    }

    /// The file that holds the worker's log.
    pub(super) fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("worker.log")
    }

    /// SIGTERM, and how the worker took it. Its log stays where it is until the stage is gone.
    pub(super) async fn stop_worker(&mut self) -> anyhow::Result<ExitStatus> {
        if let Some(id) = self.worker.id() {
            kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM)?;
        }
        let ended = tokio::time::timeout(STOP_TIME, self.worker.wait()).await;
        Ok(ended.context("the worker does not stop")??)
    }

    /// Keeps the worker's log for a look.
    pub(super) fn keep(self) {
        let _ = self.folder.keep();
    }

    async fn wait_for_worker(&mut self) -> anyhow::Result<()> {
        let queue = format!("actions.{}.{MESSAGE_DESTINATION}", self.sandbox.org_id());
        tokio::select! {
            () = self.sandbox.broker().wait_for_subscriber(&queue) => return Ok(()),
            ended = self.worker.wait() => eprintln!("the worker ended: {}", ended?),
            () = tokio::time::sleep(START_TIME) => {}
        }
        bail!(
            "the worker does not listen; its log:\n{}",
            std::fs::read_to_string(self.log())?
        )
    }
}

/// Nobody holds it between now and the worker's start; that somebody takes it just then is unlikely, and would be told.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn start_worker(sandbox: &Sandbox, page: SocketAddr, folder: &TempDir) -> anyhow::Result<Child> {
    let config = folder.path().join("app.config");
    std::fs::write(folder.path().join("ca.pem"), sandbox.ca_pem())?;
    std::fs::write(&config, config_text(sandbox, page))?;
    sandbox::no_worker_before(folder.path())?;
    let log = std::fs::File::create(folder.path().join("worker.log"))?;
    let worker = Command::new(std::env::current_exe()?)
        .arg("run")
        .current_dir(folder.path())
        // Nothing of the user's own AWS, proxy or SOAR settings may lead away from loopback.
        .env_clear()
        .envs(
            ENVIRONMENT
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env("HOME", folder.path())
        .env("APP_CONFIG_FILE", &config)
        .env("AWS_ENDPOINT_URL", sandbox.aws_endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        // Ctrl-C on the terminal is for the demo, which then stops the worker.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok(worker)
}

/// An `app.config` as a user would write it, but for intervals of seconds.
fn config_text(sandbox: &Sandbox, page: SocketAddr) -> String {
    format!(
        "[resilient]\nhost = {}\nport = {}\norg = {}\napi_key_id = {}\napi_key_secret = {}\nstomp_port = {}\n\
         cafile = ca.pem\n\n[fn_aws_guardduty]\naws_gd_access_key_id = {}\naws_gd_secret_access_key = {}\n\
         aws_gd_master_region = {}\naws_gd_regions = '^({})$'\naws_gd_polling_interval = 1s\naws_gd_http_listen = {page}\n",
        sandbox.soar_host(),
        sandbox.soar_port(),
        sandbox.org_name(),
        sandbox.api_key_id(),
        sandbox.api_key_secret(),
        sandbox.stomp_port(),
        sandbox.aws_access_key_id(),
        sandbox.aws_secret_access_key(),
        REGIONS[0],
        REGIONS.join("|"),
    )
}
