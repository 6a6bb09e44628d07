//! A real proxy: Debian's `tinyproxy`, as a process of its own, that wants a login.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::PATIENCE;
use crate::worker_process::free_port;

pub(crate) const USER: &str = "worker";
pub(crate) const PASSWORD: &str = "s3cret";

/// Ends with the value.
pub(crate) struct TinyProxy {
    pub(crate) port: u16,
    folder: TempDir,
    process: Child,
}

impl TinyProxy {
    /// A proxy that opens tunnels to these ports only.
    pub(crate) fn opening(ports: &[u16]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut config = format!(
            "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 600\nMaxClients 100\nLogLevel Info\nBasicAuth {USER} {PASSWORD}\n"
        );
        for port in ports {
            writeln!(config, "ConnectPort {port}").unwrap();
        }
        let path = folder.path().join("tinyproxy.conf");
        fs::write(&path, config).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = Command::new("tinyproxy")
            .arg("-d")
            .arg("-c")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the real proxy is missing: apt-get install tinyproxy");
        let proxy = Self {
            port,
            folder,
            process,
        };
        proxy.wait_for_port();
        proxy
    }

    /// Its address with a login.
    pub(crate) fn url(&self, password: &str) -> String {
        format!("http://{USER}:{password}@127.0.0.1:{}", self.port)
    }

    /// Whether it was asked to let this through: `CONNECT localhost:443`.
    pub(crate) fn saw(&self, request: &str) -> bool {
        self.log().contains(request)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn wait_for_port(&self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "tinyproxy does not start: {}",
                self.log()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for TinyProxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- tinyproxy's log ---\n{}", self.log());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
