//! The only reader of the file system and the environment.

use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use super::error::{ConfigErrors, Problem};
use super::lookups::{KeyringError, Lookups};
use super::{Config, Flag, Protected, Source, keyring, parse_source, protected};

const FILE_NAME: &str = "app.config";
const VARIABLE: &str = "APP_CONFIG_FILE";

/// Finds and reads the configuration; the path is that of the file it was read from.
///
/// Looks at `path` (the command line), `APP_CONFIG_FILE`, `./app.config` and
/// `~/.resilient/app.config`; the first that is named or exists is the one.
///
/// `flags` are settings of the command line.
pub fn load(path: Option<PathBuf>, flags: &[Flag]) -> Result<(Config, PathBuf), ConfigErrors> {
    let path = locate(path)?;
    // It may hold secrets.
    let text = Zeroizing::new(text(&path)?);
    let source = Source {
        text: &text,
        folder: Some(&folder_of(&path)),
        flags,
    };
    let config = parse_source(&source, &ThisProcess).map_err(|errors| errors.in_file(&path))?;
    Ok((config, path))
}

/// Where the configuration is, without reading it.
pub fn locate(path: Option<PathBuf>) -> Result<PathBuf, ConfigErrors> {
    find(path, &variable, &|path| path.is_file())
}

/// The text of a configuration.
pub fn text(path: &Path) -> Result<String, ConfigErrors> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))
}

/// The environment and the files of this process.
struct ThisProcess;

impl Lookups for ThisProcess {
    fn variable(&self, name: &str) -> Option<String> {
        variable(name)
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(path)
    }

    fn writable(&self, path: &Path) -> io::Result<()> {
        if path.exists() {
            OpenOptions::new().append(true).open(path)?;
        }
        // Only making a file tells, whatever grants or forbids it. The log file itself is left to who runs the
        // worker: made by an administrator's check it would shut the worker out.
        let mut probe = path.as_os_str().to_owned();
        probe.push(format!(".{}.probe", std::process::id()));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&probe)?;
        fs::remove_file(&probe)
    }

    fn protected(&self, name: &str) -> Protected {
        protected::secret(Path::new(protected::FOLDER), name)
    }

    fn keyring(&self, service: &str, name: &str) -> Result<Option<String>, KeyringError> {
        keyring::entry(service, name)
    }
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
    let named = named.map(|name| at_home(&name, lookup("HOME")));
    if let Some(path) = path.or(named) {
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

/// A path with `~` expanded.
pub(super) fn at_home(path: &str, home: Option<String>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/soar".to_owned()),
            VARIABLE => Some("/etc/named.config".to_owned()),
            _ => None,
        }
    }

    fn home_only(name: &str) -> Option<String> {
        environment(name).filter(|_| name == "HOME")
    }

    #[test]
    fn the_command_line_beats_the_variable_and_the_variable_the_known_places() {
        let everywhere = |_: &Path| true;
        let find = |path: Option<&str>, lookup| {
            find(path.map(PathBuf::from), lookup, &everywhere).unwrap()
        };
        assert_eq!(find(Some("given"), &environment), Path::new("given"));
        assert_eq!(find(None, &environment), Path::new("/etc/named.config"));
        assert_eq!(find(None, &home_only), Path::new("app.config"));
        let at_home = |name: &str| match name {
            VARIABLE => Some("~/my.config".to_owned()),
            name => home_only(name),
        };
        assert_eq!(find(None, &at_home), Path::new("/home/soar/my.config"));
    }

    #[test]
    fn the_folder_at_home_is_the_last_place() {
        let at_home = |path: &Path| path == Path::new("/home/soar/.resilient/app.config");
        let found = find(None, &home_only, &at_home).unwrap();
        assert_eq!(found, Path::new("/home/soar/.resilient/app.config"));
        let error = find(None, &home_only, &|_| false).unwrap_err().to_string();
        assert_eq!(
            error,
            "app.config: found neither at app.config nor at /home/soar/.resilient/app.config; \
             name it with --config or APP_CONFIG_FILE"
        );
    }

    #[test]
    fn a_file_is_read_and_its_folder_holds_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.config");
        let template = folder.path().join("close.json");
        fs::write(&template, r#"{"resolution_id": "Duplicate"}"#).unwrap();
        let text = "[resilient]\nhost=h\norg=o\nemail=e\npassword=p\n[fn_aws_guardduty]\naws_gd_master_region=us-east-1\naws_gd_regions=us\n";
        let template_line = format!("aws_gd_close_incident_template={}\n", template.display());
        fs::write(&path, format!("\u{feff}{text}{template_line}")).unwrap();
        let (config, read) = load(Some(path.clone()), &[]).unwrap();
        assert_eq!(read, path);
        assert_eq!(
            config.guardduty.close_template.fields()["resolution_id"],
            "Duplicate"
        );
        if variable("STATE_DIRECTORY").is_none() {
            assert_eq!(config.guardduty.state_dir.as_deref(), Some(folder.path()));
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.config");
        let shown = path.display().to_string();
        let error = load(Some(path.clone()), &[]).unwrap_err().to_string();
        assert!(error.starts_with(&shown), "{error}");
        fs::write(&path, b"[resilient]\norg=B\xf6rse\n").unwrap();
        let error = load(Some(path.clone()), &[]).unwrap_err().to_string();
        assert!(error.contains("line 2 is not UTF-8"), "{error}");
        fs::write(&path, "[resilient]\nhost\n").unwrap();
        let error = load(Some(path), &[]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{shown}: line 2:")), "{error}");
    }

    #[test]
    fn the_folder_of_a_bare_name_is_the_current_one() {
        assert_eq!(folder_of(Path::new("app.config")), Path::new("."));
        assert_eq!(
            folder_of(Path::new("/etc/x/app.config")),
            Path::new("/etc/x")
        );
    }
}
