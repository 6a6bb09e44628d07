//! Logs.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::writer::MakeWriter;

use crate::config::LogLevel;

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

/// Sends the log of this process to standard error: text on a terminal, else one JSON object a line.
///
/// `filter` is the text of `RUST_LOG`, which beats `level`.
pub fn init(level: LogLevel, filter: Option<&str>) -> Result<(), TelemetryError> {
    let filter = env_filter(level, filter)?;
    let terminal = io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(filter, terminal, io::stderr))
        .map_err(|_| TelemetryError::AlreadySet)
}

fn subscriber<W>(
    filter: EnvFilter,
    terminal: bool,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    if terminal {
        Box::new(log.with_target(false).finish())
    } else {
        Box::new(log.json().flatten_event(true).finish())
    }
}

/// Our own modules at `level`, libraries at warnings or less.
fn env_filter(level: LogLevel, filter: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let ours = match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warning => "warn",
        LogLevel::Error | LogLevel::Critical => "error",
    };
    let libraries = if ours == "error" { "error" } else { "warn" };
    let default = format!("{libraries},fn_aws_guardduty={ours},sandbox={ours}");
    EnvFilter::builder()
        .parse(filter.unwrap_or(&default))
        .map_err(TelemetryError::Filter)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

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

    fn logged(level: LogLevel, filter: Option<&str>, terminal: bool) -> Vec<String> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let filter = env_filter(level, filter).unwrap();
        let log = subscriber(filter, terminal, move || writer.clone());
        tracing::subscriber::with_default(log, || {
            tracing::debug!("own debug");
            tracing::info!(finding = "f-1", "own info");
            tracing::warn!("own warning");
            tracing::error!("own error");
            tracing::info!(target: "hyper::client", "library info");
            tracing::warn!(target: "aws_config", "library warning");
        });
        let bytes = buffer.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_level_is_for_us_and_libraries_only_warn() {
        assert_eq!(logged(LogLevel::Debug, None, false).len(), 5);
        assert_eq!(logged(LogLevel::Info, None, false).len(), 4);
        assert_eq!(logged(LogLevel::Warning, None, false).len(), 3);
        assert_eq!(logged(LogLevel::Critical, None, false).len(), 1);
    }

    #[test]
    fn rust_log_beats_the_level() {
        let lines = logged(LogLevel::Error, Some("off,hyper=info"), false);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("library info"));
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
            env_filter(LogLevel::Info, Some("fn_aws_guardduty=loud")),
            Err(TelemetryError::Filter(_))
        ));
    }
}
