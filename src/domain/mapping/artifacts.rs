//! The values of a finding that an analyst looks up elsewhere.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::incident::{Artifact, ArtifactKind},
    limits,
    path::{Hit, find},
    text::text_of,
};

/// Places of one kind of artifact, in the order in which an incident lists what stands there.
type Places = &'static [&'static str];

/// Every kind with its places. Ports of an attack sequence's endpoints are left out: apart from their endpoint they
/// tell an analyst nothing.
const PLACES: [(ArtifactKind, Places); 6] = [
    (ArtifactKind::AccessKeyId, ACCESS_KEY_IDS),
    (ArtifactKind::UserName, USER_NAMES),
    (ArtifactKind::BucketName, BUCKET_NAMES),
    (ArtifactKind::IpAddress, IP_ADDRESSES),
    (ArtifactKind::DnsName, DNS_NAMES),
    (ArtifactKind::Port, PORTS),
];

const ACCESS_KEY_IDS: Places = &[
    "Resource.AccessKeyDetails.AccessKeyId",
    "Service.Detection.Sequence.Actors.*.User.CredentialUid",
    "Service.Detection.Sequence.Resources.*ResourceType=ACCESS_KEY.Uid",
];

const USER_NAMES: Places = &[
    "Resource.AccessKeyDetails.UserName",
    "Service.Detection.Sequence.Actors.*.User.Name",
    "Service.Detection.Sequence.Resources.*.Data.AccessKey.UserName",
];

const BUCKET_NAMES: Places = &[
    "Resource.S3BucketDetails.*.Name",
    "Service.Detection.Sequence.Resources.*ResourceType=S3_BUCKET.Name",
];

const IP_ADDRESSES: Places = &[
    "Service.Action.*Action.LocalIpDetails|RemoteIpDetails.IpAddressV4",
    "Service.Action.PortProbeAction.PortProbeDetails.*.LocalIpDetails|RemoteIpDetails.IpAddressV4",
    "Resource.InstanceDetails.NetworkInterfaces.*.PrivateIpAddress",
    "Resource.InstanceDetails.NetworkInterfaces.*.PrivateIpAddresses.*.PrivateIpAddress",
    "Resource.InstanceDetails.NetworkInterfaces.*.PublicIp",
    "Service.Action.*Action.LocalIpDetails|RemoteIpDetails.IpAddressV6",
    "Service.Action.PortProbeAction.PortProbeDetails.*.LocalIpDetails|RemoteIpDetails.IpAddressV6",
    "Resource.InstanceDetails.NetworkInterfaces.*.Ipv6Addresses.*",
    "Service.Action.KubernetesApiCallAction.SourceIps.*",
    "Service.Detection.Sequence.Endpoints.*.Ip",
    "Service.Detection.Sequence.Resources.*.Data.Ec2NetworkInterface.PublicIp",
    "Service.Detection.Sequence.Resources.*.Data.Ec2NetworkInterface.PrivateIpAddresses.*.PrivateIpAddress",
    "Service.Detection.Sequence.Resources.*.Data.Ec2NetworkInterface.Ipv6Addresses.*",
];

const DNS_NAMES: Places = &[
    "Resource.InstanceDetails.NetworkInterfaces.*.PublicDnsName",
    "Resource.InstanceDetails.NetworkInterfaces.*.PrivateDnsName",
    "Resource.InstanceDetails.NetworkInterfaces.*.PrivateIpAddresses.*.PrivateDnsName",
    "Service.Action.DnsRequestAction.Domain",
    "Service.Detection.Sequence.Endpoints.*.Domain",
    "Service.Detection.Sequence.Resources.*.Data.Ec2NetworkInterface.PrivateIpAddresses.*.PrivateDnsName",
];

const PORTS: Places = &[
    "Service.Action.NetworkConnectionAction.LocalPortDetails|RemotePortDetails.Port",
    "Service.Action.PortProbeAction.PortProbeDetails.*.LocalPortDetails.Port",
];

/// The artifacts of a finding: none empty, no two of the same kind and value.
pub(super) struct Artifacts {
    /// [`limits::ARTIFACTS`] at most, none longer than [`limits::TEXT`].
    pub(super) kept: Vec<Artifact>,
    /// Those beyond.
    pub(super) left_out: Vec<Artifact>,
}

/// Finds the artifacts of a finding.
pub(super) fn artifacts_of(document: &Value) -> Artifacts {
    let places = PLACES
        .iter()
        .flat_map(|(kind, places)| places.iter().map(move |place| (*kind, *place)));
    let artifacts = places.flat_map(|(kind, place)| {
        find(document, place)
            .into_iter()
            .filter_map(move |hit| artifact(kind, &hit))
    });
    let mut seen = HashSet::new();
    let distinct = artifacts.filter(|found| seen.insert((found.kind, found.value.clone())));
    let (mut kept, mut left_out): (Vec<_>, Vec<_>) =
        distinct.partition(|found| limits::fits(&found.value, limits::TEXT));
    left_out.extend(kept.drain(limits::ARTIFACTS.min(kept.len())..));
    Artifacts { kept, left_out }
}

fn artifact(kind: ArtifactKind, hit: &Hit<'_>) -> Option<Artifact> {
    let value = text_of(hit.value).filter(|value| is_plausible(kind, value))?;
    let (property, container) = hit.path.property();
    let description = format!(
        "'{}' extracted from GuardDuty from finding property '{property}' at path '{container}'.",
        kind.display_name()
    );
    Some(Artifact {
        kind,
        value,
        description,
    })
}

/// An attack sequence names Kubernetes users (`system:serviceaccount:..`) and ARNs beside IAM's names and keys, which
/// never hold a colon.
fn is_plausible(kind: ArtifactKind, value: &str) -> bool {
    let is_iam = matches!(kind, ArtifactKind::AccessKeyId | ArtifactKind::UserName);
    !(is_iam && value.contains(':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(document: &Value) -> Vec<(ArtifactKind, String)> {
        artifacts_of(document)
            .kept
            .into_iter()
            .map(|artifact| (artifact.kind, artifact.value))
            .collect()
    }

    #[test]
    fn kubernetes_users_are_no_iam_users() {
        let document = json!({"Service": {"Detection": {"Sequence": {"Actors": [
            {"User": {"Name": "system:serviceaccount:shop:app"}},
            {"User": {"Name": "ci", "CredentialUid": "ASIAEXAMPLE"}},
        ]}}}});
        assert_eq!(
            values(&document),
            [
                (ArtifactKind::AccessKeyId, "ASIAEXAMPLE".to_owned()),
                (ArtifactKind::UserName, "ci".to_owned())
            ]
        );
    }

    #[test]
    fn an_incident_keeps_a_readable_number_of_artifacts_and_the_rest_is_known() {
        for (found, left_out) in [(limits::ARTIFACTS, 0), (limits::ARTIFACTS + 1, 1)] {
            let interfaces: Vec<Value> = (0..found)
                .map(|n| json!({"PrivateIpAddress": format!("10.0.{n}.1")}))
                .collect();
            let document =
                json!({"Resource": {"InstanceDetails": {"NetworkInterfaces": interfaces}}});
            let artifacts = artifacts_of(&document);
            assert_eq!(artifacts.kept.len(), limits::ARTIFACTS);
            assert_eq!(artifacts.left_out.len(), left_out);
        }
    }

    #[test]
    fn a_value_too_long_to_be_looked_up_is_left_out() {
        for (length, kept) in [(limits::TEXT, 1), (limits::TEXT + 1, 0)] {
            let document =
                json!({"Resource": {"AccessKeyDetails": {"UserName": "x".repeat(length)}}});
            let artifacts = artifacts_of(&document);
            assert_eq!(artifacts.kept.len(), kept);
            assert_eq!(artifacts.left_out.len(), 1 - kept);
        }
    }

    #[test]
    fn places_are_listed_in_the_order_of_the_kinds() {
        assert_eq!(PLACES.map(|(kind, _)| kind), ArtifactKind::ALL);
    }
}
