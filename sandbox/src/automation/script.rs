//! Pre- and post-process scripts: what they see, what they do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AutomationError, python};

/// What a field or a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text of any kind.
    Text,
    /// An integer or a decimal.
    Number,
    /// True or false.
    Boolean,
    /// Milliseconds since 1970.
    Date,
    /// One of several values, by name or id.
    Select,
    /// Several of several values.
    MultiSelect,
    /// Whatever a script sets.
    Any,
}

impl FieldKind {
    /// The kind behind a field's `input_type`; [`FieldKind::Any`] for those that scripts seldom touch.
    pub fn from_input_type(input_type: &str) -> Self {
        match input_type {
            "text" | "textarea" => Self::Text,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "datepicker" | "datetimepicker" => Self::Date,
            "select" => Self::Select,
            "multiselect" => Self::MultiSelect,
            _ => Self::Any,
        }
    }
}

/// What a script can see and is allowed to touch.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ScriptContext {
    /// The incident as REST gives it with `handle_format=names`.
    pub incident: Value,
    /// The names of the function's inputs.
    pub inputs: Vec<String>,
    /// What the function answered; nothing in a pre-process script.
    pub results: Option<Value>,
    /// The incident's fields that a script can set: `severity_code`, `properties.x`.
    pub fields: BTreeMap<String, FieldKind>,
    /// The data tables by API name, each with its columns by API name.
    pub tables: BTreeMap<String, BTreeMap<String, FieldKind>>,
    /// The display names of the artifact types.
    pub artifact_types: BTreeSet<String>,
    /// The activity fields of the rule that started the workflow.
    pub rule_properties: Map<String, Value>,
    /// The properties of the workflow; it has them by the results of other tasks.
    pub workflow_properties: Map<String, Value>,
}

/// What a script did, in its order within each kind.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ScriptEffects {
    /// The inputs that were set.
    pub inputs: Map<String, Value>,
    /// Changed fields of the incident: `severity_code` or `properties.x`, and the value.
    pub fields: Vec<(String, Value)>,
    /// New rows of data tables.
    pub rows: Vec<RowEffect>,
    /// New artifacts.
    pub artifacts: Vec<ArtifactEffect>,
    /// New notes.
    pub notes: Vec<NoteEffect>,
    /// Lines of `log.info` and its like.
    pub log: Vec<String>,
}

/// A row that a script added.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RowEffect {
    /// The table's API name.
    pub table: String,
    /// The values by the columns' API names.
    pub cells: Map<String, Value>,
}

/// An artifact that a script added.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ArtifactEffect {
    /// The type's display name.
    #[serde(rename = "type")]
    pub artifact_type: String,
    /// The value.
    pub value: String,
    /// The description, if one was given.
    pub description: Option<String>,
}

/// A note that a script added.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NoteEffect {
    /// How the content is to be read.
    pub format: NoteFormat,
    /// The text.
    pub content: String,
}

/// The format of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteFormat {
    /// Plain text.
    Text,
    /// Rich text.
    Html,
}

/// Runs a script in the calling thread's own Python, which the first call makes.
/// What a real platform refuses, such as an unknown field, column or artifact type, is an error with the script's line.
///
/// Needs a few megabytes of stack; [`super::ScriptRunner`] has threads of its own for it.
pub fn run_script(script: &str, context: &ScriptContext) -> Result<ScriptEffects, AutomationError> {
    let mut given = serde_json::to_value(context)
        .map_err(|error| AutomationError::Python(error.to_string()))?;
    given["has_results"] = Value::from(context.results.is_some());
    let effects = python::run(script, given)?;
    ScriptEffects::deserialize(effects).map_err(|error| AutomationError::Python(error.to_string()))
}
