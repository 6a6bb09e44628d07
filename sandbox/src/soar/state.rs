//! Everything the platform remembers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::account::Permission;
use super::catalog::Catalog;
use super::engine::Replies;
use super::incident::Incident;
use super::index::Index;
use super::refusal::Refusal;
use super::runs::WorkflowRun;

/// The first incident's number; the real platform's start anywhere.
const FIRST_INCIDENT: u64 = 2101;

pub(crate) struct State {
    pub(crate) catalog: Catalog,
    pub(crate) incidents: BTreeMap<u64, Incident>,
    pub(crate) index: Index,
    /// Session cookie to CSRF token.
    pub(crate) sessions: HashMap<String, String>,
    /// Workflow runs by number.
    pub(crate) runs: BTreeMap<u64, WorkflowRun>,
    /// Runs that are to be started once the change is made.
    pub(crate) outbox: Vec<u64>,
    pub(crate) replies: Replies,
    /// Imports that wait to be accepted.
    pub(crate) imports: BTreeMap<u64, Value>,
    /// What the worker's API key may do.
    pub(crate) permissions: BTreeSet<Permission>,
    pub(super) next_incident: u64,
    next_id: u64,
}

impl State {
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            incidents: BTreeMap::new(),
            index: Index::default(),
            sessions: HashMap::new(),
            runs: BTreeMap::new(),
            outbox: Vec::new(),
            replies: Replies::default(),
            imports: BTreeMap::new(),
            permissions: Permission::ALL.into(),
            next_incident: FIRST_INCIDENT,
            next_id: 1,
        }
    }

    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn incident(&self, id: u64) -> Result<&Incident, Refusal> {
        let incident = self.incidents.get(&id);
        incident.ok_or_else(|| Refusal::missing(format!("there is no incident {id}")))
    }

    pub(super) fn incident_mut(&mut self, id: u64) -> Result<&mut Incident, Refusal> {
        let incident = self.incidents.get_mut(&id);
        incident.ok_or_else(|| Refusal::missing(format!("there is no incident {id}")))
    }

    /// Checks an export and keeps it until it is accepted.
    pub(crate) fn begin_import(&mut self, export: Value) -> Result<Value, Refusal> {
        let summary = self.catalog.clone().import(&export).map_err(Refusal::bad)?;
        let messages = summary.into_iter().filter(|(_, count)| *count > 0);
        let messages = messages.map(|(what, count)| {
            json!({"type": "INFO", "text": format!("{count} {what} will be created or replaced")})
        });
        let messages: Vec<Value> = messages.collect();
        let id = self.fresh_id();
        self.imports.insert(id, export);
        Ok(json!({"id": id, "status": "PENDING", "messages": messages}))
    }

    /// Carries out a pending import.
    pub(crate) fn accept_import(&mut self, id: u64) -> Result<(), Refusal> {
        let missing = || Refusal::missing(format!("there is no pending import {id}"));
        let export = self.imports.remove(&id).ok_or_else(missing)?;
        let mut catalog = self.catalog.clone();
        catalog.import(&export).map_err(Refusal::bad)?;
        self.catalog = catalog;
        Ok(())
    }

    /// Lets a reader read the queues of all destinations.
    pub(crate) fn grant(&mut self, list: &str, reader: u64) {
        for destination in &mut self.catalog.destinations {
            let readers = destination
                .definition
                .entry(list)
                .or_insert_with(|| json!([]));
            if let Value::Array(readers) = readers
                && !readers.contains(&json!(reader))
            {
                readers.push(json!(reader));
            }
        }
    }

    /// Whether a destination lists a reader.
    pub(crate) fn may_read(&self, destination: &str, list: &str, reader: u64) -> bool {
        let destination = self.catalog.destination(destination);
        let readers = destination
            .and_then(|d| d.definition.get(list))
            .and_then(Value::as_array);
        readers.is_some_and(|readers| readers.contains(&json!(reader)))
    }
}
