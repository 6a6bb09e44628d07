//! What must hold after a round, whatever happened in it.
//!
//! Each check answers what it finds wrong, one line a thing. None knows how the worker works: they look at the
//! platform, at AWS, at the queue and at the worker's log.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;

use super::stage::{Fate, Stage, Tracked};
use crate::soar::{IncidentView, RunState, WorkflowRun};

const CREATION: &str = "AWS GuardDuty finding Payload:";
const REFRESH: &str = "AWS GuardDuty finding Payload for refresh:";
const REFRESH_WORKFLOW: &str = "refresh_finding";

/// What the incident of a finding must hold.
#[derive(Debug, Default)]
struct Wanted {
    artifacts: BTreeSet<String>,
    rows: BTreeMap<String, usize>,
}

impl Stage {
    /// All that is wrong now.
    pub(super) fn check(&self) -> io::Result<Vec<String>> {
        let mut wrong = self.violations.clone();
        let wanted = self.wanted()?;
        let incidents = self.by_finding();
        let none = Vec::new();
        for (id, tracked) in &self.tracked {
            let of_finding = incidents.get(id).unwrap_or(&none);
            let found = self.one_incident(id, tracked, of_finding);
            let wanted = &wanted[id];
            let found = found.into_iter().chain(
                of_finding
                    .iter()
                    .filter(|incident| self.can_be_whole(tracked, incident))
                    .flat_map(|incident| self.whole(incident, tracked, wanted)),
            );
            wrong.extend(found.map(|what| format!("finding {id} ({:?}): {what}", tracked.fate)));
        }
        wrong.extend(self.messages_are_settled());
        wrong.extend(self.no_secret_is_told());
        Ok(wrong)
    }

    /// Whether there is a way for the worker to complete the incident: not without the finding, and where it has lost its
    /// state, only while the incident is open.
    fn can_be_whole(&self, tracked: &Tracked, incident: &IncidentView) -> bool {
        match tracked.fate {
            Fate::Deleted => false,
            // What was closed before its repair, and whose finding has changed since, is history.
            Fate::Revived => incident.plan_status == "A",
            _ => !self.forgetful || incident.plan_status == "A",
        }
    }

    /// Invariants 1 and 2: no finding is lost, none has two incidents.
    fn one_incident(&self, id: &str, tracked: &Tracked, incidents: &[IncidentView]) -> Vec<String> {
        let mut wrong = Vec::new();
        let open: Vec<&IncidentView> = incidents
            .iter()
            .filter(|incident| incident.plan_status == "A")
            .collect();
        if open.len() > 1 {
            wrong.push(format!("{} open incidents", open.len()));
        }
        let most = if tracked.fate == Fate::Revived { 2 } else { 1 };
        if incidents.len() > most {
            wrong.push(format!("{} incidents", incidents.len()));
        }
        match tracked.fate {
            Fate::Current | Fate::Revived => match open.first() {
                None => wrong.push("no open incident".to_owned()),
                Some(incident) => wrong.extend(self.up_to_date(id, tracked, incident)),
            },
            Fate::Archived => {
                if let Some(incident) = open.first() {
                    wrong.push(format!(
                        "incident {} is open though it is archived",
                        incident.id
                    ));
                }
            }
            Fate::Closed => wrong.extend(self.archived_or_told(id, tracked, incidents)),
            Fate::Deleted | Fate::IncidentDeleted => {}
        }
        wrong
    }

    fn up_to_date(&self, id: &str, tracked: &Tracked, incident: &IncidentView) -> Option<String> {
        let finding = self.sandbox.aws().finding(tracked.region, id)?;
        let (theirs, ours) = (
            finding["updatedAt"].as_str(),
            incident.property("aws_guardduty_finding_updated_at"),
        );
        (theirs != ours)
            .then(|| format!("incident {} is of {ours:?}, not of {theirs:?}", incident.id))
    }

    /// A closing archives the finding, unless the function said that it failed.
    fn archived_or_told(
        &self,
        id: &str,
        tracked: &Tracked,
        incidents: &[IncidentView],
    ) -> Option<String> {
        if self.sandbox.aws().is_archived(tracked.region, id) {
            return None;
        }
        let runs = incidents
            .iter()
            .flat_map(|incident| self.sandbox.platform().workflow_runs_of(incident.id));
        let refused = "was not archived by";
        let mut notes = incidents.iter().flat_map(|incident| &incident.notes);
        let told = runs.into_iter().any(|run| run.state == RunState::Failed)
            || notes.any(|note| note.content.contains(refused));
        (!told).then(|| {
            "its incident was closed, it is not archived, and nothing tells why".to_owned()
        })
    }

    /// Invariant 1: the incident has everything once.
    fn whole(&self, incident: &IncidentView, tracked: &Tracked, wanted: &Wanted) -> Vec<String> {
        let mut wrong = Vec::new();
        let number = incident.id;
        let runs = self.sandbox.platform().workflow_runs_of(number);
        let refreshes = |state| {
            let of_state =
                |run: &&WorkflowRun| run.state == state && run.workflow.contains(REFRESH_WORKFLOW);
            runs.iter().filter(of_state).count()
        };
        let (done, failed) = (refreshes(RunState::Completed), refreshes(RunState::Failed));
        let notes = |heading: &str| {
            let of_kind = |content: &&str| content.contains(heading);
            let contents = incident.notes.iter().map(|note| note.content.as_str());
            contents.filter(of_kind).count()
        };
        if notes(CREATION) != 1 {
            wrong.push(format!(
                "incident {number} has {} creation notes",
                notes(CREATION)
            ));
        }
        // A refresh that is repeated, by another worker maybe, takes an equal note for its own; where the finding has changed
        // in between it writes what it reads now.
        let equal = most_equal_notes(incident, REFRESH);
        if notes(REFRESH) < done.min(1) || equal > done + failed {
            let found = notes(REFRESH);
            wrong.push(format!(
                "incident {number} has {found} notes of {done} refreshes, {failed} failed ones besides; {equal} are the same"
            ));
        }
        wrong.extend(artifacts_once(incident, &wanted.artifacts));
        for (table, wanted) in &wanted.rows {
            let found = incident.table(table).len();
            if found < *wanted {
                wrong.push(format!(
                    "incident {number} has {found} of {wanted} rows in {table}"
                ));
            }
            if found > wanted * (1 + done) {
                wrong.push(format!(
                    "incident {number} has {found} rows in {table}, {wanted} wanted, {done} refreshes"
                ));
            }
        }
        let link = "GuardDuty has seen new activity of this finding since incident";
        if tracked.fate == Fate::Revived && notes(link) > 1 {
            wrong.push(format!(
                "incident {number} links the old one {} times",
                notes(link)
            ));
        }
        wrong
    }

    /// Invariant 3: nothing is left on the queue, every invocation is answered.
    fn messages_are_settled(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let (broker, queue, platform) = (&self.broker, self.queue(), self.sandbox.platform());
        let left = broker.queue_depth(&queue) + broker.unacked(&queue);
        if left > 0 {
            wrong.push(format!("{left} messages on {queue}"));
        }
        for run in platform.workflow_runs() {
            if run.state == RunState::Running {
                let (id, workflow) = (run.id, run.workflow);
                wrong.push(format!("run {id} of {workflow} waits for an answer"));
            }
        }
        for id in &self.odd {
            match platform.final_reply(id) {
                None => wrong.push(format!("message {id} has no answer")),
                Some(reply) if reply.message_type != 1 => {
                    wrong.push(format!("message {id} is answered as a success"));
                }
                Some(_) => {}
            }
        }
        for problem in platform.unreadable_replies() {
            wrong.push(format!("an answer cannot be read: {problem}"));
        }
        wrong
    }

    /// Invariant 5.
    fn no_secret_is_told(&self) -> Vec<String> {
        let log = self.logs();
        let secrets = [
            ("api_key_secret", self.sandbox.api_key_secret()),
            (
                "aws_gd_secret_access_key",
                self.sandbox.aws_secret_access_key(),
            ),
        ];
        let told = secrets.iter().filter(|(_, secret)| log.contains(secret));
        told.map(|(name, _)| format!("the log holds {name}"))
            .collect()
    }

    fn by_finding(&self) -> BTreeMap<String, Vec<IncidentView>> {
        let mut by_finding: BTreeMap<String, Vec<IncidentView>> = BTreeMap::new();
        for incident in self.sandbox.platform().incidents() {
            let finding = incident.property("aws_guardduty_finding_id");
            let finding = finding.unwrap_or_default().to_owned();
            by_finding.entry(finding).or_default().push(incident);
        }
        by_finding
    }

    fn wanted(&self) -> io::Result<BTreeMap<String, Wanted>> {
        let documents: Vec<Value> = self.tracked.values().map(|t| t.document.clone()).collect();
        let mapped = self.workers[0].map(&documents)?;
        let wanted = mapped.iter().map(wanted);
        Ok(self.tracked.keys().cloned().zip(wanted).collect())
    }
}

fn wanted(mapped: &Value) -> Wanted {
    let artifacts = mapped["incident"]["artifacts"].as_array();
    let value = |artifact: &Value| artifact["value"].as_str().map(str::to_owned);
    let tables = mapped["data_tables"].as_object();
    let rows =
        |(name, rows): (&String, &Value)| (name.clone(), rows.as_array().map_or(0, Vec::len));
    Wanted {
        artifacts: artifacts.into_iter().flatten().filter_map(value).collect(),
        rows: tables.into_iter().flatten().map(rows).collect(),
    }
}

/// How often the same note with this heading stands there, at most.
fn most_equal_notes(incident: &IncidentView, heading: &str) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let contents = incident.notes.iter().map(|note| note.content.as_str());
    for content in contents.filter(|content| content.contains(heading)) {
        *counts.entry(content).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

fn artifacts_once(incident: &IncidentView, wanted: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for artifact in &incident.artifacts {
        if !seen.insert((&artifact.kind, &artifact.value)) {
            wrong.push(format!(
                "incident {} has {} twice",
                incident.id, artifact.value
            ));
        }
    }
    let has = |value: &&String| {
        incident
            .artifacts
            .iter()
            .any(|artifact| artifact.value == **value)
    };
    let missing = wanted.iter().filter(|value| !has(value));
    wrong.extend(
        missing.map(|value| format!("incident {} lacks the artifact {value}", incident.id)),
    );
    wrong
}
