//! A sandbox with latencies, and one worker on it.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::BenchOptions;
use crate::aws::commercial;
use crate::calls::Side;
use crate::soar::Platform;
use crate::worker::{self, BrokerAddress, Settings, Worker};
use crate::{Options, Sandbox};

/// Without a call for so long, the worker has nothing more to do.
const QUIET: Duration = Duration::from_millis(500);
/// How long nothing may happen while something is awaited.
const PATIENCE: Duration = Duration::from_mins(1);

/// As long AWS keeps a finding.
const RETENTION: Duration = Duration::from_hours(90 * 24);

/// What the worker finds itself in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) soar_latency: Duration,
    pub(super) aws_latency: Duration,
    /// `loglevel`.
    pub(super) log: &'static str,
    /// From the end of a cycle to the begin of the next.
    pub(super) interval: Duration,
}

impl Scene {
    /// Servers as far away as is asked, and one cycle only.
    pub(super) fn of(options: &BenchOptions) -> Self {
        Self {
            soar_latency: options.soar_latency,
            aws_latency: options.aws_latency,
            log: "INFO",
            interval: Duration::from_hours(1),
        }
    }

    /// Servers that answer at once.
    pub(super) fn without_latency() -> Self {
        Self {
            soar_latency: Duration::ZERO,
            aws_latency: Duration::ZERO,
            log: "INFO",
            interval: Duration::from_hours(1),
        }
    }
}

/// The sandbox and the worker.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) worker: Worker,
}

impl Stage {
    /// A platform with the worker's customizations; the worker does not run yet.
    pub(super) async fn set(options: &BenchOptions, scene: Scene) -> io::Result<Self> {
        let most = commercial().count();
        if !(1..=most).contains(&options.regions) {
            let refusal = format!("--regions {}: 1 to {most} can be had", options.regions);
            return Err(io::Error::other(refusal));
        }
        let customizations = worker::customizations(&options.worker)?;
        let sandbox = Sandbox::start(Options {
            regions: regions(options).map(str::to_owned).collect(),
            soar_latency: scene.soar_latency,
            aws_latency: scene.aws_latency,
            ..Options::default()
        })
        .await?;
        let imported = sandbox.platform().import(&customizations);
        imported.map_err(|refusal| io::Error::other(refusal.to_string()))?;
        let settings = Settings {
            resilient: format!(
                "num_workers={}\nloglevel={}",
                options.at_once.max(1),
                scene.log
            ),
            guardduty: format!(
                "aws_gd_polling_interval={}s\naws_gd_max_soar_requests={}",
                scene.interval.as_secs(),
                options.permits
            ),
        };
        let broker = BrokerAddress::of(&sandbox);
        let worker = Worker::new(&options.worker, &sandbox, &broker, &settings)?;
        Ok(Self { sandbox, worker })
    }

    /// Publishes so many findings of all kinds in all regions by turns; answers region and id of each.
    pub(super) fn publish(
        &self,
        options: &BenchOptions,
        findings: usize,
    ) -> Vec<(&'static str, String)> {
        let mut published = Vec::with_capacity(findings);
        for (number, region) in regions(options).enumerate() {
            let share = (findings + options.regions - 1 - number) / options.regions;
            let aws = self.sandbox.aws();
            let ids = aws.create_samples_over(region, share, RETENTION);
            published.extend(ids.into_iter().map(|id| (region, id)));
        }
        published
    }

    /// Starts the worker; answers how long it took to subscribe.
    pub(super) async fn start(&mut self) -> io::Result<Duration> {
        let begin = Instant::now();
        self.worker.start()?;
        let queue = worker::queue(&self.sandbox);
        let subscribed = self.sandbox.broker().wait_for_subscriber(&queue);
        let subscribed = timeout(PATIENCE, subscribed).await;
        subscribed.map_err(|_| self.does_not_come("the subscription"))?;
        Ok(begin.elapsed())
    }

    /// Waits until every finding has its incident and the worker is quiet.
    pub(super) async fn escalated(&self, findings: usize) -> io::Result<()> {
        let platform = self.sandbox.platform();
        let mut before = 0;
        let all = |platform: &Platform| platform.incident_count() >= findings;
        while !platform.wait_for(all, PATIENCE).await {
            let now = platform.incident_count();
            if now == before {
                let missing = findings - now;
                return Err(self.does_not_come(&format!("{missing} incidents of {findings}")));
            }
            before = now;
        }
        self.quiet().await;
        Ok(())
    }

    /// Waits until the platform has been asked nothing for a while.
    pub(super) async fn quiet(&self) {
        let mut before = usize::MAX;
        while before != self.sandbox.calls().total(Side::Soar) {
            before = self.sandbox.calls().total(Side::Soar);
            sleep(QUIET).await;
        }
    }

    pub(super) fn does_not_come(&self, what: &str) -> io::Error {
        self.failed(&format!("{what} did not come"))
    }

    /// The failure, and what the worker told last.
    pub(super) fn failed(&self, what: &dyn fmt::Display) -> io::Error {
        let log = self.worker.log();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        let text = format!("{what}; the worker's log ends with\n{}", last.join("\n"));
        io::Error::other(text)
    }

    /// Ends the worker and the sandbox.
    pub(super) async fn strike(mut self) -> io::Result<()> {
        self.worker.stop().await?;
        self.sandbox.shutdown().await;
        Ok(())
    }
}

fn regions(options: &BenchOptions) -> impl Iterator<Item = &'static str> {
    commercial().take(options.regions)
}

/// From the start of the process until it is subscribed, on servers that answer at once.
pub(super) async fn start_time(options: &BenchOptions) -> io::Result<f64> {
    let mut stage = Stage::set(options, Scene::without_latency()).await?;
    let took = stage.start().await?;
    stage.strike().await?;
    Ok(took.as_secs_f64())
}
