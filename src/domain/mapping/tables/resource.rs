//! What was affected: resources, buckets, network interfaces, the access key.

use serde_json::Value;

use super::{Cells, Column, read};
use crate::domain::mapping::{path::find, text::text_at};

/// A kind of resource: where it stands, its id, its type, and what to call the type when the finding has none.
struct Kind {
    pattern: &'static str,
    id: &'static [&'static str],
    class: &'static [&'static str],
    label: &'static str,
}

/// The kinds that GuardDuty has added since buckets and instances, the widest first.
const NEWER_KINDS: [Kind; 16] = [
    kind(
        "Resource.EksClusterDetails",
        &["/Name", "/Arn"],
        &[],
        "EKS cluster",
    ),
    kind(
        "Resource.EcsClusterDetails",
        &["/Name", "/Arn"],
        &[],
        "ECS cluster",
    ),
    kind(
        "Resource.EcsClusterDetails.TaskDetails",
        &["/Arn"],
        &["/LaunchType"],
        "ECS task",
    ),
    kind(
        "Resource.KubernetesDetails.KubernetesWorkloadDetails",
        &["/Name"],
        &["/Type"],
        "Kubernetes workload",
    ),
    kind(
        "Resource.ContainerDetails",
        &["/Name", "/Id"],
        &["/Image"],
        "container",
    ),
    kind(
        "Resource.EcsClusterDetails.TaskDetails.Containers.*",
        &["/Name", "/Id"],
        &["/Image"],
        "container",
    ),
    kind(
        "Resource.KubernetesDetails.KubernetesWorkloadDetails.Containers.*",
        &["/Name", "/Id"],
        &["/Image"],
        "container",
    ),
    kind(
        "Resource.LambdaDetails",
        &["/FunctionName", "/FunctionArn"],
        &[],
        "Lambda function",
    ),
    kind(
        "Resource.RdsDbInstanceDetails",
        &["/DbInstanceIdentifier", "/DbInstanceArn"],
        &["/Engine"],
        "database",
    ),
    kind(
        "Resource.RdsLimitlessDbDetails",
        &["/DbShardGroupIdentifier", "/DbShardGroupArn"],
        &["/Engine"],
        "database",
    ),
    kind(
        "Resource.EbsVolumeDetails.ScannedVolumeDetails.*",
        &["/VolumeArn"],
        &["/VolumeType"],
        "EBS volume",
    ),
    kind(
        "Resource.EbsSnapshotDetails",
        &["/SnapshotArn"],
        &[],
        "EBS snapshot",
    ),
    kind("Resource.Ec2ImageDetails", &["/ImageArn"], &[], "EC2 image"),
    kind(
        "Resource.RecoveryPointDetails",
        &["/RecoveryPointArn"],
        &[],
        "recovery point",
    ),
    kind(
        "Resource.BedrockGuardrailDetails",
        &["/GuardrailArn"],
        &[],
        "Bedrock guardrail",
    ),
    kind("Resource.ModelDetails.*", &["/ModelId"], &[], "model"),
];

const fn kind(
    pattern: &'static str,
    id: &'static [&'static str],
    class: &'static [&'static str],
    label: &'static str,
) -> Kind {
    Kind {
        pattern,
        id,
        class,
        label,
    }
}

const BUCKET: [Column; 7] = [
    ("bucket_name", &["/Name"]),
    ("bucket_type", &["/Type"]),
    ("bucket_arn", &["/Arn"]),
    ("bucket_owner", &["/Owner/Id"]),
    (
        "kms_master_key_arn",
        &["/DefaultServerSideEncryption/KmsMasterKeyArn"],
    ),
    (
        "encryption_type",
        &["/DefaultServerSideEncryption/EncryptionType"],
    ),
    (
        "effective_permissions",
        &["/PublicAccess/EffectivePermission"],
    ),
];

const INSTANCE: [Column; 3] = [
    ("instance_id", &["/InstanceId"]),
    ("type", &["/InstanceType"]),
    ("instance_state", &["/InstanceState"]),
];

const INTERFACE: [Column; 4] = [
    (
        "private_ip",
        &[
            "/PrivateIpAddress",
            "/PrivateIpAddresses/0/PrivateIpAddress",
            "/Ipv6Addresses/0",
        ],
    ),
    (
        "private_dns_name",
        &["/PrivateDnsName", "/PrivateIpAddresses/0/PrivateDnsName"],
    ),
    ("public_ip", &["/PublicIp"]),
    ("public_dns_name", &["/PublicDnsName"]),
];

const ACCESS_KEY: [Column; 4] = [
    ("access_key_id", &["/AccessKeyId"]),
    ("principal_id", &["/PrincipalId"]),
    ("user_type", &["/UserType"]),
    ("user_name", &["/UserName"]),
];

struct Resource {
    kind: Option<String>,
    id: Option<String>,
    class: Option<String>,
}

/// The id of the resource that the finding is about.
pub(super) fn primary_id(document: &Value) -> Option<String> {
    resources(document)
        .into_iter()
        .find_map(|resource| resource.id)
}

/// One row for each affected resource.
pub(super) fn affected(document: &Value) -> Vec<Cells> {
    let role = text_at(document, "/Service/ResourceRole");
    let row = |resource: Resource| {
        vec![
            ("resource_type", resource.kind),
            ("resource_role", role.clone()),
            ("instance_id", resource.id),
            ("instance_type", resource.class),
        ]
    };
    resources(document).into_iter().map(row).collect()
}

/// The first is the one that the finding is about. Never empty.
fn resources(document: &Value) -> Vec<Resource> {
    let kind = text_at(document, "/Resource/ResourceType");
    let mut resources: Vec<Resource> = classic(document)
        .into_iter()
        .chain(newer(document))
        .collect();
    for resource in &mut resources {
        resource.kind.clone_from(&kind);
    }
    let mut members = sequence(document);
    if resources.is_empty() {
        resources.push(Resource {
            kind,
            id: None,
            class: None,
        });
    }
    resources.append(&mut members);
    resources
}

/// The bucket or else the instance, as ever: a finding about a bucket may name the instance that read it.
fn classic(document: &Value) -> Option<Resource> {
    let bucket = (
        "/Resource/S3BucketDetails/0/Name",
        "/Resource/S3BucketDetails/0/Type",
    );
    let instance = (
        "/Resource/InstanceDetails/InstanceId",
        "/Resource/InstanceDetails/InstanceType",
    );
    let resource = |(id, class)| Resource {
        kind: None,
        id: text_at(document, id),
        class: text_at(document, class),
    };
    [bucket, instance]
        .map(resource)
        .into_iter()
        .find(|resource| resource.id.is_some() || resource.class.is_some())
}

fn newer(document: &Value) -> Vec<Resource> {
    let mut resources = Vec::new();
    for kind in &NEWER_KINDS {
        for hit in find(document, kind.pattern) {
            let first = |pointers: &[&str]| {
                pointers
                    .iter()
                    .find_map(|pointer| text_at(hit.value, pointer))
            };
            if let Some(id) = first(kind.id) {
                let class = first(kind.class).unwrap_or_else(|| kind.label.to_owned());
                resources.push(Resource {
                    kind: None,
                    id: Some(id),
                    class: Some(class),
                });
            }
        }
    }
    resources
}

/// The resources of an attack sequence, which name their own type.
fn sequence(document: &Value) -> Vec<Resource> {
    let read = |resource: &Value| Resource {
        kind: text_at(resource, "/ResourceType"),
        id: text_at(resource, "/Name").or_else(|| text_at(resource, "/Uid")),
        class: text_at(resource, "/Data/Ec2Instance/InstanceType"),
    };
    find(document, "Service.Detection.Sequence.Resources.*")
        .iter()
        .map(|hit| read(hit.value))
        .collect()
}

/// One row for each bucket.
pub(super) fn buckets(document: &Value) -> Vec<Cells> {
    find(document, "Resource.S3BucketDetails.*")
        .iter()
        .map(|hit| read(hit.value, &BUCKET))
        .collect()
}

/// One row for each network interface of the instance; an instance without any has one too.
pub(super) fn interfaces(document: &Value) -> Vec<Cells> {
    let Some(instance) = document.pointer("/Resource/InstanceDetails") else {
        return Vec::new();
    };
    let common = read(instance, &INSTANCE);
    let interfaces = find(instance, "NetworkInterfaces.*");
    if interfaces.is_empty() {
        return vec![common];
    }
    interfaces
        .iter()
        .map(|hit| [common.clone(), read(hit.value, &INTERFACE)].concat())
        .collect()
}

pub(super) fn access_key(document: &Value) -> Cells {
    document
        .pointer("/Resource/AccessKeyDetails")
        .map_or_else(Vec::new, |key| read(key, &ACCESS_KEY))
}
