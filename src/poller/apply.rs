//! Carries out one decision.

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Context;
use super::refreshes::{Ask, Refreshes};
use super::refusal::leave_out;
use crate::domain::mapping::{MappingContext, creation_note, incident_for};
use crate::domain::{Decision, Finding, KnownIncident, NewIncident, Table, Verdict, field};
use crate::soar::{Change, FindingKey, SoarError};

/// How many parts of an incident or a row are left out at most before it is set aside.
const MOST_LEFT_OUT: usize = 8;

/// Writes findings of one detector to SOAR.
pub(super) struct Writer<'a> {
    pub(super) context: &'a Context,
    pub(super) region: &'a str,
    pub(super) detector: &'a str,
    /// Whether the platform has the severity "Critical".
    pub(super) has_critical: bool,
}

/// What a decision came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// The incident was complete and up to date before.
    UpToDate,
    /// There is a new incident, complete.
    Created,
    /// The incident has got the rows that it lacked.
    Completed,
    /// The incident's refresh is asked for; the platform has still to do its part.
    Refreshing,
}

impl Writer<'_> {
    pub(super) async fn apply(
        &self,
        finding: &Finding,
        verdict: &Verdict,
        refreshes: &Refreshes,
    ) -> Result<Applied, SoarError> {
        let applied = match &verdict.decision {
            Decision::Create => self.create(finding, None).await?,
            Decision::CreateAgain { closed } => self.create(finding, Some(*closed)).await?,
            Decision::Refresh(incident) => return self.refresh(finding, incident, refreshes).await,
            Decision::Complete(incident) => self.complete(finding, incident.id).await?,
            Decision::Skip => Applied::UpToDate,
        };
        refreshes.forget(finding.id());
        Ok(applied)
    }

    /// What [`Self::apply`] would come to, found out without changing anything.
    pub(super) async fn preview(
        &self,
        finding: &Finding,
        verdict: &Verdict,
    ) -> Result<Applied, SoarError> {
        match &verdict.decision {
            Decision::Create | Decision::CreateAgain { .. } => Ok(Applied::Created),
            Decision::Refresh(_) => Ok(Applied::Refreshing),
            Decision::Skip => Ok(Applied::UpToDate),
            Decision::Complete(incident) => {
                let tables = self.incident(finding).tables;
                let lacking = tables.iter().map(|table| self.lacking(incident.id, table));
                completed(join_all(lacking).await, Option::is_some)
            }
        }
    }

    /// The incident with its artifacts and note in one call, its rows after it.
    async fn create(&self, finding: &Finding, closed: Option<i64>) -> Result<Applied, SoarError> {
        let incident = self.incident(finding);
        if let Some(left_out) = &incident.left_out {
            tracing::warn!(
                finding = finding.id(),
                "finding {}: {left_out}",
                finding.id()
            );
        }
        let mut dto = incident.to_dto(&creation_note(finding));
        if let (Some(closed), Some(comments)) = (closed, dto["comments"].as_array_mut()) {
            let link = format!(
                "GuardDuty has seen new activity of this finding since incident {closed}, which stood for it, was closed."
            );
            comments.push(json!({"text": {"format": "text", "content": link}}));
        }
        let key = FindingKey::of(finding, self.detector, self.region);
        let id = self.create_what_is_taken(&mut dto, &key, closed).await?;
        self.add_tables(id, &incident.tables).await?;
        self.context.health.measures().escalated(self.region);
        tracing::info!(
            finding = finding.id(),
            incident = id,
            region = self.region,
            "escalated finding {} to incident {id}: {}",
            finding.id(),
            incident.name
        );
        Ok(Applied::Created)
    }

    /// Creates the incident, if need be without what the platform refuses of it by name; a note then tells what that is.
    async fn create_what_is_taken(
        &self,
        dto: &mut Value,
        key: &FindingKey,
        known: Option<i64>,
    ) -> Result<i64, SoarError> {
        for _ in 0..MOST_LEFT_OUT {
            let error = match self.context.soar.create_incident(dto, key, known).await {
                Err(error @ SoarError::Rejected { status: 400, .. }) => error,
                outcome => return outcome,
            };
            let Some(part) = left_out(dto, &error, &key.finding_id) else {
                return Err(error);
            };
            if let Some(comments) = dto["comments"].as_array_mut() {
                let text = format!("fn-aws-guardduty had to leave out {part}: {error}");
                comments.push(json!({"text": {"format": "text", "content": text}}));
            }
        }
        self.context.soar.create_incident(dto, key, known).await
    }

    fn incident(&self, finding: &Finding) -> NewIncident {
        let context = MappingContext {
            region: self.region,
            now: Timestamp::now(),
            time_zone: &self.context.time_zone,
            has_critical: self.has_critical,
        };
        let mut incident = incident_for(finding, &context);
        // A finding that does not tell its detector is one of the detector that listed it: by this property it is
        // found again.
        if let Some(detector) = incident.properties.get_mut(field::DETECTOR_ID)
            && detector.is_null()
        {
            *detector = self.detector.into();
        }
        incident
    }

    /// Tables side by side, the rows of one table in their order. All are tried before the first failure
    /// is told.
    async fn add_tables(&self, incident: i64, tables: &[Table]) -> Result<(), SoarError> {
        let add = |table| self.add_rows(incident, table, 0);
        join_all(tables.iter().map(add)).await.into_iter().collect()
    }

    /// Adds the rows of a table from the one numbered `from`, counted from 0.
    async fn add_rows(&self, incident: i64, table: &Table, from: usize) -> Result<(), SoarError> {
        for (before, row) in table.rows.iter().enumerate().skip(from) {
            let mut row = row.to_dto();
            self.add_row(incident, table.name, &mut row, before).await?;
        }
        Ok(())
    }

    async fn add_row(
        &self,
        incident: i64,
        table: &str,
        row: &mut Value,
        before: usize,
    ) -> Result<(), SoarError> {
        for _ in 0..MOST_LEFT_OUT {
            let error = match self
                .context
                .soar
                .add_row(incident, table, row, before)
                .await
            {
                Err(error @ SoarError::Rejected { status: 400, .. }) => error,
                outcome => return outcome,
            };
            if left_out(row, &error, table).is_none() {
                return Err(error);
            }
        }
        self.context
            .soar
            .add_row(incident, table, row, before)
            .await
    }

    /// Adds the rows that a crash or a refusal left out.
    pub(super) async fn complete(&self, finding: &Finding, id: i64) -> Result<Applied, SoarError> {
        let incident = self.incident(finding);
        let complete = |table| self.complete_table(id, table);
        let tables = join_all(incident.tables.iter().map(complete)).await;
        completed(tables, |added| *added)
    }

    /// Answers whether the table lacked rows.
    async fn complete_table(&self, incident: i64, table: &Table) -> Result<bool, SoarError> {
        let Some(from) = self.lacking(incident, table).await? else {
            return Ok(false);
        };
        tracing::info!(
            incident,
            "incident {incident} lacks rows of {}, adding them",
            table.name
        );
        self.add_rows(incident, table, from).await?;
        Ok(true)
    }

    /// The number, counted from 0, of the first row that the table lacks. The ancestor wrote fewer rows: an incident of its
    /// making is left as it is where a table has any.
    async fn lacking(&self, incident: i64, table: &Table) -> Result<Option<usize>, SoarError> {
        let count = self.context.soar.row_count(incident, table.name).await?;
        let whole = count >= table.rows.len() || count > 0 && !self.is_ours(incident).await?;
        Ok((!whole).then_some(count))
    }

    /// Our notes hold JSON, the ancestor's a Python form with single quotes.
    async fn is_ours(&self, incident: i64) -> Result<bool, SoarError> {
        let notes = self.context.soar.notes(incident).await?;
        let ours = |text: &str| {
            text.contains("AWS GuardDuty finding Payload:")
                && ["\"Id\"", "&quot;Id&quot;", "&#34;Id&#34;"]
                    .iter()
                    .any(|key| text.contains(key))
        };
        Ok(notes.iter().any(|note| ours(&note.text)))
    }

    async fn refresh(
        &self,
        finding: &Finding,
        incident: &KnownIncident,
        refreshes: &Refreshes,
    ) -> Result<Applied, SoarError> {
        let id = incident.id;
        match refreshes.ask(finding.id(), finding.updated_at(), Instant::now()) {
            Ask::Wait => Ok(Applied::Refreshing),
            Ask::Trigger => {
                tracing::info!(
                    finding = finding.id(),
                    incident = id,
                    "finding {} has changed, refreshing incident {id}",
                    finding.id()
                );
                match self.trigger(incident).await {
                    Ok(()) => self.context.health.measures().refreshed(self.region),
                    Err(error) => {
                        refreshes.forget(finding.id());
                        return Err(error);
                    }
                }
                Ok(Applied::Refreshing)
            }
            Ask::GiveUp => {
                tracing::error!(
                    finding = finding.id(),
                    incident = id,
                    "incident {id} was not refreshed although its trigger was set three times: is the rule \
                     'Example: AWS GuardDuty: Update Finding Details' enabled, and do its workflows end?"
                );
                self.complete(finding, id).await?;
                // Done with, whether or not it lacked rows.
                Ok(Applied::Completed)
            }
        }
    }

    /// True, then False: the rule fires on the change to true. A flag left at true is reset first, since
    /// setting it again would change nothing.
    async fn trigger(&self, incident: &KnownIncident) -> Result<(), SoarError> {
        let steps: &[bool] = if incident.trigger_refresh == Some(true) {
            &[false, true, false]
        } else {
            &[true, false]
        };
        let mut old = incident.trigger_refresh.map_or(Value::Null, Value::from);
        for step in steps {
            let change = Change::new(field::TRIGGER_REFRESH, *step);
            self.context
                .soar
                .set_field_from(incident.id, old, &change)
                .await?;
            old = Value::from(*step);
        }
        Ok(())
    }
}

/// What the completion of an incident came to, table by table; the first failure counts.
fn completed<T>(
    tables: Vec<Result<T, SoarError>>,
    lacked: impl Fn(&T) -> bool,
) -> Result<Applied, SoarError> {
    let tables: Vec<T> = tables.into_iter().collect::<Result<_, _>>()?;
    Ok(if tables.iter().any(lacked) {
        Applied::Completed
    } else {
        Applied::UpToDate
    })
}

/// Takes out what the platform refuses by name; what that was is told in the log.
fn left_out(dto: &mut Value, error: &SoarError, of: &str) -> Option<String> {
    let SoarError::Rejected { message, .. } = error else {
        return None;
    };
    let part = leave_out(dto, message)?;
    tracing::error!("{part} of {of} is left out: {error}");
    Some(part)
}
