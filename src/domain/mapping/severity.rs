//! GuardDuty's severity, a number, in SOAR's words.

use super::{super::finding::Finding, limits, text};

/// GuardDuty's ranges: below 4 low, below 7 medium, below 9 high, from 9 critical. No gaps between them.
pub(super) fn severity_code(severity: Option<f64>, has_critical: bool) -> Option<&'static str> {
    Some(match severity? {
        low if low < 4.0 => "Low",
        medium if medium < 7.0 => "Medium",
        critical if critical >= 9.0 && has_critical => "Critical",
        _ => "High",
    })
}

/// The shortest decimal form (`2`, `5.3`); what is no number stays as it is.
pub(super) fn severity_text(finding: &Finding) -> Option<String> {
    match finding.severity() {
        Some(severity) => Some(severity.to_string()),
        None => text::text_at(finding.document(), "/Severity")
            .map(|text| limits::clip(text, limits::TEXT)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_ranges_have_no_gaps() {
        let cases = [
            (0.0, "Low"),
            (1.0, "Low"),
            (3.9, "Low"),
            (3.95, "Low"),
            (4.0, "Medium"),
            (6.9, "Medium"),
            (6.95, "Medium"),
            (7.0, "High"),
            (8.9, "High"),
            (8.95, "High"),
            (9.0, "Critical"),
            (10.0, "Critical"),
        ];
        for (severity, code) in cases {
            assert_eq!(
                severity_code(Some(severity), true),
                Some(code),
                "{severity}"
            );
        }
    }

    #[test]
    fn critical_is_high_where_the_platform_has_no_critical() {
        assert_eq!(severity_code(Some(9.5), false), Some("High"));
    }

    #[test]
    fn the_text_is_the_shortest_decimal() {
        let text = |severity: Value| {
            severity_text(&Finding::from_wire(json!({"id": "f", "severity": severity})).unwrap())
        };
        for (severity, expected) in [
            (json!(2), "2"),
            (json!(8.0), "8"),
            (json!(5.3), "5.3"),
            (json!("5.0"), "5"),
            (json!("HIGH"), "HIGH"),
        ] {
            assert_eq!(text(severity).as_deref(), Some(expected));
        }
        assert_eq!(text(json!(null)), None);
    }
}
