//! Logs: standard error, and a file where one is set.

mod log_file;
mod problems;
pub mod trace;

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{ParseError, dynamic_filter_fn, filter_fn};
use tracing_subscriber::fmt::writer::{MakeWriter, MakeWriterExt as _};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{LogConfig, LogLevel};
use log_file::LogFileSink;

pub use problems::{Problem, Problems};

/// Why no log could be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The text of `RUST_LOG` is no filter.
    #[error("RUST_LOG is not a log filter; an example is fn_aws_guardduty=debug,warn")]
    Filter(#[source] ParseError),
    /// A subscriber is set already.
    #[error("the log is set up already")]
    AlreadySet,
}

/// The log of this process, for changes while it runs.
#[derive(Clone)]
pub struct Telemetry {
    filter: Arc<dyn Fn(EnvFilter) + Send + Sync>,
    file: LogFileSink,
    problems: Problems,
}

/// Sends the log of this process to standard error, as text on a terminal, else one JSON object a line, and to
/// the file that is set, always as JSON.
pub fn init(config: &LogConfig) -> Result<Telemetry, TelemetryError> {
    install(config, io::stderr().is_terminal(), io::stderr)
}

/// As [`init`], on a terminal that shows something else as well: only warnings and errors go there, through `writer`. The file
/// has all.
pub fn init_beside<W>(config: &LogConfig, writer: W) -> Result<Telemetry, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    install(config, true, writer.with_max_level(Level::WARN))
}

fn install<W>(config: &LogConfig, terminal: bool, writer: W) -> Result<Telemetry, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (subscriber, telemetry) = subscriber(config, terminal, writer)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::AlreadySet)?;
    Ok(telemetry)
}

impl Telemetry {
    /// The last warnings and errors.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Takes over another configuration; a wrong one changes nothing.
    pub fn reload(&self, config: &LogConfig) -> Result<(), TelemetryError> {
        let filter = env_filter(config)?;
        (self.filter)(filter);
        self.file.switch(config.file.as_ref());
        Ok(())
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

fn subscriber<W>(
    config: &LogConfig,
    terminal: bool,
    writer: W,
) -> Result<(impl tracing::Subscriber + Send + Sync + use<W>, Telemetry), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (level, filter) = reload::Layer::new(env_filter(config)?);
    let problems = Problems::default();
    let file = LogFileSink::default();
    file.switch(config.file.as_ref());
    let stream = fmt::layer().with_writer(writer);
    let stream = if terminal {
        stream.with_target(false).boxed()
    } else {
        stream
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    };
    let sink = file.clone();
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(file.clone())
        .with_filter(dynamic_filter_fn(move |_, _| sink.is_on()));
    // The level comes last, around the file's own filter: from within, it would not spare the libraries' finest events the
    // question whether they are shown, and there are hundreds of them in each call to AWS.
    let subscriber = Registry::default()
        .with(stream)
        .with(lines)
        .with(problems.clone())
        .with(filter_fn(may_be_shown))
        .with(level);
    let telemetry = Telemetry {
        // The handle is of no use only where the subscriber is gone, and then there is no log to change.
        filter: Arc::new(move |newer| drop(filter.reload(newer))),
        file,
        problems,
    };
    Ok((subscriber, telemetry))
}

/// What of AWS's library is never shown. At its finest it logs whole answers, also of who hands out credentials. And it
/// complains after each error of a connection that it cannot close: ours are reqwest's, which closes them itself.
fn may_be_shown(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let finest = target.starts_with("aws_") && *metadata.level() == Level::TRACE;
    let complaint = target.ends_with("::connection_poisoning");
    !(finest || complaint)
}

/// Our own modules at `level`, libraries at warnings or less.
fn env_filter(config: &LogConfig) -> Result<EnvFilter, TelemetryError> {
    let ours = match config.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warning => "warn",
        LogLevel::Error | LogLevel::Critical => "error",
    };
    let libraries = if ours == "error" { "error" } else { "warn" };
    let default = format!("{libraries},fn_aws_guardduty={ours},sandbox={ours}");
    EnvFilter::builder()
        .parse(config.filter.as_deref().unwrap_or(&default))
        .map_err(TelemetryError::Filter)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use tracing::Subscriber as _;
    use tracing::level_filters::LevelFilter;

    use super::*;
    use crate::config::LogFile;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Buffer {
        fn lines(&self) -> Vec<String> {
            let bytes = self.0.lock().unwrap().clone();
            let text = String::from_utf8(bytes).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    fn config(level: LogLevel, filter: Option<&str>) -> LogConfig {
        LogConfig {
            level,
            filter: filter.map(str::to_owned),
            file: None,
        }
    }

    fn logged(level: LogLevel, filter: Option<&str>, terminal: bool) -> Vec<String> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let config = config(level, filter);
        let (log, _) = subscriber(&config, terminal, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(log, || {
            tracing::debug!("own debug");
            tracing::info!(finding = "f-1", "own info");
            tracing::warn!("own warning");
            tracing::error!("own error");
            tracing::info!(target: "hyper::client", "library info");
            tracing::warn!(target: "aws_config", "library warning");
        });
        buffer.lines()
    }

    fn in_file(path: &Path) -> LogConfig {
        LogConfig {
            file: Some(LogFile {
                path: path.to_owned(),
                max_bytes: 0,
                backups: 0,
            }),
            ..config(LogLevel::Info, None)
        }
    }

    #[test]
    fn the_file_has_json_whatever_standard_error_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let (log, _) = subscriber(&in_file(&path), true, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(log, || {
            let span = tracing::info_span!("cycle", region = "us-east-1");
            let _entered = span.enter();
            tracing::info!(finding = "f-1", "escalated");
            tracing::debug!("too fine");
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let entry: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(
            (&entry["message"], &entry["finding"]),
            (&"escalated".into(), &"f-1".into())
        );
        assert_eq!(entry["span"]["region"], "us-east-1");
        assert_eq!(buffer.lines().len(), 1);
        assert!(!buffer.lines()[0].starts_with('{'));
    }

    #[test]
    fn a_reload_changes_level_and_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let (log, telemetry) = subscriber(&config(LogLevel::Error, None), false, move || {
            writer.clone()
        })
        .unwrap();
        tracing::subscriber::with_default(log, || {
            // One place in the code, as its verdict on the level must not be remembered.
            let say = |word: &str| tracing::info!("{word}");
            say("one");
            telemetry.reload(&in_file(&path)).unwrap();
            say("two");
            let wrong = config(LogLevel::Error, Some("fn_aws_guardduty=loud"));
            assert!(telemetry.reload(&wrong).is_err());
            say("three");
            telemetry.reload(&config(LogLevel::Info, None)).unwrap();
            say("four");
        });
        let words = |lines: &[String]| -> Vec<String> {
            lines
                .iter()
                .map(|line| {
                    let entry: serde_json::Value = serde_json::from_str(line).unwrap();
                    entry["message"].as_str().unwrap().to_owned()
                })
                .collect()
        };
        assert_eq!(words(&buffer.lines()), ["two", "three", "four"]);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(words(&lines), ["two", "three"]);
    }

    #[test]
    fn the_level_is_for_us_and_libraries_only_warn() {
        assert_eq!(logged(LogLevel::Debug, None, false).len(), 5);
        assert_eq!(logged(LogLevel::Info, None, false).len(), 4);
        assert_eq!(logged(LogLevel::Warning, None, false).len(), 3);
        assert_eq!(logged(LogLevel::Critical, None, false).len(), 1);
    }

    #[test]
    fn what_is_too_fine_is_not_even_asked_about() {
        let most = |level| {
            let (log, _) = subscriber(&config(level, None), false, io::sink).unwrap();
            log.max_level_hint()
        };
        assert_eq!(most(LogLevel::Info), Some(LevelFilter::INFO));
        assert_eq!(most(LogLevel::Error), Some(LevelFilter::ERROR));
    }

    #[test]
    fn rust_log_beats_the_level() {
        let lines = logged(LogLevel::Error, Some("off,hyper=info"), false);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("library info"));
    }

    #[test]
    fn the_finest_log_of_awss_library_is_never_shown() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let config = config(LogLevel::Error, Some("trace"));
        let (log, _) = subscriber(&config, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(log, || {
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "an answer");
            tracing::error!(target: "aws_smithy_runtime::client::http::connection_poisoning", "an answer");
            tracing::debug!(target: "aws_smithy_runtime", "a debug line");
            tracing::trace!("own trace");
        });
        let lines = buffer.lines().join("\n");
        assert!(!lines.contains("an answer"), "{lines}");
        assert!(
            lines.contains("a debug line") && lines.contains("own trace"),
            "{lines}"
        );
    }

    #[test]
    fn elsewhere_than_on_a_terminal_a_line_is_a_json_object() {
        for line in logged(LogLevel::Info, None, false) {
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(entry["message"].is_string(), "{line}");
        }
    }

    #[test]
    fn on_a_terminal_a_line_is_text_with_its_fields() {
        let lines = logged(LogLevel::Info, None, true);
        assert!(
            lines
                .iter()
                .any(|line| line.contains("own info") && line.contains("f-1"))
        );
        assert!(lines.iter().all(|line| !line.starts_with('{')));
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert!(matches!(
            env_filter(&config(LogLevel::Info, Some("fn_aws_guardduty=loud"))),
            Err(TelemetryError::Filter(_))
        ));
    }
}
