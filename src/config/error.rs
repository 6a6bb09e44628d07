use std::fmt;
use std::path::{Path, PathBuf};

use super::Warning;

/// One mistake in the configuration. Never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is: `[resilient] port (line 7)`, `line 12`, or a file.
    pub place: String,
    /// What is wrong.
    pub wrong: String,
    /// What would be right.
    pub remedy: String,
}

impl Problem {
    pub(super) fn new(
        place: impl Into<String>,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place: on_one_line(place.into()),
            wrong: on_one_line(wrong.into()),
            remedy: on_one_line(remedy.into()),
        }
    }
}

/// Without control characters: a key or a path may hold any, and each mistake is one line.
pub(super) fn on_one_line(text: String) -> String {
    if text.contains(char::is_control) {
        return text.replace(char::is_control, "\u{fffd}");
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.wrong, self.remedy)
    }
}

/// All mistakes of a configuration at once; shown one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    path: Option<PathBuf>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl ConfigErrors {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self {
            path: None,
            problems,
            warnings: Vec::new(),
        }
    }

    pub(super) fn with_warnings(mut self, warnings: Vec<Warning>) -> Self {
        self.warnings = warnings;
        self
    }

    pub(super) fn in_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The mistakes, in the order of the file's sections.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What would be warned of if there were no mistakes.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The file that holds them, where it could be found.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl From<Problem> for ConfigErrors {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::with_capacity(self.problems.len());
        for problem in &self.problems {
            lines.push(match &self.path {
                Some(path) => format!("{}: {problem}", path.display()),
                None => problem.to_string(),
            });
        }
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
