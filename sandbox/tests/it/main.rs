//! The sandbox as its clients see it.

#![expect(
    unreachable_pub,
    reason = "one binary: `pub` says what the modules share"
)]

mod faults;
mod rest;
mod support;
mod worker;
mod workflow;
