//! A simulated SOAR platform and a simulated AWS, for the demo and the tests.
//!
//! [`Sandbox::start`] listens on loopback. The platform is reached over REST with TLS and over STOMP with TLS, AWS
//! over plain HTTP; nothing of it needs to know that it is not the real one. [`Platform`] looks behind the REST
//! API, [`Faults`] makes either side misbehave, and [`Calls`] tells what was asked. Under [`Sandbox::pages_url`] a person
//! sees both in a browser and works on them.

pub mod automation;
pub mod aws;
pub mod bench;
pub mod broker;
pub mod calls;
pub mod campaign;
mod certificates;
pub mod chart;
pub mod faults;
mod options;
mod pages;
mod server;
pub mod soar;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use aws::{Aws, AwsOptions};
use broker::Broker;
use calls::{Calls, Side};
use certificates::Certificates;
use faults::Faults;
use server::Front;
use soar::Platform;

pub use options::Options;

/// Writes the state file of a worker that begins where none has polled yet, so that it does not wait for what another may
/// have left under way.
///
/// # Errors
/// When the folder cannot be written.
pub fn no_worker_before(state_folder: &Path) -> io::Result<()> {
    let file = state_folder.join("fn_aws_guardduty.state.json");
    std::fs::write(file, r#"{"platform": "", "ended": true}"#)
}

/// A running sandbox.
pub struct Sandbox {
    platform: Platform,
    aws: Aws,
    aws_options: AwsOptions,
    aws_address: SocketAddr,
    faults: Faults,
    calls: Calls,
    ca_pem: String,
    soar: SocketAddr,
    pages: SocketAddr,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Sandbox {
    /// Makes certificates and starts all servers.
    pub async fn start(options: Options) -> io::Result<Self> {
        let certificates = Certificates::generate()?;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let guard = stop.clone().drop_guard();
        let tls = certificates.server;
        let platform = Platform::start(&options, Arc::clone(&tls), &tracker, &stop).await?;
        let aws_options = AwsOptions {
            regions: options.regions.clone(),
            seed: options.seed,
            ..AwsOptions::default()
        };
        let (faults, calls) = (Faults::default(), Calls::default());
        let front = Front {
            side: Side::Soar,
            router: match &options.resource_prefix {
                Some(prefix) => axum::Router::new().nest(prefix, platform.router()),
                None => platform.router(),
            },
            latency: options.soar_latency,
            faults: faults.clone(),
            calls: calls.clone(),
        };
        let address = SocketAddr::new(options.address, options.soar_port);
        let soar = server::serve(address, Some(tls), front.clone(), &tracker, stop.clone()).await?;
        let aws = Aws::new(aws_options.clone());
        let front = Front {
            side: Side::Aws,
            router: aws.router(),
            latency: options.aws_latency,
            ..front
        };
        let address = SocketAddr::new(options.address, options.aws_port);
        let aws_address = server::serve(address, None, front, &tracker, stop.clone()).await?;
        let router = pages::router(platform.clone(), aws.clone());
        let pages = pages::serve(options.pages_port, router, &tracker, stop.clone()).await?;
        guard.disarm();
        Ok(Self {
            platform,
            aws,
            aws_options,
            aws_address,
            faults,
            calls,
            ca_pem: certificates.ca_pem,
            soar,
            pages,
            tracker,
            stop,
        })
    }

    /// Host name of the platform; its certificate also has the address 127.0.0.1.
    pub fn soar_host(&self) -> &'static str {
        "localhost"
    }

    /// Port of the REST API.
    pub fn soar_port(&self) -> u16 {
        self.soar.port()
    }

    /// Port of the message broker.
    pub fn stomp_port(&self) -> u16 {
        self.platform.broker().port()
    }

    /// URL of AWS, for all services and regions.
    pub fn aws_endpoint(&self) -> String {
        format!("http://{}", self.aws_address)
    }

    /// URL of the pages for people, the incident list.
    pub fn pages_url(&self) -> String {
        format!("http://{}/", self.pages)
    }

    /// The access key id that AWS lets in.
    pub fn aws_access_key_id(&self) -> &str {
        &self.aws_options.access_key_id
    }

    /// The secret that AWS calls must be signed with.
    pub fn aws_secret_access_key(&self) -> &str {
        &self.aws_options.secret_access_key
    }

    /// Certificate of the authority that the platform's certificate comes from.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Id of the worker's API key.
    pub fn api_key_id(&self) -> &str {
        &self.platform.organization().api_key_id
    }

    /// Secret of the worker's API key.
    pub fn api_key_secret(&self) -> &str {
        &self.platform.organization().api_key_secret
    }

    /// Login of the administrator.
    pub fn email(&self) -> &str {
        &self.platform.organization().email
    }

    /// Password of the administrator.
    pub fn password(&self) -> &str {
        &self.platform.organization().password
    }

    /// Name of the one organization.
    pub fn org_name(&self) -> &str {
        &self.platform.organization().name
    }

    /// Id of the one organization.
    pub fn org_id(&self) -> u64 {
        self.platform.organization().id
    }

    /// What lies behind the platform's REST API.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The simulated AWS account.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The message broker.
    pub fn broker(&self) -> &Broker {
        self.platform.broker()
    }

    /// Failures to inject.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What has been asked so far.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Closes all connections and waits for their tasks.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.broker().shutdown().await;
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
