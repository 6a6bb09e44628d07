//! Sizes that the simulated platform enforces.
//!
//! The real platform's limits are not published: every figure here is an assumption, chosen so that a worker
//! that respects it is unlikely to be refused by a real one.

/// Characters of an incident's name.
pub(crate) const INCIDENT_NAME: usize = 512;
/// Characters of a single-line text field or property.
pub(crate) const TEXT_FIELD: usize = 4_000;
/// Characters of a multi-line text field, such as an incident's description.
pub(crate) const TEXT_AREA: usize = 100_000;
/// Characters of a data table's cell.
pub(crate) const CELL: usize = 2_000;
/// Characters of a note.
pub(crate) const NOTE: usize = 400_000;
/// Characters of an artifact's value.
pub(crate) const ARTIFACT_VALUE: usize = 4_000;
/// Incidents of a page, however many were asked for.
pub(crate) const PAGE: usize = 1_000;
/// Artifacts of a page when no length was asked for.
pub(crate) const ARTIFACT_PAGE: usize = 100;

/// Refuses a text that is longer than the limit.
pub(crate) fn check(what: &str, text: &str, limit: usize) -> Result<(), String> {
    let length = text.chars().count();
    if length <= limit {
        return Ok(());
    }
    Err(format!(
        "{what} has {length} characters, {limit} are allowed"
    ))
}
