//! The sandbox as its clients see it.

mod faults;
mod rest;
mod support;
