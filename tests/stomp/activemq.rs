//! Starts and stops an `ActiveMQ` of our own, on free ports and in a temporary folder.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::authority::write_key_store;
use crate::worker_process::free_port;
use crate::{Account, Broker, cases, client};

const HOME: &str = "/usr/share/activemq";
const REMEDY: &str = "the real broker is missing: apt-get install activemq";
const STORE_PASSWORD: &str = "changeit";
/// A JVM on a busy machine is slow to start.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// Kills the JVM and removes its folder as soon as the pipe on its standard input closes, however this process ends.
const SUPERVISOR: &str = r#"
java "$@" >"$LOG" 2>&1 &
echo $! >"$LOG.pid"
cat >/dev/null
kill -KILL $!
wait $!
if [ -n "$REMOVE" ]; then rm -rf "$REMOVE"; fi
"#;

pub(crate) struct ActiveMq {
    pub(crate) broker: Broker,
    folder: TempDir,
    openwire_port: u16,
    /// Values in a static are never dropped: their folder goes with the process.
    in_static: bool,
    supervisor: Option<Child>,
}

impl ActiveMq {
    /// A broker that ends when the value is dropped.
    pub(crate) fn start(worker: Account) -> Self {
        Self::start_for(worker, false)
    }

    fn start_for(worker: Account, in_static: bool) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("activemq-")
            .tempdir()
            .unwrap();
        let (port, openwire_port) = (free_port(), free_port());
        let ca_pem = write_key_store(&folder.path().join("broker.p12"), STORE_PASSWORD);
        let broker = Broker::at(port, ca_pem, worker);
        let xml = configuration(&broker, folder.path(), openwire_port);
        fs::write(folder.path().join("activemq.xml"), xml).unwrap();
        let mut activemq = Self {
            broker,
            folder,
            openwire_port,
            in_static,
            supervisor: None,
        };
        activemq.start_again();
        activemq
    }

    pub(crate) fn start_again(&mut self) {
        let jar = Path::new(HOME).join("bin/activemq.jar");
        assert!(jar.exists(), "{REMEDY}");
        let java = Command::new("java").arg("-version").output();
        assert!(java.is_ok_and(|output| output.status.success()), "{REMEDY}");
        let folder = self.folder.path();
        let child = Command::new("sh")
            .args(["-c", SUPERVISOR, "activemq"])
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!("-Dactivemq.home={HOME}"))
            .arg(format!("-Dactivemq.base={}", folder.display()))
            .arg("-jar")
            .arg(&jar)
            .arg("start")
            .arg(format!("xbean:file:{}/activemq.xml", folder.display()))
            .env("LOG", folder.join("broker.log"))
            .env(
                "REMOVE",
                if self.in_static {
                    folder.as_os_str()
                } else {
                    OsStr::new("")
                },
            )
            .stdin(Stdio::piped())
            // The shell reports every process it kills.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.supervisor = Some(child);
        self.wait_for_ports();
    }

    /// Ends the JVM as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.supervisor.take() {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }

    /// Stops the JVM as it is: its connections stay and it says nothing any more.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = fs::read_to_string(self.folder.path().join("broker.log.pid")).unwrap();
        kill(Pid::from_raw(pid.trim().parse().unwrap()), signal).unwrap();
    }

    /// Publishes a JMS `TextMessage` with the broker's own command-line producer.
    fn produce_jms_text(&self, queue: &str, text: &str) {
        let output = Command::new("java")
            .arg(format!("-Dactivemq.home={HOME}"))
            .args(["-jar", &format!("{HOME}/bin/activemq.jar"), "producer"])
            .args([
                "--brokerUrl",
                &format!("tcp://127.0.0.1:{}", self.openwire_port),
            ])
            .args(["--user", &self.broker.platform_login])
            .args(["--password", &self.broker.platform_passcode])
            .args(["--destination", &format!("queue://{queue}")])
            .args(["--messageCount", "1", "--message", text])
            // Without it the JVM takes its arguments for ASCII.
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect(REMEDY);
        assert!(output.status.success(), "{output:?}");
    }

    fn wait_for_ports(&self) {
        let deadline = Instant::now() + START_PATIENCE;
        for port in [self.broker.port, self.openwire_port] {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
                let log = self.folder.path().join("broker.log");
                assert!(
                    Instant::now() < deadline,
                    "the broker does not start: {}",
                    fs::read_to_string(log).unwrap_or_default()
                );
                thread::park_timeout(Duration::from_millis(50));
            }
        }
    }
}

impl Drop for ActiveMq {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Accounts and rights as on a SOAR platform: the worker reads its destinations and writes the answers.
fn configuration(broker: &Broker, folder: &Path, openwire_port: u16) -> String {
    let Broker {
        port,
        login,
        passcode,
        platform_login,
        platform_passcode,
        ..
    } = broker;
    let folder = folder.display();
    format!(
        r#"<beans xmlns="http://www.springframework.org/schema/beans"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="localhost" dataDirectory="{folder}/data"
          useJmx="false" schedulerSupport="false" advisorySupport="false" useShutdownHook="false">
    <persistenceAdapter><kahaDB directory="{folder}/data/kahadb"/></persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin><users>
        <authenticationUser username="{login}" password="{passcode}" groups="workers"/>
        <authenticationUser username="{platform_login}" password="{platform_passcode}" groups="platform"/>
      </users></simpleAuthenticationPlugin>
      <authorizationPlugin><map><authorizationMap><authorizationEntries>
        <authorizationEntry queue=">" read="platform" write="platform" admin="platform"/>
        <authorizationEntry queue="actions.>" read="workers" write="platform" admin="workers,platform"/>
        <authorizationEntry queue="acks.>" read="platform" write="workers" admin="workers,platform"/>
        <authorizationEntry topic="ActiveMQ.Advisory.>" read="platform" write="platform" admin="platform"/>
      </authorizationEntries></authorizationMap></map></authorizationPlugin>
    </plugins>
    <sslContext><sslContext keyStore="file:{folder}/broker.p12" keyStoreType="PKCS12" keyStorePassword="{STORE_PASSWORD}"/></sslContext>
    <transportConnectors>
      <transportConnector name="stomp" uri="stomp+ssl://127.0.0.1:{port}?needClientAuth=false"/>
      <transportConnector name="openwire" uri="tcp://127.0.0.1:{openwire_port}"/>
    </transportConnectors>
  </broker>
</beans>
"#
    )
}

/// One broker for all cases that do not kill it; its process ends with this one.
fn shared() -> &'static ActiveMq {
    static SHARED: OnceLock<ActiveMq> = OnceLock::new();
    SHARED.get_or_init(|| ActiveMq::start_for(Account::odd(), true))
}

cases_on!(shared());

#[tokio::test]
async fn a_jms_text_message_with_an_emoji_is_decoded() {
    let produce = |queue: &str, text: &str| shared().produce_jms_text(queue, text);
    client::in_time(cases::a_jms_text_is_decoded(&shared().broker, produce)).await;
}

#[tokio::test]
async fn a_killed_broker_is_found_again() {
    let mut activemq = ActiveMq::start(Account::odd());
    client::in_time(async {
        let held = cases::hold_a_message(&activemq.broker).await;
        activemq.kill();
        let held = held.lost().await;
        activemq.start_again();
        held.comes_again(&activemq.broker).await;
    })
    .await;
}
