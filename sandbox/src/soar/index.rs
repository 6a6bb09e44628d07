//! Finds incidents by the exact value of a custom text field.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

/// Property name, then value, then incident ids.
#[derive(Debug, Default)]
pub(crate) struct Index(HashMap<String, HashMap<String, BTreeSet<u64>>>);

impl Index {
    /// The incidents whose property has this value.
    pub(crate) fn find(&self, property: &str, value: &str) -> Option<&BTreeSet<u64>> {
        self.0.get(property)?.get(value)
    }

    /// Moves an incident from a property's old value to its new one.
    pub(crate) fn moved(&mut self, id: u64, property: &str, old: &Value, new: &Value) {
        if old == new {
            return;
        }
        if let Value::String(old) = old {
            let ids = self
                .0
                .get_mut(property)
                .and_then(|values| values.get_mut(old));
            if let Some(ids) = ids {
                ids.remove(&id);
            }
        }
        if let Value::String(new) = new {
            let values = self.0.entry(property.to_owned()).or_default();
            values.entry(new.clone()).or_default().insert(id);
        }
    }
}
