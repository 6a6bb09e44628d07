//! Joins IBM SOAR and AWS `GuardDuty`: findings become incidents, and both sides stay in step.
//!
//! # Layout
//!
//! - [`domain`]: what the worker decides; values in, values out.
//! - [`guardduty`], [`soar`], [`stomp`]: the three systems it talks to; none knows the others.
//! - [`functions`], [`poller`]: what it does for SOAR when called, and by itself.
//! - [`actions`]: takes messages from the queue, has their function run, answers.
//! - [`customizations`]: what SOAR has to import; [`package`]: the app that App Host installs.
//! - [`proxy`], [`tls`], [`reason`]: how it gets there, and why not.
//! - [`health`], [`measures`], [`monitoring`]: whether it does what it is there for, in words and figures, and who may ask.
//! - [`state`], [`config`], [`telemetry`], [`lifecycle`], [`requests`], [`systemd`]: the process around it.
//! - [`selftest`]: whether all of it would work, found out without changing anything.
//! - [`app`], [`service`], [`cli`]: put it together.
//!
//! `domain`, `stomp::frame` and `actions::message` do no input or output; `guardduty`, `soar` and `stomp` never
//! import each other; `functions` and `poller` never import `stomp`.

pub mod actions;
pub mod app;
mod body;
mod budget;
pub mod cli;
pub mod config;
pub mod customizations;
pub mod domain;
pub mod functions;
pub mod guardduty;
pub mod health;
pub mod lifecycle;
pub mod measures;
pub mod monitoring;
mod mutex;
pub mod package;
pub mod poller;
pub mod proxy;
pub mod reason;
mod redaction;
pub mod requests;
pub mod selftest;
pub mod service;
pub mod soar;
pub mod state;
pub mod stomp;
pub mod systemd;
pub mod telemetry;
pub mod tls;
