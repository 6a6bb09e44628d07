//! Completes an `app.config`: what it lacks is added from the example, and every byte of it stays.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::ini::{self, Section, SyntaxErrors};
use super::keys::{SECTIONS, SectionKeys};
use super::{ConfigErrors, EXAMPLE, layers};

/// A text that lacks nothing, and what was added to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The whole text.
    pub text: String,
    /// `[section]` for a whole section, `[section] key` for a key.
    pub added: Vec<String>,
}

/// Adds to `text` the sections that it lacks as the example has them, and the keys that its sections lack as comments. A key
/// that stands in a comment already is not lacking.
///
/// # Errors
/// When `text` is no `app.config`: then there is no telling what it lacks.
pub fn complete(text: &str) -> Result<Completed, ConfigErrors> {
    let sections = ini::parse(text).map_err(|SyntaxErrors(errors)| layers::refused(&errors))?;
    let lines = Lines::of(text);
    let mut added = Vec::new();
    let mut insertions = Vec::new();
    let mut appended = String::new();
    for ours in &SECTIONS {
        let example = example_of(ours);
        if let Some(section) = sections.iter().find(|section| section.name == ours.name) {
            let (end, present) = lines.extent(section, ours);
            let missing = missing(example, &present);
            added.extend(
                missing
                    .keys
                    .iter()
                    .map(|key| format!("[{}] {key}", ours.name)),
            );
            insertions.push((end, missing.text));
        } else {
            added.push(format!("[{}]", ours.name));
            let _ = write!(appended, "\n\n{example}");
        }
    }
    // From the end to the beginning, so that each place stays where it is; at one place the last comes to stand first.
    insertions.insert(0, (lines.count(), appended));
    insertions.sort_by_key(|(line, _)| std::cmp::Reverse(*line));
    let mut completed = text.to_owned();
    for (line, addition) in insertions.iter().filter(|(_, text)| !text.is_empty()) {
        lines.insert(&mut completed, *line, addition);
    }
    Ok(Completed {
        text: completed,
        added,
    })
}

/// The lines of a text, numbered from 1 as the dialect does.
struct Lines<'a> {
    texts: Vec<&'a str>,
    /// Where each line ends, its line break included.
    ends: Vec<usize>,
    line_break: &'static str,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut texts = Vec::new();
        let mut ends = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let rest = &text[start..];
            let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
            let line_break = match &rest[length..] {
                after if after.starts_with("\r\n") => 2,
                after => after.len().min(1),
            };
            texts.push(&rest[..length]);
            start += length + line_break;
            ends.push(start);
        }
        let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            texts,
            ends,
            line_break,
        }
    }

    fn count(&self) -> usize {
        self.texts.len()
    }

    /// The last line of a section, and the keys it has, also those in comments.
    fn extent(&self, section: &Section, ours: &SectionKeys) -> (usize, HashSet<String>) {
        let last_entry = section.entries.iter().map(|entry| entry.last).max();
        let mut end = last_entry.unwrap_or(section.line);
        let mut present: HashSet<String> = section
            .entries
            .iter()
            .map(|entry| entry.key.clone())
            .collect();
        for (index, line) in self.texts.iter().enumerate().skip(section.line) {
            let line = line.trim();
            let is_comment = line.starts_with(['#', ';']);
            if index >= end && !line.is_empty() && !is_comment {
                break;
            }
            if let Some(key) = commented_key(line).filter(|key| ours.knows(key)) {
                present.insert(key);
                end = end.max(index + 1);
            }
        }
        (end, present)
    }

    /// Puts `addition` behind a line.
    fn insert(&self, text: &mut String, line: usize, addition: &str) {
        let end = self.ends.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let mut addition = addition.replace('\n', self.line_break);
        if end > 0 && !text[..end].ends_with(['\r', '\n']) {
            addition.insert_str(0, self.line_break);
        }
        text.insert_str(end, &addition);
    }
}

/// What an example's section has and a user's has not.
#[derive(Default)]
struct Missing<'a> {
    keys: Vec<&'a str>,
    text: String,
}

/// Each missing key as a comment, below the lines that explain it.
fn missing<'a>(example: &'a str, present: &HashSet<String>) -> Missing<'a> {
    let mut missing = Missing::default();
    let mut explanation = String::new();
    for line in example.lines().skip(1) {
        match key_of(line) {
            None if line.is_empty() => explanation.clear(),
            None => {
                let _ = writeln!(explanation, "{line}");
            }
            Some(key) => {
                if !present.contains(key) {
                    let hash = if line.starts_with('#') { "" } else { "#" };
                    let gap = if explanation.is_empty() && !missing.text.is_empty() {
                        ""
                    } else {
                        "\n"
                    };
                    let _ = writeln!(missing.text, "{gap}{explanation}{hash}{line}");
                    missing.keys.push(key);
                }
                explanation.clear();
            }
        }
    }
    missing
}

/// The example's section, its header included.
fn example_of(section: &SectionKeys) -> &'static str {
    let header = format!("\n[{}]\n", section.name);
    let start = EXAMPLE.find(&header).map_or(EXAMPLE.len(), |at| at + 1);
    let rest = &EXAMPLE[start..];
    let end = rest.find("\n[").map_or(rest.len(), |at| at + 1);
    let text = rest[..end].trim_end();
    // With the line break of its last line.
    rest.get(..=text.len()).unwrap_or(text)
}

/// The key that a line of the example sets, in a comment or not.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix('#').unwrap_or(line).split_once(" = ")?;
    let is_key = |c: char| c.is_ascii_lowercase() || c == '_';
    (!key.is_empty() && key.chars().all(is_key)).then_some(key)
}

/// The key that a comment would set.
fn commented_key(line: &str) -> Option<String> {
    let (key, _) = line.strip_prefix(['#', ';'])?.split_once(['=', ':'])?;
    Some(key.trim().to_lowercase())
}

#[cfg(test)]
mod tests;
