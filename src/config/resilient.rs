//! The `[resilient]` and `[integrations]` sections.

use std::time::Duration;

use super::keys::{INTEGRATIONS, RESILIENT};
use super::reader::{Noted, Reader, Section};
use super::{
    ClientCertificate, Credentials, Proxying, RetryConfig, SoarConfig, StompConfig, Trust,
    WarningKind,
};

const ANY_PORT: std::ops::RangeInclusive<u16> = 1..=u16::MAX;
pub(super) const LONGEST_SECONDS: f64 = 3600.0;
const SHORTEST_CONNECT: Duration = Duration::from_secs(30);
/// The shortest limit that counts of those that apps share.
const SHORTEST_SHARED: Duration = Duration::from_secs(30);
/// Attempts for one request where there is no limit: hours, with the pauses in between.
const MOST_ATTEMPTS: i32 = 1000;
const USUAL_CONNECT: Duration = Duration::from_secs(45);

pub(super) fn soar(
    reader: &mut Reader<'_>,
    max_requests: Result<usize, Noted>,
    proxying: Result<Proxying, Noted>,
) -> Result<SoarConfig, Noted> {
    let request_timeout = shared_timeout(&mut reader.section(INTEGRATIONS));
    let mut section = reader.section(RESILIENT);
    let host = soar_host(&mut section);
    let port = section.number("port", ANY_PORT);
    let org = section.required("org", "give the organization's name, UUID or cloud account");
    let credentials = credentials(&mut section);
    let trust = soar_trust(&mut section);
    warn_of_no_check(&mut section, "cafile", "SOAR server", checked(&trust));
    let client_certificate = certificate(&mut section);
    let resource_prefix = section.text("resource_prefix");
    let retries = retries(&mut section);
    let login_attempts = login_attempts(&mut section);
    Ok(SoarConfig {
        host: host?,
        port: port?,
        org: org?.trim().to_owned(),
        credentials: credentials?,
        trust: trust?.unwrap_or(Trust::Public),
        client_certificate: client_certificate?,
        proxying: proxying?,
        resource_prefix: resource_prefix?.and_then(|prefix| normal_prefix(&prefix)),
        retries: retries?,
        login_attempts: login_attempts?,
        request_timeout: request_timeout?,
        max_requests: max_requests?,
    })
}

/// The broker asks for the same certificate and lies behind the same proxy as the REST interface.
pub(super) fn stomp(
    reader: &mut Reader<'_>,
    proxying: Result<Proxying, Noted>,
) -> Result<StompConfig, Noted> {
    let mut section = reader.section(RESILIENT);
    let enabled = section.parsed("stomp", "1 or 0", switch);
    let host = broker_host(&mut section);
    let port = section.number("stomp_port", ANY_PORT);
    let trust = broker_trust(&mut section);
    let client_certificate = section.quietly(certificate);
    let connect_timeout = connect_timeout(&mut section);
    let num_workers = section.number("num_workers", 1..=2000_u16);
    let prefetch = section.optional_number("stomp_prefetch_limit", 1..=2000_u16);
    let num_workers = num_workers?;
    Ok(StompConfig {
        enabled: enabled?.unwrap_or(true),
        host: host?,
        port: port?,
        trust: trust?,
        client_certificate: client_certificate?,
        proxying: proxying?,
        connect_timeout: connect_timeout?,
        num_workers: num_workers.into(),
        prefetch: prefetch?.unwrap_or(num_workers),
    })
}

/// A limit that is too short to be meant is replaced, as in the Python app.
fn connect_timeout(section: &mut Section<'_, '_>) -> Result<Duration, Noted> {
    let timeout = section.seconds("stomp_timeout", 0.0..=LONGEST_SECONDS)?;
    if timeout >= SHORTEST_CONNECT {
        return Ok(timeout);
    }
    let text = format!(
        "less than {} seconds: {} are used, as the Python app does",
        SHORTEST_CONNECT.as_secs(),
        USUAL_CONNECT.as_secs()
    );
    section.warn(WarningKind::Notice, "stomp_timeout", &text);
    Ok(USUAL_CONNECT)
}

/// The limit for one request that all apps of the file share. A shorter one is meant for other apps: the Python app has no
/// limit for SOAR at all.
pub(super) fn shared_timeout(integrations: &mut Section<'_, '_>) -> Result<Duration, Noted> {
    let timeout = integrations.seconds("timeout", 0.1..=LONGEST_SECONDS)?;
    Ok(timeout.max(SHORTEST_SHARED))
}

/// The limit for one check of `selftest`.
pub(super) fn selftest_timeout(reader: &mut Reader<'_>) -> Result<Duration, Noted> {
    reader
        .section(RESILIENT)
        .seconds("selftest_timeout", 1.0..=LONGEST_SECONDS)
}

/// `client_auth_cert` and `client_auth_key`: both or neither, and readable.
pub(super) fn certificate(
    section: &mut Section<'_, '_>,
) -> Result<Option<ClientCertificate>, Noted> {
    let files = whole_pair(section, "client_auth_cert", "client_auth_key")?;
    let Some((certificate, key)) = files else {
        return Ok(None);
    };
    let certificate = section.readable("client_auth_cert", &certificate);
    let key = section.readable("client_auth_key", &key);
    Ok(Some(ClientCertificate {
        certificate: certificate?,
        key: key?,
    }))
}

/// The API key if both of its halves are there, else the user; the leftover half of the other is no mistake, as in the Python app.
fn credentials(section: &mut Section<'_, '_>) -> Result<Credentials, Noted> {
    let key = Pair::read(section, "api_key_id", "api_key_secret");
    let user = Pair::read(section, "email", "password");
    match (key?, user?) {
        (Pair::Both(id, secret), user) => {
            user.warn_of_half(section);
            Ok(Credentials::ApiKey {
                id,
                secret: secret.into(),
            })
        }
        (key, Pair::Both(email, password)) => {
            key.warn_of_half(section);
            Ok(Credentials::User {
                email,
                password: password.into(),
            })
        }
        (Pair::Neither, Pair::Neither) => Err(section.missing(
            "api_key_id",
            "give api_key_id and api_key_secret, or email and password",
        )),
        (key, user) => {
            let key = key.both(section);
            let user = user.both(section);
            Err(key.and(user).err().unwrap_or(Noted))
        }
    }
}

/// Two keys that only make sense together.
enum Pair {
    Both(String, String),
    Half {
        set: &'static str,
        missing: &'static str,
    },
    Neither,
}

impl Pair {
    fn read(
        section: &mut Section<'_, '_>,
        first: &'static str,
        second: &'static str,
    ) -> Result<Self, Noted> {
        let values = (section.text(first), section.text(second));
        Ok(match (values.0?, values.1?) {
            (Some(name), Some(secret)) => Self::Both(name.trim().to_owned(), secret),
            (Some(_), None) => Self::Half {
                set: first,
                missing: second,
            },
            (None, Some(_)) => Self::Half {
                set: second,
                missing: first,
            },
            (None, None) => Self::Neither,
        })
    }

    fn warn_of_half(&self, section: &mut Section<'_, '_>) {
        if let Self::Half { set, missing } = self {
            let text = format!("not used, since {missing} is not set; set both or neither");
            section.warn(WarningKind::Notice, set, &text);
        }
    }

    /// Half of it is a mistake.
    fn both(self, section: &mut Section<'_, '_>) -> Result<Option<(String, String)>, Noted> {
        match self {
            Self::Both(first, second) => Ok(Some((first, second))),
            Self::Neither => Ok(None),
            Self::Half { set, missing } => Err(section.note(
                missing,
                &format!("is not set, but {set} is"),
                "set both or neither",
            )),
        }
    }
}

/// Both keys or neither.
pub(super) fn pair(
    section: &mut Section<'_, '_>,
    first: &'static str,
    second: &'static str,
) -> Result<Option<(String, String)>, Noted> {
    Pair::read(section, first, second)?.both(section)
}

/// Both keys; half of them counts as nothing, as in the Python app, and is warned of.
pub(super) fn whole_pair(
    section: &mut Section<'_, '_>,
    first: &'static str,
    second: &'static str,
) -> Result<Option<(String, String)>, Noted> {
    match Pair::read(section, first, second)? {
        Pair::Both(first, second) => Ok(Some((first, second))),
        half => {
            half.warn_of_half(section);
            Ok(None)
        }
    }
}

fn soar_host(section: &mut Section<'_, '_>) -> Result<String, Noted> {
    let host = section.required("host", "give the host name of the SOAR server")?;
    host_name(section, "host", "port", &host)
}

fn broker_host(section: &mut Section<'_, '_>) -> Result<String, Noted> {
    match section.text("stomp_host")? {
        Some(host) => host_name(section, "stomp_host", "stomp_port", &host),
        None => section.quietly(soar_host),
    }
}

fn broker_trust(section: &mut Section<'_, '_>) -> Result<Trust, Noted> {
    let own = section.trust("stomp_cafile");
    warn_of_no_check(section, "stomp_cafile", "message broker", checked(&own));
    match own? {
        Some(trust) => Ok(trust),
        None => section
            .quietly(soar_trust)
            .map(|trust| trust.unwrap_or(Trust::Public)),
    }
}

/// `cafile`, else what the Python app's HTTP library would take.
fn soar_trust(section: &mut Section<'_, '_>) -> Result<Option<Trust>, Noted> {
    let own = section.trust("cafile")?;
    let variables = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
    Ok(own.or_else(|| section.bundle_of_environment("cafile", &variables)))
}

fn checked(trust: &Result<Option<Trust>, Noted>) -> Option<&Trust> {
    trust.as_ref().ok()?.as_ref()
}

/// Warns where the certificate of a server is not checked.
pub(super) fn warn_of_no_check(
    section: &mut Section<'_, '_>,
    key: &str,
    server: &str,
    trust: Option<&Trust>,
) {
    if let Some(Trust::Off) = trust {
        section.warn(
            WarningKind::Insecure,
            key,
            &format!("false: the certificate of the {server} is not checked, so anyone between can read the credentials; name a file of certificates instead"),
        );
    }
}

fn host_name(
    section: &mut Section<'_, '_>,
    key: &str,
    port_key: &str,
    host: &str,
) -> Result<String, Noted> {
    let host = host.trim().to_owned();
    if host.contains('/') || host.contains(char::is_whitespace) {
        let wrong = format!("{} is not a host name", section.shown(key));
        return Err(section.note(
            key,
            &wrong,
            "give the name alone, without https:// or a path",
        ));
    }
    let with_port = host
        .split_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()));
    if with_port {
        let wrong = format!("{} holds a port", section.shown(key));
        return Err(section.note(key, &wrong, &format!("give the port in {port_key}")));
    }
    Ok(host)
}

fn retries(section: &mut Section<'_, '_>) -> Result<RetryConfig, Noted> {
    let attempts = section.number("request_max_retries", -1..=MOST_ATTEMPTS);
    let delay = section.seconds("request_retry_delay", 0.0..=LONGEST_SECONDS);
    let backoff = section.number("request_retry_backoff", 1..=100_u32);
    Ok(RetryConfig {
        // -1 is "without limit" and 0 nonsense in the Python app.
        attempts: match u32::try_from(attempts?) {
            Err(_) => MOST_ATTEMPTS.unsigned_abs(),
            Ok(attempts) => attempts.max(1),
        },
        delay: delay?,
        backoff: backoff?,
    })
}

/// 0 and -1 are "without limit".
fn login_attempts(section: &mut Section<'_, '_>) -> Result<Option<u32>, Noted> {
    let attempts = section.number("max_connection_retries", -1..=1_000_000_i32)?;
    Ok(u32::try_from(attempts)
        .ok()
        .filter(|attempts| *attempts > 0))
}

fn normal_prefix(prefix: &str) -> Option<String> {
    let bare = prefix.trim().trim_matches('/');
    (!bare.is_empty()).then(|| format!("/{bare}"))
}

pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
