//! The composition root: a configuration in, a listener and a poller out.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use tokio::sync::watch;

use crate::actions::Listener;
use crate::config::{Config, Credentials, GuardDutyConfig, LogConfig, SoarConfig, StompConfig};
use crate::customizations::{ARCHIVE_FINDING, MESSAGE_DESTINATION, REFRESH_FINDING};
use crate::domain::WindowSettings;
use crate::functions::Functions;
use crate::guardduty::Aws;
use crate::health::{Bounds, Health};
use crate::lifecycle::Lifecycle;
use crate::measures::Calls;
use crate::poller;
use crate::proxy;
use crate::reason;
use crate::soar::{Soar, SoarError};
use crate::state::StateStore;
use crate::stomp::{self, StompOptions};
use crate::tls::{self, Purpose, TlsError};

/// How soon a platform that was away is asked again for the functions' queues.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Logged in to SOAR, with everything that needs its answer; nothing works yet.
#[derive(Debug)]
pub struct Prepared {
    config: Config,
    soar: Arc<Soar>,
    aws: Aws,
    stomp: Option<StompOptions>,
}

impl Prepared {
    /// What is to be logged, and where to.
    pub fn log(&self) -> &LogConfig {
        &self.config.log
    }

    /// What is to be brought by those who see the worker's page.
    pub fn http_token(&self) -> Option<SecretString> {
        self.config.guardduty.http_token.clone()
    }

    /// Where monitoring asks.
    pub fn http_listen(&self) -> Option<SocketAddr> {
        self.config.guardduty.http_listen
    }
}

/// Logs in to SOAR and asks it where functions are called. May be dropped at any time.
///
/// # Errors
/// When the login is refused or the configuration does not fit the platform.
pub async fn prepare(config: Config, health: &Health) -> anyhow::Result<Prepared> {
    let (soar, aws) = connect(&config, health).await?;
    let stomp = if config.stomp.enabled {
        let mut options = stomp_options(&config.stomp, &config.soar.credentials)?;
        let patient = config.soar.login_attempts.is_none();
        options.subscriptions = queues(&soar, patient, health)
            .await
            .context("could not ask SOAR for the functions' queues")?;
        Some(options)
    } else {
        None
    };
    Ok(Prepared {
        config,
        soar: Arc::new(soar),
        aws,
        stomp,
    })
}

/// Logs in to SOAR, and prepares the clients of AWS.
async fn connect(config: &Config, health: &Health) -> anyhow::Result<(Soar, Aws)> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let calls = health.measures().calls();
    let failed = |error: &SoarError| health.login_failed(error);
    let soar = Soar::connect(&config.soar, soar_tls(&config.soar)?, calls.clone(), failed)
        .await
        .context("could not connect to SOAR")?;
    tracing::info!(
        "connected to SOAR at {}, organisation {}",
        config.soar.host,
        soar.org()
    );
    let aws = aws(&config.guardduty, calls).await?;
    Ok((soar, aws))
}

/// What a poller works with, and neither poller nor listener. May be dropped at any time.
///
/// # Errors
/// When the login is refused or the configuration does not fit the platform.
pub(crate) async fn prepare_by_hand(config: Config) -> anyhow::Result<poller::Context> {
    let health = Health::new();
    let (soar, aws) = connect(&config, &health).await?;
    let platform = platform(&config.soar, &soar);
    let state = StateStore::open(config.guardduty.state_dir.as_deref(), &platform);
    Ok(poller_context(config, Arc::new(soar), aws, health, state))
}

/// Starts the listener and the poller as tasks of `lifecycle`. `state` is what the poller before this one remembers, and
/// then what this one does.
pub fn start(
    prepared: Prepared,
    lifecycle: &Lifecycle,
    health: &Health,
    state: &mut Option<StateStore>,
) {
    let Prepared {
        config,
        soar,
        aws,
        stomp,
    } = prepared;
    let (polls, workers) = (
        config.guardduty.polling_interval.is_some(),
        stomp.is_some().then_some(config.stomp.num_workers),
    );
    health.working(Bounds::of(&config), polls, workers);
    if let Some(options) = stomp {
        let functions = Functions::new(soar.for_functions(), aws.clone(), TimeZone::system());
        start_listener(
            options,
            functions,
            config.stomp.num_workers,
            lifecycle,
            health,
        );
    } else {
        tracing::warn!("stomp = 0 in [resilient]: functions are not served");
    }
    start_poller(config, lifecycle, soar, aws, health.clone(), state);
}

/// How the connection to SOAR proves both ends.
pub(crate) fn soar_tls(config: &SoarConfig) -> Result<rustls::ClientConfig, TlsError> {
    tls::client_config(
        &config.trust,
        config.client_certificate.as_ref(),
        Purpose::Soar,
    )
}

/// The clients of AWS; `calls` is told what becomes of their calls.
///
/// # Errors
/// When the certificates or the proxies it names cannot be used.
pub(crate) async fn aws(config: &GuardDutyConfig, calls: Calls) -> anyhow::Result<Aws> {
    let tls = tls::client_config(
        &config.trust,
        config.client_certificate.as_ref(),
        Purpose::Aws,
    )?;
    Ok(Aws::new(config, tls, calls).await?)
}

fn start_listener(
    options: StompOptions,
    functions: Functions,
    workers: usize,
    lifecycle: &Lifecycle,
    health: &Health,
) {
    tracing::info!(
        "subscribing to {} at {}:{}",
        options.subscriptions.join(", "),
        options.host,
        options.port
    );
    let (handle, deliveries, session) = stomp::start(options, lifecycle.hard().clone());
    lifecycle.spawn(
        "health of the session",
        follow(handle.state(), health.clone()),
    );
    let listener = Listener::new(handle, deliveries, functions, workers, health.clone());
    lifecycle.spawn_essential("STOMP session", session);
    lifecycle.spawn_essential("listener", listener.run(lifecycle.soft().clone()));
}

/// Reports how the session stands, to its end.
async fn follow(mut session: watch::Receiver<stomp::State>, health: Health) {
    loop {
        match &*session.borrow_and_update() {
            stomp::State::Subscribed { .. } => health.subscribed(),
            stomp::State::Connected { .. } => health.not_subscribed(None),
            stomp::State::Disconnected { reason } => {
                let reason = reason.as_ref().map(|error| reason::full(error.as_ref()));
                let reason = reason.as_ref().map(|reason| reason as &dyn Display);
                health.not_subscribed(reason);
            }
        }
        if session.changed().await.is_err() {
            return;
        }
    }
}

/// How to reach the message broker, subscribed to nothing yet.
///
/// # Errors
/// When the certificates it names cannot be used.
pub(crate) fn stomp_options(
    config: &StompConfig,
    credentials: &Credentials,
) -> anyhow::Result<StompOptions> {
    let (login, passcode) = match credentials {
        Credentials::ApiKey { id, secret } => (id.clone(), secret.clone()),
        Credentials::User { email, password } => (email.clone(), password.clone()),
    };
    let tls = tls::client_config(
        &config.trust,
        config.client_certificate.as_ref(),
        Purpose::Broker,
    )?;
    let (host, port) = (config.host.clone(), config.port);
    let mut options = StompOptions::new(host, port, login, passcode, Arc::new(tls));
    options.proxy = proxy::for_tunnel(&config.proxying, &config.host, config.port)?;
    options.connect_timeout = config.connect_timeout;
    options.prefetch = config.prefetch;
    Ok(options)
}

/// The queues our functions are called on. A function that is missing does not keep the other from being
/// served; where the platform tells of none, or this account may not ask, the destination is the one our customizations
/// bring. A platform that is away may have another, so it is asked until it tells, if there is patience.
async fn queues(soar: &Soar, patient: bool, health: &Health) -> Result<Vec<String>, SoarError> {
    let (refresh, archive) = tokio::join!(
        destination(soar, REFRESH_FINDING, patient, health),
        destination(soar, ARCHIVE_FINDING, patient, health)
    );
    let mut destinations = BTreeSet::new();
    for (function, destination) in [(REFRESH_FINDING, refresh), (ARCHIVE_FINDING, archive)] {
        match destination {
            Err(error) if error.is_transient() => return Err(error),
            Ok(Some(destination)) => {
                destinations.insert(destination);
            }
            Ok(None) => {
                tracing::error!(
                    "the platform has no function {function}: run `fn-aws-guardduty customize`"
                );
            }
            Err(error) => tracing::warn!("the queue of {function} could not be asked for: {error}"),
        }
    }
    if destinations.is_empty() {
        destinations.insert(MESSAGE_DESTINATION.to_owned());
    }
    let queues = destinations
        .into_iter()
        .map(|destination| format!("actions.{}.{destination}", soar.org_id()));
    Ok(queues.collect())
}

async fn destination(
    soar: &Soar,
    function: &str,
    patient: bool,
    health: &Health,
) -> Result<Option<String>, SoarError> {
    loop {
        match soar.function_destination(function).await {
            Err(error) if patient && error.is_transient() => {
                tracing::warn!("the queue of {function} could not be asked for: {error}");
                health.login_failed(&error);
                tokio::time::sleep(ASK_AGAIN).await;
            }
            told => return told,
        }
    }
}

fn start_poller(
    config: Config,
    lifecycle: &Lifecycle,
    soar: Arc<Soar>,
    aws: Aws,
    health: Health,
    state: &mut Option<StateStore>,
) {
    if config.guardduty.polling_interval.is_none() {
        tracing::info!("aws_gd_polling_interval = 0: findings are not polled");
        return;
    }
    let platform = platform(&config.soar, &soar);
    let folder = config.guardduty.state_dir.as_deref();
    let before = state.take().filter(|state| state.is_only_here(&platform));
    let state = state.insert(before.map_or_else(
        || StateStore::open(folder, &platform),
        |before| before.moved_to(folder),
    ));
    let context = poller_context(config, soar, aws, health, state.clone());
    lifecycle.spawn_essential(
        "poller",
        poller::run(Arc::new(context), lifecycle.soft().clone()),
    );
}

/// What the state file calls the organisation.
fn platform(config: &SoarConfig, soar: &Soar) -> String {
    format!("{}:{}/{}", config.host, config.port, soar.org_id())
}

fn poller_context(
    config: Config,
    soar: Arc<Soar>,
    aws: Aws,
    health: Health,
    state: StateStore,
) -> poller::Context {
    let guardduty = config.guardduty;
    let interval = guardduty.polling_interval.unwrap_or_default();
    poller::Context {
        soar,
        aws,
        state,
        window: WindowSettings {
            lookback: guardduty.lookback,
            overlap: guardduty.overlap,
            threshold: guardduty.severity_threshold,
        },
        regions: guardduty.regions,
        interval,
        regions_interval: guardduty.regions_interval.max(interval),
        close_template: guardduty.close_template,
        close_duplicates: guardduty.close_duplicates,
        close_deleted: guardduty.close_deleted,
        time_zone: TimeZone::system(),
        // Twice the permits: while some findings wait for an answer others have their calls ready.
        writers: config.soar.max_requests * 2,
        health,
    }
}
