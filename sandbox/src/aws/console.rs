//! What the account's owner does at the console, and what AWS does by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::iso;
use super::store::Stored;
use super::{Aws, Throttle, samples};

/// Detectors and regions.
impl Aws {
    /// The id of the region's detector, `None` where `GuardDuty` is switched off.
    pub fn detector_id(&self, region: &str) -> Option<String> {
        self.account()
            .detectors
            .get(region)
            .map(|detector| detector.id.clone())
    }

    /// Switches `GuardDuty` on in a region and returns the detector's id.
    pub fn add_detector(&self, region: &str) -> String {
        self.changing().detector_mut(region).id.clone()
    }

    /// Switches `GuardDuty` off in a region; its findings are gone.
    pub fn remove_detector(&self, region: &str) {
        self.changing().detectors.remove(region);
    }

    /// Opts the account into a region: calls to it are answered and `DescribeRegions` tells it.
    pub fn enable_region(&self, region: &str) {
        self.changing().enabled_regions.insert(region.to_owned());
    }

    /// Opts the account out of a region: calls to it are refused, as AWS does.
    pub fn disable_region(&self, region: &str) {
        self.changing().enabled_regions.remove(region);
    }
}

/// Findings.
impl Aws {
    /// The names of the sample findings there are.
    pub fn sample_kinds() -> &'static [&'static str] {
        samples::KINDS
    }

    /// Publishes a new finding of a kind and returns its id.
    ///
    /// # Panics
    ///
    /// When `kind` is not one of [`Aws::sample_kinds`]: a test that misspells it must not go on with another one.
    pub fn create_sample(&self, region: &str, kind: &str) -> String {
        assert!(
            samples::KINDS.contains(&kind),
            "there is no sample finding {kind}"
        );
        let mut account = self.changing();
        let now = account.now();
        let finding = samples::finding(kind, region, now, &mut account);
        account.publish(region, finding)
    }

    /// Publishes that many findings, of every kind in turn.
    pub fn create_samples(&self, region: &str, count: usize) -> Vec<String> {
        let kinds = samples::KINDS.iter().cycle().take(count);
        kinds.map(|kind| self.create_sample(region, kind)).collect()
    }

    /// The same, each as of a time of its own: they are spread evenly over the last `span`, the oldest first.
    pub fn create_samples_over(&self, region: &str, count: usize, span: Duration) -> Vec<String> {
        let mut account = self.changing();
        let now = account.now();
        let kinds = samples::KINDS.iter().cycle().take(count).enumerate();
        let create = |(number, kind): (usize, &&str)| {
            #[expect(clippy::cast_precision_loss, reason = "a count of findings")]
            let ago = span.mul_f64((count - number) as f64 / count as f64);
            let at = now - ago;
            let mut finding = samples::finding(kind, region, at, &mut account);
            finding["createdAt"] = json!(iso(at));
            finding["updatedAt"] = json!(iso(at));
            account.publish(region, finding)
        };
        kinds.map(create).collect()
    }

    /// Publishes a finding in the API's form (camelCase) and returns its id. Members that it lacks and every finding has
    /// (id, ARN, region, times, detector) are filled in; one with an `updatedAt` of the past is a finding that AWS
    /// published late. A region without a detector gets one.
    pub fn put_finding(&self, region: &str, finding: Value) -> String {
        self.changing().publish(region, finding)
    }

    /// The same activity was seen again, just now. False when there is no such finding.
    pub fn update_finding(&self, region: &str, id: &str) -> bool {
        self.see_again(region, id, None)
    }

    /// The same activity was seen again and is judged anew. False when there is no such finding.
    pub fn change_severity(&self, region: &str, id: &str, severity: f64) -> bool {
        self.see_again(region, id, Some(severity))
    }

    fn see_again(&self, region: &str, id: &str, severity: Option<f64>) -> bool {
        let mut account = self.changing();
        let now = iso(account.now());
        let Some(detector) = account.detectors.get_mut(region) else {
            return false;
        };
        detector.findings.edit(id, |finding| {
            finding["updatedAt"] = json!(now);
            let service = &mut finding["service"];
            service["count"] = json!(service["count"].as_i64().unwrap_or(0) + 1);
            service["eventLastSeen"] = json!(now);
            if let Some(severity) = severity {
                finding["severity"] = json!(severity);
            }
        })
    }

    /// Archives a finding, as with the console's button. False when there is no such finding.
    pub fn archive(&self, region: &str, id: &str) -> bool {
        self.set_archived(region, id, true)
    }

    /// Takes a finding out of the archive. False when there is no such finding.
    pub fn unarchive(&self, region: &str, id: &str) -> bool {
        self.set_archived(region, id, false)
    }

    fn set_archived(&self, region: &str, id: &str, archived: bool) -> bool {
        let mut account = self.changing();
        let detector = account.detectors.get_mut(region);
        detector.is_some_and(|detector| detector.findings.set_archived(id, archived))
    }

    /// A finding's ninety days are over. False when there is no such finding.
    pub fn delete(&self, region: &str, id: &str) -> bool {
        let mut account = self.changing();
        let detector = account.detectors.get_mut(region);
        detector.is_some_and(|detector| detector.findings.remove(id).is_some())
    }

    /// A finding as the API tells it.
    pub fn finding(&self, region: &str, id: &str) -> Option<Value> {
        let account = self.account();
        Some(
            account
                .detectors
                .get(region)?
                .findings
                .stored(id)?
                .finding
                .clone(),
        )
    }

    /// Whether there is such a finding and it is archived.
    pub fn is_archived(&self, region: &str, id: &str) -> bool {
        let account = self.account();
        let detector = account.detectors.get(region);
        detector
            .and_then(|detector| detector.findings.stored(id))
            .is_some_and(Stored::is_archived)
    }

    /// All findings of a region, by `updatedAt`.
    pub fn findings(&self, region: &str) -> Vec<Value> {
        let account = self.account();
        let Some(detector) = account.detectors.get(region) else {
            return Vec::new();
        };
        let store = &detector.findings;
        let ids = store.by_update(None).iter();
        ids.filter_map(|(_, id)| store.stored(id))
            .map(|stored| stored.finding.clone())
            .collect()
    }
}

/// How AWS behaves.
impl Aws {
    /// The clock that dates findings; the system's at first. Signatures are always judged by the system's.
    pub fn set_clock(&self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) {
        self.account().clock = Arc::new(clock);
    }

    /// Whether `ListFindings` gives back the very token it was called with, as AWS has been seen to do.
    pub fn repeat_next_token(&self, repeat: bool) {
        self.account().repeats_next_token = repeat;
    }

    /// Whether the account is a member of another one's `GuardDuty`: members may read findings but not archive them. The
    /// refusal's text is an assumption.
    pub fn set_member_account(&self, is_member: bool) {
        self.account().is_member = is_member;
    }

    /// Takes an operation (`ListFindings`, ...) out of the policy of the access key, or puts it back.
    pub fn set_denied(&self, operation: &str, denied: bool) {
        let mut account = self.account();
        if denied {
            account.denied.insert(operation.to_owned());
        } else {
            account.denied.remove(operation);
        }
    }

    /// Refuses calls for being too many, or stops doing so.
    pub fn set_throttle(&self, throttle: Option<Throttle>) {
        self.account().throttle = throttle;
    }

    /// How often each operation (`ListFindings`, ...) was called with a good signature, refused or not.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.account().calls.clone()
    }

    /// Counts the calls from nothing again.
    pub fn reset_calls(&self) {
        self.account().calls.clear();
    }
}
