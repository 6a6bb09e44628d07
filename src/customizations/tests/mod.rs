//! Whether the export is fresh and whole, and its scripts do what they should.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod archive_script;
mod platform;
mod references;
mod refresh_script;
mod scripts;

use std::path::PathBuf;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// `UPDATE_EXPORT=1 cargo test --lib export_res_is_fresh` rewrites the file.
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

/// The objects of a list of the export.
fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document[name].as_array().unwrap()
}

/// The texts that the objects of a list have under `key`.
fn texts<'a>(objects: &'a [Value], key: &str) -> Vec<&'a str> {
    objects
        .iter()
        .map(|object| object[key].as_str().unwrap())
        .collect()
}

/// The names of the fields whose export key begins with `prefix`.
fn field_names<'a>(document: &'a Value, prefix: &str) -> Vec<&'a str> {
    list(document, "fields")
        .iter()
        .filter_map(|field| field["export_key"].as_str().unwrap().strip_prefix(prefix))
        .collect()
}

/// What the BPMN of a workflow says about its one function call.
struct Call {
    process: String,
    function_uuid: String,
    /// Scripts and inputs, as the platform reads them.
    definition: Value,
}

impl Call {
    fn of(workflow: &Value) -> Self {
        let xml = workflow["content"]["xml"].as_str().unwrap();
        let mut reader = Reader::from_str(xml);
        let mut process = None;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) if element.name().as_ref() == "process" => {
                    process = Some(attribute(&element, "id"));
                }
                Event::Start(element) if element.name().as_ref() == "resilient:function" => {
                    let text = reader.read_text(element.name()).unwrap();
                    let text = quick_xml::escape::unescape(&text).unwrap();
                    return Self {
                        process: process.unwrap(),
                        function_uuid: attribute(&element, "uuid"),
                        definition: serde_json::from_str(&text).unwrap(),
                    };
                }
                Event::Eof => panic!("the workflow calls no function: {xml}"),
                _ => {}
            }
        }
    }

    fn script(&self, key: &str) -> &str {
        assert_eq!(self.definition[format!("{key}_language")], "python3");
        self.definition[key].as_str().unwrap()
    }
}

fn attribute(element: &quick_xml::events::BytesStart<'_>, name: &str) -> String {
    let attribute = element.try_get_attribute(name).unwrap().unwrap();
    attribute.value.into_owned()
}
