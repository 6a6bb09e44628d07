//! Typed configuration: `app.config` in its INI dialect, the environment, and built-in defaults.
//!
//! [`parse`] is pure; [`load`] alone reads files and the environment.

mod close_template;
mod error;
mod guardduty;
mod ini;
mod interval;
mod keys;
mod layers;
pub mod load;
#[cfg(test)]
mod python;
mod reader;
mod references;
mod regions;
mod resilient;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

pub use close_template::CloseTemplate;
pub use error::{ConfigErrors, Problem};
pub use regions::{RegionPattern, RegionPatternError};

use reader::{Noted, Reader};

/// `app.config` as an example: every key, its default, a comment.
pub const EXAMPLE: &str = include_str!("../../app.config.example");

/// Everything that an operator can set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// REST access to SOAR.
    pub soar: SoarConfig,
    /// The message broker of SOAR.
    pub stomp: StompConfig,
    /// Access to GuardDuty and the poller.
    pub guardduty: GuardDutyConfig,
    /// What all apps of the file share.
    pub integrations: IntegrationsConfig,
    /// How much is logged.
    pub log_level: LogLevel,
    /// `RUST_LOG`, which beats [`Config::log_level`] when it is set.
    pub log_filter: Option<String>,
    /// What works but deserves the operator's attention; for the log, one line each.
    pub warnings: Vec<String>,
}

/// How to reach the REST interface of SOAR.
#[derive(Debug, Clone)]
pub struct SoarConfig {
    /// Host name, without scheme or path.
    pub host: String,
    /// Port of the REST interface.
    pub port: u16,
    /// Name, UUID or cloud account of the organization.
    pub org: String,
    /// How to log in, also to the broker.
    pub credentials: Credentials,
    /// Which server certificates are accepted.
    pub trust: Trust,
    /// Path before `/rest`, with a leading and without a trailing slash: `/api/respond`.
    pub resource_prefix: Option<String>,
    /// Retries of a request that may be repeated.
    pub retries: RetryConfig,
    /// Attempts to log in; `None` is without limit.
    pub login_attempts: Option<u32>,
    /// Limit for one request.
    pub request_timeout: Duration,
    /// Requests in flight at most.
    pub max_requests: usize,
}

/// Retries with a growing delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryConfig {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// Delay before the second attempt.
    pub delay: Duration,
    /// What each further delay is multiplied by; at least 1.
    pub backoff: u32,
}

/// How to log in to SOAR.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An API key account.
    ApiKey {
        /// The key's id.
        id: String,
        /// The key's secret.
        secret: SecretString,
    },
    /// A user account.
    User {
        /// The user's e-mail address.
        email: String,
        /// The user's password.
        password: SecretString,
    },
}

/// Which server certificates are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those that the operating system trusts.
    Public,
    /// Only those that this PEM file vouches for.
    Bundle(PathBuf),
    /// Any: nothing is checked.
    Off,
}

/// How to reach the message broker.
#[derive(Debug, Clone)]
pub struct StompConfig {
    /// Whether functions are served at all.
    pub enabled: bool,
    /// Host name of the broker.
    pub host: String,
    /// Port of the broker.
    pub port: u16,
    /// Which broker certificates are accepted.
    pub trust: Trust,
    /// Limit for connecting, TLS and login included.
    pub connect_timeout: Duration,
    /// Messages worked on at once.
    pub num_workers: usize,
    /// Messages that the broker may hand out before one is acknowledged.
    pub prefetch: u16,
}

/// How to reach GuardDuty, what is escalated and how often.
#[derive(Debug, Clone)]
pub struct GuardDutyConfig {
    /// Static keys; `None` leaves it to the default chain of AWS.
    pub keys: Option<AwsKeys>,
    /// Region that is asked which regions the account has.
    pub master_region: String,
    /// Which of the account's regions are polled.
    pub regions: RegionPattern,
    /// How often the list of regions is read again.
    pub regions_interval: Duration,
    /// Pause between two cycles; `None` switches the poller off.
    pub polling_interval: Option<Duration>,
    /// Lowest severity that is escalated; `None` is all.
    pub severity_threshold: Option<u8>,
    /// How far the first cycle looks back; `None` is without limit.
    pub lookback: Option<Duration>,
    /// How far before its watermark a cycle looks again, as findings are published late.
    pub overlap: Duration,
    /// Fields set on an incident whose finding was archived.
    pub close_template: CloseTemplate,
    /// Folder of the state file; `None` runs without one.
    pub state_dir: Option<PathBuf>,
    /// Proxies of this section.
    pub proxies: Proxies,
}

/// A pair of static AWS keys.
#[derive(Debug, Clone)]
pub struct AwsKeys {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret part.
    pub secret_access_key: SecretString,
}

/// Proxy URLs; secret, since they may hold a user name and password.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Proxy for `http://` addresses.
    pub http: Option<SecretString>,
    /// Proxy for `https://` addresses.
    pub https: Option<SecretString>,
}

/// The `[integrations]` section.
#[derive(Debug, Clone)]
pub struct IntegrationsConfig {
    /// Proxies for all apps that set none of their own.
    pub proxies: Proxies,
    /// Limit for one request.
    pub timeout: Duration,
}

/// Python's log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens in normal work.
    Info,
    /// What deserves attention.
    Warning,
    /// What failed.
    Error,
    /// What ends the process; logged as an error.
    Critical,
}

/// Reads the text of an `app.config`.
///
/// `lookup` answers for the environment, `files` reads a file that a key names.
/// All mistakes are reported at once.
pub fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    files: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Config, ConfigErrors> {
    parse_in(None, text, lookup, files)
}

/// As [`parse`]; `folder` is where the state file goes when nothing says otherwise.
pub fn parse_in(
    folder: Option<&Path>,
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    files: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Config, ConfigErrors> {
    let layers = layers::build(text, lookup)?;
    let mut reader = Reader::new(&layers, lookup, files);
    reader.check_names();
    match read(&mut reader, folder) {
        Ok(config) if reader.is_clean() => Ok(Config {
            log_filter: lookup("RUST_LOG").filter(|filter| !filter.trim().is_empty()),
            warnings: reader.into_warnings(),
            ..config
        }),
        _ => Err(reader.into_errors()),
    }
}

/// Reads every section before the first mistake is acted on, so that all are noted.
fn read(reader: &mut Reader<'_>, folder: Option<&Path>) -> Result<Config, Noted> {
    let integrations = resilient::integrations(reader);
    let request_timeout = integrations
        .as_ref()
        .map(|shared| shared.timeout)
        .map_err(|noted| *noted);
    let max_requests = guardduty::max_soar_requests(reader);
    let soar = resilient::soar(reader, max_requests, request_timeout);
    let stomp = resilient::stomp(reader);
    let guardduty = guardduty::read(reader, folder);
    let log_level = resilient::log_level(reader);
    Ok(Config {
        soar: soar?,
        stomp: stomp?,
        guardduty: guardduty?,
        integrations: integrations?,
        log_level: log_level?,
        log_filter: None,
        warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
