//! What can be wrong with customizations.

/// Why a rule, a workflow or a script cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AutomationError {
    /// The rule's JSON lacks something or has it in a form that no export has.
    #[error("rule {rule:?}: {problem}")]
    Rule {
        /// The rule's name.
        rule: String,
        /// What is wrong.
        problem: String,
    },
    /// A condition's method is none of the platform's, or does not go with the field.
    #[error("condition on {field:?}: method {method:?} is not supported here")]
    Method {
        /// The condition's field.
        field: String,
        /// The method.
        method: String,
    },
    /// A condition names a field that the incident does not have.
    #[error("condition on unknown field {0:?}")]
    Field(String),
    /// The workflow is no XML or its parts do not fit together.
    #[error("workflow: {0}")]
    Workflow(String),
    /// The workflow has a part that only the real platform can run.
    #[error("workflow element {element:?} is not supported: only function tasks in sequence are")]
    Element {
        /// The element's name without its prefix.
        element: String,
    },
    /// A script does not compile, or it did something that the platform refuses.
    #[error("script{}: {message}", .line.map(|line| format!(" line {line}")).unwrap_or_default())]
    Script {
        /// The line of the script, counted from 1.
        line: Option<usize>,
        /// Python's exception and its text.
        message: String,
    },
    /// The embedded Python itself failed.
    #[error("embedded python failed: {0}")]
    Python(String),
}
