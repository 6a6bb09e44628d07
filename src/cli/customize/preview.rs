//! What would change, in words.

use std::fmt::Write as _;

use super::changes::Changes;
use crate::customizations::FOR_UNSERVED;
use crate::customizations::plan::Verdict;

/// Widest kind of object, so that names stand in a column.
const WIDTH: usize = "message destination".len();

/// A line for each object, grouped by what becomes of it.
pub(super) fn of(changes: &Changes) -> String {
    let mut text = String::new();
    let mut update = steps(changes, Verdict::Update);
    update.extend(beside_the_import(changes));
    let groups = [
        ("add", steps(changes, Verdict::Add)),
        ("update", update),
        ("keep", steps(changes, Verdict::Keep)),
    ];
    for (name, lines) in groups.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = writeln!(text, "{name}:\n{}", lines.join("\n"));
    }
    let _ = writeln!(
        text,
        "{} objects are as they should be",
        changes.unchanged()
    );
    if changes.worker.is_none() {
        text.push_str(
            "warning: SOAR does not say which account the worker has: add it to the message destination by hand\n",
        );
    }
    if !changes.has_layout {
        text.push_str("warning: SOAR has no layout of the incident's tabs: add the fields and tables by hand\n");
    }
    text
}

fn steps(changes: &Changes, verdict: Verdict) -> Vec<String> {
    let steps = changes.plan.steps(verdict);
    steps
        .map(|step| line(step.kind, &step.name, &step.note))
        .collect()
}

fn beside_the_import(changes: &Changes) -> impl Iterator<Item = String> {
    let opened = changes.closed.iter();
    let opened = opened.map(|name| {
        line(
            "message destination",
            name,
            "opened to the worker's account",
        )
    });
    let layout = changes.layout.iter();
    opened.chain(layout.map(|added| line("layout", added, "")))
}

fn line(kind: &str, name: &str, note: &str) -> String {
    let colon = if note.is_empty() { "" } else { ": " };
    format!("  {kind:WIDTH$}  {name}{colon}{note}")
}

/// Names the functions that only the Python app serves.
pub(super) fn warn_of_unserved(functions: &[&str]) {
    if functions.is_empty() {
        return;
    }
    println!(
        "warning: this platform has functions that only the Python app serves: {}",
        functions.join(", ")
    );
    println!("{FOR_UNSERVED}");
}
