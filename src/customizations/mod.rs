//! The customizations that SOAR needs, assembled to one export document.
//!
//! Each is defined once, to be read and changed by hand: `functions/`, `workflows/` (with their
//! rules and scripts) and `export/` (message destination, fields, data tables, artifact types).
//! They are embedded here and put into the export format, version 2, that a SOAR platform
//! imports and IBM's `resilient-sdk` reads. The document holds no layouts: importing them would
//! replace the tabs that a customer arranged.
//!
//! Pure: the same sources give the same bytes.

mod content;
mod definitions;
mod document;
mod fields;
mod foreign;
mod functions;
mod identifiers;
mod layout;
mod mark;
pub mod plan;
mod rules;
mod sources;
#[cfg(test)]
mod tests;
mod workflows;

use serde_json::Value;

pub use document::LOWEST_PLATFORM;
pub use foreign::{FOR_UNSERVED, Rivals, ancestor_only_functions, rivals, rule_beside_playbook};
pub use layout::{MergedLayout, merge_layout};

/// The queue on which SOAR publishes the invocations of our functions.
pub const MESSAGE_DESTINATION: &str = "fn_aws_gd";

/// API name of the function that archives the finding of a closed incident.
pub const ARCHIVE_FINDING: &str = "func_aws_guardduty_archive_finding";

/// API name of the function that reads a finding again for its incident.
pub const REFRESH_FINDING: &str = "func_aws_guardduty_refresh_finding";

/// All customizations as the document that SOAR's configuration import takes.
pub fn export_document() -> Value {
    document::assemble(&sources::load())
}

/// [`export_document`] as the text of `export.res`: indented by two, newline at the end.
pub fn export_text() -> String {
    format!("{:#}\n", export_document())
}
