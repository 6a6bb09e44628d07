//! What our customizations would change on a platform, by comparison with its own export.
//!
//! What the platform has under a name of ours is kept wherever somebody may have meant it so: fields, tables, rules and
//! the workflows of others. Only what is missing is added, and only what this program wrote and nobody edited is updated.

mod automation;
mod import;
mod objects;
mod schema;

use serde_json::Value;

use super::document::{LOWEST_PLATFORM, export_version};
use super::export_document;

/// What becomes of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The platform does not have it.
    Add,
    /// The platform has an older or smaller one.
    Update,
    /// The platform has one that differs, and keeps it.
    Keep,
    /// The platform has it.
    Same,
}

/// One object of ours and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What becomes of it.
    pub verdict: Verdict,
    /// What it is: "data table".
    pub kind: &'static str,
    /// Its name on the platform.
    pub name: String,
    /// What is added, or why it is kept.
    pub note: String,
}

/// All steps, and the document whose import takes them.
#[derive(Debug)]
pub struct Plan {
    /// One for each object, in the order of the export.
    pub steps: Vec<Step>,
    /// `None` where nothing is to be imported.
    pub import: Option<Value>,
}

/// Why there is no plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A newer program customized this platform.
    #[error(
        "{object} was written by fn-aws-guardduty {version}, which is newer than this program ({own}): run customize of that version",
        own = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// Kind and name of the object.
        object: String,
        /// The version that wrote it.
        version: String,
    },
    /// The platform has other things under our names.
    #[error("{}: rename or delete these on the platform, they would not hold what findings have", .0.join(", "))]
    Mismatch(Vec<String>),
    /// The platform cannot run our scripts.
    #[error(
        "SOAR {0} is too old: these customizations need SOAR {LOWEST_PLATFORM} or newer, for its Python 3 scripts"
    )]
    OldPlatform(String),
    /// What the platform exported is no export.
    #[error("the platform's export has no list of {0}: import export.res by hand (command export)")]
    Malformed(&'static str),
}

impl Plan {
    /// Compares with `platform`, a whole export of it. `replace_workflows` takes our workflows in place of others of
    /// the same name.
    ///
    /// # Errors
    /// When this platform must not be customized by this program, or cannot be.
    pub fn new(platform: &Value, replace_workflows: bool) -> Result<Self, PlanError> {
        check_version(&platform["server_version"])?;
        let ours = import::with_identities_of(platform, export_document());
        let mut comparison = Comparison::default();
        for collection in objects::COLLECTIONS {
            for pair in collection.pairs(&ours, platform)? {
                comparison.add(collection.list, &pair, replace_workflows)?;
            }
        }
        if !comparison.mismatches.is_empty() {
            return Err(PlanError::Mismatch(comparison.mismatches));
        }
        Ok(Self {
            import: import::document(ours, comparison.imported),
            steps: comparison.steps,
        })
    }

    /// The steps with this verdict.
    pub fn steps(&self, verdict: Verdict) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(move |step| step.verdict == verdict)
    }
}

fn check_version(version: &Value) -> Result<(), PlanError> {
    match export_version(version) {
        Some(major) if major < LOWEST_PLATFORM => {
            let version = version["version"].as_str().map(str::to_owned);
            Err(PlanError::OldPlatform(
                version.unwrap_or_else(|| major.to_string()),
            ))
        }
        _ => Ok(()),
    }
}

/// What comparing has found so far.
#[derive(Default)]
struct Comparison {
    steps: Vec<Step>,
    mismatches: Vec<String>,
    /// List of the document, and the object to import.
    imported: Vec<(&'static str, Value)>,
}

impl Comparison {
    fn add(
        &mut self,
        list: &'static str,
        pair: &objects::Pair<'_>,
        replace_workflows: bool,
    ) -> Result<(), PlanError> {
        let judgement = match pair.theirs {
            None => Judgement::add(pair.ours.clone()),
            Some(theirs) => match list {
                "message_destinations" => schema::destination(theirs),
                "fields" => schema::field(pair.ours, theirs),
                "types" => schema::table(pair.ours, theirs),
                "functions" => automation::function(pair, theirs)?,
                "workflows" => automation::workflow(pair, theirs, replace_workflows)?,
                "actions" => automation::rule(pair.ours, theirs),
                _ => Judgement::same(),
            },
        };
        let mismatch = |what| format!("{} {} {what}", pair.kind, pair.name);
        self.mismatches
            .extend(judgement.mismatches.into_iter().map(mismatch));
        self.imported
            .extend(judgement.import.map(|object| (list, object)));
        self.steps.push(Step {
            verdict: judgement.verdict,
            kind: pair.kind,
            name: pair.name.clone(),
            note: judgement.note,
        });
        Ok(())
    }
}

/// What comparing one object came to.
struct Judgement {
    verdict: Verdict,
    note: String,
    import: Option<Value>,
    /// What makes the platform's object unfit.
    mismatches: Vec<String>,
}

impl Judgement {
    fn add(object: Value) -> Self {
        Self {
            import: Some(object),
            ..Self::of(Verdict::Add, "")
        }
    }

    fn update(note: impl Into<String>, object: Value) -> Self {
        Self {
            import: Some(object),
            ..Self::of(Verdict::Update, note)
        }
    }

    fn keep(note: impl Into<String>) -> Self {
        Self::of(Verdict::Keep, note)
    }

    fn same() -> Self {
        Self::of(Verdict::Same, "")
    }

    fn mismatch(mismatches: Vec<String>) -> Self {
        Self {
            mismatches,
            ..Self::same()
        }
    }

    fn of(verdict: Verdict, note: impl Into<String>) -> Self {
        Self {
            verdict,
            note: note.into(),
            import: None,
            mismatches: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
