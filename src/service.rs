//! The life of the process: one generation of listener and poller after another, exchanged when the configuration changes.
//!
//! The next generation logs in before the one at work is asked to stop, and begins when that has finished what it had in hand.
//! So a configuration that does not work changes nothing, and no finding is polled by two.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::{self, Prepared};
use crate::config::{Config, ConfigErrors};
use crate::health::Health;
use crate::lifecycle::{ExitVerdict, GRACE_PERIOD, Lifecycle};
use crate::monitoring;
use crate::requests::{Request, Requests};
use crate::soar::SoarError;
use crate::state::StateStore;
use crate::systemd;
use crate::telemetry::Telemetry;

/// How long work in hand may take when one generation makes way for the next. Longer than any call that makes something: what
/// is given up may be made twice.
const RELOAD_GRACE: Duration = Duration::from_mins(15);
/// How soon a configuration is tried again that met a platform which was away.
const RELOAD_RETRY: Duration = Duration::from_secs(15);

/// Reads the configuration again.
pub type Reread = Box<dyn Fn() -> Result<Config, ConfigErrors> + Send>;

/// The process, as far as it is asked to do something.
pub struct Service {
    requests: Requests,
    reread: Reread,
    log: Telemetry,
    health: Health,
    monitoring: monitoring::Server,
    /// What the poller at work remembers, for the next.
    state: Option<StateStore>,
    /// Nothing new begins any more.
    stopping: bool,
    /// A reload was asked for while another was under way.
    reload_again: Option<&'static str>,
    /// When the last reload is tried again.
    retry_at: Option<Instant>,
}

/// What comes out of preparing a generation.
type Preparation = ControlFlow<(), Box<Prepared>>;

impl Service {
    /// A process that nothing has been asked of yet.
    pub fn new(requests: Requests, reread: Reread, log: Telemetry) -> Self {
        let health = Health::new();
        let problems = log.problems().clone();
        Self {
            requests,
            reread,
            log,
            monitoring: monitoring::Server::new(health.clone(), problems),
            state: None,
            health,
            stopping: false,
            reload_again: None,
            retry_at: None,
        }
    }

    /// Works until it is asked to stop, or fails.
    ///
    /// # Errors
    /// When the first login is refused, the configuration does not fit the platform, or the address that monitoring asks at is
    /// taken.
    pub async fn run(mut self, config: Config) -> anyhow::Result<ExitVerdict> {
        let _alive = systemd::prove_life(self.health.clone());
        self.monitoring.guard(config.guardduty.http_token.clone());
        self.monitoring
            .listen_on(config.guardduty.http_listen)
            .await?;
        let mut lifecycle = Lifecycle::new();
        let mut next = self.prepare(config, None).await?;
        if let ControlFlow::Continue(prepared) = &next {
            self.take_up_surroundings(prepared).await;
        }
        while let ControlFlow::Continue(prepared) = next {
            app::start(*prepared, &lifecycle, &self.health, &mut self.state);
            systemd::ready();
            next = self.watch(&lifecycle).await;
            let grace = if next.is_continue() {
                self.health.handing_over();
                RELOAD_GRACE
            } else {
                GRACE_PERIOD
            };
            let verdict = self.drain(&lifecycle, grace).await;
            if next.is_break() || self.stopping || verdict == ExitVerdict::Failed {
                return Ok(verdict);
            }
            lifecycle = Lifecycle::new();
            if let ControlFlow::Continue(prepared) = &next {
                self.take_up(prepared).await;
            }
        }
        Ok(ExitVerdict::Stopped)
    }

    /// Logs in by `config`, or by what is put in its place meanwhile. Breaks at a stop.
    ///
    /// Where a generation is `at_work` already it is no use to wait for a platform that does not answer.
    async fn prepare(
        &mut self,
        mut config: Config,
        at_work: Option<&Lifecycle>,
    ) -> anyhow::Result<Preparation> {
        let failed = async || match at_work {
            Some(lifecycle) => lifecycle.soft().cancelled().await,
            None => std::future::pending().await,
        };
        loop {
            if at_work.is_some() {
                config.soar.login_attempts = Some(1);
            }
            let request = tokio::select! {
                prepared = Box::pin(app::prepare(config.clone(), &self.health)) => {
                    return prepared.map(|prepared| ControlFlow::Continue(Box::new(prepared)));
                }
                request = self.requests.next() => request,
                () = failed() => return Ok(ControlFlow::Break(())),
            };
            match request {
                Request::Stop(signal) => {
                    self.stop(signal);
                    return Ok(ControlFlow::Break(()));
                }
                Request::Reload(reason) => {
                    if let Some(newer) = self.reread(reason) {
                        config = newer;
                    }
                }
            }
        }
    }

    /// Watches over a generation until it is to end; answers the next, if there is to be one.
    async fn watch(&mut self, at_work: &Lifecycle) -> Preparation {
        loop {
            let request = tokio::select! {
                request = self.next_request() => request,
                () = at_work.soft().cancelled() => {
                    self.tell_of_end();
                    return ControlFlow::Break(());
                }
            };
            match request {
                Request::Stop(signal) => {
                    self.stop(signal);
                    return ControlFlow::Break(());
                }
                Request::Reload(reason) => {
                    systemd::reloading();
                    if let Some(next) = self.reload(reason, at_work).await {
                        return next;
                    }
                    systemd::ready();
                }
            }
        }
    }

    async fn next_request(&mut self) -> Request {
        if let Some(reason) = self.reload_again.take() {
            return Request::Reload(reason);
        }
        tokio::select! {
            request = self.requests.next() => request,
            () = until(self.retry_at) => Request::Reload("another try"),
        }
    }

    /// `None` when things stay as they are.
    async fn reload(&mut self, reason: &str, at_work: &Lifecycle) -> Option<Preparation> {
        self.retry_at = None;
        let config = self.reread(reason)?;
        match self.prepare(config, Some(at_work)).await {
            Ok(next) => Some(next),
            Err(error) => {
                tracing::error!(
                    "the new configuration is not taken up, the old one stays: {error:#}"
                );
                if is_transient(&error) {
                    tracing::info!("it is tried again in {} s", RELOAD_RETRY.as_secs());
                    self.retry_at = Some(Instant::now() + RELOAD_RETRY);
                }
                None
            }
        }
    }

    async fn take_up(&mut self, prepared: &Prepared) {
        self.take_up_surroundings(prepared).await;
        tracing::info!("the new configuration is taken up");
    }

    /// What goes on from one generation to the next: the log, and where monitoring asks.
    async fn take_up_surroundings(&mut self, prepared: &Prepared) {
        if let Err(error) = self.log.reload(prepared.log()) {
            tracing::error!("the log goes on as it was: {error:#}");
        }
        self.monitoring.guard(prepared.http_token());
        if let Err(error) = self.monitoring.listen_on(prepared.http_listen()).await {
            tracing::error!("monitoring asks where it did: {error}");
        }
    }

    fn reread(&self, reason: &str) -> Option<Config> {
        tracing::info!("reading the configuration again on {reason}");
        match (self.reread)() {
            Ok(config) => Some(config),
            Err(errors) => {
                for problem in errors.problems() {
                    tracing::error!(
                        "the new configuration is not taken up, the old one stays: {problem}"
                    );
                }
                None
            }
        }
    }

    fn tell_of_end(&self) {
        systemd::stopping();
        self.health.stopping();
    }

    fn stop(&mut self, signal: &'static str) {
        self.tell_of_end();
        tracing::info!(signal, "stopping on {signal}: work in hand is finished");
        self.stopping = true;
    }

    /// Lets a generation finish what it has in hand. A signal to stop that comes while it makes way for the next is
    /// the first, so it is waited all the same; one more ends it at once.
    async fn drain(&mut self, lifecycle: &Lifecycle, grace: Duration) -> ExitVerdict {
        let hurry = async {
            let mut limit = None;
            loop {
                let request = tokio::select! {
                    request = self.requests.next() => request,
                    () = until(limit) => return "the end of the grace period",
                };
                match request {
                    Request::Stop(signal) if self.stopping => return signal,
                    Request::Stop(signal) => {
                        self.stop(signal);
                        limit = Some(Instant::now() + GRACE_PERIOD);
                    }
                    Request::Reload(reason) => self.reload_again = Some(reason),
                }
            }
        };
        lifecycle.drain(grace, hurry).await
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Whether the same may work later without anybody changing anything.
fn is_transient(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        let cause = cause.downcast_ref::<SoarError>();
        cause.is_some_and(|error| error.is_transient() && !matches!(error, SoarError::Unauthorized))
    })
}
