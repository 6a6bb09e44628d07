//! EC2 `DescribeRegions` and STS `GetCallerIdentity`: the query protocol, parameters in a form, answers in XML.

use std::collections::BTreeMap;

use axum::http::request::Parts;

use super::account::Account;
use super::error::{ApiError, Service};
use super::http_api::{Answer, admit};
use super::regions::Partition;
use super::signature::percent_decode;

/// The parameters of a call, from its query string and its form.
pub(super) fn parameters(request: &Parts, body: &[u8]) -> BTreeMap<String, String> {
    let form = String::from_utf8_lossy(body);
    let pairs = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .chain(form.split('&'));
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (form_decode(name), form_decode(value)))
        .collect()
}

fn form_decode(text: &str) -> String {
    percent_decode(&text.replace('+', " "))
}

pub(super) fn answer(
    account: &mut Account,
    service: Service,
    region: &str,
    request: &Parts,
    body: &[u8],
    request_id: &str,
) -> Result<Answer, ApiError> {
    let parameters = parameters(request, body);
    let action = parameters.get("Action").map_or("", String::as_str);
    match (service, action) {
        (Service::Ec2, "DescribeRegions") => {
            admit(account, "DescribeRegions")?;
            Ok(Answer::Xml(describe_regions(
                account,
                region,
                &parameters,
                request_id,
            )?))
        }
        (Service::Sts, "GetCallerIdentity") => {
            admit(account, "GetCallerIdentity")?;
            Ok(Answer::Xml(caller_identity(account, request_id)))
        }
        _ => Err(ApiError::UnknownOperation(action.to_owned())),
    }
}

struct RegionEntry {
    name: String,
    opt_in_status: &'static str,
}

fn describe_regions(
    account: &Account,
    caller: &str,
    parameters: &BTreeMap<String, String>,
    request_id: &str,
) -> Result<String, ApiError> {
    let partition = Partition::of(caller);
    let wanted = values(parameters, "RegionName.");
    let filters = filters(parameters)?;
    let all = parameters
        .get("AllRegions")
        .is_some_and(|value| value == "true");
    let items: Vec<String> = regions(account, partition)
        .into_iter()
        .filter(|region| all || region.opt_in_status != "not-opted-in")
        .filter(|region| wanted.is_empty() || wanted.contains(&region.name))
        .filter(|region| filters.iter().all(|filter| filter.admits(region)))
        .map(|RegionEntry { name, opt_in_status }| {
            let endpoint = format!("ec2.{name}.{}", partition.dns_suffix());
            format!(
                "<item><regionName>{name}</regionName><regionEndpoint>{endpoint}</regionEndpoint>\
                 <optInStatus>{opt_in_status}</optInStatus></item>"
            )
        })
        .collect();
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeRegionsResponse \
         xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{request_id}</requestId><regionInfo>{}\
         </regionInfo></DescribeRegionsResponse>",
        items.concat()
    ))
}

/// Every region of the partition, and what the account has to do with it.
fn regions(account: &Account, partition: Partition) -> Vec<RegionEntry> {
    let known = partition
        .default_regions()
        .iter()
        .chain(partition.opt_in_regions())
        .map(|name| (*name).to_owned());
    let enabled = account
        .enabled_regions
        .iter()
        .filter(|name| Partition::of(name) == partition)
        .cloned();
    let mut names: Vec<String> = known.chain(enabled).collect();
    names.sort();
    names.dedup();
    let entry = |name: String| {
        let opt_in_status = if !account.enabled_regions.contains(&name) {
            "not-opted-in"
        } else if partition.opt_in_regions().contains(&name.as_str()) {
            "opted-in"
        } else {
            "opt-in-not-required"
        };
        RegionEntry {
            name,
            opt_in_status,
        }
    };
    names.into_iter().map(entry).collect()
}

struct Filter {
    name: String,
    values: Vec<String>,
}

impl Filter {
    fn admits(&self, region: &RegionEntry) -> bool {
        let value = if self.name == "region-name" {
            region.name.as_str()
        } else {
            region.opt_in_status
        };
        self.values.iter().any(|wanted| wanted == value)
    }
}

/// `Filter.1.Name=opt-in-status&Filter.1.Value.1=opted-in`
fn filters(parameters: &BTreeMap<String, String>) -> Result<Vec<Filter>, ApiError> {
    let mut filters = Vec::new();
    for (key, name) in parameters {
        let Some(prefix) = key
            .strip_prefix("Filter.")
            .and_then(|rest| rest.strip_suffix(".Name"))
        else {
            continue;
        };
        if !["region-name", "opt-in-status"].contains(&name.as_str()) {
            return Err(ApiError::Invalid(format!("the filter '{name}' is invalid")));
        }
        let values = values(parameters, &format!("Filter.{prefix}.Value."));
        filters.push(Filter {
            name: name.clone(),
            values,
        });
    }
    Ok(filters)
}

/// The members of a list parameter: `RegionName.1`, `RegionName.2` and so on.
fn values(parameters: &BTreeMap<String, String>, prefix: &str) -> Vec<String> {
    let members = parameters
        .iter()
        .filter(|(name, _)| name.starts_with(prefix));
    members.map(|(_, value)| value.clone()).collect()
}

fn caller_identity(account: &Account, request_id: &str) -> String {
    let (arn, account_id) = (account.arn(), &account.options.account_id);
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{arn}</Arn><UserId>AIDASANDBOX0000000000</UserId>\
         <Account>{account_id}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></GetCallerIdentityResponse>"
    )
}
