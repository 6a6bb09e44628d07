//! Where dependencies come from and under which licences, by the rules of `deny.toml`, without the program that reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// How cargo names its default registry, to the end.
const DEFAULT_REGISTRY: &str = "/crates.io-index";

/// What `deny.toml` says.
struct Rules {
    allowed: BTreeSet<String>,
    /// Licences beside these, by crate.
    exceptions: BTreeMap<String, BTreeSet<String>>,
    /// Licences of crates that name none.
    clarified: BTreeMap<String, String>,
    banned: BTreeSet<String>,
}

impl Rules {
    fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let text = lines.collect::<Vec<_>>().join("\n");
        let between = |from: &str, to: &str| {
            let start = text.find(from).expect(from) + from.len();
            &text[start..start + text[start..].find(to).expect(to)]
        };
        let tables = |part: &str| -> Vec<Vec<String>> {
            part.lines()
                .map(quoted)
                .filter(|words| !words.is_empty())
                .collect()
        };
        let exceptions = tables(between("\nexceptions = [", "\n]"));
        let clarified = text.split("[[licenses.clarify]]").skip(1);
        Self {
            allowed: quoted(between("\nallow = [", "]")).into_iter().collect(),
            exceptions: exceptions
                .into_iter()
                .map(|words| (words[0].clone(), words[1..].iter().cloned().collect()))
                .collect(),
            clarified: clarified
                .map(|table| (quoted(table)[0].clone(), quoted(table)[1].clone()))
                .collect(),
            banned: quoted(between("\ndeny = [", "\n]")).into_iter().collect(),
        }
    }

    /// Whether an expression can be satisfied, for a crate of this name where exceptions count.
    fn allows(&self, expression: &str, exception_of: Option<&str>) -> bool {
        let exceptions = exception_of.and_then(|name| self.exceptions.get(name));
        let spaced = expression
            .replace('/', " OR ")
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace(" WITH ", "~WITH~");
        let mut words = spaced.split_whitespace().map(|word| word.replace('~', " "));
        let words: Vec<String> = words.by_ref().collect();
        let accepts = |licence: &str| {
            self.allowed.contains(licence) || exceptions.is_some_and(|more| more.contains(licence))
        };
        let mut rest = words.as_slice();
        let satisfied = any_of(&mut rest, &accepts);
        satisfied && rest.is_empty()
    }
}

/// The texts in quotation marks.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('"').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// SPDX: OR binds less than AND.
fn any_of(rest: &mut &[String], accepts: &dyn Fn(&str) -> bool) -> bool {
    let mut satisfied = all_of(rest, accepts);
    while rest.first().is_some_and(|word| word == "OR") {
        *rest = &rest[1..];
        satisfied |= all_of(rest, accepts);
    }
    satisfied
}

fn all_of(rest: &mut &[String], accepts: &dyn Fn(&str) -> bool) -> bool {
    let mut satisfied = one(rest, accepts);
    while rest.first().is_some_and(|word| word == "AND") {
        *rest = &rest[1..];
        satisfied &= one(rest, accepts);
    }
    satisfied
}

fn one(rest: &mut &[String], accepts: &dyn Fn(&str) -> bool) -> bool {
    let Some((word, after)) = rest.split_first() else {
        return false;
    };
    *rest = after;
    if word != "(" {
        return accepts(word);
    }
    let satisfied = any_of(rest, accepts);
    *rest = rest.get(1..).unwrap_or_default();
    satisfied
}

/// What cargo resolves, with default features or as packages are built.
fn metadata(packaged: bool) -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if packaged {
        cargo.arg("--no-default-features");
    }
    let output = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The packages, by id.
fn packages(metadata: &Value) -> BTreeMap<&str, &Value> {
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| (package["id"].as_str().unwrap(), package))
        .collect()
}

/// The ids of what the worker is built from, without what only its tests need.
fn built_from(metadata: &Value) -> BTreeSet<&str> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap().iter();
    let nodes: BTreeMap<&str, &Value> = nodes
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let root = metadata["resolve"]["root"].as_str().unwrap();
    let (mut found, mut open) = (BTreeSet::from([root]), vec![root]);
    while let Some(id) = open.pop() {
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let id = dependency["pkg"].as_str().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") && found.insert(id) {
                open.push(id);
            }
        }
    }
    found
}

#[track_caller]
fn check<'a>(packages: impl IntoIterator<Item = &'a Value>, rules: &Rules, exceptions: bool) {
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str();
        let licence = licence.or(rules.clarified.get(name).map(String::as_str));
        let licence = licence.unwrap_or_else(|| panic!("{name} names no licence"));
        let exception_of = exceptions.then_some(name);
        assert!(
            rules.allows(licence, exception_of),
            "{name} has a licence that deny.toml does not allow: {licence}"
        );
        assert!(!rules.banned.contains(name), "deny.toml bans {name}");
        let source = &package["source"];
        let ours = source.is_null() && ["fn-aws-guardduty", "sandbox"].contains(&name);
        let default =
            |source: &str| source.starts_with("registry+") && source.ends_with(DEFAULT_REGISTRY);
        let known = source.as_str().is_some_and(default);
        assert!(ours || known, "{name} comes from {source}");
    }
}

#[test]
fn all_dependencies_keep_to_the_rules() {
    let metadata = metadata(false);
    check(packages(&metadata).into_values(), &Rules::read(), true);
}

#[test]
fn what_is_packaged_needs_no_exception() {
    let metadata = metadata(true);
    let packages = packages(&metadata);
    let built_from = built_from(&metadata);
    assert!(built_from.len() > 100, "{}", built_from.len());
    let built_from = built_from.into_iter().map(|id| packages[id]);
    check(built_from, &Rules::read(), false);
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let rules = Rules::read();
    for (expression, allowed) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("MIT AND (GPL-3.0-only OR ISC)", true),
        ("(MIT OR ISC) AND GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only AND LGPL-3.0-only", true),
        ("GPL-3.0-only", false),
        ("", false),
    ] {
        assert_eq!(rules.allows(expression, None), allowed, "{expression}");
    }
    assert!(!rules.allows("LGPL-3.0-only", None));
    assert!(rules.allows("LGPL-3.0-only", Some("malachite")));
    assert!(rules.banned.contains("openssl-sys") && !rules.banned.contains("ring"));
}
