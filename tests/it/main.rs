//! The worker as a process, against the simulated SOAR and AWS.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it panics"
)]

mod harness;
#[path = "../support/worker_process.rs"]
mod worker_process;

mod architecture;
mod archive;
mod documents;
mod escalation;
mod faults;
mod functions;
mod login;
mod refresh;
mod shutdown;
mod systemd;
