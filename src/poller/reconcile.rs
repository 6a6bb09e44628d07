//! Findings archived in `GuardDuty`: their incidents are closed.
//!
//! Archiving is not known to move a finding's `UpdatedAt`, so nothing rests on it: each cycle lists the findings that are not
//! archived. The open incidents are listed only where that or their number is not as it was when all was last in step.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::CycleError;
use super::apply::Writer;
use super::region::{DetectorPoller, RegionPoller};
use crate::domain::{Criteria, Finding, KnownIncident, Verify, field};
use crate::guardduty::BATCH;
use crate::soar::{Change, SoarError, field_value};
use crate::telemetry::trace;

/// So long the open incidents are not listed at most: what leaves neither set nor number different is seen then.
const LONGEST_UNLISTED: Duration = Duration::from_hours(1);

/// What was there when each open incident was last seen to be in step with its finding.
#[derive(Debug)]
pub(super) struct InStep {
    unarchived: Fingerprint,
    open: usize,
    at: Instant,
}

/// Of a set of ids: their number, and the sum of their hashes, which no one can foresee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint(usize, u64);

impl Fingerprint {
    fn of(ids: &HashSet<String>, hasher: &RandomState) -> Self {
        let sum = ids
            .iter()
            .fold(0, |sum: u64, id| sum.wrapping_add(hasher.hash_one(id)));
        Self(ids.len(), sum)
    }
}

impl InStep {
    fn holds(&self, unarchived: Fingerprint, open: usize) -> bool {
        let lately = self.at.elapsed() < LONGEST_UNLISTED;
        lately && self.unarchived == unarchived && self.open == open
    }
}

impl RegionPoller {
    /// Closes the open incidents whose finding is archived, and sees to those that are one too many or have lost their
    /// finding.
    pub(super) async fn reconcile(
        &self,
        id: &str,
        detector: &mut DetectorPoller,
        verify: Verify,
    ) -> Result<(), CycleError> {
        let before = detector.in_step.take();
        let open = self
            .context
            .soar
            .count_open_incidents(self.region())
            .await?;
        self.context.health.progress(self.region());
        if open == Some(0) {
            detector.state.gone.clear();
            return Ok(());
        }
        let unarchived = self.unarchived(id).await?;
        let fingerprint = Fingerprint::of(&unarchived, &detector.hasher);
        if let (Some(before), Some(open)) = (before, open)
            && before.holds(fingerprint, open)
        {
            detector.in_step = Some(before);
            return Ok(());
        }
        let in_step = self.compare(id, detector, &unarchived, verify).await?;
        detector.in_step = open.filter(|_| in_step).map(|open| InStep {
            unarchived: fingerprint,
            open,
            at: Instant::now(),
        });
        Ok(())
    }

    /// Sees to each open incident. Answers whether there was nothing to do.
    async fn compare(
        &self,
        id: &str,
        detector: &mut DetectorPoller,
        unarchived: &HashSet<String>,
        verify: Verify,
    ) -> Result<bool, CycleError> {
        let mut open = self.open_incidents(id).await?;
        let gone = &mut detector.state.gone;
        gone.retain(|finding| open.iter().any(|incident| incident.finding_id == *finding));
        let findings: HashSet<&str> = open.iter().map(|open| open.finding_id.as_str()).collect();
        let doubles_stay = findings.len() == open.len() || !self.context.close_duplicates;
        let closed = self.see_to_duplicates(&open, &mut detector.doubles).await?;
        open.retain(|incident| !closed.contains(&incident.id));
        gone.retain(|finding| !unarchived.contains(finding));
        let (current, absent): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|incident| unarchived.contains(&incident.finding_id));
        self.take_back_archived(&current).await?;
        let known = |incident: &KnownIncident| gone.contains(&incident.finding_id);
        let in_step = doubles_stay
            && absent.iter().all(known)
            && !current.iter().any(KnownIncident::says_archived);
        for incidents in absent.chunks(BATCH) {
            if self.stop.is_cancelled() {
                return Ok(false);
            }
            self.see_to_absent(id, incidents, gone, verify).await?;
            self.context.health.progress(self.region());
        }
        Ok(in_step)
    }

    async fn open_incidents(&self, detector: &str) -> Result<Vec<KnownIncident>, SoarError> {
        let (mut open, mut start) = (Vec::new(), 0);
        loop {
            let page = self
                .context
                .soar
                .open_incidents(self.region(), start)
                .await?;
            self.context.health.progress(self.region());
            start += page.length;
            open.extend(
                page.incidents
                    .into_iter()
                    .filter(|incident| incident.detector_id == detector),
            );
            if !page.more {
                return Ok(open);
            }
        }
    }

    async fn unarchived(&self, detector: &str) -> Result<HashSet<String>, CycleError> {
        let all = Criteria {
            severity_at_least: None,
            updated_since: None,
        };
        let pages = self.pages(detector, all, self.stop.clone());
        pages
            .try_fold(HashSet::new(), |mut ids, page| async {
                ids.extend(page);
                Ok(ids)
            })
            .await
    }

    /// An open incident says "True" although its finding is not archived: somebody reopened it, and closing it
    /// would not archive the finding again.
    async fn take_back_archived(&self, current: &[KnownIncident]) -> Result<(), SoarError> {
        for incident in current.iter().filter(|incident| incident.says_archived()) {
            let trace = trace::finding(&incident.finding_id);
            let taken_back = self.say_unarchived(incident.id).instrument(trace);
            if let Err(error) = taken_back.await {
                own_failure(incident, error)?;
            }
            self.context.health.progress(self.region());
        }
        Ok(())
    }

    async fn say_unarchived(&self, incident: i64) -> Result<(), SoarError> {
        let change = Change::new(field::ARCHIVED, "False");
        self.context
            .soar
            .set_field_from(incident, "True", &change)
            .await?;
        tracing::info!(
            incident,
            "incident {incident} is open and its finding not archived"
        );
        Ok(())
    }

    /// Incidents whose finding no listing of the unarchived tells: it is archived, or AWS has deleted it.
    async fn see_to_absent(
        &self,
        detector: &str,
        incidents: &[KnownIncident],
        gone: &mut BTreeSet<String>,
        verify: Verify,
    ) -> Result<(), CycleError> {
        let ids = incidents.iter().map(|incident| incident.finding_id.clone());
        let ids: Vec<String> = ids.filter(|id| !gone.contains(id)).collect();
        let findings = self.guardduty.present_findings(detector, &ids).await?;
        let present: HashMap<&str, &Finding> = findings
            .iter()
            .map(|finding| (finding.id(), finding))
            .collect();
        let mut archived = Vec::new();
        for incident in incidents {
            match present.get(incident.finding_id.as_str()) {
                Some(finding) if finding.archived() => archived.push((incident, *finding)),
                Some(_) => {}
                None if gone.contains(&incident.finding_id) => {}
                None => match self.see_to_deleted(incident).await {
                    Ok(()) => {
                        gone.insert(incident.finding_id.clone());
                    }
                    Err(error) => own_failure(incident, error)?,
                },
            }
        }
        if verify != Verify::Nothing {
            self.complete_all(detector, &archived).await?;
        }
        let archived: Vec<&KnownIncident> =
            archived.iter().map(|(incident, _)| *incident).collect();
        Ok(self.close_all(&archived).await?)
    }

    /// After a start an incident may have been cut short: nothing would look at it again once it is closed.
    async fn complete_all(
        &self,
        detector: &str,
        incidents: &[(&KnownIncident, &Finding)],
    ) -> Result<(), SoarError> {
        let writer = Writer {
            context: &self.context,
            region: self.region(),
            detector,
            has_critical: self.context.soar.traits().await?.has_critical,
        };
        for (incident, finding) in incidents {
            let completed = writer.complete(finding, incident.id);
            let trace = trace::finding(finding.id());
            if let Err(error) = completed.instrument(trace).await {
                own_failure(incident, error)?;
            }
            self.context.health.progress(self.region());
        }
        Ok(())
    }

    /// GuardDuty keeps a finding for 90 days. Its incident says so, once.
    async fn see_to_deleted(&self, incident: &KnownIncident) -> Result<(), SoarError> {
        let (id, finding) = (incident.id, &incident.finding_id);
        let note = format!(
            "GuardDuty no longer has finding {finding}. It keeps findings for 90 days. This incident is no longer kept in step with it."
        );
        if !self.context.soar.has_note(id, &note, 0).await? {
            self.context.soar.add_note(id, &note).await?;
        }
        if self.context.close_deleted {
            let required = self.context.soar.fresh_traits().await?.required_on_close;
            let template = self.context.close_template.fields();
            let why = "GuardDuty no longer has its finding";
            return self.try_close(incident, &required, template, why).await;
        }
        let _trace = trace::finding(finding).entered();
        tracing::warn!(
            finding,
            incident = id,
            "GuardDuty no longer has finding {finding}; its incident {id} stays open (aws_gd_close_deleted = 1 closes such incidents)"
        );
        Ok(())
    }

    /// Two open incidents of one finding were left by another program. The oldest is the one that is kept up to date.
    /// Answers those that were closed.
    async fn see_to_duplicates(
        &self,
        open: &[KnownIncident],
        reported: &mut HashSet<i64>,
    ) -> Result<HashSet<i64>, SoarError> {
        let mut closed = HashSet::new();
        let mut oldest: HashMap<&str, i64> = HashMap::new();
        for incident in open {
            let first = oldest.entry(&incident.finding_id).or_insert(incident.id);
            *first = incident.id.min(*first);
        }
        let duplicates = open
            .iter()
            .map(|incident| (incident, oldest[incident.finding_id.as_str()]))
            .filter(|(incident, oldest)| incident.id != *oldest);
        for (incident, oldest) in duplicates {
            let id = incident.id;
            if self.context.close_duplicates {
                match self.close_duplicate(incident, oldest).await {
                    Ok(()) => {
                        closed.insert(id);
                    }
                    Err(error) => own_failure(incident, error)?,
                }
                self.context.health.progress(self.region());
            } else if reported.insert(id) {
                let _trace = trace::finding(&incident.finding_id).entered();
                tracing::warn!(
                    finding = incident.finding_id,
                    incident = id,
                    "incident {id} is of the same finding as {oldest}, which is kept up to date: close it, or set aws_gd_close_duplicates = 1"
                );
            }
        }
        Ok(closed)
    }

    async fn close_duplicate(
        &self,
        incident: &KnownIncident,
        oldest: i64,
    ) -> Result<(), SoarError> {
        let summary = format!("Incident {oldest} stands for the same GuardDuty finding.");
        let mut fields = Map::new();
        fields.insert("plan_status".to_owned(), "C".into());
        fields.insert("resolution_id".to_owned(), "Duplicate".into());
        fields.insert("resolution_summary".to_owned(), summary.into());
        let mut template = self.context.close_template.fields().clone();
        template.extend(fields);
        let required = self.context.soar.fresh_traits().await?.required_on_close;
        let why = format!("incident {oldest} is of the same finding");
        self.try_close(incident, &required, &template, &why).await
    }

    /// All are tried, so that no closing is left half done, before the first failure of SOAR itself is told.
    async fn close_all(&self, incidents: &[&KnownIncident]) -> Result<(), SoarError> {
        if incidents.is_empty() {
            return Ok(());
        }
        let required = self.context.soar.fresh_traits().await?.required_on_close;
        let mut closings = Vec::new();
        for incident in incidents {
            closings.push(self.close(incident, &required));
        }
        let outcomes: Vec<_> = stream::iter(closings)
            .buffer_unordered(self.context.writers)
            .collect()
            .await;
        let mut failure = Ok(());
        for (incident, outcome) in outcomes {
            if let Err(error) = outcome
                && let Err(error) = own_failure(incident, error)
            {
                failure = Err(error);
            }
        }
        failure
    }

    async fn close<'a>(
        &self,
        incident: &'a KnownIncident,
        required: &[String],
    ) -> (&'a KnownIncident, Result<(), SoarError>) {
        let template = self.context.close_template.fields();
        let why = "its finding was archived in GuardDuty";
        let closed = self.try_close(incident, required, template, why).await;
        (incident, closed)
    }

    async fn try_close(
        &self,
        known: &KnownIncident,
        required: &[String],
        template: &Map<String, Value>,
        why: &str,
    ) -> Result<(), SoarError> {
        let trace = trace::finding(&known.finding_id);
        let closing = self.write_closing(known, required, template, why);
        closing.instrument(trace).await
    }

    /// The property first: the rule that archives the finding of a closed incident must not fire.
    async fn write_closing(
        &self,
        known: &KnownIncident,
        required: &[String],
        template: &Map<String, Value>,
        why: &str,
    ) -> Result<(), SoarError> {
        let (id, soar) = (known.id, &self.context.soar);
        let incident = soar.incident(id).await?;
        let missing = missing_on_close(required, template, &incident);
        if !missing.is_empty() {
            return Err(SoarError::Setup(format!(
                "the platform requires {} on close; add it to the template that aws_gd_close_incident_template names",
                missing.join(", ")
            )));
        }
        if !known.says_archived() {
            let change = Change::new(field::ARCHIVED, "True");
            soar.set_field_from(id, known.archived.clone(), &change)
                .await?;
        }
        let changes: Vec<Change> = template
            .iter()
            .map(|(field, value)| Change::new(field, value.clone()))
            .collect();
        soar.set_fields_of(id, &incident, &changes).await?;
        self.context.health.measures().closed(self.region());
        tracing::info!(
            finding = known.finding_id,
            incident = id,
            "closed incident {id} of finding {}: {why}",
            known.finding_id
        );
        Ok(())
    }
}

/// The fields that neither the template nor the incident has.
fn missing_on_close<'a>(
    required: &'a [String],
    template: &Map<String, Value>,
    incident: &Value,
) -> Vec<&'a str> {
    let missing =
        |name: &&String| !template.contains_key(*name) && field_value(incident, name).is_null();
    required
        .iter()
        .filter(missing)
        .map(String::as_str)
        .collect()
}

/// A failure that is one incident's own is logged and the others go on.
fn own_failure(incident: &KnownIncident, error: SoarError) -> Result<(), SoarError> {
    if error.is_transient() && !matches!(error, SoarError::Conflict { .. }) {
        return Err(error);
    }
    let _trace = trace::finding(&incident.finding_id).entered();
    let id = incident.id;
    tracing::error!(
        incident = id,
        "incident {id} could not be brought into step: {error}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fingerprint(ids: &[&str], hasher: &RandomState) -> Fingerprint {
        Fingerprint::of(&ids.iter().map(ToString::to_string).collect(), hasher)
    }

    #[test]
    fn a_set_is_told_by_its_ids_and_not_by_their_number() {
        let hasher = RandomState::new();
        let before = fingerprint(&["f1", "f2"], &hasher);
        assert_eq!(before, fingerprint(&["f2", "f1"], &hasher));
        assert_ne!(before, fingerprint(&["f1", "f3"], &hasher));
        assert_ne!(before, fingerprint(&["f1"], &hasher));
    }

    #[tokio::test(start_paused = true)]
    async fn all_is_looked_at_where_a_set_or_a_number_differs_and_every_hour() {
        let hasher = RandomState::new();
        let (before, other) = (fingerprint(&["f1"], &hasher), fingerprint(&["f2"], &hasher));
        let in_step = InStep {
            unarchived: before,
            open: 1,
            at: Instant::now(),
        };
        assert!(in_step.holds(before, 1));
        assert!(!in_step.holds(other, 1));
        assert!(!in_step.holds(before, 2));
        tokio::time::advance(LONGEST_UNLISTED).await;
        assert!(!in_step.holds(before, 1));
    }

    #[test]
    fn b30_a_close_needs_what_neither_template_nor_incident_has() {
        let required = ["resolution_id", "park", "owner_id"].map(str::to_owned);
        let template = Map::from_iter([("resolution_id".to_owned(), json!("Resolved"))]);
        let incident = json!({"owner_id": null, "properties": {"park": 7}});
        assert_eq!(
            missing_on_close(&required, &template, &incident),
            ["owner_id"]
        );
    }
}
