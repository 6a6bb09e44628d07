//! Asks the real Python, whose behaviour the dialect and the patterns follow.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Runs a script that reads JSON from its input and writes JSON to its output.
pub(crate) fn run<T: DeserializeOwned>(script: &str, input: &impl Serialize) -> T {
    let mut child = Command::new("python3")
        .args(["-X", "utf8", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect(
            "this test compares with Python: install python3 (Debian: apt-get install python3)",
        );
    let body = serde_json::to_vec(input).unwrap();
    child.stdin.take().unwrap().write_all(&body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the Python script failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
