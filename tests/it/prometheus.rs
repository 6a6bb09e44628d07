//! A real Prometheus: Debian's `prometheus`, as a process of its own, that scrapes one worker.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::PATIENCE;
use crate::health::ask;
use crate::worker_process::free_port;

/// Ends with the value.
pub(crate) struct Prometheus {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Prometheus {
    /// One that scrapes `127.0.0.1:port` several times a second, with this token.
    pub(crate) fn scraping(target: u16, token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
             scrape_configs:\n\
             - job_name: fn-aws-guardduty\n\
             \x20 authorization: {{credentials: {token}}}\n\
             \x20 static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
        );
        let path = folder.path().join("prometheus.yml");
        fs::write(&path, config).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let port = free_port();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the real Prometheus is missing: apt-get install prometheus");
        Self {
            port,
            process,
            _folder: folder,
        }
    }

    /// Waits until a query has one answer, and that is `wanted`.
    pub(crate) async fn tells(&self, query: &str, wanted: f64) {
        let mut last = None;
        let asking = async {
            while last != Some(wanted) {
                last = self.value(query).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let told = tokio::time::timeout(PATIENCE, asking).await;
        assert!(told.is_ok(), "{query}: {last:?} in place of {wanted}");
    }

    async fn value(&self, query: &str) -> Option<f64> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let path = format!("/api/v1/query?query={query}");
        let (_, body) = ask(self.port, &path, "connection: close\r\n").await?;
        // Small answers come in one piece, whose size stands before it.
        let json = &body[body.find('{')?..=body.rfind('}')?];
        let answer: Value = serde_json::from_str(json).ok()?;
        let [series] = answer["data"]["result"].as_array()?.as_slice() else {
            return None;
        };
        series["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs Prometheus's own check; answers what it says where it finds fault.
pub(crate) fn promtool(
    folder: &Path,
    arguments: &[&str],
    input: Option<&Path>,
) -> Result<(), String> {
    let input = input.map_or_else(Stdio::null, |path| File::open(path).unwrap().into());
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .stdin(input)
        .output()
        .expect("Prometheus's own check is missing: apt-get install prometheus");
    if output.status.success() {
        return Ok(());
    }
    let (told, complaint) = (output.stdout, output.stderr);
    Err(String::from_utf8_lossy(&[told, complaint].concat()).into_owned())
}
