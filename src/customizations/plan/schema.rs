//! What incidents are made of and where messages go: kept as it is, completed where something is missing.

use serde_json::{Map, Value, json};

use super::Judgement;

/// A queue, whatever else the platform says of it.
pub(super) fn destination(theirs: &Value) -> Judgement {
    match theirs["destination_type"].as_u64() {
        Some(0) | None => Judgement::same(),
        Some(_) => Judgement::mismatch(vec!["is no queue".to_owned()]),
    }
}

/// Labels and tooltips are the platform's own affair, the type is not.
pub(super) fn field(ours: &Value, theirs: &Value) -> Judgement {
    Judgement::mismatch(other_type(ours, theirs).into_iter().collect())
}

/// A table keeps its columns and their order; ours that are missing follow.
pub(super) fn table(ours: &Value, theirs: &Value) -> Judgement {
    let (Some(columns), Some(known)) = (ours["fields"].as_object(), theirs["fields"].as_object())
    else {
        return Judgement::mismatch(vec!["has no columns".to_owned()]);
    };
    let mismatches: Vec<String> = columns
        .iter()
        .filter_map(|(name, column)| {
            let what = other_type(column, known.get(name)?)?;
            Some(format!("has a column {name} that {what}"))
        })
        .collect();
    if !mismatches.is_empty() {
        return Judgement::mismatch(mismatches);
    }
    let missing: Vec<&Value> = columns
        .iter()
        .filter(|(name, _)| !known.contains_key(*name))
        .map(|(_, column)| column)
        .collect();
    if missing.is_empty() {
        return Judgement::same();
    }
    let names: Vec<&str> = missing.iter().filter_map(|c| c["name"].as_str()).collect();
    let note = format!("with the missing columns {}", names.join(", "));
    Judgement::update(note, completed(theirs, known, &missing))
}

fn completed(theirs: &Value, known: &Map<String, Value>, missing: &[&Value]) -> Value {
    let last = known.values().filter_map(|c| c["order"].as_u64()).max();
    let first = last.map_or(0, |last| last + 1);
    let table_type = known.values().find_map(|column| column["type_id"].as_u64());
    let mut table = theirs.clone();
    for (order, column) in (first..).zip(missing) {
        let mut column = (*column).clone();
        column["order"] = json!(order);
        if let Some(table_type) = table_type {
            column["type_id"] = json!(table_type);
        }
        let name = column["name"].as_str().unwrap_or_default().to_owned();
        table["fields"][name] = column;
    }
    table
}

/// Says so where a field of the platform holds something else than ours.
fn other_type(ours: &Value, theirs: &Value) -> Option<String> {
    let (ours, theirs) = (&ours["input_type"], &theirs["input_type"]);
    (ours != theirs).then(|| {
        let (ours, theirs) = (ours.as_str(), theirs.as_str());
        format!(
            "is of type {} and not {}",
            theirs.unwrap_or("unknown"),
            ours.unwrap_or("unknown")
        )
    })
}
