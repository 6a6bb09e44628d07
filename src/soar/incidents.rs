//! Find, create and complete incidents.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::Call;
use super::wire::{equals, has_a_value, items, known_incident, malformed, property, text};
use super::{Soar, SoarError};
use crate::domain::{Finding, KnownIncident, field};

/// How many open incidents are read a call.
const OPEN_PAGE: usize = 500;
/// How often something whose answer was lost is looked for and sent again.
pub const LOST_ATTEMPTS: u32 = 5;

/// How far the clocks of the platform and the worker may differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(120);

/// What identifies a finding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FindingKey {
    /// The finding's id.
    pub finding_id: String,
    /// The detector that made it.
    pub detector_id: String,
    /// The region it was listed in.
    pub region: String,
}

impl FindingKey {
    /// The key of a finding that this detector listed in this region; a finding that tells its detector has its
    /// own word.
    pub fn of(finding: &Finding, detector: &str, region: &str) -> Self {
        Self {
            finding_id: finding.id().to_owned(),
            detector_id: finding.detector_id().unwrap_or(detector).to_owned(),
            region: region.to_owned(),
        }
    }
}

/// A note of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its text, as the server gives it (often HTML).
    pub text: String,
    /// When it was written, milliseconds since 1970.
    pub created: Option<i64>,
}

/// What a search for incidents found.
#[derive(Debug, Default)]
pub struct Found {
    /// Incidents, open and closed.
    pub incidents: Vec<KnownIncident>,
    /// Finding ids that the server refuses to search for, with its reason.
    pub refused: Vec<(String, String)>,
}

/// A page of open incidents.
#[derive(Debug)]
pub struct OpenPage {
    /// The incidents that stand for a finding.
    pub incidents: Vec<KnownIncident>,
    /// How many incidents the server gave.
    pub length: usize,
    /// Whether there may be more.
    pub more: bool,
}

/// What a call makes, and how to tell whether it is there.
enum Made<'a> {
    /// An incident of this finding, newer than the one that was known. It may be closed already: an analyst is quick.
    Incident {
        key: &'a FindingKey,
        known: Option<i64>,
    },
    /// One row more than before.
    Row {
        incident: i64,
        table: &'a str,
        before: usize,
    },
    /// This note, written since (milliseconds since 1970).
    Note {
        incident: i64,
        note: &'a str,
        since: i64,
    },
}

impl Soar {
    /// The incidents, open and closed, of these findings. One query for all; where the server refuses it the
    /// batch is halved, down to one finding, unless the fault is not in the findings at all.
    pub async fn find(&self, keys: &[FindingKey]) -> Result<Found, SoarError> {
        let mut found = Found::default();
        let mut batches = vec![keys];
        let mut probed = false;
        while let Some(batch) = batches.pop() {
            let error = match self.query(batch).await {
                Ok(incidents) => {
                    found.incidents.extend(incidents);
                    continue;
                }
                Err(error @ SoarError::Rejected { .. }) => error,
                Err(error) => return Err(error),
            };
            if !std::mem::replace(&mut probed, true) {
                self.probe_fields().await?;
            }
            if let [key] = batch {
                found
                    .refused
                    .push((key.finding_id.clone(), error.to_string()));
            } else {
                let (left, right) = batch.split_at(batch.len() / 2);
                batches.extend([left, right]);
            }
        }
        Ok(found)
    }

    /// Fails where the platform does not have the fields that findings are matched by.
    async fn probe_fields(&self) -> Result<(), SoarError> {
        let fields = [field::FINDING_ID, field::DETECTOR_ID, field::REGION];
        let conditions: Vec<Value> = fields
            .iter()
            .map(|name| has_a_value(&property(name)))
            .collect();
        let body = json!({"filters": [{"conditions": conditions}], "start": 0, "length": 1});
        let path = "/incidents/query_paged?return_level=normal";
        match self.call(Call::query(path, &body)).await {
            Err(SoarError::Rejected { message, .. }) => Err(SoarError::Setup(format!(
                "SOAR cannot search incidents by finding: {message} (is export/export.res imported?)"
            ))),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    async fn query(&self, keys: &[FindingKey]) -> Result<Vec<KnownIncident>, SoarError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let filters: Vec<Value> = keys
            .iter()
            .map(|key| json!({"conditions": key_conditions(key)}))
            .collect();
        let body =
            json!({"filters": filters, "sorts": [{"field_name": "create_date", "type": "desc"}]});
        let answer = self
            .call(Call::query("/incidents/query?return_level=normal", &body))
            .await?;
        Ok(items(&answer)?.iter().filter_map(known_incident).collect())
    }

    /// How many open incidents of a region stand for a finding; `None` where the platform does not tell.
    pub async fn count_open_incidents(&self, region: &str) -> Result<Option<usize>, SoarError> {
        let answer = self.query_open(region, 0, 1).await?;
        if items(&answer)?.is_empty() {
            return Ok(Some(0));
        }
        Ok(total(&answer))
    }

    /// One page of a region's open incidents that stand for a finding, oldest first.
    pub async fn open_incidents(&self, region: &str, start: usize) -> Result<OpenPage, SoarError> {
        let answer = self.query_open(region, start, OPEN_PAGE).await?;
        let page = items(&answer)?;
        let total = total(&answer);
        Ok(OpenPage {
            incidents: page
                .iter()
                .filter_map(known_incident)
                .filter(|incident| incident.open)
                .collect(),
            length: page.len(),
            more: !page.is_empty() && total.is_none_or(|total| start + page.len() < total),
        })
    }

    async fn query_open(
        &self,
        region: &str,
        start: usize,
        length: usize,
    ) -> Result<Value, SoarError> {
        let body = json!({
            "filters": [{"conditions": [
                equals("plan_status", "A"),
                equals(&property(field::REGION), region),
                has_a_value(&property(field::FINDING_ID)),
                has_a_value(&property(field::DETECTOR_ID)),
            ]}],
            "sorts": [{"field_name": "create_date", "type": "asc"}],
            "start": start,
            "length": length,
        });
        let path = "/incidents/query_paged?return_level=normal";
        self.call(Call::query(path, &body)).await
    }

    /// Creates an incident and answers its number. Where it is not known whether that was done, the incident is looked
    /// for before it is sent again.
    /// `known` is the newest incident of the finding that there was before.
    pub async fn create_incident(
        &self,
        dto: &Value,
        key: &FindingKey,
        known: Option<i64>,
    ) -> Result<i64, SoarError> {
        let made = Made::Incident { key, known };
        let answer = self.make("/incidents", dto, made).await?;
        incident_number(&answer)
    }

    /// Sends a call that makes something. Where it is not known whether that was done, it is looked for before the call
    /// is sent again.
    async fn make(&self, path: &str, body: &Value, made: Made<'_>) -> Result<Value, SoarError> {
        let mut attempt = 0;
        loop {
            let call = match made {
                Made::Incident { .. } => Call::create(path, body),
                Made::Row { .. } | Made::Note { .. } => Call::add(path, body),
            };
            let error = match self.call(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            attempt += 1;
            if !error.may_have_been_done() || attempt >= LOST_ATTEMPTS {
                return Err(error);
            }
            self.pause(attempt - 1, &error).await;
            let found = self.look_for(&made).await.map_err(away)?;
            if let Some(found) = found {
                tracing::info!("{error}; it was carried out all the same");
                return Ok(found);
            }
        }
    }

    async fn look_for(&self, made: &Made<'_>) -> Result<Option<Value>, SoarError> {
        match made {
            Made::Incident { key, known } => {
                let found = self.find(std::slice::from_ref(*key)).await?;
                let numbers = found.incidents.iter().map(|incident| incident.id);
                let new = numbers
                    .max()
                    .filter(|id| known.is_none_or(|known| *id > known));
                Ok(new.map(|id| json!({"id": id})))
            }
            Made::Row {
                incident,
                table,
                before,
            } => Ok((self.row_count(*incident, table).await? > *before).then_some(Value::Null)),
            Made::Note {
                incident,
                note,
                since,
            } => Ok(self
                .has_note(*incident, note, *since)
                .await?
                .then_some(Value::Null)),
        }
    }

    /// How many rows a data table of an incident has.
    pub async fn row_count(&self, incident: i64, table: &str) -> Result<usize, SoarError> {
        let path = format!("/incidents/{incident}/table_data/{table}?handle_format=names");
        let answer = self.call(Call::get(path)).await?;
        let rows = answer["rows"].as_array();
        rows.map(Vec::len)
            .ok_or_else(|| malformed("a data table", "it has no rows"))
    }

    /// Adds a row to a data table that has `before` rows; a lost answer is looked for in the table.
    pub async fn add_row(
        &self,
        incident: i64,
        table: &str,
        row: &Value,
        before: usize,
    ) -> Result<(), SoarError> {
        let path = format!("/incidents/{incident}/table_data/{table}/row_data");
        self.make(
            &path,
            row,
            Made::Row {
                incident,
                table,
                before,
            },
        )
        .await?;
        Ok(())
    }

    /// The notes of an incident.
    pub async fn notes(&self, incident: i64) -> Result<Vec<Note>, SoarError> {
        let answer = self
            .call(Call::get(format!("/incidents/{incident}/comments")))
            .await?;
        let note = |comment: &Value| Note {
            text: text(&comment["text"]).to_owned(),
            created: comment["create_date"].as_i64(),
        };
        Ok(items(&answer)?.iter().map(note).collect())
    }

    /// Adds a plain-text note; a lost answer is looked for among the notes.
    pub async fn add_note(&self, incident: i64, note: &str) -> Result<(), SoarError> {
        let path = format!("/incidents/{incident}/comments");
        let body = json!({"text": {"format": "text", "content": note}});
        let since = (Timestamp::now() - CLOCK_TOLERANCE).as_millisecond();
        self.make(
            &path,
            &body,
            Made::Note {
                incident,
                note,
                since,
            },
        )
        .await?;
        Ok(())
    }

    /// Whether the incident has this note, written at or after `since` (milliseconds since 1970).
    pub async fn has_note(&self, incident: i64, note: &str, since: i64) -> Result<bool, SoarError> {
        let wanted = forms(note);
        let notes = self.notes(incident).await?;
        let recent = |note: &Note| note.created.is_some_and(|created| created >= since);
        Ok(notes
            .iter()
            .any(|note| recent(note) && wanted.contains(&words(&note.text))))
    }
}

/// A platform that cannot even tell what it has is away: that says nothing of what was to be made.
fn away(error: SoarError) -> SoarError {
    match error {
        SoarError::AnswerLost { action, reason } => SoarError::Unavailable {
            action,
            reason,
            sent: true,
        },
        other => other,
    }
}

fn key_conditions(key: &FindingKey) -> Vec<Value> {
    vec![
        equals(&property(field::FINDING_ID), &key.finding_id),
        equals(&property(field::DETECTOR_ID), &key.detector_id),
        equals(&property(field::REGION), &key.region),
    ]
}

/// How many there are on all pages.
fn total(answer: &Value) -> Option<usize> {
    let total = answer["recordsTotal"].as_u64()?;
    usize::try_from(total).ok()
}

fn incident_number(answer: &Value) -> Result<i64, SoarError> {
    let number = answer["id"].as_i64();
    number.ok_or_else(|| malformed("the new incident", "it has no id"))
}

/// The [`words`] of a note that is sent as plain text, given back as it was and as HTML: where its text holds what could be a
/// tag or an entity, these differ.
fn forms(note: &str) -> [String; 2] {
    let html = note.replace('&', "&amp;").replace('<', "&lt;");
    [words(note), words(&html)]
}

/// The letters and digits of a note. The server may turn plain text into HTML: tags, entities and
/// white space say nothing about whether two notes are the same.
pub(super) fn words(note: &str) -> String {
    let mut words = String::with_capacity(note.len());
    let mut rest = note;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '<' => rest.find('>').map_or(1, |end| end + 1),
            '&' => rest
                .get(..12.min(rest.len()))
                .and_then(|head| head.find(';'))
                .map_or(1, |end| end + 1),
            _ => {
                if c.is_alphanumeric() {
                    words.push(c);
                }
                c.len_utf8()
            }
        };
        rest = &rest[skip..];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_recognised_in_its_html_form() {
        let html = "AWS GuardDuty finding<br/>{&quot;Id&quot;: &quot;f&#x31;1&quot;}";
        assert_eq!(
            words(html),
            words("AWS GuardDuty finding\n{\"Id\": \"f1\"}")
        );
        assert_ne!(words("a & b"), words("a & c"));
        assert_eq!(words("ü&ü"), "üü");
    }

    #[test]
    fn a_note_whose_text_looks_like_html_is_recognised_in_both_forms() {
        let note = "{\"Description\": \"<script>alert(1)</script> & &copy; a < b\"}";
        let html = "{&quot;Description&quot;: &quot;&lt;script&gt;alert(1)&lt;/script&gt; &amp; &amp;copy; a &lt; b&quot;}";
        for told in [note, html] {
            assert!(forms(note).contains(&words(told)), "{told}");
        }
        assert!(!forms(note).contains(&words("{\"Description\": \" & ; a < b\"}")));
    }
}
