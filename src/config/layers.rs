//! Built-in defaults, then the file, the environment and the command line; the `config` crate lays them over each other.

use config::{ConfigError, File, FileSourceString, Map, Source, Value, ValueKind};

use super::Flag;
use super::error::{ConfigErrors, Problem};
use super::ini::{INHERITED_SECTION, IniFormat, SyntaxError, SyntaxErrors};
use super::keys::{GUARDDUTY, RESILIENT, SECTIONS, empty_counts};
use super::lookups::Lookups;

const DEFAULTS: &str = include_str!("defaults.ini");

type Sections = Map<String, Value>;

/// All settings after layering.
pub(super) struct Layers {
    merged: Sections,
    file: Sections,
}

/// A value as written, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) raw: String,
    pub(super) origin: Option<String>,
}

/// Lays the layers over each other.
pub(super) fn build(
    text: &str,
    flags: &[Flag],
    lookups: &dyn Lookups,
) -> Result<Layers, ConfigErrors> {
    let file = ini(text).collect().map_err(|error| syntax(&error))?;
    let merged = config::Config::builder()
        .add_source(ini(DEFAULTS))
        .add_source(Layer(environment_defaults(lookups)))
        .add_source(Layer(inherited(&file)))
        .add_source(Layer(own(&file)))
        .add_source(Layer(environment(lookups)))
        .add_source(Layer(command_line(flags)))
        .build()
        .and_then(|layered| layered.collect())
        .map_err(|error| syntax(&error))?;
    Ok(Layers { merged, file })
}

impl Layers {
    /// The setting that won.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<Setting> {
        setting(table(&self.merged, section)?.get(key)?)
    }

    /// Whether the file opens the section.
    pub(super) fn has_section(&self, section: &str) -> bool {
        self.file.contains_key(section)
    }

    /// The names of the file's sections.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.file.keys().map(String::as_str)
    }

    /// The keys that the file itself sets in a section, in its order.
    pub(super) fn keys_in_file(&self, section: &str) -> Vec<(String, Option<String>)> {
        let mut keys: Vec<_> = table(&self.file, section)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.origin().map(str::to_owned)))
            .collect();
        keys.sort_by_key(|(_, origin)| line_number(origin.as_deref()));
        keys
    }
}

fn ini(text: &str) -> File<FileSourceString, IniFormat> {
    File::from_str(text, IniFormat)
}

/// A layer made in memory.
#[derive(Debug, Clone)]
struct Layer(Sections);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Sections, ConfigError> {
        Ok(self.0.clone())
    }
}

/// What the file's `DEFAULT` section sets for our sections, as far as they know the key.
fn inherited(file: &Sections) -> Sections {
    let mut layer = Sections::new();
    for section in &SECTIONS {
        for (key, value) in table(file, INHERITED_SECTION).into_iter().flatten() {
            if section.knows(key) && counts(key, value) {
                put(&mut layer, section.name, key, value.clone());
            }
        }
    }
    layer
}

/// What the file sets in our sections. An empty value is as good as none.
fn own(file: &Sections) -> Sections {
    let mut layer = Sections::new();
    for section in &SECTIONS {
        for (key, value) in table(file, section.name).into_iter().flatten() {
            if counts(key, value) {
                put(&mut layer, section.name, key, value.clone());
            }
        }
    }
    layer
}

fn counts(key: &str, value: &Value) -> bool {
    empty_counts(key) || setting(value).is_some_and(|setting| !setting.raw.is_empty())
}

/// Variables that the file beats.
fn environment_defaults(lookups: &dyn Lookups) -> Sections {
    let mut layer = Sections::new();
    // systemd separates several state directories by colons; the first is the unit's main one.
    let state = lookups
        .variable("STATE_DIRECTORY")
        .and_then(|list| list.split(':').next().map(str::to_owned));
    if let Some(folder) = state {
        put_variable(
            &mut layer,
            GUARDDUTY,
            "aws_gd_state_dir",
            "STATE_DIRECTORY",
            &folder,
        );
    }
    if let Some(folder) = lookups.variable("APP_LOG_DIR") {
        put_variable(&mut layer, RESILIENT, "logdir", "APP_LOG_DIR", &folder);
    }
    layer
}

/// Variables that beat the file.
fn environment(lookups: &dyn Lookups) -> Sections {
    let mut layer = Sections::new();
    for (variable, key) in [
        ("LOGLEVEL", "loglevel"),
        ("RESOURCE_PREFIX", "resource_prefix"),
        ("RESILIENT_STOMP_TIMEOUT", "stomp_timeout"),
        ("RESILIENT_STOMP_MAX_RETRIES", "stomp_max_retries"),
    ] {
        if let Some(value) = lookups.variable(variable) {
            put_variable(&mut layer, RESILIENT, key, variable, &value);
        }
    }
    // In App Host the file's value does not count, even where the variable is not set.
    if in_app_host(lookups) {
        let variable = "RESILIENT_MAX_CONNECTION_RETRIES";
        let value = lookups
            .variable(variable)
            .unwrap_or_else(|| "-1".to_owned());
        put_variable(
            &mut layer,
            RESILIENT,
            "max_connection_retries",
            variable,
            &value,
        );
    }
    layer
}

/// Whether App Host, or an Edge Gateway, runs this process in a container.
pub(super) fn in_app_host(lookups: &dyn Lookups) -> bool {
    lookups.variable("APP_HOST_CONTAINER").is_some_and(|value| {
        ["1", "true", "yes", "on"].contains(&value.trim().to_lowercase().as_str())
    })
}

/// What the command line sets in `[resilient]`; it beats all else.
fn command_line(flags: &[Flag]) -> Sections {
    let mut layer = Sections::new();
    for flag in flags {
        let origin = format!("flag --{}", flag.key);
        let value = Value::new(Some(&origin), ValueKind::String(flag.value.clone()));
        put(&mut layer, RESILIENT, &flag.key, value);
    }
    layer
}

fn put_variable(layer: &mut Sections, section: &str, key: &str, variable: &str, value: &str) {
    if value.trim().is_empty() {
        return;
    }
    let origin = format!("environment variable {variable}");
    let value = Value::new(Some(&origin), ValueKind::String(value.trim().to_owned()));
    put(layer, section, key, value);
}

fn put(layer: &mut Sections, section: &str, key: &str, value: Value) {
    let table = layer
        .entry(section.to_owned())
        .or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    if let ValueKind::Table(keys) = &mut table.kind {
        keys.insert(key.to_owned(), value);
    }
}

fn table<'a>(sections: &'a Sections, name: &str) -> Option<&'a Map<String, Value>> {
    match &sections.get(name)?.kind {
        ValueKind::Table(keys) => Some(keys),
        _ => None,
    }
}

fn setting(value: &Value) -> Option<Setting> {
    match &value.kind {
        ValueKind::String(raw) => Some(Setting {
            raw: raw.clone(),
            origin: value.origin().map(str::to_owned),
        }),
        _ => None,
    }
}

fn line_number(origin: Option<&str>) -> Option<usize> {
    origin?.strip_prefix("line ")?.parse().ok()
}

fn syntax(error: &ConfigError) -> ConfigErrors {
    if let ConfigError::FileParse { cause, .. } = error
        && let Some(SyntaxErrors(errors)) = cause.downcast_ref()
    {
        return refused(errors);
    }
    Problem::new("app.config", error.to_string(), "write it as INI").into()
}

/// Every line that is refused, with what to do about it.
pub(super) fn refused(errors: &[SyntaxError]) -> ConfigErrors {
    ConfigErrors::new(errors.iter().map(Problem::from).collect())
}

impl From<&SyntaxError> for Problem {
    fn from(error: &SyntaxError) -> Self {
        let remedy = match error {
            SyntaxError::NoSeparator { .. } => {
                "write `key = value`, or indent the line if it continues the value above"
            }
            SyntaxError::NoSection { .. } => "put a section such as [resilient] before it",
            SyntaxError::NoKey { .. } => "write `key = value`",
            SyntaxError::DuplicateSection { .. } => "merge the two",
            SyntaxError::DuplicateKey { .. } => "keep one of them",
        };
        let text = error.to_string();
        let (place, wrong) = text.split_once(": ").unwrap_or(("app.config", &text));
        Self::new(place, wrong, remedy)
    }
}
