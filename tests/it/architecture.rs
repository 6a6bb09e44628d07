//! The import rule of ARCHITECTURE.md, read from the `use` lines.

use std::fs;
use std::path::{Path, PathBuf};

/// Libraries that do input or output, or know the time of day.
const IO: [&str; 9] = [
    "tokio",
    "reqwest",
    "aws_sdk_guardduty",
    "aws_config",
    "hyper",
    "tracing",
    "rand",
    "std::fs",
    "std::net",
];

/// Modules, by path below src, and what their files never name.
const RULES: [(&str, &[&str]); 8] = [
    (
        "guardduty",
        &[
            "crate::soar",
            "crate::stomp",
            "crate::poller",
            "crate::functions",
            "crate::actions",
        ],
    ),
    (
        "soar",
        &[
            "crate::guardduty",
            "crate::stomp",
            "crate::poller",
            "crate::functions",
            "crate::actions",
        ],
    ),
    (
        "stomp",
        &[
            "crate::guardduty",
            "crate::soar",
            "crate::poller",
            "crate::functions",
            "crate::actions",
        ],
    ),
    (
        "functions",
        &[
            "crate::stomp",
            "crate::actions",
            "crate::poller",
            "crate::cli",
            "crate::app",
        ],
    ),
    (
        "poller",
        &[
            "crate::stomp",
            "crate::actions",
            "crate::functions",
            "crate::cli",
            "crate::app",
        ],
    ),
    (
        "actions",
        &[
            "crate::guardduty",
            "crate::soar",
            "crate::poller",
            "crate::config",
            "crate::cli",
        ],
    ),
    (
        "customizations",
        &["crate::soar", "crate::guardduty", "crate::config"],
    ),
    (
        "config",
        &[
            "crate::soar",
            "crate::guardduty",
            "crate::stomp",
            "crate::poller",
            "crate::app",
        ],
    ),
];

const PURE: [&str; 7] = [
    "domain",
    "stomp/frame",
    "actions/message.rs",
    "health/record.rs",
    "health/rounds.rs",
    "health/session.rs",
    "health/functions.rs",
];

#[test]
fn modules_import_only_what_they_may() {
    for (module, forbidden) in RULES {
        for file in sources(module) {
            let code = code(&file);
            for name in forbidden {
                assert!(!names(&code, name), "{} names {name}", file.display());
            }
        }
    }
}

#[test]
fn the_pure_modules_do_no_input_or_output() {
    for module in PURE {
        for file in sources(module) {
            let code = code(&file);
            for library in IO {
                assert!(!names(&code, library), "{} names {library}", file.display());
            }
            for clock in ["Timestamp::now()", "SystemTime::now()", "Instant::now()"] {
                assert!(!code.contains(clock), "{} reads the clock", file.display());
            }
        }
    }
}

#[test]
fn the_sandbox_knows_nothing_of_the_worker() {
    for file in files(&root().join("sandbox/src")) {
        assert!(
            !code(&file).contains("fn_aws_guardduty::"),
            "{} names the worker",
            file.display()
        );
    }
    let manifest = fs::read_to_string(root().join("sandbox/Cargo.toml")).unwrap();
    assert!(!manifest.contains("path = \"..\""));
}

/// A log line is a JSON object with its text as `message`: a field of that name would hide it.
#[test]
fn no_field_of_a_log_line_is_named_message() {
    for file in files(&root().join("src")) {
        let code = code(&file);
        for call in code.split("tracing::").skip(1) {
            let arguments = call.split(';').next().unwrap_or_default();
            let is_log = ["error!(", "warn!(", "info!(", "debug!("]
                .iter()
                .any(|level| arguments.starts_with(level));
            let named = [
                "(message =",
                " message =",
                "%message",
                "?message",
                " message,",
            ]
            .iter()
            .any(|field| arguments.contains(field));
            assert!(!(is_log && named), "{}: {arguments}", file.display());
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(module: &str) -> Vec<PathBuf> {
    let path = root().join("src").join(module);
    let found = if path.is_dir() {
        files(&path)
    } else {
        vec![path]
    };
    assert!(!found.is_empty(), "there is no module {module}");
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Tests may use what the code may not.
        if path
            .file_name()
            .is_some_and(|name| name == "tests" || name == "tests.rs")
        {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The file without its comments and without its tests, which stand at its end.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the code names this path, not just a longer word.
fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + path.len()..].chars().next();
        let word = |c: char| c.is_alphanumeric() || c == '_';
        !before.is_some_and(word)
            && !after.is_some_and(word)
            && (path.contains("::") || after == Some(':'))
    })
}
