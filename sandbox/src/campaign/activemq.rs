//! A real `ActiveMQ` between the platform and the workers: Debian's package, killed and started again with its store.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::Sandbox;
use crate::broker::client::{Account, Client};
use crate::certificates::Certificates;
use crate::worker::{BrokerAddress, status};

const HOME: &str = "/usr/share/activemq";
const PASSWORD: &str = "changeit";
/// A JVM on a busy machine is slow to start.
const START: Duration = Duration::from_secs(90);

/// Ends the JVM as soon as its standard input closes, so that none is left behind however this process ends.
const SUPERVISOR: &str = r#"
java "$@" >"$LOG" 2>&1 &
echo $! >"$PID"
cat >/dev/null
kill -KILL $!
wait $!
"#;

/// A broker process with its folder.
pub(super) struct ActiveMq {
    folder: TempDir,
    supervisor: Option<Child>,
    worker: Account,
    platform: Account,
}

impl ActiveMq {
    /// Starts a broker that knows the sandbox's worker and a platform.
    pub(super) async fn start(sandbox: &Sandbox) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("activemq-").tempdir()?;
        let ca_pem = write_key_store(folder.path())?;
        let port = free_port()?;
        let account = |login: &str, passcode: &str| Account {
            port,
            ca_pem: ca_pem.clone(),
            login: login.to_owned(),
            passcode: passcode.to_owned(),
        };
        let worker = account(sandbox.api_key_id(), sandbox.api_key_secret());
        let platform = account("platform", "pl4tform");
        let xml = configuration(folder.path(), &worker, &platform);
        std::fs::write(folder.path().join("activemq.xml"), xml)?;
        let mut activemq = Self {
            folder,
            supervisor: None,
            worker,
            platform,
        };
        activemq.start_again().await?;
        Ok(activemq)
    }

    pub(super) fn address(&self) -> BrokerAddress {
        BrokerAddress {
            port: self.worker.port,
            ca_pem: self.worker.ca_pem.clone(),
        }
    }

    /// Who the platform is there.
    pub(super) fn platform(&self) -> &Account {
        &self.platform
    }

    pub(super) async fn start_again(&mut self) -> io::Result<()> {
        let folder = self.folder.path();
        let child = Command::new("sh")
            .args(["-c", SUPERVISOR, "activemq"])
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!("-Dactivemq.home={HOME}"))
            .arg(format!("-Dactivemq.base={}", folder.display()))
            .arg("-jar")
            .arg(format!("{HOME}/bin/activemq.jar"))
            .arg("start")
            .arg(format!("xbean:file:{}/activemq.xml", folder.display()))
            .env("LOG", folder.join("broker.log"))
            .env("PID", folder.join("pid"))
            .stdin(Stdio::piped())
            // The shell reports every process that it kills.
            .stderr(Stdio::null())
            .spawn()?;
        self.supervisor = Some(child);
        self.wait_for_port().await
    }

    async fn wait_for_port(&self) -> io::Result<()> {
        let deadline = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.worker.port)).is_err() {
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.path().join("broker.log"));
                return Err(io::Error::other(format!(
                    "ActiveMQ does not start (apt-get install activemq): {}",
                    log.unwrap_or_default()
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends the JVM as a crash would.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.supervisor.take() {
            drop(child.stdin.take());
            status(child.wait().map(Some))?;
        }
        Ok(())
    }

    /// Stops the JVM in its tracks, or lets it go on.
    pub(super) fn freeze(&self, frozen: bool) -> io::Result<()> {
        let pid = std::fs::read_to_string(self.folder.path().join("pid"))?;
        let pid = pid.trim().parse().map_err(io::Error::other)?;
        let signal = if frozen {
            Signal::SIGSTOP
        } else {
            Signal::SIGCONT
        };
        Ok(kill(Pid::from_raw(pid), signal)?)
    }

    /// How many messages are on a queue.
    pub(super) async fn depth(&self, queue: &str) -> io::Result<usize> {
        Client::connect(&self.worker).await?.browse(queue).await
    }
}

impl Drop for ActiveMq {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Writes a PKCS#12 key store for `localhost`; answers the PEM of the authority that signed it.
fn write_key_store(folder: &Path) -> io::Result<String> {
    let certificates = Certificates::generate()?;
    let pem = folder.join("broker.pem");
    std::fs::write(&pem, certificates.server_pem)?;
    let made = Command::new("openssl")
        .args(["pkcs12", "-export", "-name", "broker", "-passout"])
        .arg(format!("pass:{PASSWORD}"))
        .arg("-in")
        .arg(&pem)
        .arg("-out")
        .arg(folder.join("broker.p12"))
        .status();
    let status = status(made.map(Some))?;
    if !status.is_some_and(|status| status.success()) {
        return Err(io::Error::other(
            "openssl could not make the broker's key store",
        ));
    }
    Ok(certificates.ca_pem)
}

/// Accounts and rights as on a SOAR platform: the worker reads its destinations and writes the answers.
fn configuration(folder: &Path, worker: &Account, platform: &Account) -> String {
    let folder = folder.display();
    let port = worker.port;
    let user = |account: &Account, group: &str| {
        format!(
            r#"<authenticationUser username="{}" password="{}" groups="{group}"/>"#,
            account.login, account.passcode
        )
    };
    let users = user(worker, "workers") + &user(platform, "platform");
    format!(
        r#"<beans xmlns="http://www.springframework.org/schema/beans"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="localhost" dataDirectory="{folder}/data"
          useJmx="false" schedulerSupport="false" advisorySupport="false" useShutdownHook="false">
    <persistenceAdapter><kahaDB directory="{folder}/data/kahadb"/></persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin><users>{users}</users></simpleAuthenticationPlugin>
      <authorizationPlugin><map><authorizationMap><authorizationEntries>
        <authorizationEntry queue=">" read="platform" write="platform" admin="platform"/>
        <authorizationEntry queue="actions.>" read="workers" write="platform" admin="workers,platform"/>
        <authorizationEntry queue="acks.>" read="platform" write="workers" admin="workers,platform"/>
        <authorizationEntry topic="ActiveMQ.Advisory.>" read="platform" write="platform" admin="platform"/>
      </authorizationEntries></authorizationMap></map></authorizationPlugin>
    </plugins>
    <sslContext><sslContext keyStore="file:{folder}/broker.p12" keyStoreType="PKCS12" keyStorePassword="{PASSWORD}"/></sslContext>
    <transportConnectors>
      <transportConnector name="stomp" uri="stomp+ssl://127.0.0.1:{port}?needClientAuth=false"/>
    </transportConnectors>
  </broker>
</beans>
"#
    )
}
