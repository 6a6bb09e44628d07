use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// How a sandbox is set up. Ports of 0 are chosen by the system.
#[derive(Debug, Clone)]
pub struct Options {
    /// Regions that have a detector.
    pub regions: Vec<String>,
    /// Added to every REST call of the platform before it is handled.
    pub soar_latency: Duration,
    /// Added to every AWS call before it is handled.
    pub aws_latency: Duration,
    /// Seed of everything that is drawn at random.
    pub seed: u64,
    /// Whether the platform's severity field has a fourth value, "Critical".
    pub critical_severity: bool,
    /// How often the message broker offers to send a heart-beat.
    pub heart_beat: Duration,
    /// Address that all servers listen on.
    pub address: IpAddr,
    /// Port of the REST server.
    pub soar_port: u16,
    /// Path before `/rest`, as on Cloud Pak for Security: `/api/respond`.
    pub resource_prefix: Option<String>,
    /// Port of the message broker.
    pub stomp_port: u16,
    /// Port of the AWS endpoint.
    pub aws_port: u16,
    /// Port of the pages for people.
    pub pages_port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            regions: vec!["us-east-1".to_owned()],
            soar_latency: Duration::ZERO,
            aws_latency: Duration::ZERO,
            seed: 1,
            critical_severity: false,
            heart_beat: Duration::from_secs(15),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            soar_port: 0,
            resource_prefix: None,
            stomp_port: 0,
            aws_port: 0,
            pages_port: 0,
        }
    }
}
