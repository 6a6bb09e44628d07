//! Rules, workflows and their scripts, executed as the platform does.
//!
//! `condition` and `rule` decide whether a change of an incident fires a rule, `workflow` reads the BPMN of what then runs,
//! `script` runs its pre- and post-process scripts in an embedded Python and tells what they did.

mod condition;
mod error;
mod logic;
mod python;
mod rule;
mod runner;
mod script;
#[cfg(test)]
mod tests;
mod workflow;

pub use error::AutomationError;
pub use rule::{Change, rule_matches};
pub use runner::ScriptRunner;
pub use script::{
    ArtifactEffect, FieldKind, NoteEffect, NoteFormat, RowEffect, ScriptContext, ScriptEffects,
    run_script,
};
pub use workflow::{FunctionTask, InputValue, Script, Workflow, parse_workflow};
