//! What the text of a configuration refers to: the environment, files, and stores of secrets.

use std::io;
use std::path::Path;

/// Answers what a value refers to. What is not implemented is not there.
pub trait Lookups {
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file.
    fn file(&self, path: &Path) -> io::Result<String>;

    /// Whether a log can be written to a file: its folder is there and lets a file be made, or the file be written.
    fn writable(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Err(io::ErrorKind::NotFound.into())
    }

    /// A protected secret of App Host.
    fn protected(&self, name: &str) -> Protected {
        let _ = name;
        Protected::Absent
    }

    /// An entry of the keyring.
    fn keyring(&self, service: &str, name: &str) -> Result<Option<String>, KeyringError> {
        let _ = (service, name);
        Err(KeyringError::NotInstalled)
    }
}

/// What App Host says to a name.
#[derive(Debug)]
pub enum Protected {
    /// There is no such secret.
    Absent,
    /// It is there and cannot be decrypted, for this reason.
    Unreadable(String),
    /// The secret.
    Found(secrecy::SecretString),
}

/// Why the keyring gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no such command.
    #[error("the command keyring is not installed")]
    NotInstalled,
    /// The command failed; this is what it said.
    #[error("the command keyring failed: {0}")]
    Failed(String),
}
