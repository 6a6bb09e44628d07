//! The REST API of IBM SOAR: one request path that authenticates, sends, decodes and classifies.

mod administration;
mod artifacts;
mod call;
mod error;
mod exchange;
#[doc(hidden)]
pub mod fuzzing;
mod incidents;
mod inspection;
mod patch;
mod platform;
mod session;
mod wire;

pub use administration::PendingImport;
pub use artifacts::KnownArtifacts;
pub use error::SoarError;
pub use incidents::{FindingKey, Found, LOST_ATTEMPTS, Note, OpenPage};
pub use inspection::Grants;
pub use patch::Change;
pub use platform::PlatformTraits;
pub use session::Account;
pub use wire::field_value;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::redirect::Policy;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::{OnceCell, RwLock, Semaphore};
use tokio::time::Instant;

use crate::budget::{self, Budget};
use crate::config::{Credentials, SoarConfig};
use crate::domain::Backoff;
use crate::measures::Calls;
use crate::mutex::lock;
use crate::{proxy, reason};
use call::{Call, Repeat, may_repeat};
use exchange::{answer, read_json};
use session::Session;

/// Longest pause between two attempts, also where the server asks for a longer one.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long a TCP and TLS connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many calls the functions may have in flight however busy the poller is, beside those that all share.
const RESERVE: usize = 4;
/// How long a call that makes something may take: given up too early it would be made twice.
pub const MAKING_TIMEOUT: Duration = Duration::from_mins(5);

/// A logged-in client of one SOAR organisation.
pub struct Soar {
    shared: Arc<Shared>,
    budget: Arc<Budget>,
    /// Places that only this client's calls may take.
    reserve: Option<Arc<Semaphore>>,
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
impl Soar {
    /// Logs in and finds the organisation; tries until it succeeds, up to `config.login_attempts`. `failed` is told of each
    /// attempt after which another follows, `calls` of every call after the login.
    ///
    /// # Errors
    /// When the login is refused, the organisation is not among the account's, or the attempts are used up.
    pub async fn connect(
        config: &SoarConfig,
        tls: rustls::ClientConfig,
        calls: Calls,
        failed: impl Fn(&SoarError),
    ) -> Result<Self, SoarError> {
        let http = http_client(tls, config)?;
        let base = base_url(config);
        let backoff = Backoff::new(config.retries.delay, LONGEST_PAUSE, config.retries.backoff);
        let (session, organisation) =
            session::login_until_up(&http, &base, config, &backoff, failed).await?;
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
            budget: Arc::new(Budget::new("SOAR", config.max_requests, calls)),
            reserve: None,
        })
    }

    /// A client of the same login whose calls need not wait behind those of this one.
    #[must_use]
    pub fn for_functions(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            budget: Arc::clone(&self.budget),
            reserve: Some(Arc::new(Semaphore::new(RESERVE))),
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

    /// Whose login this is, where the platform says so.
    pub async fn account(&self) -> Option<Account> {
        self.shared.session.read().await.account
    }

    /// Sends a call until it succeeds, fails for good or has used up its attempts.
    async fn call(&self, call: Call<'_>) -> Result<Value, SoarError> {
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
        let place = self.budget.place(self.reserve.as_deref()).await;
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
        let action = call.action();
        let body = answer(request, &action).await;
        let outcome = body.and_then(|body| {
            if call.unread {
                read_json(&body, &action).map(|IgnoredAny| Value::Null)
            } else {
                read_json(&body, &action)
            }
        });
        match &outcome {
            Ok(_) => place.answered(&budget::kind(call.method.as_str(), &call.path)),
            Err(error) if error.tells_of_load() => place.refused(),
            Err(error) if error.is_transient() => drop(place),
            Err(_) => place.rejected(),
        }
        (generation, outcome)
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
fn http_client(
    tls: rustls::ClientConfig,
    config: &SoarConfig,
) -> Result<reqwest::Client, SoarError> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(config.request_timeout)
        // A redirected login would take the secret elsewhere.
        .redirect(Policy::none())
        .pool_max_idle_per_host(64)
        .tcp_nodelay(true)
        .user_agent(concat!("fn-aws-guardduty/", env!("CARGO_PKG_VERSION")));
    proxy::for_web(client, &config.proxying)
        .map_err(|error| SoarError::Setup(error.to_string()))?
        .build()
        .map_err(|error| {
            SoarError::Setup(format!(
                "could not set up the HTTPS client: {}",
                reason::of(&error)
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
