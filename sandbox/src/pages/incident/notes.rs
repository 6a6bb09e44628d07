//! The Notes tab, the newest first.

use maud::{Markup, html};
use serde_json::Value;

use crate::pages::rich_text::rich_text;
use crate::pages::words::moment;
use crate::soar::{IncidentView, NoteView};

pub(super) fn panel(incident: &IncidentView) -> Markup {
    html! {
        h2 { "Notes" }
        @if incident.notes.is_empty() { p.empty { "There are no notes." } }
        @for (number, note) in incident.notes.iter().enumerate().rev() {
            article.note id={ "note-" (number) } {
                p.by { strong { (note.author_name) } ", " (moment(Some(note.created))) " UTC" }
                (body(number, note))
            }
        }
    }
}

fn body(number: usize, note: &NoteView) -> Markup {
    match split(&note.content) {
        Some((heading, json)) => html! {
            p { (heading) }
            details id={ "json-" (number) } {
                summary { "The finding as JSON" }
                pre.json { (format!("{json:#}")) }
            }
        },
        None if note.format == "html" => html! { div.rich { (rich_text(&note.content)) } },
        None => html! { div.plain { (note.content) } },
    }
}

/// A note of a finding: the line above, and the JSON.
fn split(content: &str) -> Option<(&str, Value)> {
    let (heading, json) = content.split_once('\n')?;
    let json: Value = serde_json::from_str(json).ok()?;
    json.is_object().then_some((heading, json))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_line_and_an_object_are_folded() {
        let (heading, json) = split("Payload:\n{\"Id\": \"1\"}").unwrap();
        assert_eq!((heading, json), ("Payload:", json!({"Id": "1"})));
        for other in ["{\"Id\": 1}", "a\nb", "a\n7", ""] {
            assert_eq!(split(other), None, "{other}");
        }
    }
}
