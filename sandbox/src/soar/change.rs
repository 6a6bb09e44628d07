//! Changes of an incident's fields.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::catalog::Place;
use super::catalog::field::Required;
use super::incident::Incident;
use super::refusal::Refusal;
use super::state::State;

/// Names a field of an incident independently of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) custom: bool,
    pub(crate) name: String,
}

/// A checked change of a field.
pub(crate) type FieldChange = (Slot, Value);

impl Slot {
    pub(crate) fn of(place: Place<'_>) -> Self {
        Self {
            custom: matches!(place, Place::Property(_)),
            name: place.field().name.clone(),
        }
    }

    fn is_core(&self, name: &str) -> bool {
        !self.custom && self.name == name
    }
}

impl State {
    /// Changes fields, all or none; tells whether anything differs from before.
    pub(crate) fn apply(
        &mut self,
        id: u64,
        changes: Vec<FieldChange>,
        now: i64,
    ) -> Result<bool, Refusal> {
        let incident = self.incident(id)?;
        // Of several changes of a field the last counts.
        let last: BTreeMap<Slot, Value> = changes.into_iter().collect();
        let differs = |(slot, value): &FieldChange| current(incident, slot) != value;
        let mut changes: Vec<_> = last.into_iter().filter(differs).collect();
        if changes.is_empty() {
            return Ok(false);
        }
        self.check_required(incident, &changes)?;
        let status = changes.iter().find(|(slot, _)| slot.is_core("plan_status"));
        if let Some((_, status)) = status {
            let end = if status == "C" {
                json!(now)
            } else {
                Value::Null
            };
            changes.push((core("end_date"), end));
        }
        changes.push((core("inc_last_modified_date"), json!(now)));
        let before = incident.dto(&self.catalog, true);
        self.store(id, changes);
        self.incident_mut(id)?.version += 1;
        self.fire(id, Some(&before), now);
        Ok(true)
    }

    fn check_required(&self, incident: &Incident, changes: &[FieldChange]) -> Result<(), Refusal> {
        let is_missing = |place: &Place<'_>| {
            let slot = Slot::of(*place);
            let change = changes.iter().find(|(s, _)| *s == slot);
            is_empty(change.map_or_else(|| incident.get(*place), |(_, value)| value))
        };
        let closing =
            (changes.iter()).any(|(slot, value)| slot.is_core("plan_status") && value == "C");
        if closing {
            let missing = self.catalog.required_on_close().find(is_missing);
            if let Some(place) = missing {
                let name = &place.field().name;
                return Err(Refusal::bad(format!(
                    "field {name} is required to close an incident"
                )));
            }
        }
        for (slot, value) in changes {
            let fields = if slot.custom {
                &self.catalog.properties
            } else {
                &self.catalog.core
            };
            let always = fields.get(&slot.name).and_then(|field| field.required);
            if always == Some(Required::Always) && is_empty(value) {
                return Err(Refusal::bad(format!("field {} is required", slot.name)));
            }
        }
        Ok(())
    }

    /// Puts checked values in place and keeps the index in step.
    pub(super) fn store(&mut self, id: u64, changes: Vec<FieldChange>) {
        let Some(incident) = self.incidents.get_mut(&id) else {
            return;
        };
        for (slot, value) in changes {
            let values = if slot.custom {
                &mut incident.properties
            } else {
                &mut incident.core
            };
            let old = if value.is_null() {
                values.remove(&slot.name)
            } else {
                values.insert(slot.name.clone(), value.clone())
            };
            if slot.custom {
                self.index
                    .moved(id, &slot.name, &old.unwrap_or_default(), &value);
            }
        }
    }

    /// Deletes an incident with everything that belongs to it.
    pub(crate) fn delete(&mut self, id: u64) -> Result<(), Refusal> {
        self.incident(id)?;
        if let Some(incident) = self.incidents.remove(&id) {
            for (name, value) in &incident.properties {
                self.index.moved(id, name, value, &Value::Null);
            }
        }
        Ok(())
    }
}

fn current<'i>(incident: &'i Incident, slot: &Slot) -> &'i Value {
    let values = if slot.custom {
        &incident.properties
    } else {
        &incident.core
    };
    values.get(&slot.name).unwrap_or(&Value::Null)
}

fn core(name: &str) -> Slot {
    Slot {
        custom: false,
        name: name.to_owned(),
    }
}

/// Whether a required field would count as missing.
pub(super) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
