//! Zip and tar archives whose bytes depend on nothing but their members.

use std::io::{self, Cursor, Write as _};

use flate2::{Compression, GzBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::app_json::NAME;
use super::{VERSION, contents::File};

/// When every member was made, in epoch seconds: fixed, since a clock would make every build differ.
const MADE: u64 = 1_767_225_600;

/// A zip of `members`, which are names and their content.
pub(super) fn zip(members: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(made())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, options)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// [`MADE`] in the calendar that zip archives use.
fn made() -> DateTime {
    DateTime::from_date_and_time(2026, 1, 1, 0, 0, 0).unwrap_or_default()
}

/// A compressed tar archive of `files`, in a folder named by app and version.
pub(super) fn tar_gz(files: &[File]) -> io::Result<Vec<u8>> {
    // Without a time of its own, since that is the default.
    let packed = GzBuilder::new().write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(packed);
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(if file.executable { 0o755 } else { 0o644 });
        header.set_mtime(MADE);
        let path = format!("{NAME}-{VERSION}/{}", file.path);
        tar.append_data(&mut header, path, file.content.as_ref())?;
    }
    tar.into_inner()?.finish()
}
