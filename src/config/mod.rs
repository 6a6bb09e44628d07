//! Typed configuration: `app.config` in its INI dialect, the environment, and built-in defaults.
//!
//! [`parse`] is pure; [`load`] alone reads files and the environment.

mod close_template;
mod error;
mod guardduty;
mod ineffective;
mod ini;
mod interval;
mod keyring;
mod keys;
mod layers;
mod listen;
pub mod load;
mod log;
mod lookups;
mod numbers;
mod protected;
mod proxies;
#[cfg(test)]
pub(crate) mod python;
mod reader;
mod references;
mod regions;
mod resilient;
mod secrets;
mod update;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

pub use close_template::CloseTemplate;
pub use error::{ConfigErrors, Problem};
pub(crate) use interval::parse as parse_interval;
pub use lookups::{KeyringError, Lookups, Protected};
pub use regions::{RegionPattern, RegionPatternError};
pub use update::{Completed, complete};

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
    /// What is logged, and where to.
    pub log: LogConfig,
    /// Limit for one check of `selftest`.
    pub selftest_timeout: Duration,
    /// What works but deserves the operator's attention; for the log, one line each.
    pub warnings: Vec<Warning>,
}

/// Something in the configuration that works but deserves the operator's attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What is to be thought of it.
    pub kind: WarningKind,
    /// The place, what is odd, and the remedy, on one line; never the value of a secret.
    pub text: String,
}

/// What is to be thought of a [`Warning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// A key that nobody knows; an error where the check is strict.
    UnknownKey,
    /// A key that has no effect here.
    Ineffective,
    /// A check of certificates is off.
    Insecure,
    /// Anything else.
    Notice,
}

impl Warning {
    fn new(kind: WarningKind, text: String) -> Self {
        let text = error::on_one_line(text);
        Self { kind, text }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is logged, and where to besides standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How much is logged.
    pub level: LogLevel,
    /// `RUST_LOG`, which beats the level when it is set.
    pub filter: Option<String>,
    /// A file that the log goes to as well.
    pub file: Option<LogFile>,
}

/// A log file that is moved aside when it has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The file; its folder exists.
    pub path: PathBuf,
    /// Bytes after which it is moved aside; 0 never moves it.
    pub max_bytes: u64,
    /// How many older files are kept; 0 never moves it.
    pub backups: usize,
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
    /// What the client shows a server that asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Proxies on the way.
    pub proxying: Proxying,
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
    /// What the client shows a broker that asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Proxies on the way.
    pub proxying: Proxying,
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
    /// Whether incidents are closed whose finding has another, older one.
    pub close_duplicates: bool,
    /// Whether incidents are closed whose finding AWS has deleted.
    pub close_deleted: bool,
    /// Folder of the state file; `None` runs without one.
    pub state_dir: Option<PathBuf>,
    /// Where the worker's page, its metrics and its health are told; `None` nowhere.
    pub http_listen: Option<SocketAddr>,
    /// What is to be brought by those who see page and metrics; `None` lets everyone.
    pub http_token: Option<SecretString>,
    /// How long something may be away before the worker counts as not ready.
    pub unready_after: Duration,
    /// Which certificates of AWS are accepted.
    pub trust: Trust,
    /// What the client shows a server that asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Proxies on the way.
    pub proxying: Proxying,
    /// Limit for one request.
    pub request_timeout: Duration,
    /// Requests in flight at most, in each region.
    pub max_requests: usize,
}

/// A pair of static AWS keys.
#[derive(Debug, Clone)]
pub struct AwsKeys {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret part.
    pub secret_access_key: SecretString,
}

/// A certificate of the client's own, with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM file with the certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file with the private key; may be the same file.
    pub key: PathBuf,
}

/// How requests find the proxies on their way.
#[derive(Debug, Clone, Default)]
pub enum Proxying {
    /// As `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say; without them there is none.
    #[default]
    ByEnvironment,
    /// As `app.config` says.
    ByConfig(Proxies),
}

/// The proxies that `app.config` names.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Proxy for `http://` addresses.
    pub http: Option<ProxyServer>,
    /// Proxy for `https://` addresses, and for the broker.
    pub https: Option<ProxyServer>,
}

/// An HTTP proxy.
#[derive(Debug, Clone)]
pub struct ProxyServer {
    /// Scheme, host and port: `http://proxy.example.com:3128`.
    pub url: String,
    /// How to log in to it.
    pub credentials: Option<ProxyCredentials>,
}

/// A user of a proxy.
#[derive(Debug, Clone)]
pub struct ProxyCredentials {
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: SecretString,
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

/// Reads the text of an `app.config`; `lookups` answers what it refers to.
///
/// All mistakes are reported at once.
pub fn parse(text: &str, lookups: &dyn Lookups) -> Result<Config, ConfigErrors> {
    let source = Source {
        text,
        ..Source::default()
    };
    parse_source(&source, lookups)
}

/// A text, and what comes with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source<'a> {
    /// The text of an `app.config`.
    pub text: &'a str,
    /// Where the state file goes when nothing says otherwise.
    pub folder: Option<&'a Path>,
    /// Settings of the command line, which beat all others.
    pub flags: &'a [Flag],
}

/// A key of `[resilient]` that the command line sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The key, as app.config has it.
    pub key: String,
    /// Its value. Of a secret it is not needed, as that is refused.
    pub value: String,
}

/// A key of `[resilient]`, for the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKey {
    /// The key, as app.config has it.
    pub name: &'static str,
    /// Whether its value is a secret, which no command line may hold.
    pub secret: bool,
    /// Whether it has an effect.
    pub effective: bool,
}

/// The keys of `[resilient]`.
pub fn known_keys() -> Vec<KnownKey> {
    let known = |effective| {
        move |name| KnownKey {
            name,
            secret: keys::has_file(name),
            effective,
        }
    };
    let resilient = keys::SECTIONS
        .iter()
        .filter(|section| section.name == keys::RESILIENT);
    resilient
        .flat_map(|section| {
            let read = section.read.iter().copied().map(known(true));
            read.chain(section.without_effect().map(known(false)))
        })
        .collect()
}

/// As [`parse`], with all that comes with the text.
pub fn parse_source(source: &Source<'_>, lookups: &dyn Lookups) -> Result<Config, ConfigErrors> {
    let layers = layers::build(source.text, source.flags, lookups)?;
    let mut reader = Reader::new(&layers, lookups);
    reader.check_names();
    reader.check_flags(source.flags);
    ineffective::warn(&mut reader);
    match read(&mut reader, source.folder) {
        Ok(config) if reader.is_clean() => Ok(Config {
            warnings: reader.into_warnings(),
            ..config
        }),
        _ => Err(reader.into_errors()),
    }
}

/// Reads every section before the first mistake is acted on, so that all are noted.
fn read(reader: &mut Reader<'_>, folder: Option<&Path>) -> Result<Config, Noted> {
    let max_requests = guardduty::max_soar_requests(reader);
    let proxying = proxies::to_soar(reader);
    let soar = resilient::soar(reader, max_requests, proxying.clone());
    let stomp = resilient::stomp(reader, proxying);
    let guardduty = guardduty::read(reader, folder);
    let log = log::read(reader);
    let selftest_timeout = resilient::selftest_timeout(reader);
    Ok(Config {
        soar: soar?,
        stomp: stomp?,
        guardduty: guardduty?,
        log: log?,
        selftest_timeout: selftest_timeout?,
        warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
