//! The BPMN of a workflow: a start, function tasks in sequence, an end. Pure.

use self::flow::Parts;
use self::xml::Element;
use super::AutomationError;

mod flow;
mod task;
#[cfg(test)]
mod tests;
mod xml;

/// A workflow whose tasks run one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// The programmatic name.
    pub id: String,
    /// The display name.
    pub name: String,
    /// In the order of the flow.
    pub tasks: Vec<FunctionTask>,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionTask {
    /// The element's id, such as `ServiceTask_1`.
    pub id: String,
    /// What the diagram shows.
    pub label: String,
    /// The uuid of the function.
    pub function: String,
    /// Inputs with a fixed value: the uuid of the input field and the value.
    pub inputs: Vec<(String, InputValue)>,
    /// Runs before the function, to set inputs.
    pub pre_process: Option<Script>,
    /// Runs after it, on its results.
    pub post_process: Option<Script>,
    /// The name under which other tasks see the results.
    pub result_name: Option<String>,
}

/// A script of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The source.
    pub text: String,
    /// `python3`, or `python` for Python 2.
    pub language: String,
}

/// The fixed value of an input.
#[derive(Debug, Clone, PartialEq)]
pub enum InputValue {
    /// A text field.
    Text(String),
    /// A number field.
    Number(serde_json::Number),
    /// A boolean field.
    Boolean(bool),
    /// A date, in milliseconds since 1970.
    Date(i64),
    /// The uuid of a select field's value.
    Select(String),
    /// The uuids of a multi-select field's values.
    MultiSelect(Vec<String>),
    /// A text area.
    TextContent {
        /// `text` or `html`.
        format: String,
        /// The text.
        content: String,
    },
}

/// Reads the BPMN of a workflow. Anything but function tasks in sequence is an error that names the element.
pub fn parse_workflow(xml: &str) -> Result<Workflow, AutomationError> {
    let root = xml::parse(xml)?;
    let process = root
        .child("process")
        .ok_or_else(|| problem("there is no process"))?;
    let parts = Parts::sort(process)?;
    Ok(Workflow {
        id: required(process, "id")?.to_owned(),
        name: process.attribute("name").unwrap_or_default().to_owned(),
        tasks: parts
            .in_order()?
            .into_iter()
            .map(task::function_task)
            .collect::<Result<_, _>>()?,
    })
}

fn problem(text: impl Into<String>) -> AutomationError {
    AutomationError::Workflow(text.into())
}

fn required<'a>(element: &'a Element, name: &str) -> Result<&'a str, AutomationError> {
    let value = element.attribute(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| problem(format!("{} without {name}", element.name)))
}

fn unsupported(element: &str) -> AutomationError {
    AutomationError::Element {
        element: element.to_owned(),
    }
}
