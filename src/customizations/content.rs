//! What a workflow does, whatever form a platform gives its BPMN.
//!
//! A platform stores BPMN in its own way: attributes in another order, all on one line. Compared and digested are only the
//! steps of the process and what they are told: the same for the same workflow, different after an analyst's edit.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// Elements that show a process and do nothing.
const DECORATION: [&str; 6] = [
    "documentation",
    "incoming",
    "outgoing",
    "textAnnotation",
    "association",
    "extensionElements",
];

/// The content of a workflow's BPMN as a text to compare; `None` for what cannot be read.
pub(super) fn of_bpmn(xml: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    let mut content = Vec::new();
    let mut inside = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) if element.local_name().as_ref() == "process" => inside = true,
            Event::End(element) if element.local_name().as_ref() == "process" => break,
            Event::Start(element) if inside => {
                let name = element.local_name().as_ref().to_owned();
                if name == "textAnnotation" || name == "documentation" {
                    reader.read_text(element.name()).ok()?;
                    continue;
                }
                describe(&element, &mut content)?;
                if name == "function" || name == "script" || name == "conditionExpression" {
                    let text = reader.read_text(element.name()).ok()?;
                    let text = quick_xml::escape::unescape(&text).ok()?;
                    content.push(told(&text));
                }
            }
            Event::Empty(element) if inside => describe(&element, &mut content)?,
            Event::Eof => return None,
            _ => {}
        }
    }
    Some(content.join("\n"))
}

/// The element and where it leads. Functions are left out, since platforms have uuids of their own for them.
fn describe(element: &BytesStart<'_>, content: &mut Vec<String>) -> Option<()> {
    let name = element.local_name().as_ref().to_owned();
    if DECORATION.contains(&name.as_str()) {
        return Some(());
    }
    let mut line = name;
    for key in ["id", "sourceRef", "targetRef", "calledElement"] {
        if let Some(attribute) = element.try_get_attribute(key).ok()? {
            line.push(' ');
            line.push_str(&attribute.value);
        }
    }
    content.push(line);
    Some(())
}

/// What a step is told: its inputs and scripts, without what only says that there is none.
fn told(text: &str) -> String {
    let Ok(Value::Object(told)) = serde_json::from_str::<Value>(text) else {
        return normal(text);
    };
    let mut lines: Vec<String> = told.iter().filter_map(line).collect();
    lines.sort();
    lines.join("\n")
}

fn line((key, value): (&String, &Value)) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Object(inputs) if inputs.is_empty() => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(format!("{key}: {}", normal(text))),
        Value::Object(inputs) => Some(format!("{key}: {}", sorted(inputs))),
        other => Some(format!("{key}: {other}")),
    }
}

fn sorted(inputs: &Map<String, Value>) -> String {
    let mut inputs: Vec<String> = inputs.iter().map(|(k, v)| format!("{k}={v}")).collect();
    inputs.sort();
    inputs.join(" ")
}

/// Editors change line ends and blanks at the end of lines without anybody's doing.
fn normal(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::customizations::export_document;

    fn shipped() -> String {
        let document = export_document();
        document["workflows"][0]["content"]["xml"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_form_of_the_bpmn_does_not_matter() {
        let xml = shipped();
        let lines: Vec<&str> = xml.lines().map(str::trim).collect();
        let mut other = lines
            .join("")
            .replace("\\n", "\\r\\n")
            .replace("{&quot;inputs&quot;:{},", "{&quot;result_name&quot;:null,");
        let from = other.find("<textAnnotation").unwrap();
        let to = other.find("</textAnnotation>").unwrap();
        other.replace_range(from..to + "</textAnnotation>".len(), "");
        assert_ne!(xml, other);
        assert_eq!(of_bpmn(&xml), of_bpmn(&other));
        assert!(of_bpmn(&xml).unwrap().contains("pre_processing_script"));
    }

    #[test]
    fn an_edit_matters() {
        let xml = shipped();
        let script = xml.replace("successfully archived", "archived");
        let input = xml.replace(
            "{&quot;inputs&quot;:{}",
            "{&quot;inputs&quot;:{&quot;u&quot;:{}}",
        );
        let step = xml.replace("<endEvent id=", "<scriptTask id=\"S\"/><endEvent id=");
        for edited in [script, input, step] {
            assert_ne!(xml, edited);
            assert_ne!(of_bpmn(&xml), of_bpmn(&edited));
        }
        assert_eq!(of_bpmn("<definitions/>"), None);
        assert_eq!(of_bpmn("<process><broken"), None);
    }
}
