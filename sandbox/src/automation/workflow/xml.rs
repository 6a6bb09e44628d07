//! XML as a small tree, enough for a BPMN process.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::automation::AutomationError;

/// An element; names are without prefixes, the text is its own only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Reads a document and returns its root.
pub(super) fn parse(xml: &str) -> Result<Element, AutomationError> {
    let refuse = |problem: String| AutomationError::Workflow(problem);
    let mut reader = Reader::from_str(xml);
    // The bottom holds the root as its only child in the end.
    let mut open = vec![Element::default()];
    loop {
        let event = reader
            .read_event()
            .map_err(|error| refuse(error.to_string()))?;
        match event {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => add_child(&mut open, element(&start)?),
            Event::End(_) => {
                // The reader checks that every end has its start, so there is one to pop.
                let Some(done) = open.pop() else { break };
                add_child(&mut open, done);
            }
            Event::Text(text) => add_text(&mut open, &text.xml10_content()),
            Event::CData(text) => add_text(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| refuse(error.to_string()))?;
                match (
                    character,
                    resolve_predefined_entity(&reference.xml10_content()),
                ) {
                    (Some(character), _) => add_text(&mut open, character.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => add_text(&mut open, text),
                    (None, None) => {
                        return Err(refuse(format!(
                            "unknown entity &{};",
                            reference.xml10_content()
                        )));
                    }
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let [bottom] = &mut open[..] else {
        return Err(refuse("the XML ends inside an element".to_owned()));
    };
    match (bottom.children.pop(), bottom.children.is_empty()) {
        (Some(root), true) => Ok(root),
        _ => Err(refuse(
            "the XML has not exactly one root element".to_owned(),
        )),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, AutomationError> {
    let mut element = Element {
        name: local(start.name().as_ref()),
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| AutomationError::Workflow(error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|error| AutomationError::Workflow(error.to_string()))?;
        element
            .attributes
            .push((local(attribute.key.as_ref()), value.into_owned()));
    }
    Ok(element)
}

fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

fn add_child(open: &mut [Element], child: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(child);
    }
}

fn add_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
