//! Where the values that a key refers to come from: App Host's protected secrets, the environment, the keyring.

use secrecy::ExposeSecret as _;

use super::keys::{self, RESILIENT};
use super::layers::{Layers, in_app_host};
use super::lookups::{KeyringError, Lookups, Protected};
use super::references::{self, Place};

/// Why a reference has no value. The name may be (part of) a secret.
#[derive(Debug)]
pub(super) enum NoValue {
    /// No such variable.
    Variable(String),
    /// The keyring has no such entry.
    Entry {
        /// The name that the keyring files it under.
        service: String,
        name: String,
    },
    /// The keyring could not be asked.
    Keyring(KeyringError),
    /// A store of secrets that cannot be asked.
    Store(String),
}

/// A value, and what the operator is to be told of how it was found.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) value: String,
    pub(super) complaint: Option<String>,
}

/// Resolves what the value of a key refers to.
pub(super) fn resolve(
    layers: &Layers,
    lookups: &dyn Lookups,
    section: &str,
    key: &str,
    raw: &str,
) -> Result<Resolved, NoValue> {
    let mut complaint = None;
    let value = references::resolve(raw, |place, name| match place {
        Place::Environment => {
            let (value, said) = environment(lookups, name);
            complaint = said.or(complaint.take());
            value
                .map(Some)
                .ok_or_else(|| NoValue::Variable(name.to_owned()))
        }
        // A pattern begins with `^` by its own right.
        Place::Store if keys::is_pattern(key) => Ok(None),
        Place::Store => store(layers, lookups, section, name),
    })?;
    Ok(Resolved { value, complaint })
}

/// In App Host a protected secret comes first; one that cannot be decrypted is as good as none.
fn environment(lookups: &dyn Lookups, name: &str) -> (Option<String>, Option<String>) {
    if !in_app_host(lookups) {
        return (lookups.variable(name), None);
    }
    match lookups.protected(name) {
        Protected::Found(secret) => (Some(secret.expose_secret().to_owned()), None),
        Protected::Absent => (lookups.variable(name), None),
        Protected::Unreadable(reason) => {
            let complaint = format!(
                "the protected secret it refers to cannot be used ({reason}), so the environment variable is; save the secret again in App Host"
            );
            (lookups.variable(name), Some(complaint))
        }
    }
}

/// `^NAME`. In App Host it is plain text unless a store is named.
fn store(
    layers: &Layers,
    lookups: &dyn Lookups,
    section: &str,
    name: &str,
) -> Result<Option<String>, NoValue> {
    let kind = environment(lookups, "PAM_TYPE").0.or_else(|| {
        let setting = layers.get(RESILIENT, "pam_type");
        setting.map(|setting| setting.raw)
    });
    match kind.map(|kind| kind.trim().to_owned()) {
        None if in_app_host(lookups) => Ok(None),
        Some(kind) if !kind.is_empty() && !kind.eq_ignore_ascii_case("keyring") => {
            Err(NoValue::Store(kind))
        }
        _ => keyring(lookups, section, name).map(Some),
    }
}

fn keyring(lookups: &dyn Lookups, section: &str, name: &str) -> Result<String, NoValue> {
    let service = if section == RESILIENT { "_" } else { section };
    let entry = lookups.keyring(service, name).map_err(NoValue::Keyring)?;
    entry.ok_or_else(|| NoValue::Entry {
        service: service.to_owned(),
        name: name.to_owned(),
    })
}

impl NoValue {
    /// What is wrong and what to do. Of a secret's key no name is told: a password may begin with `$` or `^`.
    pub(super) fn explain(&self, key: &str) -> (String, String) {
        let secret = keys::is_secret(key);
        let elsewhere = if keys::has_file(key) {
            format!("an environment variable or {key}_file")
        } else {
            "an environment variable".to_owned()
        };
        match self {
            Self::Variable(_) if secret => (
                "refers to an environment variable that is not set (its name is not shown, as it may be the secret)".to_owned(),
                "set it; a value that begins with $ must itself come from a variable".to_owned(),
            ),
            Self::Variable(name) => (
                format!("refers to environment variable {name}, which is not set"),
                "set it; a value that begins with $ must itself come from a variable".to_owned(),
            ),
            Self::Entry { service, name } => {
                let name = if secret { "NAME" } else { name };
                (
                    "refers to an entry of the keyring that is not there".to_owned(),
                    format!("store it with `keyring set {service} {name}`, or take the value from {elsewhere}"),
                )
            }
            Self::Keyring(KeyringError::NotInstalled) => (
                "refers to the keyring, whose command `keyring` is not on the PATH".to_owned(),
                format!("install the Python package keyring, or take the value from {elsewhere}"),
            ),
            Self::Keyring(error) => (
                format!("refers to the keyring, but {error}"),
                format!("mend it, or take the value from {elsewhere}"),
            ),
            Self::Store(kind) => (
                format!("refers to the store {}, which is not supported", kind.escape_debug()),
                format!("have its agent put the value into {elsewhere}, or set pam_type = Keyring"),
            ),
        }
    }
}
