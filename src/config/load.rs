//! The only reader of the file system and the environment.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{ConfigErrors, Problem};
use super::{Config, parse_in};

const FILE_NAME: &str = "app.config";
const VARIABLE: &str = "APP_CONFIG_FILE";

/// Finds and reads the configuration; the path is that of the file it was read from.
///
/// Looks at `path` (the command line), `APP_CONFIG_FILE`, `./app.config` and
/// `~/.resilient/app.config`; the first that is named or exists is the one.
pub fn load(path: Option<PathBuf>) -> Result<(Config, PathBuf), ConfigErrors> {
    let path = find(path, &variable, &|path| path.is_file())?;
    let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&path, &error))?;
    let folder = folder_of(&path);
    let config = parse_in(Some(&folder), &text, &variable, &|path| {
        fs::read_to_string(path)
    })
    .map_err(|errors| errors.in_file(&path))?;
    Ok((config, path))
}

fn variable(name: &str) -> Option<String> {
    // A name with `=` or NUL is none that an environment can hold, and `var` answers so.
    env::var(name).ok()
}

fn find(
    path: Option<PathBuf>,
    lookup: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<PathBuf, ConfigErrors> {
    let named = lookup(VARIABLE).filter(|name| !name.trim().is_empty());
    if let Some(path) = path.or(named.map(PathBuf::from)) {
        return Ok(path);
    }
    let mut places = vec![PathBuf::from(FILE_NAME)];
    places.extend(lookup("HOME").map(|home| Path::new(&home).join(".resilient").join(FILE_NAME)));
    if let Some(found) = places.iter().find(|place| exists(place)) {
        return Ok(found.clone());
    }
    let looked: Vec<_> = places
        .iter()
        .map(|place| place.display().to_string())
        .collect();
    Err(Problem::new(
        FILE_NAME,
        format!("found neither at {}", looked.join(" nor at ")),
        format!("name it with --config or {VARIABLE}"),
    )
    .into())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigErrors {
    Problem::new(
        path.display().to_string(),
        format!("cannot be read: {error}"),
        "name a file that this program may read",
    )
    .into()
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> ConfigErrors {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = 1 + good.split(|byte| *byte == b'\n').count().saturating_sub(1);
    Problem::new(
        path.display().to_string(),
        format!("line {line} is not UTF-8"),
        "save the file as UTF-8",
    )
    .into()
}
