//! What the documents say is so.

use std::fs;
use std::path::Path;
use std::process::Command;

use fn_aws_guardduty::config::Lookups;
use fn_aws_guardduty::selftest::{IAM_POLICY, NEEDED};
use serde_json::Value;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn links_lead_to_files_that_are_there() {
    let documents = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ];
    for document in documents {
        let text = read(document);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or_default();
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            assert!(
                path.is_empty() || link.contains("://") || file.exists(),
                "{document} links to {link}"
            );
        }
    }
}

/// `it::faults::a_test` is the function of this name in tests/it/faults.rs.
#[test]
fn the_tests_that_show_the_rows_are_there() {
    let rows = read("RELIABILITY.md");
    let tests = rows.split('`').filter(|name| name.contains("::"));
    let named: Vec<&str> = tests.filter(|name| !name.ends_with('…')).collect();
    assert!(named.len() > 24);
    for name in named {
        let (module, test) = name.rsplit_once("::").unwrap();
        let file = format!("tests/{}.rs", module.replace("::", "/"));
        let there = read(&file).contains(&format!("fn {test}()"));
        assert!(there, "{file} has no test {test}");
    }
}

/// Every file and test that the threat model points to.
#[test]
fn the_threat_model_names_what_is_there() {
    let security = read("SECURITY.md");
    let named: Vec<&str> = security
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect();
    let code = code(Path::new(env!("CARGO_MANIFEST_DIR")));
    let is_test = |name: &str| {
        name.matches('_').count() > 2
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    assert!(named.iter().filter(|name| is_test(name)).count() > 5);
    for name in named {
        if ["src/", "tests/", "fuzz/"]
            .iter()
            .any(|folder| name.starts_with(folder))
        {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            assert!(file.exists(), "SECURITY.md names {name}");
        }
        if is_test(name) {
            assert!(
                code.contains(&format!("fn {name}(")),
                "SECURITY.md names the test {name}"
            );
        }
    }
}

/// All code below `src` and `tests`.
fn code(root: &Path) -> String {
    let (mut text, mut open) = (String::new(), vec![root.join("src"), root.join("tests")]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

/// What a reader of the README has: the secrets and the files.
struct Readers;

impl Lookups for Readers {
    fn variable(&self, name: &str) -> Option<String> {
        ["SOAR_API_KEY_SECRET", "AWS_GD_SECRET"]
            .contains(&name)
            .then(|| "secret".to_owned())
    }

    fn file(&self, _: &Path) -> std::io::Result<String> {
        Ok(String::new())
    }
}

#[test]
fn the_readmes_configuration_is_accepted() {
    let readme = read("README.md");
    let ini = readme
        .split("```ini\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("an ini block");
    let config = fn_aws_guardduty::config::parse(ini, &Readers);
    assert_eq!(config.expect("it parses").warnings, []);
}

#[test]
fn the_readmes_policy_is_the_one_that_selftest_prints() {
    let readme = read("README.md");
    let json = readme
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a json block");
    assert_eq!(json, IAM_POLICY);
    let policy: Value = serde_json::from_str(json).expect("a policy in JSON");
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    assert_eq!(actions.len(), 5);
}

#[test]
fn the_readmes_permissions_are_those_that_selftest_wants() {
    let readme = read("README.md");
    let table = readme
        .split("| permission | why |")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .expect("a table of permissions");
    let mut documented: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    let mut needed = NEEDED.map(|(permission, _)| permission);
    documented.sort_unstable();
    needed.sort_unstable();
    assert_eq!(documented, needed);
}

#[test]
fn the_readmes_keys_are_those_of_the_example() {
    let example = read("app.config.example");
    let readme = read("README.md");
    let keys = readme
        .split('`')
        .filter(|word| word.starts_with("aws_gd_") && !word.contains(' '));
    for key in keys {
        let key = key.split(['=', ' ']).next().unwrap_or_default();
        assert!(example.contains(key), "app.config.example has no {key}");
    }
}

#[test]
fn the_readmes_symptoms_are_what_the_program_says() {
    let readme = read("README.md");
    let table = readme
        .split("| symptom | cause | remedy |")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .expect("a table of symptoms");
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let symptoms = table
        .lines()
        .skip(2)
        .map(|row| row.split('|').nth(1).unwrap());
    let quotes: Vec<&str> = symptoms
        .flat_map(|symptom| symptom.split('`').skip(1).step_by(2))
        .flat_map(|quote| quote.split('…'))
        .map(str::trim)
        .filter(|quote| !quote.is_empty())
        .collect();
    assert!(quotes.len() > 15, "{quotes:?}");
    for quote in quotes {
        assert!(sources.contains(quote), "the program never says {quote:?}");
    }
}

/// The text of all files below `folder`.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                fs::read_to_string(path).unwrap()
            }
        })
        .collect()
}

#[test]
fn map_prints_the_incident_of_a_finding_in_any_casing() {
    let fixture = "tests/fixtures/findings/seed_s3_bucket.json";
    let wire: Value = serde_json::from_str(&read(fixture)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let envelope = folder.path().join("event.json");
    let event = serde_json::json!({"detail-type": "GuardDuty Finding", "detail": wire});
    fs::write(&envelope, event.to_string()).unwrap();
    let map = |file: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_fn-aws-guardduty"))
            .arg("map")
            .arg(file)
            .env("TZ", "UTC")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let api = map(&Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture));
    assert_eq!(
        api[0]["incident"]["artifacts"].as_array().map(Vec::len),
        Some(8)
    );
    assert_eq!(map(&envelope)[0]["incident"], api[0]["incident"]);
}

#[test]
fn a_command_that_fails_says_so_on_one_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_fn-aws-guardduty"))
        .args(["map", "/no/such/file"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("/no/such/file") && message.trim_end().lines().count() == 1,
        "{message}"
    );
}
