//! What the worker decides, free of any input or output.

mod backoff;
mod congestion;
mod decision;
pub mod finding;
mod glob;
pub mod incident;
pub mod mapping;
mod pascal_case;
mod quarantine;
mod window;

pub use backoff::Backoff;
pub use congestion::Congestion;
pub use decision::{Decision, KnownIncident, Verdict, Verify, decide};
pub use finding::Finding;
pub use glob::{EmptyGlob, Glob};
pub use incident::{Artifact, ArtifactKind, NewIncident, Row, Table, field};
pub use quarantine::Quarantine;
pub use window::{Criteria, Cursor, WindowSettings};
