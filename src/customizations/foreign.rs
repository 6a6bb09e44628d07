//! What version 2.0.0 of the Python app brings to a platform and we do not.

use serde_json::Value;

/// What to do about functions that only the Python app serves. On a message destination that both read, each call goes to
/// either.
pub const FOR_UNSERVED: &str = "where they are used, give them a message destination of their own and keep the Python app for it, with aws_gd_polling_interval = 0";

/// Its functions for IP sets and threat intel sets, by API name.
const SET_FUNCTIONS: [&str; 10] = [
    "aws_guardduty_create_ipset",
    "aws_guardduty_get_ipset",
    "aws_guardduty_list_ipset",
    "aws_guardduty_update_ipset",
    "aws_guardduty_delete_ipset",
    "aws_guardduty_create_threatintelset",
    "aws_guardduty_get_threatintelset",
    "aws_guardduty_list_threatintelset",
    "aws_guardduty_update_threatintelset",
    "aws_guardduty_delete_threatintelset",
];

/// Its automatic playbooks, each with the rule of ours that does the same.
const AUTOMATIC_PLAYBOOKS: [(&str, &str); 2] = [
    (
        "example_aws_guardduty_archive_finding_pb",
        "Example: AWS GuardDuty: Archive Finding",
    ),
    (
        "example_aws_guardduty_update_finding_details_pb",
        "Example: AWS GuardDuty: Update Finding Details",
    ),
];

/// Which of these functions, given by API name, only the Python app serves.
pub fn ancestor_only_functions<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'static str> {
    let present: Vec<&str> = names.into_iter().collect();
    SET_FUNCTIONS
        .into_iter()
        .filter(|function| present.contains(function))
        .collect()
}

/// The rule of ours that would run beside the playbook of this API name, and do everything twice.
///
/// Some documents of the Python app leave the first word out of the name.
pub fn rule_beside_playbook(playbook: &str) -> Option<&'static str> {
    AUTOMATIC_PLAYBOOKS
        .into_iter()
        .find(|(name, _)| *name == playbook || name.strip_prefix("example_") == Some(playbook))
        .map(|(_, rule)| rule)
}

/// A playbook and a rule that would both run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rivals {
    /// What analysts call the playbook.
    pub playbook: String,
    /// The name of our rule.
    pub rule: &'static str,
}

/// Which playbooks of a platform, given by its export, run beside a rule of ours that is switched on there, or will be
/// once it is added.
pub fn rivals(platform: &Value) -> Vec<Rivals> {
    let playbooks = platform["playbooks"].as_array().into_iter().flatten();
    playbooks
        .filter(|playbook| {
            playbook["status"] == "enabled" && playbook["activation_type"] == "automatic"
        })
        .filter_map(|playbook| {
            let name = playbook["name"].as_str()?;
            let rule = rule_beside_playbook(name)?;
            let playbook = playbook["display_name"].as_str().unwrap_or(name).to_owned();
            is_on(platform, rule).then_some(Rivals { playbook, rule })
        })
        .collect()
}

fn is_on(platform: &Value, rule: &str) -> bool {
    let mut rules = platform["actions"].as_array().into_iter().flatten();
    let known = rules.find(|known| known["name"] == rule);
    known.is_none_or(|known| known["enabled"] != Value::Bool(false))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::customizations::{ARCHIVE_FINDING, export_document};

    #[test]
    fn only_what_we_do_not_serve_is_the_ancestors_alone() {
        let platform = [
            ARCHIVE_FINDING,
            "fn_other_app",
            "aws_guardduty_list_threatintelset",
            "aws_guardduty_create_ipset",
        ];
        assert_eq!(
            ancestor_only_functions(platform),
            [
                "aws_guardduty_create_ipset",
                "aws_guardduty_list_threatintelset"
            ]
        );
        assert!(ancestor_only_functions([ARCHIVE_FINDING]).is_empty());
    }

    #[test]
    fn each_automatic_playbook_has_an_automatic_rule_beside_it() {
        let document = export_document();
        let rules = document["actions"].as_array().unwrap();
        let automatic: Vec<&str> = rules
            .iter()
            .filter(|rule| rule["type"] == 0)
            .map(|rule| rule["name"].as_str().unwrap())
            .collect();
        assert_eq!(AUTOMATIC_PLAYBOOKS.map(|(_, rule)| rule), *automatic);
        assert_eq!(
            rule_beside_playbook("aws_guardduty_archive_finding_pb"),
            Some(automatic[0])
        );
        assert_eq!(
            rule_beside_playbook("example_aws_guardduty_refresh_finding_details_pb"),
            None
        );
    }

    #[test]
    fn only_what_is_switched_on_on_both_sides_runs_twice() {
        let playbook = |status: &str| {
            json!({
                "name": "example_aws_guardduty_archive_finding_pb", "activation_type": "automatic",
                "display_name": "Example: AWS GuardDuty: Archive Finding (PB)", "status": status,
            })
        };
        let mut platform = export_document();
        platform["playbooks"] = json!([playbook("enabled")]);
        assert_eq!(
            rivals(&platform),
            [Rivals {
                playbook: "Example: AWS GuardDuty: Archive Finding (PB)".to_owned(),
                rule: "Example: AWS GuardDuty: Archive Finding",
            }]
        );
        platform["actions"][0]["enabled"] = json!(false);
        assert!(rivals(&platform).is_empty());
        platform["actions"] = json!([]);
        assert_eq!(rivals(&platform).len(), 1);
        platform["playbooks"] = json!([playbook("disabled")]);
        assert!(rivals(&platform).is_empty());
    }
}
