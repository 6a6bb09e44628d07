//! Whether the queues of our functions can be read.

use std::collections::BTreeSet;
use std::time::Duration;

use super::customizations::by_name;
use super::platform::{
    CLIENT_CERTIFICATE, CLIENT_CERTIFICATE_MENDED, CLIENT_CERTIFICATE_REMEDY, Snapshot,
    certificate_remedy,
};
use super::report::{Area, Check, Reason};
use crate::app;
use crate::config::Config;
use crate::customizations::{ARCHIVE_FINDING, MESSAGE_DESTINATION, REFRESH_FINDING};
use crate::reason;
use crate::stomp::{self, StompError};
use crate::tls::TlsError;

const NAME: &str = "message queue";

/// One line a queue, or one for all where there is no connection.
pub(super) async fn check(
    config: &Config,
    org_id: i64,
    platform: &Snapshot,
    patience: Duration,
) -> Vec<Check> {
    if !config.stomp.enabled {
        return vec![
            Check::warning(
                Area::Stomp,
                NAME,
                "stomp = 0 in [resilient]: functions are not served",
            )
            .remedy("remove stomp = 0, unless another worker serves them"),
        ];
    }
    let queues = queues(org_id, platform);
    if queues.is_empty() {
        return vec![Check::skipped(
            Area::Stomp,
            NAME,
            "the platform has none of the functions that are called on it",
        )];
    }
    let mut options = match app::stomp_options(&config.stomp, &config.soar.credentials) {
        Ok(options) => options,
        Err(error) => {
            let check = Check::failed(Area::Stomp, NAME, format!("{error:#}"));
            let own = matches!(error.downcast_ref(), Some(TlsError::Client(_)));
            return vec![if own {
                check.remedy(CLIENT_CERTIFICATE_MENDED)
            } else {
                check
                    .remedy("correct stomp_cafile (or cafile) in [resilient]")
                    .because(Reason::CertificateFile)
            }];
        }
    };
    options.connect_timeout = options.connect_timeout.min(patience);
    options.receipt_timeout = options.receipt_timeout.min(patience);
    options.subscriptions = queues;
    match stomp::probe(&options).await {
        Ok(probed) => probed
            .into_iter()
            .map(|(queue, outcome)| told(&queue, outcome))
            .collect(),
        Err(error) => vec![explained(&error)],
    }
}

/// Where the functions are queued; on our own destination where the platform does not tell.
fn queues(org_id: i64, platform: &Snapshot) -> Vec<String> {
    let destinations: BTreeSet<String> = match &platform.functions {
        Err(_) => BTreeSet::from([MESSAGE_DESTINATION.to_owned()]),
        Ok(functions) => {
            let functions = by_name(functions, "name");
            [ARCHIVE_FINDING, REFRESH_FINDING]
                .iter()
                .filter_map(|name| functions.get(name)?["destination_handle"].as_str())
                .map(str::to_owned)
                .collect()
        }
    };
    let queue = |destination| format!("actions.{org_id}.{destination}");
    destinations.into_iter().map(queue).collect()
}

fn told(queue: &str, outcome: Result<(), StompError>) -> Check {
    match outcome {
        Ok(()) => Check::ok(Area::Stomp, NAME, format!("{queue} can be read")),
        Err(StompError::SubscriptionRefused { message, .. }) => {
            let destination = queue.splitn(3, '.').nth(2).unwrap_or(queue);
            Check::failed(Area::Stomp, NAME, format!("the broker refuses {queue}: {message}"))
                .remedy(format!(
                    "add the API key (or user) to the message destination {destination} (Destinations, {destination}), or run `fn-aws-guardduty customize`"
                ))
                .because(Reason::Queue)
        }
        Err(error) => explained(&error),
    }
}

fn explained(error: &StompError) -> Check {
    let text = reason::full(error);
    let check = Check::failed(Area::Stomp, NAME, text.clone());
    if text.contains(CLIENT_CERTIFICATE) {
        return check.remedy(CLIENT_CERTIFICATE_REMEDY);
    }
    match error {
        StompError::Proxy(_) => check.remedy("correct proxy_user and proxy_password in [resilient]"),
        StompError::Unreachable { .. } => {
            check.remedy("check stomp_host and stomp_port in [resilient], the network and its proxies")
        }
        StompError::HostName { .. } => check.remedy("check stomp_host in [resilient]"),
        StompError::Tls { .. } => check
            .remedy(certificate_remedy(&text, "stomp_cafile", "resilient"))
            .because(Reason::Certificate),
        StompError::LoginRefused { .. } => check
            .remedy("check api_key_id and api_key_secret (or email and password) in [resilient]")
            .because(Reason::Login),
        StompError::ConnectTimeout { .. } | StompError::NoReceipt { .. } => check
            .remedy("check stomp_host and stomp_port in [resilient] and the network; selftest_timeout gives it more time")
            .because(Reason::NoAnswer),
        _ => check.remedy("check that stomp_host and stomp_port in [resilient] lead to SOAR's message broker"),
    }
}
