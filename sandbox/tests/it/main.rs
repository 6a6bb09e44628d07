//! The sandbox as its clients see it.

#![expect(
    unreachable_pub,
    clippy::expect_used,
    reason = "one binary: `pub` says what the modules share, and a helper that cannot go on fails its test"
)]

mod aws;
mod faults;
mod incidents;
mod load;
mod organization;
mod pages;
mod shipped;
mod support;
mod worker;
mod workflow;
