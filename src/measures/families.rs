//! The metric families, by Prometheus's conventions: a prefix, base units, `_total` behind what only grows.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use tokio::time::Instant;

use super::process::Process;
use super::{Detectors, MessageOutcome, RegionCounts};
use crate::customizations::{ARCHIVE_FINDING, REFRESH_FINDING};
use crate::mutex::lock;

const PREFIX: &str = "fn_aws_guardduty";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRegion {
    region: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDetector {
    region: String,
    detector: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CycleLabels {
    region: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    server: String,
    outcome: &'static str,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was carried out.
    Answered,
    /// The server would not, as it is: it works, and the call is not to its liking.
    Rejected,
    /// The server has too many calls.
    Throttled,
    /// There was no answer, or one of a server that does not work.
    Failed,
}

impl CallOutcome {
    fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Rejected => "rejected",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    function: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFunction {
    function: String,
}

impl CycleLabels {
    fn of(region: &str, well: bool) -> Self {
        Self {
            region: region.to_owned(),
            outcome: if well { "done" } else { "failed" },
        }
    }
}

impl MessageLabels {
    fn of(function: &str, outcome: MessageOutcome) -> Self {
        Self {
            function: function.to_owned(),
            outcome: match outcome {
                MessageOutcome::Done => "done",
                MessageOutcome::Failed => "failed",
                MessageOutcome::Unreadable => "unreadable",
                MessageOutcome::AnsweredAgain => "answered_again",
            },
        }
    }
}

/// A histogram with three buckets an order of magnitude.
#[derive(Debug, Clone, Copy)]
struct Seconds {
    least: f64,
    buckets: u16,
}

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        let step = [1.0, 2.5, 5.0];
        let bounds = (0..self.buckets).map(|n| {
            let decade = 10_f64.powi(i32::from(n / 3));
            self.least * decade * step[usize::from(n % 3)]
        });
        Histogram::new(bounds)
    }
}

type Times<L> = Family<L, Histogram, Seconds>;

/// The times of calls by server and outcome, and how each server did last.
#[derive(Debug, Clone)]
pub struct Calls {
    times: Times<CallLabels>,
    servers: Arc<Mutex<BTreeMap<String, Server>>>,
}

/// How the calls to a server went last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// What became of the last call.
    pub last: CallOutcome,
    /// Since when calls have ended like that, without another end in between.
    pub since: Instant,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            times: seconds(0.001, 15),
            servers: Arc::default(),
        }
    }
}

impl Calls {
    /// A call to `server` ended.
    pub fn took(&self, server: &str, outcome: CallOutcome, took: Duration) {
        let labels = CallLabels {
            server: server.to_owned(),
            outcome: outcome.label(),
        };
        self.times
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        let mut servers = lock(&self.servers);
        match servers.get_mut(server) {
            Some(server) if server.last == outcome => {}
            Some(server) => *server = Server::now(outcome),
            None => {
                servers.insert(server.to_owned(), Server::now(outcome));
            }
        }
    }

    /// How each server did last, by name.
    pub fn servers(&self) -> BTreeMap<String, Server> {
        lock(&self.servers).clone()
    }
}

impl Server {
    fn now(last: CallOutcome) -> Self {
        Self {
            last,
            since: Instant::now(),
        }
    }
}

fn seconds<L: Clone + std::hash::Hash + Eq>(least: f64, buckets: u16) -> Times<L> {
    Family::new_with_constructor(Seconds { least, buckets })
}

/// All families; what only stands is set when it is read.
#[derive(Debug)]
pub(super) struct Families {
    registry: Registry,
    pub(super) calls: Calls,
    pub(super) subscriptions: Counter,
    listed: Family<OfRegion, Counter>,
    escalated: Family<OfRegion, Counter>,
    refreshed: Family<OfRegion, Counter>,
    closed: Family<OfRegion, Counter>,
    cycles: Times<CycleLabels>,
    messages: Family<MessageLabels, Counter>,
    functions: Times<OfFunction>,
    quarantined: Family<OfRegion, Gauge>,
    watermark: Family<OfDetector, RealGauge>,
    lag: Family<OfDetector, RealGauge>,
    ready: Gauge,
    processor: Counter<f64, AtomicU64>,
    resident: Gauge,
    open_files: Gauge,
    /// Sums over the labels, which a family does not give.
    pub(super) all_escalated: Counter,
    pub(super) all_messages: Counter,
}

type RealGauge = Gauge<f64, AtomicU64>;

impl Default for Families {
    fn default() -> Self {
        let mut families = Self {
            registry: Registry::default(),
            calls: Calls::default(),
            subscriptions: Counter::default(),
            listed: Family::default(),
            escalated: Family::default(),
            refreshed: Family::default(),
            closed: Family::default(),
            cycles: seconds(0.1, 15),
            messages: Family::default(),
            functions: seconds(0.001, 15),
            quarantined: Family::default(),
            watermark: Family::default(),
            lag: Family::default(),
            ready: Gauge::default(),
            processor: Counter::default(),
            resident: Gauge::default(),
            open_files: Gauge::default(),
            all_escalated: Counter::default(),
            all_messages: Counter::default(),
        };
        families.register();
        families.register_process();
        families.begin_messages();
        families
    }
}

impl Families {
    fn register(&mut self) {
        let registry = self.registry.sub_registry_with_prefix(PREFIX);
        let info = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The worker's version", info);
        registry.register(
            "findings_listed",
            "Findings that ListFindings told of, each time it did",
            self.listed.clone(),
        );
        registry.register(
            "findings_escalated",
            "Findings that an incident was made of",
            self.escalated.clone(),
        );
        registry.register(
            "findings_refreshed",
            "Changed findings whose incident was told to refresh",
            self.refreshed.clone(),
        );
        registry.register(
            "incidents_closed",
            "Incidents closed since their finding is archived, deleted or has an older incident",
            self.closed.clone(),
        );
        registry.register(
            "findings_quarantined",
            "Findings set aside, since SOAR refuses them",
            self.quarantined.clone(),
        );
        registry.register_with_unit(
            "watermark_timestamp",
            "Update time of the newest finding before which all are done",
            Unit::Seconds,
            self.watermark.clone(),
        );
        registry.register_with_unit(
            "lag",
            "Time for which updates may be there that are not in SOAR yet",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register_with_unit(
            "cycle_duration",
            "Time of a polling cycle",
            Unit::Seconds,
            self.cycles.clone(),
        );
        registry.register_with_unit(
            "call_duration",
            "Time of a call to SOAR or AWS, without the wait for its turn",
            Unit::Seconds,
            self.calls.times.clone(),
        );
        registry.register(
            "queue_messages",
            "Messages of the queue that were worked on",
            self.messages.clone(),
        );
        registry.register_with_unit(
            "function_duration",
            "Time of a function",
            Unit::Seconds,
            self.functions.clone(),
        );
        registry.register(
            "broker_subscriptions",
            "Times that the message broker confirmed the subscriptions; each beyond the first is a reconnect or a reload",
            self.subscriptions.clone(),
        );
        registry.register(
            "ready",
            "1 where the worker does what it is there for",
            self.ready.clone(),
        );
    }

    /// Under the names that all programs have for them.
    fn register_process(&mut self) {
        let registry = self.registry.sub_registry_with_prefix("process");
        registry.register_with_unit(
            "cpu",
            "Processor time of the worker",
            Unit::Seconds,
            self.processor.clone(),
        );
        registry.register_with_unit(
            "resident_memory",
            "Memory of the worker",
            Unit::Bytes,
            self.resident.clone(),
        );
        registry.register(
            "open_fds",
            "Open files and connections of the worker",
            self.open_files.clone(),
        );
    }

    /// A count that begins at one looks as if nothing had happened: it begins at nought.
    fn begin_messages(&self) {
        for function in [REFRESH_FINDING, ARCHIVE_FINDING] {
            for outcome in [MessageOutcome::Done, MessageOutcome::Failed] {
                let labels = MessageLabels::of(function, outcome);
                drop(self.messages.get_or_create(&labels));
            }
        }
        for outcome in [
            MessageOutcome::Failed,
            MessageOutcome::Unreadable,
            MessageOutcome::AnsweredAgain,
        ] {
            drop(self.messages.get_or_create(&MessageLabels::of("", outcome)));
        }
    }

    /// The same for the counts of a region.
    pub(super) fn begin_region(&self, region: &str) {
        for family in [&self.listed, &self.escalated, &self.refreshed, &self.closed] {
            drop(family.get_or_create(&of(region)));
        }
        for well in [true, false] {
            drop(self.cycles.get_or_create(&CycleLabels::of(region, well)));
        }
    }

    pub(super) fn listed(&self, region: &str, findings: usize) {
        let listed = self.listed.get_or_create(&of(region));
        listed.inc_by(u64::try_from(findings).unwrap_or(u64::MAX));
    }

    pub(super) fn escalated(&self, region: &str) {
        self.escalated.get_or_create(&of(region)).inc();
        self.all_escalated.inc();
    }

    pub(super) fn refreshed(&self, region: &str) {
        self.refreshed.get_or_create(&of(region)).inc();
    }

    pub(super) fn closed(&self, region: &str) {
        self.closed.get_or_create(&of(region)).inc();
    }

    pub(super) fn cycle(&self, region: &str, took: Duration, well: bool) {
        self.cycles
            .get_or_create(&CycleLabels::of(region, well))
            .observe(took.as_secs_f64());
    }

    pub(super) fn message(&self, function: &str, outcome: MessageOutcome, took: Option<Duration>) {
        self.messages
            .get_or_create(&MessageLabels::of(function, outcome))
            .inc();
        self.all_messages.inc();
        if let Some(took) = took {
            let function = function.to_owned();
            let times = self.functions.get_or_create(&OfFunction { function });
            times.observe(took.as_secs_f64());
        }
    }

    pub(super) fn counts(&self, region: &str) -> RegionCounts {
        let count = |family: &Family<OfRegion, Counter>| {
            family.get(&of(region)).map_or(0, |counter| counter.get())
        };
        RegionCounts {
            listed: count(&self.listed),
            escalated: count(&self.escalated),
            refreshed: count(&self.refreshed),
            closed: count(&self.closed),
        }
    }

    /// Sets what is not counted but stands at `now`.
    pub(super) fn stand(&self, detectors: &Detectors, ready: bool, now: Timestamp) {
        self.ready.set(i64::from(ready));
        self.quarantined.clear();
        self.watermark.clear();
        self.lag.clear();
        for (region, of_region) in detectors.by_region() {
            let mut quarantined = 0;
            for (id, detector) in of_region {
                let labels = OfDetector {
                    region: region.clone(),
                    detector: id.clone(),
                };
                quarantined += detector.quarantine.len();
                if let Some(watermark) = detector.watermark {
                    let seconds = watermark.as_duration().as_secs_f64();
                    self.watermark.get_or_create(&labels).set(seconds);
                }
                if let Some(lag) = detector.lag(now) {
                    self.lag.get_or_create(&labels).set(lag.as_secs_f64());
                }
            }
            let quarantined = i64::try_from(quarantined).unwrap_or(i64::MAX);
            self.quarantined.get_or_create(&of(region)).set(quarantined);
        }
        self.process(&Process::now());
    }

    fn process(&self, process: &Process) {
        let processor = process.processor.as_secs_f64();
        self.processor
            .inc_by((processor - self.processor.get()).max(0.0));
        self.resident.set(process.resident_bytes);
        self.open_files.set(process.open_files);
    }

    pub(super) fn exposition(&self) -> String {
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

fn of(region: &str) -> OfRegion {
    OfRegion {
        region: region.to_owned(),
    }
}
