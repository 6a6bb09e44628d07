//! What an operator may write.

use std::io;
use std::path::Path;

use fn_aws_guardduty::config::{self, ConfigErrors, Lookups, Protected};

/// What names and files stand for: no mistake shows it, unless the text itself has it in some place.
const SECRET: &str = "l00ked-up-s3cret";

/// A world in which every name has some value.
struct World;

impl Lookups for World {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/ann".to_owned()),
            _ => (name.len() % 3 == 1).then(|| SECRET.to_owned()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        match path.as_os_str().len() % 3 {
            0 => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(format!("{SECRET}\n")),
        }
    }

    fn protected(&self, name: &str) -> Protected {
        match name.len() % 3 {
            0 => Protected::Absent,
            1 => Protected::Unreadable("it is damaged".to_owned()),
            _ => Protected::Found(SECRET.into()),
        }
    }
}

/// A text is a configuration, or each mistake is told on one line with its place and a remedy; completing it keeps it.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match config::parse(text, &World) {
        Err(errors) => are_told(&errors, text),
        Ok(config) => {
            assert!(config.warnings.iter().all(|warning| is_line(&warning.text)));
        }
    }
    match config::complete(text) {
        Err(errors) => are_told(&errors, text),
        Ok(completed) => {
            let mut rest = completed.text.chars();
            assert!(
                text.chars().all(|kept| rest.any(|found| found == kept)),
                "a character is lost"
            );
            let again = config::complete(&completed.text).expect("what is complete can be read");
            assert!(again.added.is_empty(), "added twice: {:?}", again.added);
        }
    }
}

fn are_told(errors: &ConfigErrors, text: &str) {
    assert!(!errors.problems().is_empty());
    for problem in errors.problems() {
        let line = problem.to_string();
        let places = ["[", "line ", "app.config", "flag "];
        assert!(is_line(&line), "not one line: {line:?}");
        assert!(
            places.iter().any(|place| problem.place.starts_with(place)),
            "nowhere: {line}"
        );
        assert!(!problem.remedy.is_empty(), "{line}");
        assert!(!line.contains(SECRET) || text.contains(SECRET), "{line}");
    }
}

fn is_line(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|character| matches!(character, '\n' | '\r' | '\0' | '\u{1b}'))
}
