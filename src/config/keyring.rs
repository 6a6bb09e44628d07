//! Python's keyring, asked by its own command: it alone reads whatever store this machine is set up with, and is
//! there wherever the Python app was installed.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::lookups::KeyringError;

const COMMAND: &str = "keyring";
/// A store that asks the user to unlock it would wait for ever.
const LIMIT: Duration = Duration::from_secs(30);
const PACE: Duration = Duration::from_millis(20);

/// The entry of a name under a service; `None` where there is none.
pub(super) fn entry(service: &str, name: &str) -> Result<Option<String>, KeyringError> {
    ask(COMMAND, service, name)
}

fn ask(command: &str, service: &str, name: &str) -> Result<Option<String>, KeyringError> {
    let mut child = Command::new(command)
        .args(["get", service, name])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(&error))?;
    let success = wait(&mut child)?;
    let (said, complained) = (read(child.stdout.take()), read(child.stderr.take()));
    if success {
        let entry = said.strip_suffix('\n').unwrap_or(&said);
        return Ok(Some(entry.strip_suffix('\r').unwrap_or(entry).to_owned()));
    }
    // Without an entry the command says nothing.
    match complained.lines().rfind(|line| !line.trim().is_empty()) {
        None => Ok(None),
        Some(line) => Err(KeyringError::Failed(line.trim().replace(name, "NAME"))),
    }
}

fn not_started(error: &std::io::Error) -> KeyringError {
    match error.kind() {
        std::io::ErrorKind::NotFound => KeyringError::NotInstalled,
        _ => KeyringError::Failed(error.to_string()),
    }
}

/// Waits for the end; whether it was a success. Its answer is far smaller than a pipe, so it never waits for us.
fn wait(child: &mut Child) -> Result<bool, KeyringError> {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) => thread::sleep(PACE),
            Err(error) => return Err(KeyringError::Failed(error.to_string())),
        }
    }
    // It may have ended by now; either way nobody waits for it any more.
    let _ = child.kill();
    let _ = child.wait();
    Err(KeyringError::Failed(format!(
        "it gave no answer within {} seconds; is the keyring locked?",
        LIMIT.as_secs()
    )))
}

fn read(pipe: Option<impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What could be read is told; the exit code says the rest.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A command that behaves as Python's `keyring get` does.
    fn asked(name: &str) -> Result<Option<String>, KeyringError> {
        let folder = tempfile::tempdir().unwrap();
        let command = folder.path().join("keyring");
        let script = r#"#!/bin/sh
case "$*" in
  "get _ soar") echo "hunter2 with blanks " ;;
  "get _ locked") echo "Traceback ..." >&2; echo "keyring.errors.KeyringLocked: locked" >&2; exit 1 ;;
  *) exit 1 ;;
esac
"#;
        std::fs::write(&command, script).unwrap();
        std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o755)).unwrap();
        ask(command.to_str().unwrap(), "_", name)
    }

    #[test]
    fn an_entry_is_what_the_command_prints() {
        assert_eq!(
            asked("soar").unwrap().as_deref(),
            Some("hunter2 with blanks ")
        );
        assert_eq!(asked("other").unwrap(), None);
    }

    #[test]
    fn a_failure_is_told_in_the_commands_last_words() {
        // The name is hidden also there, as it may be a secret.
        assert_eq!(
            asked("locked").unwrap_err().to_string(),
            "the command keyring failed: keyring.errors.KeyringLocked: NAME"
        );
        let missing = ask("/nowhere/keyring", "_", "soar").unwrap_err();
        assert!(matches!(missing, KeyringError::NotInstalled));
    }
}
