//! The dialect beside Python's own `configparser`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::cases::CASES;
use super::*;
use crate::config::python;

type Flat = BTreeMap<String, BTreeMap<String, String>>;

/// Each case by its name, so that a difference tells where it is.
#[test]
fn at_least_sixty_named_files_read_as_in_python() {
    let names: BTreeSet<&str> = CASES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), CASES.len(), "every name is another");
    assert!(CASES.len() >= 60, "{} cases", CASES.len());
    let texts: Vec<String> = CASES.iter().map(|(_, text)| (*text).to_owned()).collect();
    let refused = texts.iter().filter(|text| parse(text).is_err()).count();
    assert!(
        (10..CASES.len() / 2).contains(&refused),
        "{refused} refused"
    );
    let differing: Vec<String> = CASES
        .iter()
        .zip(pythons(&texts))
        .filter(|((_, text), theirs)| &flat(text) != theirs)
        .map(|((name, text), theirs)| format!("{name}: {:?}, in Python {theirs:?}", flat(text)))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn generated_files_read_as_in_python() {
    let piece = prop::sample::select(vec![
        "[a]",
        "[b]",
        "[DEFAULT]",
        "k",
        "K",
        "l",
        "=",
        ":",
        " ",
        "  ",
        "\t",
        "\n",
        "\n",
        "\r\n",
        "#",
        ";",
        "[",
        "]",
        "v",
        "\\",
        "%",
        "$",
        "\u{e9}",
        "k=v\n",
        "  more\n",
    ]);
    let lines =
        prop::collection::vec(piece, 0..30).prop_map(|pieces| format!("[s]\n{}", pieces.concat()));
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> = (0..2000)
        .map(|_| lines.new_tree(&mut runner).unwrap().current())
        .collect();
    let good = texts.iter().filter(|text| parse(text).is_ok()).count();
    assert!(good > 200, "only {good} of the generated files are valid");
    assert_same_as_python(&texts);
}

#[test]
fn every_refused_line_is_named() {
    let text = "early\n[a]\nk=v\nlonely\nk=w\n=x\n[a]\n";
    let lines: Vec<String> = parse(text)
        .unwrap_err()
        .0
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            "line 1: stands before the first section",
            "line 4: neither a section, a comment, nor a key with `=` or `:`",
            "line 5: key k of [a] was set before, in line 3",
            "line 6: has no key before its `=` or `:`",
            "line 7: section [a] was opened before, in line 2",
        ]
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse(&text);
    }
}

fn assert_same_as_python(texts: &[String]) {
    for (text, theirs) in texts.iter().zip(pythons(texts)) {
        assert_eq!(flat(text), theirs, "{text:?}");
    }
}

/// What Python makes of each text in a file, read as the Python app reads it; `None` where it refuses it.
fn pythons(texts: &[String]) -> Vec<Option<Flat>> {
    let script = r"
import configparser, json, os, sys, tempfile
def read(text, path):
    parser = configparser.ConfigParser(interpolation=None)
    with open(path, 'wb') as file:
        file.write(text.encode())
    with open(path, encoding='utf-8-sig') as file:
        try:
            parser.read_file(file)
        except configparser.Error:
            return None
    return {name: dict(parser.items(name)) for name in parser.sections()}
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'app.config')
    json.dump([read(text, path) for text in json.load(sys.stdin)], sys.stdout)
";
    let theirs: Vec<Option<Flat>> = python::run(script, &texts);
    assert_eq!(theirs.len(), texts.len());
    theirs
}

/// Sections with what they inherit, as Python's `items` has them.
fn flat(text: &str) -> Option<Flat> {
    let sections = parse(text).ok()?;
    let entries = |section: &Section| -> BTreeMap<String, String> {
        let pairs = section.entries.iter();
        pairs
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect()
    };
    let (defaults, own): (Vec<_>, Vec<_>) = sections
        .iter()
        .partition(|section| section.name == INHERITED_SECTION);
    let inherited: BTreeMap<_, _> = defaults.into_iter().flat_map(entries).collect();
    let with_inherited = |section: &Section| {
        let mut all = inherited.clone();
        all.extend(entries(section));
        (section.name.clone(), all)
    };
    Some(own.into_iter().map(with_inherited).collect())
}
