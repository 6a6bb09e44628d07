//! A function task and its inputs. Pure.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::xml::Element;
use super::{FunctionTask, InputValue, Script, problem, required, unsupported};
use crate::automation::AutomationError;

/// The JSON inside `resilient:function`.
#[derive(Debug, Deserialize)]
struct FunctionJson {
    #[serde(default)]
    inputs: Map<String, Value>,
    pre_processing_script: Option<String>,
    pre_processing_script_language: Option<String>,
    post_processing_script: Option<String>,
    post_processing_script_language: Option<String>,
    result_name: Option<String>,
}

/// Reads a service task that calls a function.
pub(super) fn function_task(task: &Element) -> Result<FunctionTask, AutomationError> {
    let id = required(task, "id")?.to_owned();
    if task.attribute("type") != Some("function") {
        return Err(unsupported("serviceTask"));
    }
    let function = task
        .child("extensionElements")
        .and_then(|extension| extension.child("function"));
    let function = function.ok_or_else(|| problem(format!("{id} names no function")))?;
    let json: FunctionJson = serde_json::from_str(&function.text).map_err(|error| {
        problem(format!(
            "the function of {id} is not described by JSON: {error}"
        ))
    })?;
    let mut inputs = Vec::new();
    for (field, input) in &json.inputs {
        if let Some(value) =
            input_value(input).map_err(|what| problem(format!("input {field} of {id}: {what}")))?
        {
            inputs.push((field.clone(), value));
        }
    }
    Ok(FunctionTask {
        label: task.attribute("name").unwrap_or_default().to_owned(),
        function: required(function, "uuid")?.to_owned(),
        inputs,
        pre_process: script(
            json.pre_processing_script,
            json.pre_processing_script_language.as_deref(),
        )?,
        post_process: script(
            json.post_processing_script,
            json.post_processing_script_language.as_deref(),
        )?,
        result_name: json.result_name.filter(|name| !name.is_empty()),
        id,
    })
}

fn script(text: Option<String>, language: Option<&str>) -> Result<Option<Script>, AutomationError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    match language {
        Some(language @ ("python3" | "python")) => Ok(Some(Script {
            text,
            language: language.to_owned(),
        })),
        other => Err(problem(format!("unknown script language {other:?}"))),
    }
}

/// The value of an input; none when it was left empty.
pub(super) fn input_value(input: &Value) -> Result<Option<InputValue>, String> {
    let kind = input
        .get("input_type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (Some(fixed), "static") = (input.get("static_input").and_then(Value::as_object), kind)
    else {
        return Err(format!("only static inputs are supported, not {kind:?}"));
    };
    let given = fixed.iter().filter(|(_, value)| !value.is_null());
    let mut values = Vec::new();
    for (name, value) in given {
        let wrong = || format!("{name} cannot be {value}");
        let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
        values.push(match name.as_str() {
            "multiselect_value" => {
                let uuids: Vec<String> = Deserialize::deserialize(value).map_err(|_| wrong())?;
                if uuids.is_empty() {
                    continue;
                }
                InputValue::MultiSelect(uuids)
            }
            "text_value" => InputValue::Text(text()?),
            "select_value" => InputValue::Select(text()?),
            "number_value" => InputValue::Number(value.as_number().cloned().ok_or_else(wrong)?),
            "boolean_value" => InputValue::Boolean(value.as_bool().ok_or_else(wrong)?),
            "date_value" => InputValue::Date(value.as_i64().ok_or_else(wrong)?),
            "text_content_value" => text_content(value).ok_or_else(wrong)?,
            other => return Err(format!("unknown kind of value {other:?}")),
        });
    }
    if values.len() > 1 {
        return Err("more than one value".to_owned());
    }
    Ok(values.pop())
}

fn text_content(value: &Value) -> Option<InputValue> {
    Some(InputValue::TextContent {
        format: value.get("format")?.as_str()?.to_owned(),
        content: value.get("content")?.as_str()?.to_owned(),
    })
}
