//! The fields that findings can be asked for by, as the API reference of `ListFindings` lists them.

use serde_json::Value;

/// Fields that the comparisons may be used on.
pub(super) const NUMERIC: &[&str] = &[
    "confidence",
    "severity",
    "service.action.networkConnectionAction.localPortDetails.port",
    "service.action.networkConnectionAction.remotePortDetails.port",
    "updatedAt",
];

pub(super) const KNOWN: &[&str] = &[
    "accountId",
    "confidence",
    "id",
    "region",
    "resource.accessKeyDetails.accessKeyId",
    "resource.accessKeyDetails.principalId",
    "resource.accessKeyDetails.userName",
    "resource.accessKeyDetails.userType",
    "resource.instanceDetails.iamInstanceProfile.id",
    "resource.instanceDetails.imageId",
    "resource.instanceDetails.instanceId",
    "resource.instanceDetails.networkInterfaces.ipv6Addresses",
    "resource.instanceDetails.networkInterfaces.privateIpAddresses.privateIpAddress",
    "resource.instanceDetails.networkInterfaces.publicDnsName",
    "resource.instanceDetails.networkInterfaces.publicIp",
    "resource.instanceDetails.networkInterfaces.securityGroups.groupId",
    "resource.instanceDetails.networkInterfaces.securityGroups.groupName",
    "resource.instanceDetails.networkInterfaces.subnetId",
    "resource.instanceDetails.networkInterfaces.vpcId",
    "resource.instanceDetails.tags.key",
    "resource.instanceDetails.tags.value",
    "resource.resourceType",
    "service.action.actionType",
    "service.action.awsApiCallAction.api",
    "service.action.awsApiCallAction.callerType",
    "service.action.awsApiCallAction.remoteIpDetails.city.cityName",
    "service.action.awsApiCallAction.remoteIpDetails.country.countryName",
    "service.action.awsApiCallAction.remoteIpDetails.ipAddressV4",
    "service.action.awsApiCallAction.remoteIpDetails.organization.asn",
    "service.action.awsApiCallAction.remoteIpDetails.organization.asnOrg",
    "service.action.awsApiCallAction.serviceName",
    "service.action.dnsRequestAction.domain",
    "service.action.dnsRequestAction.domainWithSuffix",
    "service.action.networkConnectionAction.blocked",
    "service.action.networkConnectionAction.connectionDirection",
    "service.action.networkConnectionAction.localPortDetails.port",
    "service.action.networkConnectionAction.protocol",
    "service.action.networkConnectionAction.remoteIpDetails.city.cityName",
    "service.action.networkConnectionAction.remoteIpDetails.country.countryName",
    "service.action.networkConnectionAction.remoteIpDetails.ipAddressV4",
    "service.action.networkConnectionAction.remoteIpDetails.organization.asn",
    "service.action.networkConnectionAction.remoteIpDetails.organization.asnOrg",
    "service.action.networkConnectionAction.remotePortDetails.port",
    "service.additionalInfo.threatListName",
    "service.archived",
    "service.ebsVolumeScanDetails.scanId",
    "service.resourceRole",
    "severity",
    "type",
    "updatedAt",
];

/// The values of a field; a list on its path stands for each of its members.
pub(super) fn values<'a>(finding: &'a Value, field: &str) -> Vec<&'a Value> {
    let mut found = vec![finding];
    for name in field.split('.') {
        found = found
            .into_iter()
            .filter_map(|value| value.get(name))
            .flat_map(members)
            .collect();
    }
    found.retain(|value| !value.is_null());
    found
}

fn members(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}
