//! The REST API of IBM SOAR: one request path that authenticates, sends, decodes and classifies.

mod artifacts;
mod error;
mod incidents;
mod patch;
mod platform;
mod session;
mod wire;

pub use artifacts::KnownArtifacts;
pub use error::SoarError;
pub use incidents::{FindingKey, Found, Note, OpenPage};
pub use patch::Change;
pub use platform::PlatformTraits;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use tokio::sync::{OnceCell, RwLock, Semaphore};
use tokio::time::Instant;

use crate::config::{Credentials, SoarConfig};
use crate::domain::Backoff;
use session::Session;

/// Longest pause between two attempts, also where the server asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long a TCP and TLS connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many calls the functions have in flight of their own, however busy the poller is.
const FUNCTION_PERMITS: usize = 4;
/// How long a call that makes something may take: given up too early it would be made twice.
const MAKING_TIMEOUT: Duration = Duration::from_mins(5);

/// A logged-in client of one SOAR organisation.
pub struct Soar {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
}

/// What the clients of one login share.
struct Shared {
    http: reqwest::Client,
    base: String,
    org_id: i64,
    org: String,
    credentials: Credentials,
    session: RwLock<Session>,
    attempts: u32,
    backoff: Backoff,
    quiet_until: Mutex<Option<Instant>>,
    traits: OnceCell<PlatformTraits>,
    artifact_types: OnceCell<HashMap<i64, String>>,
}

/// Whether a call may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Sending it twice does no harm: reads and queries.
    Freely,
    /// It makes something: only a call that was certainly not carried out is sent again.
    IfNotDone,
}

/// One call of the API.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    method: Method,
    /// Below `/rest/orgs/<id>`, with its query.
    path: String,
    body: Option<&'a Value>,
    repeat: Repeat,
    /// Whether values are meant by their names and not by their numbers.
    by_name: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            repeat: Repeat::Freely,
            by_name: false,
        }
    }

    /// A POST that only asks.
    pub(crate) fn query(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
            repeat: Repeat::Freely,
            by_name: false,
        }
    }

    /// A POST that makes something.
    pub(crate) fn create(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
            repeat: Repeat::IfNotDone,
            by_name: false,
        }
    }

    /// A PATCH; it carries the values it expects, so it cannot be applied twice.
    pub(crate) fn patch(path: impl Into<String>, body: &'a Value) -> Self {
        Self {
            method: Method::PATCH,
            path: path.into(),
            body: Some(body),
            repeat: Repeat::Freely,
            by_name: true,
        }
    }

    fn action(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Soar {
    /// Logs in and finds the organisation; tries until it succeeds, up to `config.login_attempts`.
    ///
    /// # Errors
    /// When the login is refused, the organisation is not among the account's, or the attempts are used up.
    pub async fn connect(
        config: &SoarConfig,
        tls: rustls::ClientConfig,
    ) -> Result<Self, SoarError> {
        let http = http_client(tls, config.request_timeout)?;
        let base = base_url(config);
        let backoff = Backoff::new(config.retries.delay, LONGEST_PAUSE, config.retries.backoff);
        let (session, organisation) =
            session::login_until_up(&http, &base, config, &backoff).await?;
        let shared = Shared {
            http,
            base,
            org_id: organisation.id,
            org: organisation.name,
            credentials: config.credentials.clone(),
            session: RwLock::new(session),
            attempts: config.retries.attempts.max(1),
            backoff,
            quiet_until: Mutex::new(None),
            traits: OnceCell::new(),
            artifact_types: OnceCell::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            permits: Arc::new(Semaphore::new(config.max_requests)),
        })
    }

    /// A client of the same login whose calls do not wait behind those of this one.
    #[must_use]
    pub fn for_functions(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            permits: Arc::new(Semaphore::new(FUNCTION_PERMITS)),
        }
    }

    /// The organisation's numeric id, part of every path and queue name.
    pub fn org_id(&self) -> i64 {
        self.shared.org_id
    }

    /// The organisation's name.
    pub fn org(&self) -> &str {
        &self.shared.org
    }

    /// Sends a call until it succeeds, fails for good or has used up its attempts.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Value, SoarError> {
        let mut attempt = 0;
        let mut renewed = false;
        loop {
            let (generation, outcome) = self.attempt(&call).await;
            let error = match outcome {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if matches!(error, SoarError::Unauthorized) && !renewed {
                renewed = true;
                self.renew_session(generation).await?;
                continue;
            }
            attempt += 1;
            if attempt >= self.shared.attempts || !may_repeat(call.repeat, &error) {
                return Err(error);
            }
            tracing::debug!(
                action = call.action(),
                attempt,
                "SOAR call failed, trying again: {error}"
            );
            self.pause(attempt - 1, &error).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> (u64, Result<Value, SoarError>) {
        self.wait_until_welcome().await;
        // The semaphore is never closed; if it were, going on without a permit is the lesser harm.
        let _permit = self.permits.acquire().await.ok();
        let session = self.shared.session.read().await;
        let generation = session.generation;
        let mut request = self
            .shared
            .http
            .request(
                call.method.clone(),
                format!(
                    "{}/orgs/{}{}",
                    self.shared.base, self.shared.org_id, call.path
                ),
            )
            .headers(session.headers.clone());
        drop(session);
        if call.repeat == Repeat::IfNotDone {
            request = request.timeout(MAKING_TIMEOUT);
        }
        if call.by_name {
            // IBM's client names it in the header of a PATCH, and in the query of a GET.
            request = request.header("handle_format", "names");
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        (generation, exchange(request, &call.action()).await)
    }

    async fn renew_session(&self, seen: u64) -> Result<(), SoarError> {
        let mut session = self.shared.session.write().await;
        if session.generation == seen {
            let (renewed, _) = session::login(
                &self.shared.http,
                &self.shared.base,
                &self.shared.credentials,
                seen + 1,
            )
            .await?;
            *session = renewed;
        }
        Ok(())
    }

    /// A throttled answer slows every caller, not only the one that got it.
    async fn pause(&self, attempt: u32, error: &SoarError) {
        let delay = self.shared.backoff.jittered(attempt, rand::random());
        if let SoarError::Throttled { retry_after, .. } = error {
            let until = Instant::now() + retry_after.map_or(delay, |hint| hint.min(LONGEST_PAUSE));
            let mut quiet_until = lock(&self.shared.quiet_until);
            *quiet_until = Some(quiet_until.map_or(until, |earlier| earlier.max(until)));
        } else {
            tokio::time::sleep(delay).await;
        }
    }

    async fn wait_until_welcome(&self) {
        loop {
            let until = *lock(&self.shared.quiet_until);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }
}

impl std::fmt::Debug for Soar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Soar")
            .field("base", &self.shared.base)
            .field("org", &self.shared.org)
            .finish_non_exhaustive()
    }
}

fn may_repeat(repeat: Repeat, error: &SoarError) -> bool {
    match repeat {
        Repeat::Freely => {
            error.is_transient()
                && !matches!(error, SoarError::Conflict { .. } | SoarError::Unauthorized)
        }
        Repeat::IfNotDone => error.was_not_done(),
    }
}

/// One request and its answer, classified.
pub(crate) async fn exchange(
    request: reqwest::RequestBuilder,
    action: &str,
) -> Result<Value, SoarError> {
    let response = request
        .send()
        .await
        .map_err(|error| transport_error(&error, action))?;
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = response
        .bytes()
        .await
        .map_err(|error| transport_error(&error, action))?;
    if !status.is_success() {
        return Err(status_error(status, retry_after, &body, action));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|error| SoarError::Malformed {
        action: action.to_owned(),
        reason: error.to_string(),
    })
}

fn transport_error(error: &reqwest::Error, action: &str) -> SoarError {
    let action = action.to_owned();
    let reason = root_cause(error);
    if error.is_connect() || error.is_builder() {
        SoarError::Unavailable { action, reason }
    } else {
        SoarError::AnswerLost { action, reason }
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn status_error(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
    action: &str,
) -> SoarError {
    let action = action.to_owned();
    let message = server_message(body);
    match status.as_u16() {
        401 => SoarError::Unauthorized,
        403 => SoarError::Forbidden { action, message },
        404 => SoarError::NotFound { action },
        409 => SoarError::Conflict {
            action,
            attempts: 1,
            message,
        },
        429 => SoarError::Throttled {
            action,
            retry_after,
        },
        503 => SoarError::Unavailable {
            action,
            reason: format!("HTTP 503: {message}"),
        },
        500..=599 => SoarError::AnswerLost {
            action,
            reason: format!("HTTP {status}: {message}"),
        },
        status => SoarError::Rejected {
            action,
            status,
            message,
        },
    }
}

/// The `message` of SOAR's error body, else the body itself, on one line and not too long.
fn server_message(body: &[u8]) -> String {
    const LONGEST: usize = 500;
    let text = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| {
            value
                .get("message")
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `Retry-After` in its form of seconds; the form of a date is not known from SOAR.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

fn http_client(tls: rustls::ClientConfig, timeout: Duration) -> Result<reqwest::Client, SoarError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .pool_max_idle_per_host(64)
        .tcp_nodelay(true)
        .user_agent(concat!("fn-aws-guardduty/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            SoarError::Setup(format!(
                "could not set up the HTTPS client: {}",
                root_cause(&error)
            ))
        })
}

fn base_url(config: &SoarConfig) -> String {
    let prefix = config
        .resource_prefix
        .as_deref()
        .unwrap_or_default()
        .trim_matches('/');
    let separator = if prefix.is_empty() { "" } else { "/" };
    let host = if config.host.contains(':') && !config.host.starts_with('[') {
        format!("[{}]", config.host)
    } else {
        config.host.clone()
    };
    format!("https://{host}:{}{separator}{prefix}/rest", config.port)
}

/// A poisoned lock only means that another thread panicked between two assignments of plain values.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16) -> SoarError {
        let status = StatusCode::from_u16(status).unwrap();
        status_error(
            status,
            None,
            br#"{"success":false,"message":"field\n x is unknown"}"#,
            "POST /incidents",
        )
    }

    #[test]
    fn a_refusal_carries_the_servers_words_on_one_line() {
        assert_eq!(
            error(400).to_string(),
            "SOAR refused POST /incidents (HTTP 400): field x is unknown"
        );
    }

    #[test]
    fn only_a_call_that_was_not_carried_out_is_blindly_repeated() {
        assert!(may_repeat(Repeat::IfNotDone, &error(429)));
        assert!(may_repeat(Repeat::IfNotDone, &error(503)));
        assert!(!may_repeat(Repeat::IfNotDone, &error(500)));
        assert!(may_repeat(Repeat::Freely, &error(500)));
        assert!(!may_repeat(Repeat::Freely, &error(400)));
        assert!(!may_repeat(Repeat::Freely, &error(409)));
    }
}
