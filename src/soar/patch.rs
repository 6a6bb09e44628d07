//! Change an incident's fields, on top of what others change at the same time.

use serde_json::{Value, json};

use super::call::Call;
use super::wire::field_value;
use super::{Soar, SoarError};

/// How often a change is tried that others keep crossing.
const CONFLICT_ATTEMPTS: u32 = 5;

/// A field's new value.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Field name, custom fields without the `properties.` prefix.
    pub field: String,
    /// The value to set.
    pub value: Value,
}

impl Change {
    /// Sets `field` to `value`.
    pub fn new(field: &str, value: impl Into<Value>) -> Self {
        Self {
            field: field.to_owned(),
            value: value.into(),
        }
    }
}

/// A change and the value it replaces.
pub(super) struct Step<'a> {
    change: &'a Change,
    old: Value,
}

impl Soar {
    /// Reads an incident, its values by name.
    pub async fn incident(&self, id: i64) -> Result<Value, SoarError> {
        self.call(Call::get(format!("/incidents/{id}?handle_format=names")))
            .await
    }

    /// Sets fields of an incident that was read as `incident`.
    pub async fn set_fields_of(
        &self,
        id: i64,
        incident: &Value,
        changes: &[Change],
    ) -> Result<(), SoarError> {
        self.patch(id, steps(changes, incident)).await
    }

    /// Sets one field whose present value is known from a query, which spares the read.
    pub async fn set_field_from(
        &self,
        id: i64,
        old: impl Into<Value>,
        change: &Change,
    ) -> Result<(), SoarError> {
        self.patch(
            id,
            vec![Step {
                change,
                old: old.into(),
            }],
        )
        .await
    }

    /// A conflict is re-read and tried again; a field that meanwhile has the wanted value is done.
    async fn patch(&self, id: i64, mut left: Vec<Step<'_>>) -> Result<(), SoarError> {
        let path = format!("/incidents/{id}");
        let mut attempt = 0;
        loop {
            if left.is_empty() {
                return Ok(());
            }
            let answer = self.call(Call::patch(path.as_str(), &body(&left))).await;
            let Some(message) = conflict(answer)? else {
                return Ok(());
            };
            attempt += 1;
            let error = SoarError::Conflict {
                action: format!("PATCH {path}"),
                attempts: attempt,
                message,
            };
            if attempt >= CONFLICT_ATTEMPTS {
                return Err(error);
            }
            self.pause(attempt - 1, &error).await;
            let incident = self.incident(id).await?;
            left = steps(left.iter().map(|step| step.change), &incident);
        }
    }
}

/// The changes that the incident does not have yet.
pub(super) fn steps<'a>(
    changes: impl IntoIterator<Item = &'a Change>,
    incident: &Value,
) -> Vec<Step<'a>> {
    changes
        .into_iter()
        .map(|change| Step {
            change,
            old: field_value(incident, &change.field),
        })
        .filter(|step| step.old != step.change.value)
        .collect()
}

/// Without `version`: the old values alone tell whether somebody crossed these fields.
fn body(steps: &[Step<'_>]) -> Value {
    let change = |step: &Step<'_>| {
        json!({
            "field": step.change.field,
            "old_value": {"object": step.old},
            "new_value": {"object": step.change.value},
        })
    };
    json!({"changes": steps.iter().map(change).collect::<Vec<Value>>()})
}

/// `Some` message where the change was crossed: HTTP 409, or 200 with `success: false` and field failures.
fn conflict(answer: Result<Value, SoarError>) -> Result<Option<String>, SoarError> {
    match answer {
        Err(SoarError::Conflict { message, .. }) => Ok(Some(message)),
        Err(error) => Err(error),
        Ok(answer) if answer["success"] != Value::Bool(false) => Ok(None),
        Ok(answer) => {
            let message = answer["message"]
                .as_str()
                .unwrap_or("no reason given")
                .to_owned();
            let crossed = answer["field_failures"]
                .as_array()
                .is_some_and(|failures| !failures.is_empty());
            if crossed {
                return Ok(Some(message));
            }
            Err(SoarError::Rejected {
                action: "PATCH of an incident".into(),
                status: 200,
                message,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_carries_what_it_replaces() {
        let changes = [
            Change::new("plan_status", "C"),
            Change::new("aws_guardduty_archived", "True"),
        ];
        let incident =
            json!({"plan_status": "A", "properties": {"aws_guardduty_archived": "True"}});
        let body = body(&steps(&changes, &incident));
        assert_eq!(
            body,
            json!({"changes": [{"field": "plan_status", "old_value": {"object": "A"}, "new_value": {"object": "C"}}]})
        );
    }

    #[test]
    fn tells_a_conflict_from_a_refusal() {
        let crossed =
            json!({"success": false, "message": "m", "field_failures": [{"field": "name"}]});
        assert_eq!(conflict(Ok(crossed)).unwrap().as_deref(), Some("m"));
        assert!(conflict(Ok(json!({"success": false, "field_failures": []}))).is_err());
        assert!(conflict(Ok(json!({"success": true}))).unwrap().is_none());
        assert!(conflict(Ok(Value::Null)).unwrap().is_none());
    }
}
