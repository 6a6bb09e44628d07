//! Who the worker is to AWS, and what it can see there.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::platform::{CLIENT_CERTIFICATE, certificate_remedy};
use super::report::{Area, Check, Outcome, Reason};
use crate::app;
use crate::config::GuardDutyConfig;
use crate::guardduty::{Aws, AwsError, GuardDuty};
use crate::measures::Calls;

const IDENTITY: &str = "AWS identity";
const REGIONS: &str = "AWS regions";
const DETECTORS: &str = "GuardDuty";
const ARCHIVING: &str = "archiving";

/// Every line about AWS.
pub(super) async fn check(config: &GuardDutyConfig, patience: Duration) -> Vec<Check> {
    let aws = match app::aws(config, Calls::default()).await {
        Ok(aws) => aws.impatient(patience),
        Err(error) => {
            let check = Check::failed(Area::Aws, IDENTITY, format!("{error:#}"));
            return vec![check.remedy("correct verify, client_auth_cert, client_auth_key or https_proxy in [fn_aws_guardduty]")];
        }
    };
    let identity = identity(&aws, patience).await;
    let mut checks = Vec::new();
    if identity.outcome == Outcome::Failed {
        let skipped = |name| Check::skipped(Area::Aws, name, "the identity is refused");
        checks.extend([skipped(REGIONS), skipped(DETECTORS)]);
    } else {
        checks.extend(regions(config, &aws, patience).await);
    }
    checks.insert(0, identity);
    checks
}

/// The worker does without STS: only a refusal of the keys is a failure.
async fn identity(aws: &Aws, patience: Duration) -> Check {
    match within(patience, "GetCallerIdentity", aws.caller_identity()).await {
        Ok(identity) => Check::ok(
            Area::Aws,
            IDENTITY,
            format!("account {}, {}", identity.account, identity.arn),
        ),
        Err(error @ AwsError::Unauthorized { .. }) => explained(IDENTITY, &error),
        Err(error) => Check::unknown(
            Area::Aws,
            IDENTITY,
            format!("{error}; the worker does without this call"),
        ),
    }
}

/// The regions that match, and what each of them lets the worker do.
async fn regions(config: &GuardDutyConfig, aws: &Aws, patience: Duration) -> Vec<Check> {
    let all = match within(patience, "DescribeRegions", aws.try_describe_regions()).await {
        Ok(all) => all,
        Err(error) => {
            let skipped = Check::skipped(Area::Aws, DETECTORS, "the regions are not known");
            return vec![explained(REGIONS, &error), skipped];
        }
    };
    let pattern = &config.regions;
    let mut matching: Vec<&String> = all.iter().filter(|name| pattern.is_match(name)).collect();
    matching.sort();
    if matching.is_empty() {
        let detail = format!(
            "aws_gd_regions = {} matches none of the account's {} regions",
            pattern.as_str(),
            all.len()
        );
        let failed = Check::failed(Area::Aws, REGIONS, detail).remedy(format!(
            "correct aws_gd_regions in [fn_aws_guardduty]; the regions are {}",
            all.join(", ")
        ));
        let skipped = Check::skipped(Area::Aws, DETECTORS, "no region matches");
        return vec![failed, skipped];
    }
    let detail = format!(
        "{} of the account's {} match {}",
        matching.len(),
        all.len(),
        pattern.as_str()
    );
    let mut checks = vec![Check::ok(Area::Aws, REGIONS, detail)];
    let looks = matching.iter().map(|name| look(aws.region(name), patience));
    checks.extend(joined(join_all(looks).await));
    checks.push(Check::unknown(
        Area::Aws,
        ARCHIVING,
        "guardduty:ArchiveFindings is not tried, since that would change a finding",
    ));
    checks
}

/// What was seen of one region.
struct Seen {
    region: String,
    check: Check,
}

async fn look(region: GuardDuty, patience: Duration) -> Seen {
    let name = region.region().to_owned();
    let check = match within(patience, "GuardDuty", read(&region)).await {
        Ok(Found::Nothing) => Check::failed(Area::Aws, DETECTORS, "GuardDuty has no detector")
            .remedy("switch GuardDuty on there, or leave the region out of aws_gd_regions"),
        Ok(Found::Findings { detector, any }) => {
            let any = if any {
                "findings can be read"
            } else {
                "findings can be listed, and there is none yet"
            };
            Check::ok(Area::Aws, DETECTORS, format!("detector {detector}, {any}"))
        }
        Err(error) => explained(DETECTORS, &error),
    };
    Seen {
        region: name,
        check,
    }
}

enum Found {
    Nothing,
    Findings { detector: String, any: bool },
}

/// What the poller does in a cycle, once and as little of it as shows that it is allowed.
async fn read(region: &GuardDuty) -> Result<Found, AwsError> {
    let Some(detector) = region.detectors().await?.into_iter().next() else {
        return Ok(Found::Nothing);
    };
    let finding = region.any_finding(&detector).await?;
    let any = finding.is_some();
    if let Some(finding) = finding {
        region.findings(&detector, &[finding]).await?;
    }
    Ok(Found::Findings { detector, any })
}

/// One line for all regions of which the same is to be said: a cause that all share is one thing to mend.
fn joined(seen: Vec<Seen>) -> Vec<Check> {
    let mut lines: Vec<(Check, Vec<String>)> = Vec::new();
    let mut known: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
    for Seen { region, mut check } in seen {
        // An error names its region; with several on one line their names stand in front.
        check.detail = check.detail.replace(&format!(" in {region}"), "");
        let key = (check.detail.clone(), check.remedy.clone());
        let at = *known.entry(key).or_insert_with(|| {
            lines.push((check, Vec::new()));
            lines.len() - 1
        });
        lines[at].1.push(region);
    }
    let named = |(check, regions): (Check, Vec<String>)| Check {
        name: format!("{DETECTORS} {}", regions.join(", ")),
        ..check
    };
    lines.into_iter().map(named).collect()
}

async fn within<T>(
    patience: Duration,
    action: &str,
    call: impl Future<Output = Result<T, AwsError>>,
) -> Result<T, AwsError> {
    tokio::time::timeout(patience, call)
        .await
        .unwrap_or_else(|_| {
            Err(AwsError::Unavailable {
                action: action.to_owned(),
                message: format!("no answer within {} s", patience.as_secs_f64()),
            })
        })
}

fn explained(name: &str, error: &AwsError) -> Check {
    let check = Check::failed(Area::Aws, name, error.to_string());
    match error {
        AwsError::Unauthorized { .. } => check
            .remedy("check aws_gd_access_key_id and aws_gd_secret_access_key in [fn_aws_guardduty] (without them AWS's default chain), this machine's clock, and that the account has enabled the region")
            .because(Reason::Login),
        AwsError::Forbidden { .. } => check
            .remedy("give the AWS keys the policy below, and see that no policy of the organisation denies it")
            .because(Reason::AwsPermission),
        AwsError::Unavailable { message, .. } if message.contains(CLIENT_CERTIFICATE) => {
            check.remedy("set client_auth_cert and client_auth_key in [fn_aws_guardduty]")
        }
        AwsError::Unavailable { message, .. } if message.contains("certificate") => {
            check.remedy(certificate_remedy(message, "verify", "fn_aws_guardduty"))
        }
        AwsError::Unavailable { .. } => {
            check.remedy("check the network and its proxies (https_proxy), and aws_gd_master_region in [fn_aws_guardduty]")
        }
        _ => check.remedy("run it again; if it stays, see AWS's health page for the region"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(region: &str, detail: &str) -> Seen {
        Seen {
            region: region.to_owned(),
            check: Check::failed(Area::Aws, DETECTORS, detail),
        }
    }

    #[test]
    fn a_cause_that_regions_share_is_one_line() {
        let lines = joined(vec![
            seen(
                "eu-west-1",
                "AWS does not allow ListFindings in eu-west-1: no",
            ),
            seen("eu-west-2", "GuardDuty has no detector"),
            seen(
                "us-east-1",
                "AWS does not allow ListFindings in us-east-1: no",
            ),
        ]);
        let lines: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| (line.name.as_str(), line.detail.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                (
                    "GuardDuty eu-west-1, us-east-1",
                    "AWS does not allow ListFindings: no"
                ),
                ("GuardDuty eu-west-2", "GuardDuty has no detector"),
            ]
        );
    }
}
