//! The values of a finding that an analyst looks up elsewhere.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::incident::{Artifact, ArtifactKind},
    path::{Hit, find},
    text::text_of,
};

/// A finding can list thousands of values (addresses of interfaces, endpoints of a sequence); an incident stays
/// readable with this many. The most telling kinds come first, so that ports are the first to go.
const MAX_ARTIFACTS: usize = 200;

/// Where artifacts stand, in the order in which an incident lists them.
const SOURCES: [(ArtifactKind, &str); 25] = [
    (
        ArtifactKind::AccessKeyId,
        "Resource.AccessKeyDetails.AccessKeyId",
    ),
    (
        ArtifactKind::AccessKeyId,
        "Service.Detection.Sequence.Actors.*.User.CredentialUid",
    ),
    (
        ArtifactKind::AccessKeyId,
        "Service.Detection.Sequence.Resources.*ResourceType=ACCESS_KEY.Uid",
    ),
    (ArtifactKind::UserName, "Resource.AccessKeyDetails.UserName"),
    (
        ArtifactKind::UserName,
        "Service.Detection.Sequence.Actors.*.User.Name",
    ),
    (
        ArtifactKind::UserName,
        "Service.Detection.Sequence.Resources.*.Data.AccessKey.UserName",
    ),
    (ArtifactKind::BucketName, "Resource.S3BucketDetails.*.Name"),
    (
        ArtifactKind::BucketName,
        "Service.Detection.Sequence.Resources.*ResourceType=S3_BUCKET.Name",
    ),
    (
        ArtifactKind::IpAddress,
        "Service.Action.AwsApiCallAction|KubernetesApiCallAction|NetworkConnectionAction|RdsLoginAttemptAction.LocalIpDetails|RemoteIpDetails.IpAddressV4",
    ),
    (
        ArtifactKind::IpAddress,
        "Service.Action.PortProbeAction.PortProbeDetails.*.LocalIpDetails|RemoteIpDetails.IpAddressV4",
    ),
    (
        ArtifactKind::IpAddress,
        "Resource.InstanceDetails.NetworkInterfaces.*.PrivateIpAddress",
    ),
    (
        ArtifactKind::IpAddress,
        "Resource.InstanceDetails.NetworkInterfaces.*.PrivateIpAddresses.*.PrivateIpAddress",
    ),
    (
        ArtifactKind::IpAddress,
        "Resource.InstanceDetails.NetworkInterfaces.*.PublicIp",
    ),
    (
        ArtifactKind::IpAddress,
        "Service.Action.AwsApiCallAction|KubernetesApiCallAction|NetworkConnectionAction|RdsLoginAttemptAction.LocalIpDetails|RemoteIpDetails.IpAddressV6",
    ),
    (
        ArtifactKind::IpAddress,
        "Service.Action.PortProbeAction.PortProbeDetails.*.LocalIpDetails|RemoteIpDetails.IpAddressV6",
    ),
    (
        ArtifactKind::IpAddress,
        "Resource.InstanceDetails.NetworkInterfaces.*.Ipv6Addresses.*",
    ),
    (
        ArtifactKind::IpAddress,
        "Service.Action.KubernetesApiCallAction.SourceIps.*",
    ),
    (
        ArtifactKind::IpAddress,
        "Service.Detection.Sequence.Endpoints.*.Ip",
    ),
    (
        ArtifactKind::DnsName,
        "Resource.InstanceDetails.NetworkInterfaces.*.PublicDnsName",
    ),
    (
        ArtifactKind::DnsName,
        "Resource.InstanceDetails.NetworkInterfaces.*.PrivateDnsName",
    ),
    (
        ArtifactKind::DnsName,
        "Resource.InstanceDetails.NetworkInterfaces.*.PrivateIpAddresses.*.PrivateDnsName",
    ),
    (
        ArtifactKind::DnsName,
        "Service.Action.DnsRequestAction.Domain",
    ),
    (
        ArtifactKind::DnsName,
        "Service.Detection.Sequence.Endpoints.*.Domain",
    ),
    (
        ArtifactKind::Port,
        "Service.Action.NetworkConnectionAction.LocalPortDetails|RemotePortDetails.Port",
    ),
    (
        ArtifactKind::Port,
        "Service.Action.PortProbeAction.PortProbeDetails.*.LocalPortDetails.Port",
    ),
];

/// The artifacts of a finding: none empty, no two of the same kind and value, [`MAX_ARTIFACTS`] at most.
pub(super) fn artifacts_of(document: &Value) -> Vec<Artifact> {
    let mut seen = HashSet::new();
    let hits = SOURCES
        .iter()
        .flat_map(|(kind, pattern)| find(document, pattern).into_iter().map(|hit| (*kind, hit)));
    let artifacts = hits.filter_map(|(kind, hit)| artifact(kind, &hit));
    artifacts
        .filter(|found| seen.insert((found.kind, found.value.clone())))
        .take(MAX_ARTIFACTS)
        .collect()
}

fn artifact(kind: ArtifactKind, hit: &Hit<'_>) -> Option<Artifact> {
    let value = text_of(hit.value)?;
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
