//! Whether the worker would work: every connection, permission and customization it needs, looked at without changing
//! anything.
//!
//! Checks that do not depend on each other run side by side; each has a limit, and they are told in the order of the report.

mod aws;
mod circuits;
mod close;
mod customizations;
mod machine;
mod permissions;
mod platform;
mod queue;
mod report;

pub use circuits::{CircuitsOutcome, circuits_text, circuits_unconfigured};
pub use permissions::{IAM_POLICY, NEEDED};
pub use report::{Area, Check, Outcome, Reason, Report};

use std::future::ready;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use futures_util::stream::{FuturesOrdered, StreamExt as _};

use crate::config::Config;
use crate::soar::Soar;
use permissions::Evidence;
use platform::Snapshot;

/// What the checks of the platform start from: the login, and what was read after it.
type Login = Result<(Arc<Soar>, Arc<Snapshot>), Box<Check>>;

/// Lines that become known together.
type Lines<'a> = BoxFuture<'a, Vec<Check>>;

/// Checks everything that the configuration from `path` speaks of; `tell` gets each line as soon as those before it are told.
pub async fn run(config: &Config, path: &Path, mut tell: impl FnMut(&Check)) -> Report {
    let login = log_in(config).boxed().shared();
    let mut lines: FuturesOrdered<Lines<'_>> = FuturesOrdered::new();
    lines.push_back(ready(machine(config, path)).boxed());
    lines.push_back(platform(config, login.clone()).boxed());
    lines.push_back(broker(config, login).boxed());
    lines.push_back(aws::check(&config.guardduty, config.selftest_timeout).boxed());
    let mut report = Report::default();
    while let Some(checks) = lines.next().await {
        checks.iter().for_each(&mut tell);
        report.checks.extend(checks);
    }
    report
}

fn machine(config: &Config, path: &Path) -> Vec<Check> {
    let mut checks = machine::check_configuration(path, &config.warnings);
    checks.push(machine::check_state(config.guardduty.state_dir.as_deref()));
    checks
}

async fn log_in(config: &Config) -> Login {
    let soar = platform::connect(config, config.selftest_timeout).await?;
    let snapshot = Box::pin(Snapshot::take(&soar)).await;
    Ok((soar, Arc::new(snapshot)))
}

async fn platform(config: &Config, login: Shared<BoxFuture<'_, Login>>) -> Vec<Check> {
    let (soar, platform) = match login.await {
        Ok(platform) => platform,
        Err(failure) => return vec![*failure, not_looked_at(Area::Platform, "SOAR platform")],
    };
    let permissions = permissions::check(&Evidence {
        types: &platform.incident_type,
        functions: &platform.functions,
        incident: &platform.incident,
        grants: &platform.grants,
    });
    let mut checks = vec![
        platform::connected(&soar, config),
        platform::check_version(&soar).await,
        permissions,
        customizations::check(&platform),
        customizations::check_rules(&platform),
    ];
    checks.extend(customizations::check_unserved(&platform));
    checks.push(close::check(
        &platform.incident_type,
        &config.guardduty.close_template,
    ));
    checks
}

async fn broker(config: &Config, login: Shared<BoxFuture<'_, Login>>) -> Vec<Check> {
    match login.await {
        Ok((soar, platform)) => {
            queue::check(config, soar.org_id(), &platform, config.selftest_timeout).await
        }
        Err(_) => vec![not_looked_at(Area::Stomp, "message queue")],
    }
}

fn not_looked_at(area: Area, name: &str) -> Check {
    Check::skipped(area, name, "not without a login to SOAR REST")
}
