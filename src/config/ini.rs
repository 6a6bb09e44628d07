//! The INI dialect of Python's `configparser` without interpolation, as a format of the `config` crate.

use std::error::Error;
use std::fmt;

use config::{FileStoredFormat, Format, Map, Value, ValueKind};

/// The section whose keys every other section inherits.
pub(super) const INHERITED_SECTION: &str = "DEFAULT";

/// A section with its keys in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) entries: Vec<Entry>,
}

/// A key, in lower case, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) line: usize,
    /// The last line of the value.
    pub(super) last: usize,
}

/// A line that the dialect refuses. The line itself is not shown: it may be part of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SyntaxError {
    #[error("line {line}: neither a section, a comment, nor a key with `=` or `:`")]
    NoSeparator { line: usize },
    #[error("line {line}: stands before the first section")]
    NoSection { line: usize },
    #[error("line {line}: has no key before its `=` or `:`")]
    NoKey { line: usize },
    #[error("line {line}: section [{section}] was opened before, in line {first}")]
    DuplicateSection {
        line: usize,
        first: usize,
        section: String,
    },
    #[error("line {line}: key {key} of [{section}] was set before, in line {first}")]
    DuplicateKey {
        line: usize,
        first: usize,
        section: String,
        key: String,
    },
}

/// Every line that the dialect refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxErrors(pub(super) Vec<SyntaxError>);

impl fmt::Display for SyntaxErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Error for SyntaxErrors {}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Vec<Section>, SyntaxErrors> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut parser = Parser::default();
    for (index, line) in text.split('\n').enumerate() {
        parser.line(index + 1, line);
    }
    parser.finish()
}

#[derive(Default)]
struct Parser {
    sections: Vec<OpenSection>,
    /// The section that keys go to: an index, as `DEFAULT` may be opened again.
    current: Option<usize>,
    /// Whether a deeper line belongs to the last key of the current section.
    in_value: bool,
    indent: usize,
    errors: Vec<SyntaxError>,
}

struct OpenSection {
    name: String,
    line: usize,
    entries: Vec<OpenEntry>,
}

struct OpenEntry {
    key: String,
    line: usize,
    last: usize,
    lines: Vec<String>,
}

impl Parser {
    fn line(&mut self, number: usize, line: &str) {
        let content = strip(line);
        if content.starts_with(['#', ';']) {
            return;
        }
        if content.is_empty() {
            self.continue_value(None, "");
            return;
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        if indent > self.indent && self.continue_value(Some(number), content) {
            return;
        }
        self.indent = indent;
        if let Some(name) = section_name(content) {
            self.open_section(number, name);
        } else {
            self.add_entry(number, content);
        }
    }

    /// An empty line has no number: at the end it is no part of the value.
    fn continue_value(&mut self, number: Option<usize>, content: &str) -> bool {
        if !self.in_value {
            return false;
        }
        let section = self.current.and_then(|at| self.sections.get_mut(at));
        let Some(entry) = section.and_then(|section| section.entries.last_mut()) else {
            return false;
        };
        entry.lines.push(content.to_owned());
        entry.last = number.unwrap_or(entry.last);
        true
    }

    fn open_section(&mut self, line: usize, name: &str) {
        self.in_value = false;
        let known = self
            .sections
            .iter()
            .position(|section| section.name == name);
        if let Some(at) = known {
            self.current = Some(at);
            if name != INHERITED_SECTION {
                self.errors.push(SyntaxError::DuplicateSection {
                    line,
                    first: self.sections[at].line,
                    section: name.to_owned(),
                });
            }
            return;
        }
        self.current = Some(self.sections.len());
        self.sections.push(OpenSection {
            name: name.to_owned(),
            line,
            entries: Vec::new(),
        });
    }

    fn add_entry(&mut self, line: usize, content: &str) {
        self.in_value = false;
        let Some(at) = self.current else {
            // One report is enough: the first section ends this state.
            if !self
                .errors
                .iter()
                .any(|error| matches!(error, SyntaxError::NoSection { .. }))
            {
                self.errors.push(SyntaxError::NoSection { line });
            }
            return;
        };
        let Some((key, value)) = content.split_once(['=', ':']) else {
            self.errors.push(SyntaxError::NoSeparator { line });
            return;
        };
        let key = strip(key).to_lowercase();
        if key.is_empty() {
            self.errors.push(SyntaxError::NoKey { line });
            return;
        }
        let section = &mut self.sections[at];
        let earlier = section.entries.iter().find(|entry| entry.key == key);
        if let Some(earlier) = earlier {
            self.errors.push(SyntaxError::DuplicateKey {
                line,
                first: earlier.line,
                section: section.name.clone(),
                key: key.clone(),
            });
        }
        section.entries.push(OpenEntry {
            key,
            line,
            last: line,
            lines: vec![strip(value).to_owned()],
        });
        self.in_value = true;
    }

    fn finish(self) -> Result<Vec<Section>, SyntaxErrors> {
        if !self.errors.is_empty() {
            return Err(SyntaxErrors(self.errors));
        }
        Ok(self.sections.into_iter().map(OpenSection::close).collect())
    }
}

impl OpenSection {
    fn close(self) -> Section {
        let entries = self.entries.into_iter().map(|entry| Entry {
            value: entry.lines.join("\n").trim_end_matches(is_space).to_owned(),
            key: entry.key,
            line: entry.line,
            last: entry.last,
        });
        Section {
            name: self.name,
            line: self.line,
            entries: entries.collect(),
        }
    }
}

/// `[name]`, whatever follows the last bracket.
fn section_name(content: &str) -> Option<&str> {
    let inner = content.strip_prefix('[')?;
    let (name, _) = inner.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Python counts the four separator control characters as space, Rust does not.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The dialect as a format of the `config` crate; a value's origin is its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct IniFormat;

impl Format for IniFormat {
    fn parse(
        &self,
        _uri: Option<&String>,
        text: &str,
    ) -> Result<Map<String, Value>, Box<dyn Error + Send + Sync>> {
        Ok(parse(text)?.into_iter().map(table).collect())
    }
}

impl FileStoredFormat for IniFormat {
    fn file_extensions(&self) -> &'static [&'static str] {
        &["config", "ini"]
    }
}

fn table(section: Section) -> (String, Value) {
    let values: Map<_, _> = section
        .entries
        .into_iter()
        .map(|entry| {
            let origin = format!("line {}", entry.line);
            let value = Value::new(Some(&origin), ValueKind::String(entry.value));
            (entry.key, value)
        })
        .collect();
    (section.name, Value::new(None, ValueKind::Table(values)))
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
