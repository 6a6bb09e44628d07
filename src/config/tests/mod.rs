//! What an operator writes, and what becomes of it.

mod mistakes;
mod network;
mod values;

use std::io::{self, Error, ErrorKind};

use secrecy::ExposeSecret;

use super::*;

const SECRET: &str = "hunter2hunter2";

const MINIMAL: &str = "\
[resilient]
host = soar.example.com
org = Example
api_key_id = id-1
api_key_secret = hunter2hunter2
[fn_aws_guardduty]
aws_gd_master_region = us-east-1
aws_gd_regions = .*
";

fn nothing(_: &str) -> Option<String> {
    None
}

fn no_file(_: &Path) -> io::Result<String> {
    Err(Error::from(ErrorKind::NotFound))
}

/// A world of closures.
struct World<'a> {
    variables: &'a dyn Fn(&str) -> Option<String>,
    files: &'a dyn Fn(&Path) -> io::Result<String>,
}

impl Lookups for World<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name)
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        (self.files)(path)
    }
}

fn parse_with(
    text: &str,
    variables: &dyn Fn(&str) -> Option<String>,
    files: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Config, ConfigErrors> {
    parse(text, &World { variables, files })
}

fn read_text(text: &str) -> Result<Config, ConfigErrors> {
    parse_with(text, &nothing, &no_file)
}

/// The minimal file with lines added to its two sections.
fn with(resilient: &str, guardduty: &str) -> String {
    let text = MINIMAL.replace(
        "[fn_aws_guardduty]",
        &format!("{resilient}\n[fn_aws_guardduty]"),
    );
    format!("{text}{guardduty}\n")
}

fn good(resilient: &str, guardduty: &str) -> Config {
    read_text(&with(resilient, guardduty)).unwrap()
}

/// The only problem of a file.
fn problem(text: &str) -> String {
    let errors = read_text(text).unwrap_err();
    assert_eq!(errors.problems().len(), 1, "{errors}");
    errors.to_string()
}

fn minutes(number: u64) -> Duration {
    Duration::from_mins(number)
}
