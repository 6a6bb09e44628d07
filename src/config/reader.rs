use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::error::{ConfigErrors, Problem};
use super::keys::{self, SECTIONS};
use super::layers::{Layers, Setting};
use super::lookups::Lookups;
use super::secrets::{self, NoValue};
use super::{Flag, Trust, Warning, WarningKind, interval, load, numbers};

/// A mistake was noted; the value cannot be had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted;

/// Reads settings and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    lookups: &'a dyn Lookups,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers, lookups: &'a dyn Lookups) -> Self {
        Self {
            layers,
            lookups,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// A section, whose settings are then read one by one.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'_, 'a> {
        Section { name, reader: self }
    }

    /// Notes a required section that is absent, and warns of keys that nobody reads.
    pub(super) fn check_names(&mut self) {
        for section in [keys::RESILIENT, keys::GUARDDUTY] {
            if !self.layers.has_section(section) {
                let similar = keys::nearest(section, self.layers.sections());
                let remedy = match similar {
                    Some(similar) => format!("is [{similar}] meant to be it?"),
                    None => "add it; app.config.example shows what it needs".to_owned(),
                };
                let place = format!("[{section}]");
                self.problems
                    .push(Problem::new(place, "the section is missing", remedy));
            }
        }
        for section in &SECTIONS {
            for (key, origin) in self.layers.keys_in_file(section.name) {
                if !section.knows(&key) {
                    let place = place(section.name, &key, origin.as_deref());
                    let hint = match section.nearest(&key) {
                        Some(known) => format!("; did you mean {known}?"),
                        None => String::new(),
                    };
                    let text = format!("{place}: no such key, ignored{hint}");
                    self.warnings
                        .push(Warning::new(WarningKind::UnknownKey, text));
                }
            }
        }
    }

    /// Refuses secrets on the command line.
    pub(super) fn check_flags(&mut self, flags: &[Flag]) {
        for flag in flags.iter().filter(|flag| keys::has_file(&flag.key)) {
            let key = &flag.key;
            self.problems.push(Problem::new(
                format!("--{key}"),
                "every user of this machine can read a secret on a command line",
                format!("set {key} in app.config by a variable ($NAME) or the keyring (^NAME), or set {key}_file"),
            ));
        }
    }

    /// A variable of the environment that is not blank.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.lookups
            .variable(name)
            .filter(|value| !value.trim().is_empty())
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.warnings
    }

    pub(super) fn into_errors(self) -> ConfigErrors {
        ConfigErrors::new(self.problems).with_warnings(self.warnings)
    }
}

/// One section of the configuration.
pub(super) struct Section<'r, 'a> {
    name: &'static str,
    reader: &'r mut Reader<'a>,
}

impl Section<'_, '_> {
    /// The value with its references resolved; `None` where there is none.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Noted> {
        if keys::has_file(key)
            && let Some(value) = self.value_in_file(key)?
        {
            return Ok(Some(value));
        }
        let Some(setting) = self.reader.layers.get(self.name, key) else {
            return Ok(None);
        };
        self.refuse_unfit(key, &setting)?;
        let Reader {
            layers, lookups, ..
        } = &*self.reader;
        match secrets::resolve(layers, *lookups, self.name, key, &setting.raw) {
            Ok(resolved) => {
                if let Some(complaint) = resolved.complaint {
                    self.warn(WarningKind::Notice, key, &complaint);
                }
                Ok((!resolved.value.trim().is_empty()).then_some(resolved.value))
            }
            Err(missing) => Err(self.no_value(key, &missing)),
        }
    }

    /// The value as it was written.
    pub(super) fn raw(&self, key: &str) -> Option<String> {
        let setting = self.reader.layers.get(self.name, key);
        setting.map(|setting| setting.raw)
    }

    /// The first line of the file that the key with `_file` behind it names.
    fn value_in_file(&mut self, key: &str) -> Result<Option<String>, Noted> {
        let file_key = format!("{key}_file");
        let Some((_, text)) = self.file(&file_key)? else {
            return Ok(None);
        };
        if self.raw(key).is_some() {
            let wrong = format!("is set, and so is {key}");
            return Err(self.note(&file_key, &wrong, "keep one of them"));
        }
        let line = text.lines().next().unwrap_or_default();
        if line.trim().is_empty() {
            let wrong = "the first line of the file that it names is empty";
            return Err(self.note(&file_key, wrong, "write the secret into it"));
        }
        Ok(Some(line.to_owned()))
    }

    /// Reads again what is noted elsewhere if it is wrong.
    pub(super) fn quietly<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let noted = (self.reader.problems.len(), self.reader.warnings.len());
        let value = read(self);
        self.reader.problems.truncate(noted.0);
        self.reader.warnings.truncate(noted.1);
        value
    }

    /// Whether the key is there, be it with an empty value.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.reader.layers.get(self.name, key).is_some()
    }

    pub(super) fn required(&mut self, key: &str, remedy: &str) -> Result<String, Noted> {
        match self.text(key)? {
            Some(value) => Ok(value),
            None => Err(self.missing(key, remedy)),
        }
    }

    /// Notes that a key is missing; silent where the whole section is, as that is noted already.
    pub(super) fn missing(&mut self, key: &str, remedy: &str) -> Noted {
        if self.reader.layers.has_section(self.name) {
            self.note(key, "is required and not set", remedy);
        }
        Noted
    }

    /// The value as `parse` reads it; `right` says what `parse` accepts.
    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        right: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Noted> {
        let Some(value) = self.text(key)? else {
            return Ok(None);
        };
        match parse(value.trim()) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(self.wrong(key, right)),
        }
    }

    /// A number in a range. Only for keys with a built-in default.
    pub(super) fn number<T>(&mut self, key: &str, range: RangeInclusive<T>) -> Result<T, Noted>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        match self.optional_number(key, range)? {
            Some(number) => Ok(number),
            None => Err(self.missing(key, "set it")),
        }
    }

    pub(super) fn optional_number<T>(
        &mut self,
        key: &str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, Noted>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let right = format!("a whole number from {} to {}", range.start(), range.end());
        self.parsed(key, &right, |text| {
            numbers::whole(text).filter(|number| range.contains(number))
        })
    }

    /// An interval. Only for keys with a built-in default.
    pub(super) fn interval(&mut self, key: &str) -> Result<Duration, Noted> {
        match self.parsed(key, interval::FORM, interval::parse)? {
            Some(interval) => Ok(interval),
            None => Err(self.missing(key, "set it")),
        }
    }

    /// Seconds, with a fraction if need be. Only for keys with a built-in default.
    pub(super) fn seconds(
        &mut self,
        key: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Duration, Noted> {
        match self.optional_seconds(key, range)? {
            Some(seconds) => Ok(seconds),
            None => Err(self.missing(key, "set it")),
        }
    }

    pub(super) fn optional_seconds(
        &mut self,
        key: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<Duration>, Noted> {
        let right = format!(
            "a number of seconds from {} to {}",
            range.start(),
            range.end()
        );
        let seconds = self.parsed(key, &right, |text| {
            numbers::decimal(text).filter(|seconds| range.contains(seconds))
        })?;
        Ok(seconds.map(Duration::from_secs_f64))
    }

    /// `true`, `false`, or a file of certificates; a file must be readable.
    pub(super) fn trust(&mut self, key: &str) -> Result<Option<Trust>, Noted> {
        let Some(value) = self.text(key)? else {
            return Ok(None);
        };
        match value.trim().to_lowercase().as_str() {
            "false" => return Ok(Some(Trust::Off)),
            "true" => return Ok(Some(Trust::Public)),
            _ => {}
        }
        let path = self.readable(key, &value)?;
        Ok(Some(Trust::Bundle(path)))
    }

    /// The file of certificates that the first of these variables names.
    pub(super) fn bundle_of_environment(&mut self, key: &str, variables: &[&str]) -> Option<Trust> {
        let (variable, value) = variables
            .iter()
            .find_map(|name| Some((*name, self.reader.variable(name)?)))?;
        let path = self.path(&value);
        if let Err(error) = self.try_reading(&path) {
            let text = format!(
                "the variable {variable} names {}, which cannot be read ({error}), so it does not count",
                path.display()
            );
            self.warn(WarningKind::Notice, key, &text);
            return None;
        }
        Some(Trust::Bundle(path))
    }

    /// The path of a file that must be readable.
    pub(super) fn readable(&mut self, key: &str, value: &str) -> Result<PathBuf, Noted> {
        let path = self.path(value);
        match self.try_reading(&path) {
            Err(error) => Err(self.unreadable(key, &path, &error)),
            Ok(()) => Ok(path),
        }
    }

    /// PEM files carry comments in any encoding: only reading at all is asked for.
    fn try_reading(&self, path: &Path) -> io::Result<()> {
        match self.reader.lookups.file(path) {
            Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(error),
            _ => Ok(()),
        }
    }

    /// The text of a file that the key names.
    pub(super) fn file(&mut self, key: &str) -> Result<Option<(PathBuf, String)>, Noted> {
        let Some(value) = self.text(key)? else {
            return Ok(None);
        };
        let path = self.path(&value);
        match self.reader.lookups.file(&path) {
            Ok(text) => Ok(Some((path, text))),
            Err(error) => Err(self.unreadable(key, &path, &error)),
        }
    }

    /// Whether a log can be written there.
    pub(super) fn writable(&self, path: &Path) -> io::Result<()> {
        self.reader.lookups.writable(path)
    }

    /// A path with `~` expanded.
    pub(super) fn path(&self, value: &str) -> PathBuf {
        load::at_home(value.trim(), self.reader.lookups.variable("HOME"))
    }

    pub(super) fn note(&mut self, key: &str, wrong: &str, remedy: &str) -> Noted {
        let place = self.place(key);
        self.reader
            .problems
            .push(Problem::new(place, wrong, remedy));
        Noted
    }

    fn place(&self, key: &str) -> String {
        let setting = self.reader.layers.get(self.name, key);
        let origin = setting.and_then(|setting| setting.origin);
        place(self.name, key, origin.as_deref())
    }

    pub(super) fn warn(&mut self, kind: WarningKind, key: &str, text: &str) {
        let text = format!("{}: {text}", self.place(key));
        self.reader.warnings.push(Warning::new(kind, text));
    }

    fn wrong(&mut self, key: &str, right: &str) -> Noted {
        let wrong = format!("{} cannot be used", self.shown(key));
        self.note(key, &wrong, &format!("give {right}"))
    }

    fn unreadable(&mut self, key: &str, path: &Path, error: &io::Error) -> Noted {
        // Where the name of a secret's file is looked for, somebody may have put the secret.
        let wrong = if key.ends_with("_file") {
            format!("cannot read the file that it names: {error}")
        } else {
            format!("cannot read {}: {error}", path.display())
        };
        self.note(key, &wrong, "name a file that this program may read")
    }

    /// Refuses what no key can mean.
    fn refuse_unfit(&mut self, key: &str, setting: &Setting) -> Result<(), Noted> {
        if setting.raw.contains('\n') {
            return Err(self.note(
                key,
                "the value runs over several lines",
                "move the next key to the left margin: a line indented deeper continues the value above",
            ));
        }
        if is_placeholder(&setting.raw) && !keys::is_soar_secret(key) {
            let wrong = format!("still holds the placeholder {}", setting.raw);
            return Err(self.note(key, &wrong, "set the real value, or remove the line"));
        }
        Ok(())
    }

    fn no_value(&mut self, key: &str, missing: &NoValue) -> Noted {
        let (wrong, remedy) = missing.explain(key);
        self.note(key, &wrong, &remedy)
    }

    /// What was written, as far as it may be shown; not what it refers to.
    pub(super) fn shown(&self, key: &str) -> String {
        let setting = self.reader.layers.get(self.name, key);
        match setting {
            Some(setting) if !keys::is_secret(key) => {
                let text: String = setting.raw.chars().take(80).collect();
                format!("`{}`", text.escape_debug())
            }
            _ => "the value".to_owned(),
        }
    }
}

fn place(section: &str, key: &str, origin: Option<&str>) -> String {
    match origin {
        Some(origin) => format!("[{section}] {key} ({origin})"),
        None => format!("[{section}] {key}"),
    }
}

/// `<AWS_GUARDDUTY_REGION_REGEX>`, as the templates of such files have it.
fn is_placeholder(value: &str) -> bool {
    let inner = value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    inner.is_some_and(|name| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}
