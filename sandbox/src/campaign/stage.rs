//! The stage of a round: the sandbox, its workers, and what the round has made of each finding.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::time::Instant;

use super::REGIONS;
use super::activemq::ActiveMq;
use super::plan::{Act, Change, Plan};
use super::relay::Relay;
use crate::broker::Broker;
use crate::broker::client::Account;
use crate::faults::FaultId;
use crate::worker::{BrokerAddress, Settings, Worker};
use crate::{Options, Sandbox};

/// What became of a finding in `GuardDuty` or in SOAR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: it has one whole open incident, up to date.
    Current,
    /// Archived in `GuardDuty`.
    Archived,
    /// Deleted in `GuardDuty`.
    Deleted,
    /// Its incident was closed by the analyst.
    Closed,
    /// Its incident was closed by the analyst, then it left the archive and was seen again.
    Revived,
    /// Its incident was deleted.
    IncidentDeleted,
}

/// A finding of the round.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    pub(super) region: &'static str,
    /// As last seen in `GuardDuty`.
    pub(super) document: Value,
    pub(super) fate: Fate,
}

/// Something that ends by itself, at the latest at the end of the round.
pub(super) enum Ending {
    Fault(FaultId),
    Region,
    Thaw,
    BrokerUp,
    Start { second: bool },
}

/// A real broker, and what passes messages between it and the platform.
pub(super) struct Real {
    pub(super) activemq: ActiveMq,
    pub(super) relay: Relay,
}

impl Real {
    async fn start(sandbox: &Sandbox) -> io::Result<Self> {
        let activemq = ActiveMq::start(sandbox).await?;
        let queue = |kind: &str| format!("{kind}.{}.fn_aws_gd", sandbox.org_id());
        let platform = Account::of(sandbox);
        let (invocations, answers) = (queue("actions"), queue("acks"));
        let relay = Relay::start(&platform, activemq.platform(), &invocations, &answers);
        Ok(Self { activemq, relay })
    }
}

/// A worker that does not poll serves functions only.
fn settings(polls: bool) -> Settings {
    let interval = if polls { "1s" } else { "0" };
    Settings {
        resilient: "request_retry_delay=0.2\nloglevel=DEBUG".to_owned(),
        guardduty: format!("aws_gd_polling_interval={interval}\naws_gd_regions_interval=2s"),
    }
}

/// Everything that takes part in a round.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of a round that have nothing to do with each other"
)]
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    /// The broker after it was started again; kept, since it ends with its last handle.
    pub(super) broker: Broker,
    /// A real broker between the platform and the workers.
    pub(super) real: Option<Real>,
    pub(super) workers: Vec<Worker>,
    pub(super) tracked: BTreeMap<String, Tracked>,
    /// Correlation ids of messages that must be answered though they are no invocation of a function of ours.
    pub(super) odd: Vec<String>,
    pub(super) endings: Vec<(Instant, Ending)>,
    /// A fault that refuses the login may end a worker at its start; its supervisor starts it again.
    pub(super) refusing: bool,
    /// The first worker was told to end, and is started again when it has.
    pub(super) stopping: bool,
    /// The clock that dates findings was set.
    pub(super) clock_is_wrong: bool,
    /// The worker loses its state in this round: what was begun before a crash and closed before its repair stays as it is.
    pub(super) forgetful: bool,
    /// How often a worker ended by itself where it may.
    pub(super) refused_starts: u64,
    pub(super) kills: u64,
    /// What went wrong on the way.
    pub(super) violations: Vec<String>,
}

impl Stage {
    /// A fresh platform with our customizations; no worker runs yet.
    pub(super) async fn set(
        program: &Path,
        customizations: &Value,
        plan: &Plan,
        on_activemq: bool,
    ) -> io::Result<Self> {
        let sandbox = Sandbox::start(Options {
            regions: REGIONS.map(str::to_owned).to_vec(),
            soar_latency: plan.latency,
            aws_latency: plan.latency / 4,
            ..Options::default()
        })
        .await?;
        let imported = sandbox.platform().import(customizations);
        imported.map_err(|refusal| io::Error::other(refusal.to_string()))?;
        let real = if on_activemq {
            Some(Real::start(&sandbox).await?)
        } else {
            None
        };
        let address = match &real {
            Some(real) => real.activemq.address(),
            None => BrokerAddress::of(&sandbox),
        };
        let workers = (0..=usize::from(plan.two_workers))
            .map(|number| Worker::new(program, &sandbox, &address, &settings(number == 0)))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            broker: sandbox.broker().clone(),
            sandbox,
            real,
            workers,
            tracked: BTreeMap::new(),
            odd: Vec::new(),
            endings: Vec::new(),
            refusing: false,
            stopping: false,
            clock_is_wrong: false,
            forgetful: false,
            refused_starts: 0,
            kills: 0,
            violations: Vec::new(),
        })
    }

    /// Findings of all kinds, in the regions by turns.
    pub(super) fn publish(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.tracked.len();
            let kinds = crate::aws::Aws::sample_kinds();
            let region = REGIONS[number % REGIONS.len()];
            let id = self
                .sandbox
                .aws()
                .create_sample(region, kinds[number % kinds.len()]);
            self.track(region, id);
        }
    }

    /// A finding that AWS publishes minutes after its `updatedAt`.
    pub(super) fn publish_late(&mut self) {
        let aws = self.sandbox.aws();
        let id = aws.create_sample(REGIONS[0], crate::aws::Aws::sample_kinds()[0]);
        let Some(mut finding) = aws.finding(REGIONS[0], &id) else {
            return;
        };
        aws.delete(REGIONS[0], &id);
        let late = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(4);
        finding["updatedAt"] = format!("{late:.3}").into();
        let id = aws.put_finding(REGIONS[0], finding);
        self.track(REGIONS[0], id);
    }

    fn track(&mut self, region: &'static str, id: String) {
        let document = self.sandbox.aws().finding(region, &id).unwrap_or_default();
        let tracked = Tracked {
            region,
            document,
            fate: Fate::Current,
        };
        self.tracked.insert(id, tracked);
    }

    pub(super) fn aim(&mut self, at: &mut Vec<String>, change: Change, pick: u64) {
        let eligible: Vec<&String> = self
            .tracked
            .iter()
            .filter(|(id, tracked)| tracked.fate == Fate::Current && !at.contains(id))
            .filter(|(id, _)| !change.needs_incident() || self.open_incident(id).is_some())
            .map(|(id, _)| id)
            .collect();
        if let Ok(count) = u64::try_from(eligible.len())
            && count > 0
        {
            at.push(eligible[usize::try_from(pick % count).unwrap_or_default()].clone());
        }
    }

    /// The number of a finding's open incident.
    pub(super) fn open_incident(&self, finding: &str) -> Option<u64> {
        let incidents = self.sandbox.platform().incident_for_finding(finding);
        let open = incidents
            .iter()
            .find(|incident| incident.plan_status == "A");
        open.map(|incident| incident.id)
    }

    pub(super) fn settle_fate(&mut self, id: &str, fate: Fate) {
        let aws = self.sandbox.aws();
        if let Some(tracked) = self.tracked.get_mut(id) {
            tracked.fate = fate;
            if let Some(document) = aws.finding(tracked.region, id) {
                tracked.document = document;
            }
        }
    }

    /// Starts the workers that do not run.
    pub(super) fn start(&mut self, which: usize) -> io::Result<()> {
        match self.workers.get_mut(which) {
            Some(worker) => worker.start(),
            None => Ok(()),
        }
    }

    /// A worker that ended though nobody asked it to is started again, as its supervisor would. Where the login was
    /// refused it may end; anything else is a failure.
    pub(super) fn supervise(&mut self) -> io::Result<()> {
        for (number, worker) in self.workers.iter_mut().enumerate() {
            let Some(status) = worker.ended()? else {
                continue;
            };
            let asked = number == 0 && std::mem::take(&mut self.stopping);
            // Told amid its start, before it listens to signals, the signal itself ends it.
            if asked && (status.success() || status.signal() == Some(Signal::SIGTERM as i32)) {
                tracing::debug!("the worker ended as it was asked to");
            } else if self.refusing {
                self.refused_starts += 1;
            } else {
                let last = last_lines(&worker.log());
                self.violations.push(format!(
                    "worker {number} ended {} ({status}): {last}",
                    if asked { "badly" } else { "by itself" }
                ));
            }
            worker.start()?;
        }
        Ok(())
    }

    /// SIGTERM for a worker that must end well.
    pub(super) async fn stop(&mut self, which: usize) -> io::Result<()> {
        let Some(worker) = self.workers.get_mut(which) else {
            return Ok(());
        };
        if worker.ended()?.is_some() {
            return Ok(());
        }
        let status: ExitStatus = worker.stop().await?;
        if !status.success() && !self.refusing {
            let last = last_lines(&worker.log());
            self.violations
                .push(format!("worker {which} ended badly ({status}): {last}"));
        }
        Ok(())
    }

    /// Ends what has lasted long enough; at the end of the round, everything.
    pub(super) async fn end_what_is_over(&mut self, now: Option<Instant>) -> io::Result<()> {
        let over = |(at, _): &mut (Instant, Ending)| now.is_none_or(|now| *at <= now);
        let over: Vec<_> = self.endings.extract_if(.., over).collect();
        for (_, ending) in over {
            self.end(ending).await?;
        }
        Ok(())
    }

    async fn end(&mut self, ending: Ending) -> io::Result<()> {
        match ending {
            Ending::Fault(id) => self.sandbox.faults().remove(id),
            Ending::Region => self.sandbox.aws().enable_region(REGIONS[1]),
            Ending::Thaw => match &self.real {
                Some(real) => real.activemq.freeze(false)?,
                None => self.broker.freeze(false),
            },
            Ending::BrokerUp => match &mut self.real {
                Some(real) => real.activemq.start_again().await?,
                None => self.broker = self.broker.start_again().await?,
            },
            Ending::Start { second } => self.start(usize::from(second))?,
        }
        Ok(())
    }

    /// Everything works again from here on.
    pub(super) async fn heal(&mut self) -> io::Result<()> {
        self.end_what_is_over(None).await?;
        self.sandbox.faults().clear();
        self.sandbox.aws().set_clock(jiff::Timestamp::now);
        for worker in &self.workers {
            worker.heal_state()?;
        }
        Ok(())
    }

    /// All that the workers have logged.
    pub(super) fn logs(&self) -> String {
        self.workers.iter().map(Worker::log).collect()
    }

    pub(super) async fn down(self) {
        let Self {
            sandbox,
            broker,
            real,
            workers,
            ..
        } = self;
        drop(workers);
        drop(real);
        broker.shutdown().await;
        sandbox.shutdown().await;
    }
}

impl Change {
    fn needs_incident(self) -> bool {
        matches!(
            self,
            Self::Close | Self::Refresh | Self::Edit | Self::DeleteIncident | Self::Revive
        )
    }
}

/// When something that lasts is over.
pub(super) fn after(lasts: Duration) -> Instant {
    Instant::now() + lasts
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

/// Whether a platform that behaves so may refuse a login, which ends a worker at its start.
pub(super) fn refuses_logins(act: &Act) -> bool {
    use super::plan::{Calls, How};
    matches!(act, Act::Soar(trouble) if trouble.calls == Calls::All
        && matches!(trouble.how, How::Status(400 | 401 | 403 | 409)))
}
