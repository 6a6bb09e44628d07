//! How the elements of a process hang together. Pure.

use super::xml::Element;
use super::{problem, required, unsupported};
use crate::automation::AutomationError;

/// The elements of a process that matter.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    start: &'a Element,
    nodes: Vec<&'a Element>,
    flows: Vec<&'a Element>,
}

impl<'a> Parts<'a> {
    pub(super) fn sort(process: &'a Element) -> Result<Self, AutomationError> {
        let (mut starts, mut nodes, mut flows) = (Vec::new(), Vec::new(), Vec::new());
        for element in &process.children {
            match element.name.as_str() {
                "startEvent" => starts.push(element),
                "serviceTask" | "endEvent" => nodes.push(element),
                "sequenceFlow" if element.child("conditionExpression").is_none() => {
                    flows.push(element);
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
    pub(super) fn in_order(&self) -> Result<Vec<&'a Element>, AutomationError> {
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
