//! The form of the files in `functions/`, `workflows/` and `export/`.

use serde::Deserialize;
use serde_json::Value;

/// Everything that is imported into SOAR.
pub(super) struct Definitions {
    pub(super) message_destination: MessageDestination,
    pub(super) incident_fields: Vec<IncidentField>,
    pub(super) function_inputs: Vec<FunctionInput>,
    pub(super) data_tables: Vec<DataTable>,
    pub(super) artifact_types: Vec<ArtifactType>,
    pub(super) functions: Vec<Function>,
    pub(super) workflows: Vec<Workflow>,
}

impl Definitions {
    /// The function that `workflow` calls.
    pub(super) fn function_of(&self, workflow: &Workflow) -> Option<&Function> {
        self.functions
            .iter()
            .find(|function| function.name == workflow.definition.function)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageDestination {
    pub(super) name: String,
    pub(super) kind: DestinationKind,
    /// Whether SOAR waits for the answer of the one who took the message.
    pub(super) expect_ack: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DestinationKind {
    Queue,
    Topic,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncidentField {
    pub(super) name: String,
    pub(super) label: String,
    #[serde(rename = "type")]
    pub(super) kind: FieldKind,
    pub(super) tooltip: String,
    #[serde(default)]
    pub(super) placeholder: String,
}

/// An input of functions, shared by all apps of a platform that have one of that name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FunctionInput {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: FieldKind,
    pub(super) tooltip: String,
    pub(super) required: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FieldKind {
    Text,
    Number,
    Boolean,
}

impl FieldKind {
    pub(super) fn input_type(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// A data table of incidents; its columns, all text, stand in the order of display.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataTable {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) columns: Vec<Column>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) label: String,
    /// In the unit of SOAR's table editor, about a pixel.
    pub(super) width: u32,
    #[serde(default)]
    pub(super) blank_option: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArtifactType {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) description: String,
    pub(super) message_destination: String,
    /// Names from `export/function_inputs.json`, in the order of the function's form.
    pub(super) inputs: Vec<String>,
    /// What the function returns, without `raw`, which repeats `content` as text.
    pub(super) output_example: Value,
}

/// One folder of `workflows/`.
pub(super) struct Workflow {
    pub(super) definition: WorkflowDefinition,
    pub(super) rules: Vec<Rule>,
    pub(super) pre_process: &'static str,
    pub(super) post_process: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkflowDefinition {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) description: String,
    pub(super) object_type: String,
    /// API name of the one function that the workflow calls.
    pub(super) function: String,
}

/// What starts the workflow beside which it is defined.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) kind: RuleKind,
    /// All must hold.
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RuleKind {
    Automatic,
    MenuItem,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) method: String,
    #[serde(default)]
    pub(super) value: Value,
}
