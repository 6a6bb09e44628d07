//! The findings of one detector, indexed so that a page of a hundred thousand costs as much as a page of fifty.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

/// `updatedAt` in epoch milliseconds, then the id.
pub(super) type Position = (i64, String);

/// A finding in the API's form (camelCase).
pub(super) struct Stored {
    pub(super) finding: Value,
    /// `updatedAt` in epoch milliseconds; 0 when it cannot be read.
    pub(super) updated_ms: i64,
}

impl Stored {
    fn new(finding: Value) -> Self {
        let updated_ms = finding["updatedAt"]
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
            .map_or(0, Timestamp::as_millisecond);
        Self {
            finding,
            updated_ms,
        }
    }

    pub(super) fn is_archived(&self) -> bool {
        self.finding["service"]["archived"]
            .as_bool()
            .unwrap_or(false)
    }
}

#[derive(Default)]
pub(super) struct FindingStore {
    by_id: BTreeMap<String, Stored>,
    all: BTreeSet<Position>,
    current: BTreeSet<Position>,
    archived: BTreeSet<Position>,
}

impl FindingStore {
    /// Replaces a finding of the same id.
    pub(super) fn put(&mut self, id: String, finding: Value) {
        self.remove(&id);
        let stored = Stored::new(finding);
        let position = (stored.updated_ms, id.clone());
        if stored.is_archived() {
            self.archived.insert(position.clone());
        } else {
            self.current.insert(position.clone());
        }
        self.all.insert(position);
        self.by_id.insert(id, stored);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Value> {
        let stored = self.by_id.remove(id)?;
        let position = (stored.updated_ms, id.to_owned());
        self.all.remove(&position);
        self.current.remove(&position);
        self.archived.remove(&position);
        Some(stored.finding)
    }

    /// Lets `change` edit a finding; false when there is none of that id.
    pub(super) fn edit(&mut self, id: &str, change: impl FnOnce(&mut Value)) -> bool {
        let Some(mut finding) = self.remove(id) else {
            return false;
        };
        change(&mut finding);
        self.put(id.to_owned(), finding);
        true
    }

    /// Archiving is no activity: `updatedAt` stays.
    pub(super) fn set_archived(&mut self, id: &str, archived: bool) -> bool {
        self.edit(id, |finding| {
            finding["service"]["archived"] = json!(archived);
        })
    }

    pub(super) fn stored(&self, id: &str) -> Option<&Stored> {
        self.by_id.get(id)
    }

    pub(super) fn by_id(&self) -> &BTreeMap<String, Stored> {
        &self.by_id
    }

    /// The index by `updatedAt` of archived findings, of current ones, or of both.
    pub(super) fn by_update(&self, archived: Option<bool>) -> &BTreeSet<Position> {
        match archived {
            Some(true) => &self.archived,
            Some(false) => &self.current,
            None => &self.all,
        }
    }
}
