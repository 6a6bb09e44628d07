//! Whether the export is fresh, whole and works.

use std::path::PathBuf;

/// `UPDATE_EXPORT=1 cargo test export_res_is_fresh` rewrites the file.
#[test]
fn export_res_is_fresh() {
    let path = repository().join("export/export.res");
    let expected = super::export_text();
    if std::env::var_os("UPDATE_EXPORT").is_some_and(|value| value == "1") {
        std::fs::write(&path, &expected).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == expected,
        "export/export.res is stale: run `UPDATE_EXPORT=1 cargo test --lib export_res_is_fresh`"
    );
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
