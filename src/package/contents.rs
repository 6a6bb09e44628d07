//! What travels in the app zip's `tar.gz`.
//!
//! A Python app has its source there, to be installed with pip. A program that is compiled has no such form, so this
//! holds what an administrator wants beside the image: documents, settings, the recipe of the image, the unit
//! of an integration server, and the files that IBM's tools look for by name.

use std::borrow::Cow;

use serde_json::Value;

/// A file of the archive.
pub(super) struct File {
    pub(super) path: Cow<'static, str>,
    pub(super) content: Cow<'static, [u8]>,
    pub(super) executable: bool,
}

/// Path in the archive, and the file of this tree.
macro_rules! embedded {
    ($($path:literal: $source:literal,)*) => {
        [$((
            $path,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $source)) as &'static [u8],
        ),)*]
    };
}

/// Everything, with the functions' examples from `export`.
pub(super) fn files(export: &Value) -> Vec<File> {
    let documents = embedded! {
        "README.md": "README.md",
        "CHANGELOG.md": "CHANGELOG.md",
        "LICENSE": "LICENSE",
        "Dockerfile": "deploy/Dockerfile",
        "image_tree.sh": "deploy/image_tree.sh",
        "apikey_permissions.txt": "deploy/app-host/apikey_permissions.txt",
        "app.config.example": "app.config.example",
        "fn-aws-guardduty.service": "deploy/systemd/fn-aws-guardduty.service",
        "icons/app_logo.png": "icons/app_logo.png",
        "icons/company_logo.png": "icons/company_logo.png",
    };
    let documents = documents.into_iter().map(|(path, content)| File {
        path: path.into(),
        content: content.into(),
        executable: path == "image_tree.sh",
    });
    let export_text = File {
        path: "export.res".into(),
        content: format!("{export:#}\n").into_bytes().into(),
        executable: false,
    };
    let functions = export["functions"].as_array().into_iter().flatten();
    documents
        .chain([export_text])
        .chain(functions.flat_map(payload_samples))
        .collect()
}

/// What a function returns, where IBM's tools keep it.
fn payload_samples(function: &Value) -> impl Iterator<Item = File> + '_ {
    let name = function["name"].as_str().unwrap_or_default();
    ["output_json_schema", "output_json_example"]
        .into_iter()
        .map(move |key| File {
            path: format!("payload_samples/{name}/{key}.json").into(),
            content: format!("{}\n", function[key].as_str().unwrap_or_default())
                .into_bytes()
                .into(),
            executable: false,
        })
}
