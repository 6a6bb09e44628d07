//! Does a change of an incident fire a rule? Pure.

use serde::Deserialize;
use serde_json::Value;

use super::condition::{Condition, Moment};
use super::{AutomationError, logic};

/// An incident before and after a change, both as REST gives them with `handle_format=names`. A field without a value is
/// there with `null`: a condition on a missing one is an error.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Nothing when the incident was just made.
    pub before: Option<&'a Value>,
    /// The incident as it is now.
    pub after: &'a Value,
}

/// An entry of `actions` in an export, as far as it decides whether the rule fires.
#[derive(Debug, Deserialize)]
struct Rule {
    name: String,
    #[serde(rename = "type")]
    kind: u8,
    enabled: bool,
    object_type: String,
    logic_type: String,
    #[serde(default)]
    custom_condition: Option<String>,
    conditions: Vec<Condition>,
}

/// Rules of this kind run by themselves; the others are menu items.
const AUTOMATIC: u8 = 0;
const MENU_ITEM: u8 = 1;

/// Tells whether an automatic rule fires on a change, or whether a menu item is offered for `change.after`.
/// A disabled rule never matches. A condition that cannot be evaluated is an error even where it would not decide.
pub fn rule_matches(rule: &Value, change: &Change<'_>) -> Result<bool, AutomationError> {
    let name = rule
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let refuse = |problem: String| AutomationError::Rule {
        rule: name.clone(),
        problem,
    };
    let rule = Rule::deserialize(rule).map_err(|error| refuse(error.to_string()))?;
    if rule.object_type != "incident" {
        return Err(refuse(format!(
            "object type {:?} is not supported, only incident is",
            rule.object_type
        )));
    }
    let moment = match rule.kind {
        AUTOMATIC => Moment::Change(*change),
        MENU_ITEM => Moment::Standing(change.after),
        other => return Err(refuse(format!("unknown type {other}"))),
    };
    let outcomes = rule.outcomes(&moment)?;
    let holds = match rule.logic_type.as_str() {
        "all" => outcomes.iter().all(|(_, holds)| *holds),
        "any" => outcomes.is_empty() || outcomes.iter().any(|(_, holds)| *holds),
        "advanced" => rule.formula(&outcomes).map_err(refuse)?,
        other => return Err(refuse(format!("unknown logic type {other:?}"))),
    };
    tracing::trace!(rule = rule.name, holds, "evaluated a rule");
    Ok(rule.enabled && holds)
}

impl Rule {
    fn outcomes(&self, moment: &Moment<'_>) -> Result<Vec<(Option<i64>, bool)>, AutomationError> {
        self.conditions
            .iter()
            .map(|condition| Ok((condition.evaluation_id, condition.holds(moment)?)))
            .collect()
    }

    fn formula(&self, outcomes: &[(Option<i64>, bool)]) -> Result<bool, String> {
        let formula = self.custom_condition.as_deref().unwrap_or_default();
        let holds = |number| {
            outcomes
                .iter()
                .find(|(id, _)| *id == Some(number))
                .map(|(_, holds)| *holds)
        };
        logic::evaluate(formula, &holds)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An incident with everything that our rules look at.
    fn incident(changes: &[(&str, Value)]) -> Value {
        let mut incident = json!({
            "id": 1, "plan_status": "A", "severity_code": {"id": 4, "name": "High"}, "incident_type_ids": ["Malware"],
            "properties": {
                "aws_guardduty_archived": "False", "aws_guardduty_detector_id": "d", "aws_guardduty_finding_id": "f",
                "aws_guardduty_region": "eu-west-1", "aws_guardduty_finding_updated_at": "2024-01-01",
                "aws_guardduty_trigger_refresh": null, "score": 7,
            },
        });
        for (path, value) in changes {
            *incident.pointer_mut(path).expect("a known field") = value.clone();
        }
        incident
    }

    fn rule(kind: u8, logic: &str, conditions: &[(&str, &str, Value)]) -> Value {
        let conditions: Vec<_> = (1..)
            .zip(conditions)
            .map(|(id, (field, method, value))| {
                json!({"evaluation_id": id, "field_name": field, "method": method, "type": null, "value": value})
            })
            .collect();
        json!({
            "name": "r", "type": kind, "enabled": true, "object_type": "incident", "logic_type": logic,
            "custom_condition": "", "conditions": conditions, "workflows": ["w"],
        })
    }

    fn fires(rule: &Value, before: &Value, after: &Value) -> bool {
        rule_matches(
            rule,
            &Change {
                before: Some(before),
                after,
            },
        )
        .expect("a valid rule")
    }

    const ARCHIVED: &str = "/properties/aws_guardduty_archived";
    const TRIGGER: &str = "/properties/aws_guardduty_trigger_refresh";
    const STATUS: &str = "/plan_status";

    fn has_a_value(name: &str) -> (String, &'static str, Value) {
        (
            format!("incident.properties.aws_guardduty_{name}"),
            "has_a_value",
            Value::Null,
        )
    }

    fn with_ids<'a>(
        first: &[(&'a str, &'a str, Value)],
        ids: &'a [(String, &'static str, Value)],
    ) -> Vec<(&'a str, &'a str, Value)> {
        first
            .iter()
            .cloned()
            .chain(
                ids.iter()
                    .map(|(field, method, value)| (field.as_str(), *method, value.clone())),
            )
            .collect()
    }

    #[test]
    fn the_archive_rule_fires_when_an_analyst_closes() {
        let ids = ["detector_id", "finding_id", "region"].map(has_a_value);
        let first = [
            ("incident.plan_status", "changed_to", json!("Closed")),
            (
                "incident.properties.aws_guardduty_archived",
                "not_equals",
                json!("True"),
            ),
        ];
        let rule = rule(0, "all", &with_ids(&first, &ids));
        let open = incident(&[]);
        let closed = incident(&[(STATUS, json!("C"))]);

        assert!(fires(&rule, &open, &closed));
        assert!(fires(
            &rule,
            &open,
            &incident(&[(STATUS, json!("C")), (ARCHIVED, Value::Null)])
        ));
        assert!(
            !fires(
                &rule,
                &open,
                &incident(&[(STATUS, json!("C")), (ARCHIVED, json!("True"))])
            ),
            "closed by the poller"
        );
        assert!(
            !fires(&rule, &closed, &closed),
            "a change of a closed incident"
        );
        assert!(!fires(&rule, &closed, &open), "reopened");
        let foreign = incident(&[
            (STATUS, json!("C")),
            ("/properties/aws_guardduty_finding_id", Value::Null),
        ]);
        assert!(!fires(&rule, &open, &foreign));
    }

    #[test]
    fn the_update_rule_fires_on_the_trigger_once() {
        let ids = ["detector_id", "finding_id", "finding_updated_at", "region"].map(has_a_value);
        let trigger = "incident.properties.aws_guardduty_trigger_refresh";
        let rule = rule(
            0,
            "all",
            &with_ids(
                &[
                    (trigger, "changed", Value::Null),
                    (trigger, "equals", json!(true)),
                ],
                &ids,
            ),
        );
        let (unset, set) = (incident(&[]), incident(&[(TRIGGER, json!(true))]));
        let reset = incident(&[(TRIGGER, json!(false))]);

        assert!(fires(&rule, &unset, &set));
        assert!(fires(&rule, &reset, &set));
        assert!(!fires(&rule, &set, &reset));
        assert!(
            !fires(
                &rule,
                &set,
                &incident(&[(TRIGGER, json!(true)), (STATUS, json!("C"))])
            ),
            "another field changed"
        );
        assert!(
            rule_matches(
                &rule,
                &Change {
                    before: None,
                    after: &set
                }
            )
            .expect("a valid rule"),
            "made with the trigger set"
        );
        assert!(
            !rule_matches(
                &rule,
                &Change {
                    before: None,
                    after: &unset
                }
            )
            .expect("a valid rule")
        );
    }

    #[test]
    fn the_menu_item_is_offered_for_findings_only() {
        let ids = ["detector_id", "finding_id", "region"].map(has_a_value);
        let rule = rule(1, "all", &with_ids(&[], &ids));
        let foreign = incident(&[("/properties/aws_guardduty_region", json!(""))]);

        assert!(fires(&rule, &incident(&[]), &incident(&[])));
        assert!(!fires(&rule, &incident(&[]), &foreign));
    }

    #[test]
    fn each_method_decides() {
        let before = incident(&[]);
        let after = incident(&[
            (TRIGGER, json!(true)),
            ("/properties/score", json!(8)),
            (STATUS, json!("C")),
        ]);
        for (field, method, value, expected) in [
            ("plan_status", "not_changed_to", json!("Active"), true),
            ("plan_status", "not_changed_to", json!("Closed"), false),
            ("plan_status", "equals", json!("C"), true),
            ("plan_status", "in", json!(["Closed"]), true),
            ("plan_status", "not_in", json!(["Active", "Closed"]), false),
            ("severity_code", "equals", json!("High"), true),
            ("severity_code", "changed", Value::Null, false),
            (
                "properties.aws_guardduty_trigger_refresh",
                "equals",
                json!("True"),
                true,
            ),
            (
                "properties.aws_guardduty_trigger_refresh",
                "changed_to",
                json!(false),
                false,
            ),
            (
                "properties.aws_guardduty_finding_id",
                "contains",
                json!("f"),
                true,
            ),
            (
                "properties.aws_guardduty_region",
                "not_contains",
                json!("west"),
                false,
            ),
            (
                "properties.aws_guardduty_region",
                "not_has_a_value",
                Value::Null,
                false,
            ),
            (
                "incident_type_ids",
                "contains",
                json!(["Phishing", "Malware"]),
                true,
            ),
            ("incident_type_ids", "not_contains", json!("Phishing"), true),
            ("properties.score", "gt", json!(7), true),
            ("properties.score", "gte", json!(8.5), false),
            ("properties.score", "lt", json!(8), false),
            ("properties.score", "lte", json!(8), true),
            ("properties.score", "equals", json!("8"), true),
        ] {
            let field = format!("incident.{field}");
            assert_eq!(
                fires(&rule(0, "all", &[(&field, method, value)]), &before, &after),
                expected,
                "{field} {method}"
            );
        }
    }

    #[test]
    fn logic_joins_the_conditions() {
        let one = ("incident.plan_status", "equals", json!("Active"));
        let not = ("incident.plan_status", "equals", json!("Closed"));
        let now = incident(&[]);

        assert!(!fires(
            &rule(0, "all", &[one.clone(), not.clone()]),
            &now,
            &now
        ));
        assert!(fires(
            &rule(0, "any", &[one.clone(), not.clone()]),
            &now,
            &now
        ));
        let mut advanced = rule(0, "advanced", &[one, not]);
        advanced["custom_condition"] = json!("(2 OR1) AND 1");
        assert!(fires(&advanced, &now, &now));
        advanced["enabled"] = json!(false);
        assert!(!fires(&advanced, &now, &now));
    }

    #[test]
    fn what_cannot_be_evaluated_is_named() {
        let now = incident(&[]);
        let refusal = |rule: &Value| {
            rule_matches(
                rule,
                &Change {
                    before: Some(&now),
                    after: &now,
                },
            )
            .expect_err("refused")
            .to_string()
        };
        let method = rule(
            0,
            "any",
            &[
                ("incident.plan_status", "has_a_value", Value::Null),
                ("incident.plan_status", "due_within", json!(1)),
            ],
        );
        let field = rule(
            0,
            "all",
            &[("incident.properties.colour", "has_a_value", Value::Null)],
        );
        let bare = rule(0, "all", &[("plan_status", "has_a_value", Value::Null)]);
        let menu = rule(
            1,
            "all",
            &[("incident.plan_status", "changed", Value::Null)],
        );
        let mut artifact = rule(0, "all", &[]);
        artifact["object_type"] = json!("artifact");

        assert!(refusal(&method).contains("\"due_within\""));
        assert_eq!(
            refusal(&field),
            "condition on unknown field \"incident.properties.colour\""
        );
        assert!(refusal(&bare).contains("\"plan_status\""));
        assert!(refusal(&menu).contains("\"changed\""));
        assert!(refusal(&artifact).contains("\"artifact\""));
        assert!(refusal(&rule(0, "advanced", &[])).starts_with("rule \"r\": "));
    }
}
