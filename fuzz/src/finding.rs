//! What AWS may send, and a user may hand to `map`.

use std::collections::HashSet;

use fn_aws_guardduty::domain::Finding;
use fn_aws_guardduty::domain::incident::{NewIncident, TABLES, field};
use fn_aws_guardduty::domain::mapping::{
    MappingContext, creation_note, incident_for, refresh_note,
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// Room for texts and list items when a finding is stretched.
const ROOM: usize = 600_000;

/// Every finding of a document becomes an incident within the limits whose note is JSON, also when it is made very large.
pub fn check(data: &[u8]) {
    let Some((&stretch, text)) = data.split_first() else {
        return;
    };
    let Ok(mut document) = serde_json::from_slice(text) else {
        return;
    };
    // A digit or a brace in the corpus stands for what it says; most inputs stay as they are.
    if let times @ 2.. = [1, 1, 60, 3000][usize::from(stretch % 4)] {
        stretched(&mut document, times, &mut ROOM.clone());
    }
    for finding in Finding::from_document(document).unwrap_or_default() {
        let context = MappingContext {
            region: "eu-central-1",
            now: Timestamp::UNIX_EPOCH,
            time_zone: &TimeZone::UTC,
            has_critical: true,
        };
        is_sound(&incident_for(&finding, &context), &finding);
        for note in [creation_note(&finding), refresh_note(&finding)] {
            let (_, json) = note.split_once('\n').expect("a heading, then the finding");
            let json: Value = serde_json::from_str(json).expect("the note is JSON");
            assert!(json.is_object() && units(&note) <= 200_000);
            let whole = format!("{:#}", finding.document());
            assert!(json == *finding.document() || units(&whole) > 190_000);
        }
    }
}

fn is_sound(incident: &NewIncident, finding: &Finding) {
    assert!(!incident.name.is_empty() && units(&incident.name) <= 500);
    assert!(!incident.description.is_empty() && units(&incident.description) <= 20_000);
    assert!(incident.discovered_date.parse::<Timestamp>().is_ok());
    let mut seen = HashSet::new();
    assert!(incident.artifacts.len() <= 200);
    for artifact in &incident.artifacts {
        assert!(!artifact.value.trim().is_empty() && units(&artifact.value) <= 1000);
        assert!(
            seen.insert((artifact.kind, &artifact.value)),
            "an artifact twice"
        );
    }
    for table in &incident.tables {
        assert!(TABLES.contains(&table.name) && (1..=50).contains(&table.rows.len()));
        let mut seen = HashSet::new();
        for row in &table.rows {
            assert!(
                row.cells()
                    .all(|(_, cell)| !cell.is_empty() && units(cell) <= 1000)
            );
            assert!(seen.insert(row), "a row twice");
        }
    }
    assert_eq!(incident.properties[field::FINDING_ID], finding.id());
    // By these an incident is found again, so that they stay whole.
    let key = [
        field::FINDING_ID,
        field::DETECTOR_ID,
        field::FINDING_UPDATED_AT,
    ];
    for (name, value) in &incident.properties {
        let length = value.as_str().map(units);
        assert!(
            value.is_null()
                || length.is_some_and(|length| length <= 1000 || key.contains(&name.as_str()))
        );
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Repeats every text and the items of every list, as long as there is room.
fn stretched(value: &mut Value, times: usize, room: &mut usize) {
    match value {
        Value::String(text) => {
            let times = times.min(*room / text.len().max(1)).max(1);
            *text = text.repeat(times);
            *room = room.saturating_sub(text.len());
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                stretched(item, times, room);
            }
            let size = items
                .iter()
                .map(|item| item.to_string().len())
                .sum::<usize>();
            let times = times.min(*room / size.max(1)).max(1);
            *room = room.saturating_sub(size * (times - 1));
            *items = items
                .iter()
                .cycle()
                .take(items.len() * times)
                .cloned()
                .collect();
        }
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| stretched(value, times, room)),
        _ => {}
    }
}
