//! Functions, workflows and rules: who wrote what the platform has, and whether it may be overwritten.

use std::collections::BTreeSet;

use serde_json::Value;

use super::objects::Pair;
use super::{Judgement, PlanError};
use crate::customizations::content;
use crate::customizations::mark::{self, Mark};

/// Ours is updated when an older version wrote it. Of others only the inputs are completed, which a call needs.
pub(super) fn function(pair: &Pair<'_>, theirs: &Value) -> Result<Judgement, PlanError> {
    let mark = Mark::of(description(theirs));
    refuse_newer(pair, mark.as_ref())?;
    if mark.is_some_and(|mark| mark.is_older()) {
        let mut object = pair.ours.clone();
        // Somebody may have moved it to a queue of their own.
        object["destination_handle"] = theirs["destination_handle"].clone();
        // And given it inputs of their own.
        let mut items = theirs["view_items"].as_array().cloned().unwrap_or_default();
        items.extend(missing_inputs(pair.ours, theirs));
        object["view_items"] = items.into();
        return Ok(Judgement::update("to this version", object));
    }
    let missing = missing_inputs(pair.ours, theirs);
    if missing.is_empty() {
        let same = same_function(pair.ours, theirs);
        return Ok(if same {
            Judgement::same()
        } else {
            Judgement::keep("it is not this program's own, and does as well")
        });
    }
    let mut object = theirs.clone();
    if let Some(items) = object["view_items"].as_array_mut() {
        items.extend(missing);
    }
    Ok(Judgement::update("with the missing inputs", object))
}

fn missing_inputs(ours: &Value, theirs: &Value) -> Vec<Value> {
    let shown = inputs(theirs);
    let items = ours["view_items"].as_array().into_iter().flatten();
    items
        .filter(|item| !item["content"].as_str().is_some_and(|i| shown.contains(i)))
        .cloned()
        .collect()
}

fn inputs(function: &Value) -> BTreeSet<&str> {
    let items = function["view_items"].as_array().into_iter().flatten();
    items.filter_map(|item| item["content"].as_str()).collect()
}

fn same_function(ours: &Value, theirs: &Value) -> bool {
    ours["display_name"] == theirs["display_name"] && description(ours) == description(theirs)
}

/// A workflow that nobody edited is updated; an edited one, or another's, only where that is asked for.
pub(super) fn workflow(
    pair: &Pair<'_>,
    theirs: &Value,
    replace: bool,
) -> Result<Judgement, PlanError> {
    let xml = theirs["content"]["xml"].as_str().unwrap_or_default();
    // Some platforms show the description in the BPMN only.
    let mark = Mark::of(description(theirs)).or_else(|| Mark::of(xml));
    refuse_newer(pair, mark.as_ref())?;
    let content = content::of_bpmn(xml);
    let ours = pair.ours["content"]["xml"].as_str();
    if content.is_some() && content == ours.and_then(content::of_bpmn) {
        return Ok(Judgement::same());
    }
    let digest = content.as_deref().map(mark::digest);
    Ok(match mark {
        Some(mark) if mark.digest.is_some() && mark.digest == digest => {
            Judgement::update("to this version", pair.ours.clone())
        }
        _ if replace => Judgement::update("in place of the platform's", pair.ours.clone()),
        Some(_) => Judgement::keep("it was edited here; --replace-workflows would overwrite that"),
        None => Judgement::keep("it is another's; --replace-workflows would take ours"),
    })
}

/// A rule says by its name what it does; whether, and when, is the platform's decision.
pub(super) fn rule(ours: &Value, theirs: &Value) -> Judgement {
    if theirs["enabled"] == Value::Bool(false) {
        return Judgement::keep("it is switched off");
    }
    if ours["workflows"] != theirs["workflows"] {
        return Judgement::keep("it starts other workflows");
    }
    if ours["type"] != theirs["type"] || conditions(ours) != conditions(theirs) {
        return Judgement::keep("its conditions are other ones");
    }
    Judgement::same()
}

fn conditions(rule: &Value) -> BTreeSet<String> {
    let conditions = rule["conditions"].as_array().into_iter().flatten();
    conditions
        .map(|c| format!("{} {} {}", c["field_name"], c["method"], c["value"]))
        .collect()
}

fn refuse_newer(pair: &Pair<'_>, mark: Option<&Mark>) -> Result<(), PlanError> {
    match mark {
        Some(mark) if mark.is_newer() => Err(PlanError::Newer {
            object: format!("{} {}", pair.kind, pair.name),
            version: mark.version.clone(),
        }),
        _ => Ok(()),
    }
}

/// A plain text in some objects, text content in others.
fn description(object: &Value) -> &str {
    let description = &object["description"];
    let content = description.as_str().or(description["content"].as_str());
    content.unwrap_or_default()
}
