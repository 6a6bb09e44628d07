//! A simulated SOAR platform and a simulated AWS, for the demo and the tests.
//!
//! [`Sandbox::start`] listens on loopback. The platform is reached over REST with TLS and over STOMP with TLS, AWS
//! over plain HTTP; nothing of it needs to know that it is not the real one. [`Platform`] looks behind the REST
//! API, [`Faults`] makes either side misbehave, and [`Calls`] tells what was asked.

pub mod automation;
pub mod aws;
pub mod broker;
pub mod calls;
mod certificates;
pub mod faults;
mod options;
mod server;
pub mod soar;

use std::io;
use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use calls::{Calls, Side};
use certificates::Certificates;
use faults::Faults;
use server::Front;
use soar::Platform;

pub use options::Options;

/// A running sandbox.
pub struct Sandbox {
    platform: Platform,
    faults: Faults,
    calls: Calls,
    ca_pem: String,
    soar: SocketAddr,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Sandbox {
    /// Makes certificates and starts all servers.
    pub async fn start(options: Options) -> io::Result<Self> {
        let certificates = Certificates::generate()?;
        let platform = Platform::new(options.critical_severity);
        let (faults, calls) = (Faults::default(), Calls::default());
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let front = Front {
            side: Side::Soar,
            router: platform.router(),
            latency: options.soar_latency,
            faults: faults.clone(),
            calls: calls.clone(),
        };
        let address = SocketAddr::new(options.address, options.soar_port);
        let tls = Some(certificates.server.clone());
        let soar = server::serve(address, tls, front, &tracker, stop.clone()).await?;
        Ok(Self {
            platform,
            faults,
            calls,
            ca_pem: certificates.ca_pem,
            soar,
            tracker,
            stop,
        })
    }

    /// Host name of the platform; its certificate also has the address 127.0.0.1.
    pub fn soar_host(&self) -> &str {
        "localhost"
    }

    /// Port of the REST API.
    pub fn soar_port(&self) -> u16 {
        self.soar.port()
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
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
