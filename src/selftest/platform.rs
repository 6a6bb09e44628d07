//! The connection to SOAR's REST interface, and what is read of the platform for the checks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::report::{Area, Check, Reason};
use crate::app;
use crate::config::{Config, Credentials, RetryConfig, SoarConfig};
use crate::customizations::LOWEST_PLATFORM;
use crate::measures::Calls;
use crate::soar::{Grants, Soar, SoarError};
use crate::tls::TlsError;

const NAME: &str = "SOAR REST";
const VERSION: &str = "platform version";

/// What the reason says of a server that wants to see a certificate.
pub(super) const CLIENT_CERTIFICATE: &str = "client certificate";
/// What to do about it.
pub(super) const CLIENT_CERTIFICATE_REMEDY: &str =
    "set client_auth_cert and client_auth_key in [resilient]";

/// What to do about one of our own that cannot be used.
pub(super) const CLIENT_CERTIFICATE_MENDED: &str =
    "correct client_auth_cert and client_auth_key in [resilient]";

/// What to do about a server's certificate that is refused for this reason: only one that nobody vouches for can be made good
/// by naming it.
pub(super) fn certificate_remedy(reason: &str, key: &str, section: &str) -> String {
    if reason.contains("comes from nobody") || reason.contains("an authority's certificate") {
        format!("set {key} in [{section}] to the server's own certificate or its authority's")
    } else {
        format!("mend what it says, on the server or in [{section}]")
    }
}

/// Logs in once.
pub(super) async fn connect(config: &Config, patience: Duration) -> Result<Arc<Soar>, Box<Check>> {
    let failed = |text: String| Check::failed(Area::Rest, NAME, text);
    let tls = app::soar_tls(&config.soar).map_err(|error| {
        let text = match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        Box::new(if matches!(error, TlsError::Client(_)) {
            failed(text).remedy(CLIENT_CERTIFICATE_MENDED)
        } else {
            failed(text)
                .remedy("correct cafile in [resilient]")
                .because(Reason::CertificateFile)
        })
    })?;
    let once = SoarConfig {
        login_attempts: Some(1),
        retries: RetryConfig {
            attempts: 1,
            ..config.soar.retries
        },
        request_timeout: config.soar.request_timeout.min(patience),
        ..config.soar.clone()
    };
    match tokio::time::timeout(patience, Soar::connect(&once, tls, Calls::default(), |_| ())).await {
        Ok(Ok(soar)) => Ok(Arc::new(soar)),
        Ok(Err(error)) => Err(Box::new(explained(&error, config))),
        Err(_) => Err(Box::new(
            failed(format!(
                "{} did not answer within {} s",
                address(&config.soar),
                patience.as_secs_f64()
            ))
            .remedy("check host and port in [resilient], the network and its proxies; selftest_timeout gives it more time")
            .because(Reason::NoAnswer),
        )),
    }
}

fn explained(error: &SoarError, config: &Config) -> Check {
    let failed = |text: String| Check::failed(Area::Rest, NAME, text);
    let address = address(&config.soar);
    let text = error.to_string();
    match error {
        SoarError::Unauthorized => failed(format!("{address} refuses the login of {}", login(config)))
            .remedy(match config.soar.credentials {
                Credentials::ApiKey { .. } => {
                    "check api_key_id and api_key_secret in [resilient], and that the API key is enabled"
                }
                Credentials::User { .. } => "check email and password in [resilient]",
            })
            .because(Reason::Login),
        SoarError::Setup(_) if text.contains("proxy") => {
            failed(text).remedy("correct proxy_host and proxy_port in [resilient]")
        }
        SoarError::Setup(_) if text.contains("redirects") => {
            failed(text).remedy("correct host and port in [resilient]")
        }
        SoarError::Setup(_) => failed(text)
            .remedy("set org in [resilient] to an organisation that the account is a member of")
            .because(Reason::Organisation),
        SoarError::Unavailable { reason, .. } | SoarError::AnswerLost { reason, .. }
            if reason.contains(CLIENT_CERTIFICATE) =>
        {
            failed(format!("{address}: {reason}")).remedy(CLIENT_CERTIFICATE_REMEDY)
        }
        // The reason of a refused certificate is the only other text that speaks of one.
        SoarError::Unavailable { reason, .. } if reason.contains("certificate") => failed(format!("{address}: {reason}"))
            .remedy(certificate_remedy(reason, "cafile", "resilient"))
            .because(Reason::Certificate),
        SoarError::Unavailable { reason, .. } | SoarError::AnswerLost { reason, .. } => {
            failed(format!("{address} could not be reached: {reason}"))
                .remedy("check host and port in [resilient], the network and its proxies")
        }
        SoarError::NotFound { .. } | SoarError::Malformed { .. } => {
            failed(format!("{address} does not answer as SOAR does: {text}"))
                .remedy("check host, port and resource_prefix in [resilient]")
        }
        _ => failed(text).remedy("see the platform's log for the cause"),
    }
}

/// The line of a login that went well.
pub(super) fn connected(soar: &Soar, config: &Config) -> Check {
    let detail = format!(
        "{} as {}, organisation {} ({})",
        address(&config.soar),
        login(config),
        soar.org(),
        soar.org_id()
    );
    Check::ok(Area::Rest, NAME, detail)
}

fn address(config: &SoarConfig) -> String {
    let prefix = config.resource_prefix.as_deref().unwrap_or_default();
    format!("{}:{}{prefix}", config.host, config.port)
}

fn login(config: &Config) -> String {
    match &config.soar.credentials {
        Credentials::ApiKey { id, .. } => format!("API key {id}"),
        Credentials::User { email, .. } => email.clone(),
    }
}

/// The platform's version.
pub(super) async fn check_version(soar: &Soar) -> Check {
    let version = match soar.server_version().await {
        Ok(version) => version,
        Err(error) => return Check::unknown(Area::Platform, VERSION, error.to_string()),
    };
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u64>().ok());
    match major {
        Some(major) if major < LOWEST_PLATFORM => Check::warning(
            Area::Platform,
            VERSION,
            format!("{version} is older than {LOWEST_PLATFORM}, the lowest that the customizations are made for: their scripts are Python 3"),
        )
        .remedy("update the platform, or keep the Python app's customizations, which this program serves as well"),
        Some(_) => Check::ok(Area::Platform, VERSION, version),
        None => Check::unknown(Area::Platform, VERSION, format!("{version} is no version that this program can read")),
    }
}

/// What several checks look at, read once.
pub(super) struct Snapshot {
    pub(super) incident_type: Result<Value, SoarError>,
    pub(super) types: Result<Value, SoarError>,
    pub(super) artifact_type: Result<Value, SoarError>,
    pub(super) functions: Result<Value, SoarError>,
    pub(super) function_inputs: Result<Value, SoarError>,
    pub(super) rules: Result<Value, SoarError>,
    pub(super) incident: Result<Option<Value>, SoarError>,
    pub(super) grants: Grants,
}

impl Snapshot {
    /// Reads everything side by side.
    pub(super) async fn take(soar: &Soar) -> Self {
        let (
            incident_type,
            types,
            artifact_type,
            functions,
            function_inputs,
            rules,
            incident,
            grants,
        ) = tokio::join!(
            soar.configuration("/types/incident"),
            soar.configuration("/types"),
            soar.configuration("/types/artifact"),
            soar.configuration("/functions?handle_format=names"),
            soar.configuration("/types/__function/fields"),
            soar.configuration("/actions?handle_format=names"),
            soar.any_open_incident(),
            soar.grants(),
        );
        Self {
            incident_type,
            types,
            artifact_type,
            functions,
            function_inputs,
            rules,
            incident,
            grants,
        }
    }
}
