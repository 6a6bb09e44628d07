//! What is logged, and where to.

use super::keys::RESILIENT;
use super::reader::{Noted, Reader, Section};
use super::{LogConfig, LogFile, LogLevel, WarningKind};

/// The folder that is used where nothing names one, if it is there.
const USUAL_FOLDER: &str = "logs";
/// The smallest file that is moved aside, as in the Python app.
const SMALLEST: u64 = 100_000;

pub(super) fn read(reader: &mut Reader<'_>) -> Result<LogConfig, Noted> {
    let filter = reader.variable("RUST_LOG");
    let mut section = reader.section(RESILIENT);
    let level = level(&mut section);
    let file = file(&mut section);
    Ok(LogConfig {
        level: level?,
        filter,
        file: file?,
    })
}

/// An unknown level is INFO, as it always was: a slip here must not stop the escalation of findings.
fn level(section: &mut Section<'_, '_>) -> Result<LogLevel, Noted> {
    let Some(name) = section.text("loglevel")? else {
        return Ok(LogLevel::Info);
    };
    let level = LogLevel::parse(&name);
    if level.is_none() {
        section.warn(
            WarningKind::Notice,
            "loglevel",
            "no such level, INFO is used; give DEBUG, INFO, WARNING, ERROR or CRITICAL",
        );
    }
    Ok(level.unwrap_or(LogLevel::Info))
}

impl LogLevel {
    /// Reads a name of Python's logging, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_uppercase().as_str() {
            "DEBUG" | "NOTSET" => Some(Self::Debug),
            "INFO" => Some(Self::Info),
            "WARNING" | "WARN" => Some(Self::Warning),
            "ERROR" => Some(Self::Error),
            "CRITICAL" | "FATAL" => Some(Self::Critical),
            _ => None,
        }
    }
}

fn file(section: &mut Section<'_, '_>) -> Result<Option<LogFile>, Noted> {
    let folder = section.text("logdir");
    let name = section.required("logfile", "give the name of the log file");
    let max_bytes = max_bytes(section);
    let backups = section.number("log_backup_count", 0..=100_000_usize);
    let folder = folder?;
    let path = section
        .path(folder.as_deref().unwrap_or(USUAL_FOLDER))
        .join(name?.trim());
    let file = LogFile {
        path,
        max_bytes: max_bytes?,
        backups: backups?,
    };
    match section.writable(&file.path) {
        Ok(()) => Ok(Some(file)),
        Err(_) if folder.is_none() => Ok(None),
        Err(error) => Err(section.note(
            "logdir",
            &format!("cannot write {}: {error}", file.path.display()),
            "make the folder and let this program's user write to it, or remove the key to log to standard error alone",
        )),
    }
}

fn max_bytes(section: &mut Section<'_, '_>) -> Result<u64, Noted> {
    let bytes = section.number("log_max_bytes", 0..=u64::from(u32::MAX))?;
    if (1..SMALLEST).contains(&bytes) {
        return Err(section.note(
            "log_max_bytes",
            &format!("`{bytes}` cannot be used"),
            &format!("give 0 for a file that is never moved aside, or {SMALLEST} or more"),
        ));
    }
    Ok(bytes)
}
