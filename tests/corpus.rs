//! The corpora of the fuzz targets, and every input that once broke one, as a plain test.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails where it panics"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// What must hold for any input; `cargo fuzz` runs the same.
#[expect(unreachable_pub, reason = "it is a library of its own as well")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// The corpora are kept this small, in bytes of all together.
const MOST_BYTES: u64 = 200_000;

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(kind)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Replays a target's inputs; the one that fails is named.
fn replay(target: &str, check: impl Fn(&[u8])) {
    let inputs = files(&folder("corpus").join(target));
    assert!(!inputs.is_empty(), "no corpus of {target}");
    let regressions = files(&folder("regressions").join(target));
    for file in inputs.iter().chain(&regressions) {
        let input = fs::read(file).unwrap();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&input)));
        assert!(outcome.is_ok(), "{target} fails on {}", file.display());
    }
}

#[test]
fn stomp_frame() {
    replay("stomp_frame", fuzz::stomp_frame::check);
}

#[test]
fn action_message() {
    replay("action_message", fuzz::action_message::check);
}

#[test]
fn finding() {
    replay("finding", fuzz::finding::check);
}

#[test]
fn app_config() {
    replay("app_config", fuzz::app_config::check);
}

#[test]
fn soar_answer() {
    replay("soar_answer", fuzz::soar_answer::check);
}

#[test]
fn every_target_is_replayed_and_its_corpus_is_small() {
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    let here = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus.rs"));
    let here = here.unwrap();
    for target in files(&folder("fuzz_targets")) {
        let target = target.file_stem().expect("a name").to_string_lossy();
        assert!(here.contains(&format!("fuzz::{target}::check")), "{target}");
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
    }
    let corpora = files(&folder("corpus")).into_iter();
    let sizes = corpora.flat_map(|corpus| files(&corpus));
    let size: u64 = sizes.map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(size < MOST_BYTES, "{size} bytes");
}
