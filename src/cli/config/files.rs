//! The files that `config` writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use crate::cli::config_file::BAD_CONFIG;
use crate::config::{EXAMPLE, complete, load};

/// For the owner alone: it may come to hold secrets.
const MODE: u32 = 0o600;

/// Writes the example.
pub(super) fn init(file: Option<PathBuf>, force: bool) -> anyhow::Result<ExitCode> {
    let file = named(file)?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| {
            format!(
                "could not make the folder {}; name another file",
                folder.display()
            )
        })?;
    }
    let written = if force {
        write(
            OpenOptions::new().create(true).truncate(true),
            &file,
            EXAMPLE,
        )
    } else {
        write(OpenOptions::new().create_new(true), &file, EXAMPLE)
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "{} is there already: config update completes it, --force overwrites it",
            file.display()
        ),
        written => written
            .with_context(|| format!("could not write {}; name another file", file.display()))?,
    }
    println!(
        "wrote {0}: fill in what has no # before it, then run selftest --config {0}",
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Adds what a file lacks.
pub(super) fn update(file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let named = load::locate(file).or_else(|_| named(None))?;
    // A link stays one.
    let file = fs::canonicalize(&named).map_err(|error| {
        anyhow!(
            "{} cannot be read ({error}): config init writes a new one",
            named.display()
        )
    })?;
    let completed = load::text(&file).and_then(|text| complete(&text));
    let completed = match completed {
        Ok(completed) => completed,
        Err(errors) => {
            eprintln!("{errors}");
            eprintln!(
                "{} was not changed: correct these lines first",
                file.display()
            );
            return Ok(ExitCode::from(BAD_CONFIG));
        }
    };
    if completed.added.is_empty() {
        println!("{} lacks nothing", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    replace(&file, &completed.text)
        .with_context(|| format!("{} was not changed; run this as its owner", file.display()))?;
    for added in &completed.added {
        println!("added {added}");
    }
    println!(
        "{} is complete: what was added are comments, and whole sections",
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// The file that was named, or the last place where the worker looks.
fn named(file: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    file.or_else(|| variable("APP_CONFIG_FILE").map(PathBuf::from))
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".resilient/app.config")))
        .ok_or_else(|| anyhow!("there is no home folder: name a file"))
}

/// Puts `text` in the place of a file at once, with its mode and owner: a crash leaves the one or the other.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let before = fs::metadata(file)?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let replaced = write(OpenOptions::new().create_new(true), &beside, text)
        .and_then(|()| chown(&beside, Some(before.uid()), Some(before.gid())))
        .and_then(|()| fs::set_permissions(&beside, before.permissions()))
        .and_then(|()| fs::rename(&beside, file));
    if replaced.is_err() {
        let _ = fs::remove_file(&beside);
    }
    replaced
}

fn write(options: &mut OpenOptions, file: &Path, text: &str) -> io::Result<()> {
    let mut file: File = options.write(true).mode(MODE).open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
