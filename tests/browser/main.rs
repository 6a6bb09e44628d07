//! The sandbox's pages in a real Chromium, with the worker as a process: what an analyst does and sees.
//!
//! Needs Debian's `chromium` and `chromium-driver`, and axe-core, whose file `AXE_JS` names.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it panics"
)]

mod chromium;
#[path = "../support/worker_process.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod worker_process;
mod world;

mod guardduty;
mod incident;
mod keyboard;
mod list;
mod live;
mod looks;
mod worker_page;
