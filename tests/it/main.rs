//! The worker as a process, against the simulated SOAR and AWS.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it panics"
)]

mod harness;
mod prometheus;
mod tinyproxy;
mod tls_relay;
#[path = "../support/worker_process.rs"]
mod worker_process;

mod analyst;
mod ancestor_faults;
mod architecture;
mod archive;
mod aws_faults;
mod backfill;
mod certificates;
mod cloud_pak;
mod config_command;
mod customize;
mod dependencies;
mod documents;
mod duplicates;
mod escalation;
mod faults;
mod first_steps;
mod functions;
mod health;
mod login;
mod observed;
mod politeness;
mod proxies;
mod refresh;
mod reload;
mod secrets;
mod selftest;
mod shutdown;
mod state_faults;
mod surroundings;
mod systemd;
mod traces;
