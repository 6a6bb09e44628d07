//! What the worker's accounts must be allowed, and what can be seen of it without changing anything.

use serde_json::Value;

use super::report::{Area, Check, Reason};
use crate::soar::{Grants, SoarError};

/// The permissions that the SOAR account needs, and what for.
pub const NEEDED: [(&str, &str); 6] = [
    ("read_data", "fields, tables, rules"),
    ("read_function", "functions and their queue"),
    ("create_incident", "escalate findings"),
    (
        "read_all_incidents",
        "match findings with incidents, also closed ones",
    ),
    (
        "edit_all_incidents_fields",
        "refresh, add rows, artifacts and notes",
    ),
    (
        "edit_all_incidents_status",
        "close incidents of archived findings",
    ),
];

/// What AWS must allow: the policy of the worker's keys or role.
pub const IAM_POLICY: &str = include_str!("../../docs/iam-policy.json");

const NAME: &str = "SOAR permissions";

/// What was seen of one permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Has,
    Lacks,
    /// Nothing tells, short of changing something.
    Unseen,
}

/// What was tried and what was told.
pub(super) struct Evidence<'a> {
    /// The incident type, which takes `read_data`.
    pub(super) types: &'a Result<Value, SoarError>,
    /// The functions, which take `read_function`.
    pub(super) functions: &'a Result<Value, SoarError>,
    /// An open incident, if there is one to be seen.
    pub(super) incident: &'a Result<Option<Value>, SoarError>,
    /// What the platform says itself.
    pub(super) grants: &'a Grants,
}

/// One line about all permissions.
pub(super) fn check(evidence: &Evidence<'_>) -> Check {
    let with = |wanted: Standing| -> Vec<&str> {
        let found = NEEDED.iter().map(|(name, _)| *name);
        found
            .filter(|name| evidence.standing(name) == wanted)
            .collect()
    };
    let (lacking, unseen) = (with(Standing::Lacks), with(Standing::Unseen));
    if !lacking.is_empty() {
        return Check::failed(
            Area::Platform,
            NAME,
            format!("the account lacks {}", lacking.join(", ")),
        )
        .remedy(format!(
            "give the API key {} (Administrator Settings, Users, API Keys)",
            lacking.join(" and ")
        ))
        .because(Reason::SoarPermission);
    }
    if unseen.is_empty() {
        return Check::ok(Area::Platform, NAME, "all that are needed");
    }
    let has = with(Standing::Has);
    let detail = format!(
        "has {}; cannot be seen without changing anything: {}",
        has.join(", "),
        unseen.join(", ")
    );
    Check::unknown(Area::Platform, NAME, detail)
}

impl Evidence<'_> {
    fn standing(&self, permission: &str) -> Standing {
        let tried = match permission {
            "read_data" => tried(self.types),
            "read_function" => tried(self.functions),
            "read_all_incidents" => match self.incident {
                // None may be all there are, or all that this account is let see.
                Ok(None) => Standing::Unseen,
                seen => tried(seen),
            },
            "create_incident" => told(self.grants.create_incidents),
            "edit_all_incidents_fields" => self.on_incident("write"),
            "edit_all_incidents_status" => self.on_incident("close"),
            _ => Standing::Unseen,
        };
        match tried {
            Standing::Unseen => self.listed(permission),
            seen => seen,
        }
    }

    /// An incident tells what the one who reads it may do with it.
    fn on_incident(&self, right: &str) -> Standing {
        match self.incident {
            Ok(Some(incident)) => told(incident["perms"][right].as_bool()),
            _ => Standing::Unseen,
        }
    }

    /// A list counts only where it speaks of our permissions by the names we know.
    fn listed(&self, permission: &str) -> Standing {
        let names = &self.grants.names;
        if names.contains(permission) {
            Standing::Has
        } else if NEEDED.iter().any(|(name, _)| names.contains(*name)) {
            Standing::Lacks
        } else {
            Standing::Unseen
        }
    }
}

fn tried<T>(outcome: &Result<T, SoarError>) -> Standing {
    match outcome {
        Ok(_) => Standing::Has,
        Err(SoarError::Forbidden { .. }) => Standing::Lacks,
        Err(_) => Standing::Unseen,
    }
}

fn told(answer: Option<bool>) -> Standing {
    match answer {
        Some(true) => Standing::Has,
        Some(false) => Standing::Lacks,
        None => Standing::Unseen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::report::Outcome;
    use serde_json::json;

    fn refused<T>() -> Result<T, SoarError> {
        Err(SoarError::Forbidden {
            action: "GET /x".into(),
            message: "no".into(),
        })
    }

    fn grants(names: &[&str], create_incidents: Option<bool>) -> Grants {
        Grants {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            create_incidents,
        }
    }

    fn checked(incident: &Result<Option<Value>, SoarError>, grants: &Grants) -> Check {
        check(&Evidence {
            types: &Ok(json!({})),
            functions: &Ok(json!({})),
            incident,
            grants,
        })
    }

    #[test]
    fn what_cannot_be_seen_is_not_broken() {
        let found = checked(&Ok(None), &Grants::default());
        assert_eq!(found.outcome, Outcome::Unknown);
        assert!(found.detail.starts_with("has read_data, read_function;"));
        assert!(found.remedy.is_none());
    }

    #[test]
    fn an_incident_tells_what_may_be_done_with_it() {
        let incident = |close: bool| Ok(Some(json!({"perms": {"write": true, "close": close}})));
        let found = checked(&incident(true), &grants(&[], Some(true)));
        assert_eq!(found.outcome, Outcome::Ok);
        let found = checked(&incident(false), &grants(&[], Some(true)));
        assert_eq!(found.detail, "the account lacks edit_all_incidents_status");
        assert_eq!(found.reason, Some(Reason::SoarPermission));
    }

    #[test]
    fn a_list_counts_only_in_words_that_are_known() {
        let known = grants(
            &["read_data", "create_incident", "read_all_incidents"],
            None,
        );
        assert_eq!(
            checked(&Ok(None), &known).detail,
            "the account lacks edit_all_incidents_fields, edit_all_incidents_status"
        );
        let other = grants(&["incidents.create"], None);
        assert_eq!(checked(&Ok(None), &other).outcome, Outcome::Unknown);
    }

    #[test]
    fn a_refusal_is_a_lack() {
        let found = checked(&refused(), &grants(&[], Some(false)));
        assert_eq!(
            found.detail,
            "the account lacks create_incident, read_all_incidents"
        );
    }
}
