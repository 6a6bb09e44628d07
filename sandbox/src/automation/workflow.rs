//! The BPMN of a workflow: a start, function tasks in sequence, an end. Pure.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::AutomationError;
use super::xml::{self, Element};

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
            .map(function_task)
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

/// The elements of a process that matter.
#[derive(Debug)]
struct Parts<'a> {
    start: &'a Element,
    nodes: Vec<&'a Element>,
    flows: Vec<&'a Element>,
}

impl<'a> Parts<'a> {
    fn sort(process: &'a Element) -> Result<Self, AutomationError> {
        let (mut starts, mut nodes, mut flows) = (Vec::new(), Vec::new(), Vec::new());
        for element in &process.children {
            match element.name.as_str() {
                "startEvent" => starts.push(element),
                "serviceTask" | "endEvent" => nodes.push(element),
                "sequenceFlow" if element.child("conditionExpression").is_none() => {
                    flows.push(element)
                }
                // A conditional flow is a decision, which this simulator does not take.
                "sequenceFlow" => return Err(unsupported("conditionExpression")),
                "textAnnotation" | "association" | "documentation" | "extensionElements" => {}
                other => return Err(unsupported(other)),
            }
        }
        match starts[..] {
            [start] => Ok(Self {
                start,
                nodes,
                flows,
            }),
            _ => Err(problem(format!(
                "{} start events instead of one",
                starts.len()
            ))),
        }
    }

    /// The tasks along the flow, which must reach every element and end in an end event.
    fn in_order(&self) -> Result<Vec<&'a Element>, AutomationError> {
        let mut tasks: Vec<&Element> = Vec::new();
        let mut here = self.start;
        loop {
            here = self.after(here)?;
            if here.name == "endEvent" {
                break;
            }
            if tasks.iter().any(|task| std::ptr::eq(*task, here)) {
                return Err(problem(format!(
                    "the flow runs in a circle at {:?}",
                    here.attribute("id")
                )));
            }
            tasks.push(here);
        }
        if tasks.len() + 1 == self.nodes.len() && tasks.len() + 1 == self.flows.len() {
            Ok(tasks)
        } else {
            Err(problem(
                "some elements are not on the way from the start to the end",
            ))
        }
    }

    /// Follows the one flow that leaves an element; both of its ends must know it.
    fn after(&self, here: &Element) -> Result<&'a Element, AutomationError> {
        let id = required(here, "id")?;
        let mut leaving = self
            .flows
            .iter()
            .filter(|flow| flow.attribute("sourceRef") == Some(id));
        let (Some(flow), None) = (leaving.next(), leaving.next()) else {
            return Err(problem(format!("not exactly one flow leaves {id}")));
        };
        let flow_id = required(flow, "id")?;
        let target = required(flow, "targetRef")?;
        let next = self
            .nodes
            .iter()
            .find(|node| node.attribute("id") == Some(target));
        let next = next.ok_or_else(|| {
            problem(format!(
                "flow {flow_id} leads to {target}, which does not exist"
            ))
        })?;
        let lists = |element: &Element, end: &str| {
            let mut flows = element.children_named(end);
            flows.next().is_some_and(|flow| flow.text.trim() == flow_id) && flows.next().is_none()
        };
        if lists(here, "outgoing") && lists(next, "incoming") {
            Ok(next)
        } else {
            Err(problem(format!(
                "flow {flow_id} is not listed by both of its ends"
            )))
        }
    }
}

fn unsupported(element: &str) -> AutomationError {
    AutomationError::Element {
        element: element.to_owned(),
    }
}

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

fn function_task(task: &Element) -> Result<FunctionTask, AutomationError> {
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
            json.pre_processing_script_language,
        )?,
        post_process: script(
            json.post_processing_script,
            json.post_processing_script_language,
        )?,
        result_name: json.result_name.filter(|name| !name.is_empty()),
        id,
    })
}

fn script(
    text: Option<String>,
    language: Option<String>,
) -> Result<Option<Script>, AutomationError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    match language.as_deref() {
        Some(language @ ("python3" | "python")) => Ok(Some(Script {
            text,
            language: language.to_owned(),
        })),
        other => Err(problem(format!("unknown script language {other:?}"))),
    }
}

/// The value of an input; none when it was left empty.
fn input_value(input: &Value) -> Result<Option<InputValue>, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = r#"{"inputs":{"f-1":{"input_type":"static","static_input":{"multiselect_value":[],"text_value":"abc"}},
        "f-2":{"input_type":"static","static_input":{"multiselect_value":[]}}},
        "pre_processing_script":"inputs.a = 1 if 2 &gt; 1 else '&amp;&#92;n'","pre_processing_script_language":"python3",
        "post_processing_script":"  ","post_processing_script_language":null,"result_name":"out"}"#;

    /// Two tasks in sequence, with what a diagram adds.
    fn bpmn() -> String {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:resilient="http://resilient.ibm.com/bpmn" xmlns:bpmndi="d">
 <process id="wf_x" isExecutable="true" name="Example: X &amp; Y"><documentation>words</documentation>
  <startEvent id="S"><outgoing>F1</outgoing></startEvent>
  <serviceTask id="T2" name="Second" resilient:type="function"><extensionElements><resilient:function uuid="fn-2"><![CDATA[{{"inputs":{{}},"post_processing_script":"x < 1","post_processing_script_language":"python"}}]]></resilient:function></extensionElements><incoming>F2</incoming><outgoing>F3</outgoing></serviceTask>
  <serviceTask id="T1" name="First" resilient:type="function"><extensionElements><resilient:function uuid="fn-1">{TASK}</resilient:function></extensionElements><incoming>F1</incoming><outgoing>F2</outgoing></serviceTask>
  <endEvent id="E"><incoming>F3</incoming></endEvent>
  <sequenceFlow id="F1" sourceRef="S" targetRef="T1"/><sequenceFlow id="F2" sourceRef="T1" targetRef="T2"/>
  <sequenceFlow id="F3" sourceRef="T2" targetRef="E"/>
  <textAnnotation id="A"><text>Start your workflow here</text></textAnnotation>
  <association id="AA" sourceRef="S" targetRef="A"/>
 </process>
 <bpmndi:BPMNDiagram id="D"><bpmndi:BPMNPlane bpmnElement="undefined" id="P"/></bpmndi:BPMNDiagram>
</definitions>"#
        )
    }

    #[test]
    fn tasks_come_in_the_order_of_the_flow() {
        let workflow = parse_workflow(&bpmn()).expect("a workflow");

        assert_eq!(
            (workflow.id.as_str(), workflow.name.as_str()),
            ("wf_x", "Example: X & Y")
        );
        let script = |text: &str, language: &str| {
            Some(Script {
                text: text.to_owned(),
                language: language.to_owned(),
            })
        };
        let first = FunctionTask {
            id: "T1".to_owned(),
            label: "First".to_owned(),
            function: "fn-1".to_owned(),
            inputs: vec![("f-1".to_owned(), InputValue::Text("abc".to_owned()))],
            pre_process: script("inputs.a = 1 if 2 > 1 else '&\n'", "python3"),
            post_process: None,
            result_name: Some("out".to_owned()),
        };
        assert_eq!(workflow.tasks[0], first);
        assert_eq!(workflow.tasks[1].id, "T2");
        assert_eq!(workflow.tasks[1].post_process, script("x < 1", "python"));
    }

    #[test]
    fn other_elements_are_refused_by_name() {
        for (element, name) in [
            (r#"<exclusiveGateway id="G"/>"#, "exclusiveGateway"),
            (r#"<scriptTask id="G"/>"#, "scriptTask"),
            (r#"<callActivity id="G"/>"#, "callActivity"),
            (
                r#"<sequenceFlow id="G"><conditionExpression/></sequenceFlow>"#,
                "conditionExpression",
            ),
        ] {
            let xml = bpmn().replace("</process>", &format!("{element}</process>"));
            assert_eq!(
                parse_workflow(&xml),
                Err(AutomationError::Element {
                    element: name.to_owned()
                })
            );
        }
        let xml = bpmn().replace(
            r#"name="First" resilient:type="function""#,
            r#"name="First" resilient:type="other""#,
        );
        assert_eq!(
            parse_workflow(&xml),
            Err(AutomationError::Element {
                element: "serviceTask".to_owned()
            })
        );
    }

    #[test]
    fn flows_must_connect() {
        for (from, to, complaint) in [
            (
                "<sequenceFlow id=\"F2\" sourceRef=\"T1\" targetRef=\"T2\"/>",
                "",
                "not exactly one flow leaves T1",
            ),
            (
                "targetRef=\"E\"",
                "targetRef=\"Z\"",
                "leads to Z, which does not exist",
            ),
            ("targetRef=\"E\"", "targetRef=\"T1\"", "not listed by both"),
            (
                "<incoming>F2</incoming>",
                "",
                "flow F2 is not listed by both of its ends",
            ),
            (
                "</process>",
                "<endEvent id=\"E2\"/></process>",
                "not on the way",
            ),
            (
                "</process>",
                "<startEvent id=\"S2\"/></process>",
                "2 start events",
            ),
            ("<process ", "<procedure ", "workflow: "),
            ("\"python3\"", "\"groovy\"", "unknown script language"),
            ("\"static\"", "\"expression\"", "only static inputs"),
            (
                "\"text_value\"",
                "\"colour_value\"",
                "unknown kind of value \"colour_value\"",
            ),
            ("\"result_name\":\"out\"}", "", "not described by JSON"),
            ("&gt;", "&nbsp;", "unknown entity &nbsp;"),
        ] {
            let error = parse_workflow(&bpmn().replacen(from, to, 1))
                .expect_err(from)
                .to_string();
            assert!(error.contains(complaint), "{error}");
        }
        assert!(parse_workflow("").is_err());
        assert!(parse_workflow("<a>").is_err());
        assert!(parse_workflow("<a/><b/>").is_err());
    }

    #[test]
    fn a_circle_is_noticed() {
        // Only flows that share an id can make one that both ends list.
        let xml = r#"<definitions><process id="p"><startEvent id="S"><outgoing>F</outgoing></startEvent>
            <serviceTask id="T"><incoming>F</incoming><outgoing>F</outgoing></serviceTask><endEvent id="E"/>
            <sequenceFlow id="F" sourceRef="S" targetRef="T"/><sequenceFlow id="F" sourceRef="T" targetRef="T"/>
            </process></definitions>"#;
        let error = parse_workflow(xml).expect_err("a circle").to_string();
        assert!(error.contains("circle"), "{error}");
    }

    #[test]
    fn every_kind_of_input_is_read() {
        for (given, expected) in [
            (
                r#"{"number_value":3.5}"#,
                InputValue::Number(serde_json::Number::from_f64(3.5).expect("finite")),
            ),
            (r#"{"boolean_value":false}"#, InputValue::Boolean(false)),
            (
                r#"{"date_value":1700000000000}"#,
                InputValue::Date(1_700_000_000_000),
            ),
            (
                r#"{"select_value":"u"}"#,
                InputValue::Select("u".to_owned()),
            ),
            (
                r#"{"multiselect_value":["u","v"]}"#,
                InputValue::MultiSelect(vec!["u".to_owned(), "v".to_owned()]),
            ),
            (
                r#"{"multiselect_value":[],"text_content_value":{"format":"text","content":"c"}}"#,
                InputValue::TextContent {
                    format: "text".to_owned(),
                    content: "c".to_owned(),
                },
            ),
        ] {
            let fixed: Value = serde_json::from_str(given).expect("JSON");
            let input = serde_json::json!({"input_type": "static", "static_input": fixed});
            assert_eq!(input_value(&input), Ok(Some(expected)));
        }
        let two = serde_json::json!({"input_type": "static", "static_input": {"text_value": "a", "number_value": 1}});
        assert_eq!(input_value(&two), Err("more than one value".to_owned()));
    }
}
