//! `PATCH /incidents/<id>`: changes that name the value they replace.

use serde_json::{Value, json};

use super::change::{FieldChange, Slot};
use super::refusal::Refusal;
use super::state::State;

/// What became of a patch.
#[derive(Debug, PartialEq)]
pub(crate) enum Patched {
    Applied,
    /// Nothing was changed: the named fields have other values than the caller believed.
    Conflicts(Vec<Value>),
}

impl State {
    /// Applies a patch whole or not at all; `names` is how conflicting values are shown.
    pub(crate) fn patch(
        &mut self,
        id: u64,
        patch: &Value,
        names: bool,
        now: i64,
    ) -> Result<Patched, Refusal> {
        let changes = patch["changes"].as_array();
        let changes = changes.ok_or_else(|| Refusal::bad("a patch needs changes"))?;
        let mut accepted = Vec::new();
        let mut conflicts = Vec::new();
        for change in changes {
            let (change, conflict) = self.read_change(id, change, names)?;
            accepted.push(change);
            conflicts.extend(conflict);
        }
        if !conflicts.is_empty() {
            return Ok(Patched::Conflicts(conflicts));
        }
        self.apply(id, accepted, now)?;
        Ok(Patched::Applied)
    }

    fn read_change(
        &self,
        id: u64,
        change: &Value,
        names: bool,
    ) -> Result<(FieldChange, Option<Value>), Refusal> {
        let name = match &change["field"] {
            Value::Object(handle) => handle.get("name").and_then(Value::as_str),
            plain => plain.as_str(),
        };
        let name = name.ok_or_else(|| Refusal::bad("a change names no field"))?;
        let place = self.catalog.changed(name);
        let place = place.ok_or_else(|| Refusal::bad(format!("there is no field {name:?}")))?;
        if place.field().read_only {
            return Err(Refusal::bad(format!("field {name} cannot be changed")));
        }
        let new = change
            .get("new_value")
            .ok_or_else(|| Refusal::bad(format!("the change of field {name} has no new_value")))?;
        let new = place.field().accept(unwrap(new)).map_err(Refusal::bad)?;

        let current = self.incident(id)?.get(place);
        let believed = change.get("old_value").map_or(&Value::Null, unwrap);
        // A value that the field could never hold is a conflict, not a malformed patch.
        let same = place
            .field()
            .accept(believed)
            .is_ok_and(|old| old == *current);
        let conflict = (!same).then(|| {
            json!({
                "field": name,
                "your_original_value": believed,
                "actual_current_value": place.field().show(current, names),
            })
        });
        Ok(((Slot::of(place), new), conflict))
    }
}

/// The value inside `{"object": ..}`, or inside the typed forms of the bulk call.
fn unwrap(value: &Value) -> &Value {
    let wrapped = ["object", "text", "id", "ids", "date", "boolean", "textarea"];
    let inner = wrapped.iter().find_map(|key| value.get(key));
    inner.unwrap_or(value)
}
