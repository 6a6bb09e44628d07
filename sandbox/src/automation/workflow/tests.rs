use serde_json::Value;

use super::task::input_value;
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

proptest::proptest! {
    #[test]
    fn broken_documents_never_panic(at in 0_usize..2000, cut in 0_usize..200, put in ".{0,8}") {
        let whole: Vec<char> = bpmn().chars().collect();
        let at = at.min(whole.len());
        let rest = &whole[(at + cut).min(whole.len())..];
        let broken: String = whole[..at].iter().copied().chain(put.chars()).chain(rest.iter().copied()).collect();
        let _ = parse_workflow(&broken);
    }
}
