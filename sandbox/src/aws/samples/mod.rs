//! Sample findings, in the spirit of `CreateSampleFindings`: one template a kind, filled in anew each time.
//!
//! Addresses are of the ranges kept for documentation (RFC 5737, RFC 3849), domains of `example` and its kin.

mod template;

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value;

use super::account::Account;
use template::Filler;

macro_rules! kinds {
    ($($kind:literal),+ $(,)?) => {
        /// The names of the kinds, which are the names of their templates.
        pub(super) const KINDS: &[&str] = &[$($kind),+];

        const TEMPLATES: &[&str] = &[$(include_str!(concat!($kind, ".json"))),+];
    };
}

kinds!(
    "ec2_network_connection",
    "ec2_port_probe",
    "ec2_dns_request",
    "ec2_ssh_brute_force",
    "ec2_crypto_mining",
    "ec2_tor_relay",
    "iam_api_call",
    "iam_anomalous_behavior",
    "root_credential_usage",
    "s3_malicious_ip_caller",
    "s3_exfiltration_anomaly",
    "s3_object_malware",
    "eks_api_call",
    "eks_runtime",
    "ecs_malicious_file",
    "rds_login",
    "lambda_network_connection",
    "ebs_malware",
    "runtime_reverse_shell",
    "ec2_image_malware",
    "attack_sequence_iam",
    "attack_sequence_eks",
    "edge_critical",
    "edge_no_severity",
    "edge_empty_names",
    "edge_unicode",
    "edge_long_description",
    "edge_sparse",
);

/// The templates, in the order of [`KINDS`]. A test reads each of them.
static PARSED: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let parse = |text: &&str| serde_json::from_str(text).unwrap_or_default();
    TEMPLATES.iter().map(parse).collect()
});

/// A new finding of a kind, as of `now`; of the first kind when there is none of that name.
pub(super) fn finding(kind: &str, region: &str, now: Timestamp, account: &mut Account) -> Value {
    let at = KINDS
        .iter()
        .position(|name| *name == kind)
        .unwrap_or_default();
    let mut finding = PARSED[at].clone();
    Filler::new(region, now, account).fill(&mut finding);
    finding
}

/// The first kind whose findings are of that type.
pub(super) fn kind_of_type(finding_type: &str) -> Option<&'static str> {
    let at = PARSED
        .iter()
        .position(|template| template["type"] == finding_type)?;
    Some(KINDS[at])
}
