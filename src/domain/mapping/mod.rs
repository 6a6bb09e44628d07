//! From a finding to the incident it becomes.

mod artifacts;
mod left_out;
mod limits;
mod path;
mod severity;
mod shortening;
mod tables;
mod text;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};

use super::{
    finding::Finding,
    incident::{NewIncident, field},
};

/// What a mapping needs beside the finding.
#[derive(Debug, Clone, Copy)]
pub struct MappingContext<'a> {
    /// Region whose GuardDuty was asked; it wins over the region that the finding names.
    pub region: &'a str,
    /// When the finding was read.
    pub now: Timestamp,
    /// Zone in which the tables show `now`.
    pub time_zone: &'a TimeZone,
    /// Whether the platform's severity field has the value "Critical".
    pub has_critical: bool,
}

/// The incident that `finding` becomes. Any finding becomes one, however little it holds.
pub fn incident_for(finding: &Finding, context: &MappingContext<'_>) -> NewIncident {
    let discovered_date = text::discovered_date(finding.document(), context.now);
    let artifacts = artifacts::artifacts_of(finding.document());
    let tables = tables::tables_of(finding, context);
    let left_out = left_out::left_out(&artifacts.left_out, &tables.left_out);
    NewIncident {
        name: text::incident_name(finding.document()),
        description: text::description(finding.document(), left_out.as_deref()),
        discovered_date,
        severity_code: severity::severity_code(finding.severity(), context.has_critical),
        properties: properties(finding, context),
        artifacts: artifacts.kept,
        tables: tables.kept,
        left_out,
    }
}

/// The note of a new incident: the whole finding as JSON.
pub fn creation_note(finding: &Finding) -> String {
    note("AWS GuardDuty finding Payload:", finding)
}

/// The note of a refreshed incident: the whole finding as JSON.
pub fn refresh_note(finding: &Finding) -> String {
    note("AWS GuardDuty finding Payload for refresh:", finding)
}

/// Indented JSON; a finding too large for that goes on one line, and of one larger still the largest parts are shortened. It
/// is JSON in any case: scripts read it.
fn note(heading: &str, finding: &Finding) -> String {
    let indented = format!("{heading}\n{:#}", finding.document());
    if limits::fits(&indented, limits::NOTE) {
        return indented;
    }
    let room = limits::NOTE - limits::length(heading) - 1;
    format!(
        "{heading}\n{}",
        shortening::shortened(finding.document(), room)
    )
}

fn properties(finding: &Finding, context: &MappingContext<'_>) -> Map<String, Value> {
    let at = |pointer| {
        let text = text::text_at(finding.document(), pointer)?;
        Some(limits::clip(text, limits::TEXT))
    };
    let archived = if finding.archived() { "True" } else { "False" };
    let updated_at = Some(finding.updated_at()).filter(|time| !time.is_empty());
    // Incidents are matched by id, detector, region and time of update, so these are the finding's own, uncut.
    let properties = [
        (field::FINDING_ID, Some(finding.id().to_owned())),
        (field::FINDING_ARN, at("/Arn")),
        (field::FINDING_TYPE, at("/Type")),
        (field::FINDING_UPDATED_AT, updated_at.map(str::to_owned)),
        (field::REGION, Some(context.region.to_owned())),
        (field::SEVERITY, severity::severity_text(finding)),
        (field::RESOURCE_TYPE, at("/Resource/ResourceType")),
        (field::DETECTOR_ID, finding.detector_id().map(str::to_owned)),
        (field::COUNT, at("/Service/Count")),
        (
            field::ARCHIVED,
            at("/Service/Archived").map(|_| archived.to_owned()),
        ),
    ];
    let member = |(name, value): (&str, Option<String>)| (name.to_owned(), value.into());
    properties.into_iter().map(member).collect()
}
