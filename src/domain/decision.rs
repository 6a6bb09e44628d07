//! What to do about a finding, given the incidents SOAR already has for it.

use super::Finding;

/// An incident of SOAR that stands for a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIncident {
    /// Incident number.
    pub id: i64,
    /// Whether the incident is open (`plan_status` "A").
    pub open: bool,
    /// The finding it stands for.
    pub finding_id: String,
    /// The detector of that finding.
    pub detector_id: String,
    /// The region of that finding.
    pub region: String,
    /// The finding's `UpdatedAt` when the incident was last written from it.
    pub updated_at: Option<String>,
    /// The incident's `aws_guardduty_archived` property, "True" or "False".
    pub archived: Option<String>,
    /// The incident's `aws_guardduty_trigger_refresh` property; null where it was never set.
    pub trigger_refresh: Option<bool>,
}

impl KnownIncident {
    /// Whether the incident says that its finding is archived.
    pub fn says_archived(&self) -> bool {
        self.archived.as_deref() == Some("True")
    }
}

/// What is to be done about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// No incident yet.
    Create,
    /// Closed before, and active again since: a new incident, whose note links the closed one.
    CreateAgain {
        /// The newest closed incident of this finding.
        closed: i64,
    },
    /// The open incident is older than the finding.
    Refresh(KnownIncident),
    /// The incident is up to date; whether all its rows were written is to be looked at.
    Complete(KnownIncident),
    /// Nothing to do.
    Skip,
}

/// A decision, and the open incidents of the same finding that should not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What to do; about the oldest incident where there are several open ones.
    pub decision: Decision,
    /// Further open incidents of the same finding.
    pub doubles: Vec<i64>,
}

/// Which incidents that seem up to date are looked at: they may have been cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// None.
    Nothing,
    /// Open ones, after a start.
    Open,
    /// Closed ones as well: the incident is known to have been begun and not to have been finished.
    Closed,
}

/// Decides about `finding`, of which SOAR has the incidents `known`.
pub fn decide(finding: &Finding, known: &[KnownIncident], verify: Verify) -> Verdict {
    let mut open: Vec<&KnownIncident> = known.iter().filter(|incident| incident.open).collect();
    open.sort_by_key(|incident| incident.id);
    let Some((oldest, doubles)) = open.split_first() else {
        return Verdict {
            decision: without_open_incident(finding, known, verify),
            doubles: Vec::new(),
        };
    };
    let up_to_date = oldest.updated_at.as_deref().unwrap_or_default() == finding.updated_at();
    let decision = match (up_to_date, verify) {
        (false, _) => Decision::Refresh((*oldest).clone()),
        (true, Verify::Open | Verify::Closed) => Decision::Complete((*oldest).clone()),
        (true, Verify::Nothing) => Decision::Skip,
    };
    Verdict {
        decision,
        doubles: doubles.iter().map(|incident| incident.id).collect(),
    }
}

fn without_open_incident(finding: &Finding, closed: &[KnownIncident], verify: Verify) -> Decision {
    let newest = closed.iter().max_by_key(|incident| incident.id);
    match newest {
        Some(newest)
            if verify == Verify::Closed && (finding.archived() || covers(newest, finding)) =>
        {
            Decision::Complete(newest.clone())
        }
        _ if finding.archived() => Decision::Skip,
        None => Decision::Create,
        Some(_) if closed.iter().any(|incident| covers(incident, finding)) => Decision::Skip,
        Some(newest) => Decision::CreateAgain { closed: newest.id },
    }
}

/// Whether the incident was written from this state of the finding or a later one. The times are
/// ISO 8601 in UTC from one service; they compare as text where their precision agrees.
fn covers(incident: &KnownIncident, finding: &Finding) -> bool {
    let seen = incident.updated_at.as_deref().unwrap_or_default();
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (parse(seen), parse(finding.updated_at())) {
        (Some(seen), Some(now)) => seen >= now,
        _ => seen == finding.updated_at(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OLD: &str = "2026-01-01T00:00:00.000Z";
    const NEW: &str = "2026-01-02T00:00:00.000Z";

    fn finding(updated_at: &str) -> Finding {
        Finding::from_wire(
            json!({"id": "f1", "updatedAt": updated_at, "service": {"archived": false}}),
        )
        .unwrap()
    }

    fn incident(id: i64, open: bool, updated_at: &str) -> KnownIncident {
        KnownIncident {
            id,
            open,
            finding_id: "f1".into(),
            detector_id: "d1".into(),
            region: "us-east-1".into(),
            updated_at: Some(updated_at.into()),
            archived: Some("False".into()),
            trigger_refresh: None,
        }
    }

    fn decision(updated_at: &str, known: &[KnownIncident], verify: Verify) -> Decision {
        decide(&finding(updated_at), known, verify).decision
    }

    #[test]
    fn a_finding_without_incident_gets_one() {
        assert_eq!(decision(NEW, &[], Verify::Nothing), Decision::Create);
    }

    #[test]
    fn an_archived_finding_gets_none() {
        let archived =
            Finding::from_wire(json!({"id": "f1", "service": {"archived": true}})).unwrap();
        assert_eq!(
            decide(&archived, &[], Verify::Open).decision,
            Decision::Skip
        );
    }

    #[test]
    fn an_open_incident_is_refreshed_verified_or_left() {
        let known = [incident(7, true, OLD)];
        assert_eq!(
            decision(NEW, &known, Verify::Nothing),
            Decision::Refresh(known[0].clone())
        );
        assert_eq!(
            decision(OLD, &known, Verify::Open),
            Decision::Complete(known[0].clone())
        );
        assert_eq!(decision(OLD, &known, Verify::Nothing), Decision::Skip);
    }

    #[test]
    fn b26_a_closed_incident_counts_until_there_is_new_activity() {
        let known = [incident(7, false, OLD), incident(9, false, OLD)];
        assert_eq!(decision(OLD, &known, Verify::Open), Decision::Skip);
        assert_eq!(
            decision(NEW, &known, Verify::Open),
            Decision::CreateAgain { closed: 9 }
        );
        assert_eq!(
            decision("2026-01-01T00:00:00Z", &known, Verify::Open),
            Decision::Skip
        );
    }

    #[test]
    fn an_incident_that_was_begun_is_finished_also_where_it_was_closed_meanwhile() {
        let known = [incident(7, false, OLD), incident(9, false, OLD)];
        let complete = Decision::Complete(known[1].clone());
        assert_eq!(decision(OLD, &known, Verify::Closed), complete);
        let archived = json!({"id": "f1", "updatedAt": OLD, "service": {"archived": true}});
        let archived = Finding::from_wire(archived).unwrap();
        assert_eq!(decide(&archived, &known, Verify::Closed).decision, complete);
        let older = [incident(7, false, "2025-12-31T00:00:00.000Z")];
        assert_eq!(
            decide(&archived, &older, Verify::Closed).decision,
            Decision::Complete(older[0].clone()),
            "also where the finding changed before it was archived"
        );
        assert_eq!(
            decide(&archived, &known, Verify::Open).decision,
            Decision::Skip
        );
        assert_eq!(
            decide(&archived, &[], Verify::Closed).decision,
            Decision::Skip
        );
    }

    #[test]
    fn b27_the_oldest_of_two_open_incidents_is_kept_up_to_date() {
        let known = [
            incident(9, true, OLD),
            incident(7, true, OLD),
            incident(3, false, OLD),
        ];
        let verdict = decide(&finding(NEW), &known, Verify::Nothing);
        assert_eq!(verdict.decision, Decision::Refresh(known[1].clone()));
        assert_eq!(verdict.doubles, [9]);
    }
}
