//! Joins IBM SOAR and AWS GuardDuty: findings become incidents, and both sides stay in step.

pub mod config;
pub mod customizations;
pub mod domain;
pub mod lifecycle;
pub mod stomp;
pub mod telemetry;
pub mod tls;
