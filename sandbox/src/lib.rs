//! A simulated SOAR platform and a simulated AWS, for the demo and the tests.

pub mod automation;
pub mod aws;
pub mod broker;
pub mod soar;
