//! The certificate that the client shows a server that asks for one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, ClientConfig, ConfigBuilder};

use super::Purpose;
use crate::config::ClientCertificate;

/// Why the client's own certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientCertificateError {
    /// A file cannot be read.
    #[error("cannot read {}, the client certificate or its key for {purpose}; name a readable file", path.display())]
    Unreadable {
        /// What the connection is for.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no certificate, or a broken one.
    #[error("no client certificate for {purpose} in {}; client_auth_cert must name a PEM file with `BEGIN CERTIFICATE`", path.display())]
    NoCertificate {
        /// What the connection is for.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
    },
    /// The file holds no key, or a broken one.
    #[error("no private key for {purpose} in {}; client_auth_key must name a PEM file with `BEGIN PRIVATE KEY`", path.display())]
    NoKey {
        /// What the connection is for.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
    },
    /// The key can only be read with a passphrase.
    #[error("the private key for {purpose} in {path} has a passphrase; remove it: openssl pkey -in {path} -out NEW_FILE", path = path.display())]
    Encrypted {
        /// What the connection is for.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
    },
    /// The key is another certificate's.
    #[error("the private key in {} is not that of the certificate in {}; name the two that belong together", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The TLS library takes no such key.
    #[error("the private key for {purpose} in {} is of a kind that is not supported; use RSA of 2048 bits or more, or P-256", path.display())]
    Unsupported {
        /// What the connection is for.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
        /// What the TLS library said.
        source: rustls::Error,
    },
}

/// A client that shows this certificate; its first one must be its own, any others lead to its authority.
pub(super) fn add(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    own: &ClientCertificate,
    purpose: Purpose,
) -> Result<ClientConfig, ClientCertificateError> {
    let chain = chain(&own.certificate, purpose)?;
    let key = key(&own.key, purpose)?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => ClientCertificateError::Mismatch {
                certificate: own.certificate.clone(),
                key: own.key.clone(),
            },
            source => ClientCertificateError::Unsupported {
                purpose,
                path: own.key.clone(),
                source,
            },
        })
}

fn chain(
    path: &Path,
    purpose: Purpose,
) -> Result<Vec<CertificateDer<'static>>, ClientCertificateError> {
    let text = read(path, purpose)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(ClientCertificateError::NoCertificate {
            purpose,
            path: path.to_owned(),
        }),
    }
}

fn key(path: &Path, purpose: Purpose) -> Result<PrivateKeyDer<'static>, ClientCertificateError> {
    let text = read(path, purpose)?;
    let path = path.to_owned();
    if is_encrypted(&text) {
        return Err(ClientCertificateError::Encrypted { purpose, path });
    }
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| ClientCertificateError::NoKey { purpose, path })
}

fn read(path: &Path, purpose: Purpose) -> Result<Vec<u8>, ClientCertificateError> {
    fs::read(path).map_err(|source| ClientCertificateError::Unreadable {
        purpose,
        path: path.to_owned(),
        source,
    })
}

/// PKCS#8 says so in its label, OpenSSL's older form in a header below it.
fn is_encrypted(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY")
            || (line.starts_with(b"Proc-Type:") && line.trim_ascii_end().ends_with(b"ENCRYPTED"))
    })
}

/// What an alert of the server tells of our certificate, or of the lack of one.
pub(super) fn explain(alert: AlertDescription) -> Option<String> {
    use AlertDescription as Alert;
    let told = match alert {
        Alert::CertificateRequired => {
            "the server wants a client certificate: set client_auth_cert and client_auth_key"
        }
        // What servers of TLS 1.2 say, also for other reasons.
        Alert::HandshakeFailure => {
            "the server broke off the TLS handshake: it may want a client certificate (client_auth_cert and client_auth_key)"
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => {
            "the server refuses our client certificate: correct client_auth_cert and client_auth_key, or have the server accept it"
        }
        _ => return None,
    };
    Some(told.to_owned())
}
