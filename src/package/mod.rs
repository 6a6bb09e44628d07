//! The app zip that App Host and Edge Gateway install.
//!
//! It has the members of a zip that IBM's `resilient-sdk package` makes: `app.json` tells what the app is and
//! which image runs it, `export.res` is imported, and an archive travels along. The image itself is pulled
//! from a registry. Pure: the same sources give the same bytes.

mod app_json;
mod archives;
mod contents;
mod export;
mod image;
mod schema;

pub use app_json::{NAME, permissions};
pub use image::{Image, ImageError, REPOSITORY};

/// The version of app and image, which continues those of the Python app.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The file name that SOAR's administrators know such a zip by.
pub fn file_name() -> String {
    format!("app-{NAME}-{VERSION}.zip")
}

/// The zip of an app that runs `image`.
///
/// # Errors
/// When it cannot be packed, which takes a lack of memory.
pub fn app_zip(image: &Image) -> std::io::Result<Vec<u8>> {
    let export = export::packaged();
    let app_json = app_json::app_json(image, &export);
    let archive = archives::tar_gz(&contents::files(&export))?;
    archives::zip(&[
        ("app.json", app_json.to_string().as_bytes()),
        ("export.res", export.to_string().as_bytes()),
        (&format!("{NAME}-{VERSION}.tar.gz"), &archive),
    ])
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    #[test]
    fn the_zip_has_three_members() {
        let zip = app_zip(&Image::default()).unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
        let archive = format!("fn_aws_guardduty-{VERSION}.tar.gz");
        assert_eq!(names, ["app.json", "export.res", &archive]);
        for name in ["app.json", "export.res"] {
            let member = zip.by_name(name).unwrap();
            let document: serde_json::Value = serde_json::from_reader(member).unwrap();
            assert!(document.is_object(), "{name}");
        }
        let mut bytes = Vec::new();
        zip.by_name(&archive)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        let unpacked = flate2::read::GzDecoder::new(bytes.as_slice());
        let mut tar = tar::Archive::new(unpacked);
        let paths: Vec<String> = tar
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        let below = format!("{NAME}-{VERSION}/");
        assert!(
            paths.iter().all(|path| path.starts_with(&below)),
            "{paths:?}"
        );
        assert!(paths.contains(&format!("{below}Dockerfile")), "{paths:?}");
    }

    #[test]
    fn the_same_sources_give_the_same_bytes() {
        let image = Image::default();
        assert_eq!(app_zip(&image).unwrap(), app_zip(&image).unwrap());
    }
}
