//! What tests and the demo see and do without REST.

use serde_json::{Map, Value, json};

use super::catalog::{Catalog, Place, Selection};
use super::change::Slot;
use super::refusal::Refusal;
use super::rest::server_version;
use super::runs::WorkflowRun;
use super::state::State;
use super::view::IncidentView;
use super::{Platform, now};

/// The property by which incidents and findings belong together.
pub(super) const FINDING_ID: &str = "aws_guardduty_finding_id";

impl Platform {
    /// All incidents, oldest first.
    pub fn incidents(&self) -> Vec<IncidentView> {
        self.read(|state| {
            let incidents = state.incidents.values();
            incidents
                .map(|i| IncidentView::of(i, &state.catalog))
                .collect()
        })
    }

    /// How many incidents there are; cheaper than listing them.
    pub fn incident_count(&self) -> usize {
        self.read(|state| state.incidents.len())
    }

    /// One incident.
    pub fn incident(&self, id: u64) -> Option<IncidentView> {
        self.read(|state| {
            let incident = state.incidents.get(&id);
            incident.map(|i| IncidentView::of(i, &state.catalog))
        })
    }

    /// The incidents of a finding, oldest first.
    pub fn incident_for_finding(&self, finding_id: &str) -> Vec<IncidentView> {
        self.read(|state| {
            let ids = state
                .index
                .find(FINDING_ID, finding_id)
                .into_iter()
                .flatten();
            let incidents = ids.filter_map(|id| state.incidents.get(id));
            incidents
                .map(|i| IncidentView::of(i, &state.catalog))
                .collect()
        })
    }

    /// Creates an incident by hand, from what `POST /incidents` takes; gives its number.
    pub fn create(&self, incident: &Value) -> Result<u64, Refusal> {
        let by = self.organization().administrator();
        self.change(|state| state.create(incident, &by, now()))
    }

    /// Imports an export document as an administrator would, accepts it at once, and lets the API key and the
    /// administrator read the queues of all message destinations.
    pub fn import(&self, export: &Value) -> Result<(), Refusal> {
        let organization = self.organization();
        self.change(|state| {
            let pending = state.begin_import(export.clone())?;
            state.accept_import(pending["id"].as_u64().unwrap_or_default())?;
            state.grant("api_keys", organization.api_key().id);
            state.grant("users", organization.administrator().id);
            Ok(())
        })
    }

    /// The whole configuration as an export document.
    pub fn export(&self) -> Value {
        self.exported(Selection::ALL)
    }

    pub(crate) fn exported(&self, selection: Selection) -> Value {
        let key = self.organization().api_key();
        let reader = |id: u64| {
            if id == key.id {
                key.name.clone()
            } else {
                id.to_string()
            }
        };
        let mut document = self.read(|state| state.catalog.export(selection, &reader));
        let header = json!({
            "export_format_version": 2, "export_type": "ORG", "export_date": now(), "id": 1,
            "locale": "en", "server_version": server_version(),
        });
        for (key, value) in header.as_object().into_iter().flatten() {
            document[key] = value.clone();
        }
        document
    }

    /// The layout of the incident's tabs, as an administrator arranged it.
    pub fn incident_tabs(&self) -> Value {
        self.read(|state| {
            let mut layouts = state.catalog.layouts.iter();
            layouts
                .find(|layout| layout["name"] == "incident")
                .cloned()
                .unwrap_or_default()
        })
    }

    /// Arranges the incident's tabs anew.
    pub fn set_incident_tabs(&self, content: &Value) {
        self.update(|state| {
            let mut layouts = state.catalog.layouts.iter_mut();
            if let Some(layout) = layouts.find(|layout| layout["name"] == "incident") {
                layout["content"] = content.clone();
            }
        });
    }

    /// Who may use the queues of a message destination: the ids in its list `users` or `api_keys`.
    pub fn readers(&self, destination: &str, list: &str) -> Vec<u64> {
        self.read(|state| {
            let destination = state.catalog.destination(destination);
            let readers = destination.and_then(|d| d.definition.get(list)?.as_array());
            readers
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .collect()
        })
    }

    /// Lists who may use the queues of a message destination.
    pub fn set_readers(&self, destination: &str, list: &str, readers: &[u64]) {
        self.update(|state| {
            let mut destinations = state.catalog.destinations.iter_mut();
            if let Some(found) = destinations.find(|d| d.name == destination) {
                found.definition.insert(list.to_owned(), json!(readers));
            }
        });
    }

    /// Imports an export document without letting anybody read its queues.
    pub fn import_only(&self, export: &Value) -> Result<(), Refusal> {
        self.change(|state| {
            let pending = state.begin_import(export.clone())?;
            state.accept_import(pending["id"].as_u64().unwrap_or_default())
        })
    }

    /// How many imports wait to be accepted or rejected.
    pub fn pending_imports(&self) -> usize {
        self.read(|state| state.imports.len())
    }

    /// Closes an incident with a resolution's label, such as "Resolved", and a summary.
    pub fn close(&self, id: u64, resolution: &str, summary: &str) -> Result<(), Refusal> {
        let changes = [
            ("plan_status", json!("C")),
            ("resolution_id", json!(resolution)),
            ("resolution_summary", json!(summary)),
        ];
        self.set_fields(id, &changes)
    }

    /// Opens a closed incident again.
    pub fn reopen(&self, id: u64) -> Result<(), Refusal> {
        self.set_fields(id, &[("plan_status", json!("A"))])
    }

    /// Sets a field; a custom one with or without its prefix `properties.`.
    pub fn set_field(&self, id: u64, name: &str, value: &Value) -> Result<(), Refusal> {
        self.set_fields(id, &[(name, value.clone())])
    }

    fn set_fields(&self, id: u64, fields: &[(&str, Value)]) -> Result<(), Refusal> {
        self.change(|state| {
            let changes = fields.iter().map(|(name, value)| {
                let place = changed(&state.catalog, name)?;
                let value = place.field().accept(value).map_err(Refusal::bad)?;
                Ok((Slot::of(place), value))
            });
            let changes = changes.collect::<Result<Vec<_>, Refusal>>()?;
            state.apply(id, changes, now()).map(|_| ())
        })
    }

    /// Adds an artifact of a type given by name.
    pub fn add_artifact(&self, id: u64, kind: &str, value: &str) -> Result<(), Refusal> {
        let by = self.organization().administrator();
        let artifact = json!({"type": {"name": kind}, "value": value});
        self.change(|state: &mut State| state.add_artifact(id, &artifact, &by, now()).map(|_| ()))
    }

    /// Deletes an incident.
    pub fn delete(&self, id: u64) -> Result<(), Refusal> {
        self.change(|state| state.delete(id))
    }

    /// Picks a menu item of an incident; gives the numbers of the workflow runs that it starts.
    pub fn run_menu_rule(&self, id: u64, rule: &str) -> Result<Vec<u64>, Refusal> {
        self.change(|state| state.run_menu_rule(id, |known| known.name == rule, &Map::new(), now()))
    }

    /// The menu items that an incident offers.
    pub fn menu(&self, id: u64) -> Vec<String> {
        self.read(|state| {
            let incident = state.incidents.get(&id);
            let incident = incident.map(|incident| incident.dto(&state.catalog, true));
            let items = incident.map(|incident| state.menu(&incident));
            let items = items.as_ref().and_then(Value::as_array);
            let names = items.into_iter().flatten();
            names
                .filter_map(|item| item["name"].as_str().map(str::to_owned))
                .collect()
        })
    }

    /// Switches a rule on or off.
    pub fn set_rule_enabled(&self, rule: &str, enabled: bool) -> Result<(), Refusal> {
        self.change(|state| {
            let mut rules = state.catalog.rules.iter_mut();
            let known = rules.find(|known| known.name == rule);
            let missing = || Refusal::missing(format!("there is no rule {rule:?}"));
            let known = known.ok_or_else(missing)?;
            known.enabled = enabled;
            known.definition["enabled"] = json!(enabled);
            Ok(())
        })
    }

    /// All workflow runs, oldest first.
    pub fn workflow_runs(&self) -> Vec<WorkflowRun> {
        self.read(|state| state.runs.values().cloned().collect())
    }

    /// The workflow runs of an incident, oldest first.
    pub fn workflow_runs_of(&self, incident: u64) -> Vec<WorkflowRun> {
        self.read(|state| {
            let runs = state.runs.values();
            runs.filter(|run| run.incident == incident)
                .cloned()
                .collect()
        })
    }

    /// One workflow run.
    pub fn workflow_run(&self, id: u64) -> Option<WorkflowRun> {
        self.read(|state| state.runs.get(&id).cloned())
    }

    /// Ends all sessions of users who logged in with a password.
    pub fn expire_sessions(&self) {
        self.update(|state| state.sessions.clear());
    }
}

fn changed<'c>(catalog: &'c Catalog, name: &str) -> Result<Place<'c>, Refusal> {
    let place = catalog.changed(name);
    place.ok_or_else(|| Refusal::bad(format!("there is no field {name:?}")))
}
