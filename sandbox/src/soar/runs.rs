//! Workflow runs: what started them and what became of them.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::catalog::Rule;
use super::refusal::Refusal;
use super::state::State;
use crate::automation::{Change, rule_matches};

/// How far a workflow has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Scripts run, or an answer is awaited.
    Running,
    /// All its tasks are done.
    Completed,
    /// A script or a function failed, or the rule could not be evaluated.
    Failed,
}

/// One run of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkflowRun {
    /// Number of the workflow instance.
    pub id: u64,
    /// Programmatic name of the workflow.
    pub workflow: String,
    /// Name of the rule that started it.
    pub rule: String,
    /// The incident it runs on.
    pub incident: u64,
    /// How far it has come.
    pub state: RunState,
    /// Epoch milliseconds.
    pub started: i64,
    /// Epoch milliseconds; not while it runs.
    pub finished: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// The status texts of its functions, in order.
    pub messages: Vec<String>,
    /// Correlation ids of the messages it sent, in order.
    pub correlation_ids: Vec<String>,
    /// Values of the rule's activity fields.
    pub properties: Map<String, Value>,
}

impl State {
    /// Starts the workflows of the automatic rules that a change fires.
    pub(super) fn fire(&mut self, id: u64, before: Option<&Value>, now: i64) {
        let Some(incident) = self.incidents.get(&id) else {
            return;
        };
        let automatic = |rule: &&Rule| rule.automatic && rule.enabled;
        if !self.catalog.rules.iter().any(|rule| automatic(&rule)) {
            return;
        }
        let after = incident.dto(&self.catalog, true);
        let change = Change {
            before,
            after: &after,
        };
        let mut fired = Vec::new();
        for rule in self.catalog.rules.iter().filter(automatic) {
            match rule_matches(&rule.definition, &change) {
                Ok(false) => {}
                Ok(true) => fired.push((rule.name.clone(), rule.workflows.clone(), None)),
                Err(error) => {
                    fired.push((
                        rule.name.clone(),
                        rule.workflows.clone(),
                        Some(error.to_string()),
                    ));
                }
            }
        }
        for (rule, workflows, error) in fired {
            for workflow in workflows {
                self.begin_run(&workflow, &rule, id, Map::new(), error.clone(), now);
            }
        }
    }

    /// Starts the workflows of a menu item, as an analyst who picks it.
    pub(super) fn run_menu_rule(
        &mut self,
        id: u64,
        rule: impl Fn(&Rule) -> bool,
        properties: &Map<String, Value>,
        now: i64,
    ) -> Result<Vec<u64>, Refusal> {
        let rule = self.catalog.rules.iter().find(|known| rule(known));
        let rule = rule.ok_or_else(|| Refusal::missing("there is no such rule"))?;
        if rule.automatic {
            return Err(Refusal::bad(format!(
                "rule {:?} is no menu item",
                rule.name
            )));
        }
        if let Some(unknown) = properties
            .keys()
            .find(|n| !self.catalog.activity_fields.contains_key(*n))
        {
            return Err(Refusal::bad(format!(
                "there is no activity field {unknown:?}"
            )));
        }
        let incident = self.incident(id)?.dto(&self.catalog, true);
        let change = Change {
            before: None,
            after: &incident,
        };
        let offered = rule_matches(&rule.definition, &change);
        if !offered.map_err(|error| Refusal::bad(error.to_string()))? {
            let message = format!("rule {:?} is not offered for incident {id}", rule.name);
            return Err(Refusal::bad(message));
        }
        let (name, workflows) = (rule.name.clone(), rule.workflows.clone());
        let start =
            |workflow: String| self.begin_run(&workflow, &name, id, properties.clone(), None, now);
        Ok(workflows.into_iter().map(start).collect())
    }

    fn begin_run(
        &mut self,
        workflow: &str,
        rule: &str,
        incident: u64,
        properties: Map<String, Value>,
        error: Option<String>,
        now: i64,
    ) -> u64 {
        let id = self.fresh_id();
        let failed = error.is_some();
        self.runs.insert(
            id,
            WorkflowRun {
                id,
                workflow: workflow.to_owned(),
                rule: rule.to_owned(),
                incident,
                state: if failed {
                    RunState::Failed
                } else {
                    RunState::Running
                },
                started: now,
                finished: failed.then_some(now),
                error,
                messages: Vec::new(),
                correlation_ids: Vec::new(),
                properties,
            },
        );
        if !failed {
            self.outbox.push(id);
        }
        id
    }

    /// Ends a run, well or with an error.
    pub(super) fn finish_run(&mut self, id: u64, outcome: Result<(), String>, now: i64) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.state = if outcome.is_ok() {
                RunState::Completed
            } else {
                RunState::Failed
            };
            run.error = outcome.err();
            run.finished = Some(now);
        }
    }

    /// The menu items that an incident offers, as its `actions`.
    pub(super) fn menu(&self, incident: &Value) -> Value {
        let change = Change {
            before: None,
            after: incident,
        };
        let items = self.catalog.rules.iter().filter(|rule| !rule.automatic);
        let offered = items.filter(|rule| rule_matches(&rule.definition, &change).unwrap_or(false));
        offered
            .map(|rule| json!({"id": rule.id, "name": rule.name, "enabled": true}))
            .collect()
    }
}

impl WorkflowRun {
    /// As `GET /workflow_instances/<id>` shows it.
    pub(crate) fn dto(&self) -> Value {
        let status = match self.state {
            RunState::Running => "running",
            RunState::Completed => "completed",
            RunState::Failed => "terminated",
        };
        json!({
            "workflow_instance_id": self.id, "workflow": {"programmatic_name": self.workflow},
            "status": status, "start_date": self.started, "end_date": self.finished,
            "terminate_reason": self.error, "object": {"object_id": self.incident},
        })
    }
}
