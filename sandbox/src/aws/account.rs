//! The state behind the endpoint: regions, detectors, findings, and the account's own clock and dice.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use super::regions::Partition;
use super::store::FindingStore;
use super::{AwsOptions, Throttle};

pub(super) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(super) struct Account {
    pub(super) options: AwsOptions,
    pub(super) partition: Partition,
    pub(super) enabled_regions: BTreeSet<String>,
    pub(super) detectors: BTreeMap<String, Detector>,
    pub(super) clock: Clock,
    pub(super) rng: StdRng,
    pub(super) throttle: Option<Throttle>,
    pub(super) repeats_next_token: bool,
    pub(super) is_member: bool,
    /// Operations that the account's policy does not allow.
    pub(super) denied: BTreeSet<String>,
    /// How often each operation was called.
    pub(super) calls: BTreeMap<&'static str, u64>,
}

pub(super) struct Detector {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) findings: FindingStore,
}

impl Account {
    pub(super) fn open(options: AwsOptions) -> Self {
        let partition = Partition::of(options.regions.first().map_or("us-east-1", String::as_str));
        let enabled_regions = if options.enabled_regions.is_empty() {
            let defaults = partition
                .default_regions()
                .iter()
                .map(|region| (*region).to_owned());
            defaults.chain(options.regions.iter().cloned()).collect()
        } else {
            options.enabled_regions.iter().cloned().collect()
        };
        let mut account = Self {
            partition,
            enabled_regions,
            detectors: BTreeMap::new(),
            clock: Arc::new(Timestamp::now),
            rng: StdRng::seed_from_u64(options.seed),
            throttle: None,
            repeats_next_token: false,
            is_member: false,
            denied: BTreeSet::new(),
            calls: BTreeMap::new(),
            options,
        };
        for region in account.options.regions.clone() {
            account.detector_mut(&region);
        }
        account
    }

    /// Who the access key belongs to.
    pub(super) fn arn(&self) -> String {
        let (partition, account_id) = (self.partition.name(), &self.options.account_id);
        format!("arn:{partition}:iam::{account_id}:user/sandbox")
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The region's detector, made when there is none.
    pub(super) fn detector_mut(&mut self, region: &str) -> &mut Detector {
        let created_at = self.now();
        let seed = self.options.seed;
        self.detectors
            .entry(region.to_owned())
            .or_insert_with(|| Detector {
                id: detector_id(seed, region),
                created_at,
                findings: FindingStore::default(),
            })
    }

    /// Publishes a finding: what it lacks of an id, an ARN, times and the like is filled in, what it has is kept.
    pub(super) fn publish(&mut self, region: &str, mut finding: Value) -> String {
        let id = finding["id"]
            .as_str()
            .map_or_else(|| hex_id(&mut self.rng), str::to_owned);
        let now = iso(self.now());
        let account_id = self.options.account_id.clone();
        let partition = self.partition.name();
        let detector = self.detector_mut(region);
        let arn = format!(
            "arn:{partition}:guardduty:{region}:{account_id}:detector/{}/finding/{id}",
            detector.id
        );
        fill(
            &mut finding,
            &[
                ("schemaVersion", json!("2.0")),
                ("accountId", json!(account_id)),
                ("region", json!(region)),
                ("partition", json!(partition)),
                ("id", json!(id)),
                ("arn", json!(arn)),
                ("createdAt", json!(now)),
                ("updatedAt", json!(now)),
                ("resource", json!({})),
                ("service", json!({})),
            ],
        );
        fill(
            &mut finding["service"],
            &[
                ("serviceName", json!("guardduty")),
                ("detectorId", json!(detector.id)),
                ("archived", json!(false)),
                ("count", json!(1)),
            ],
        );
        detector.findings.put(id.clone(), finding);
        id
    }
}

/// Detectors keep their id when they are removed and made again: a restarted demo finds what it knew.
fn detector_id(seed: u64, region: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (seed, region).hash(&mut hasher);
    hex_id(&mut StdRng::seed_from_u64(hasher.finish()))
}

/// 32 hexadecimal digits.
pub(super) fn hex_id(rng: &mut StdRng) -> String {
    format!("{:032x}", rng.random::<u128>())
}

/// As `GuardDuty` writes the times of a finding.
pub(super) fn iso(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Sets the members that an object does not have. A value that is no object becomes one.
fn fill(value: &mut Value, defaults: &[(&str, Value)]) {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    for (name, default) in defaults {
        if value.get(*name).is_none_or(Value::is_null) {
            value[*name] = default.clone();
        }
    }
}
