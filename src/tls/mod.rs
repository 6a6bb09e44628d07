//! Whom a TLS connection trusts, and what it shows of itself.

mod client_certificate;
mod trust_all;
mod verifier;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{CertificateError, ClientConfig, InvalidMessage, RootCertStore};

use crate::config::{ClientCertificate, Trust};

pub use client_certificate::ClientCertificateError;
use trust_all::TrustAll;
pub use verifier::ServerCertificateError;
use verifier::Verifier;

/// Whom a connection leads to; names the server and its keys in error texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The REST interface of SOAR.
    Soar,
    /// The message broker of SOAR.
    Broker,
    /// Any service of AWS.
    Aws,
}

impl Purpose {
    /// The key that names the certificates to trust.
    fn trust_key(self) -> &'static str {
        match self {
            Self::Soar => "cafile",
            Self::Broker => "stomp_cafile (or cafile)",
            Self::Aws => "verify",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Soar => "SOAR",
            Self::Broker => "the message broker",
            Self::Aws => "AWS",
        })
    }
}

/// Why no TLS client can be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates' file cannot be read, or a block in it is broken.
    #[error("cannot read the certificates for {purpose} in {}; name a readable PEM file", path.display())]
    Unreadable {
        /// What the connection is for.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: pem::Error,
    },
    /// The file holds no usable certificate.
    #[error("no certificate for {purpose} in {}; it must hold `BEGIN CERTIFICATE` blocks", path.display())]
    NoCertificate {
        /// What the connection is for.
        purpose: Purpose,
        /// The file.
        path: PathBuf,
    },
    /// The operating system trusts nobody.
    #[error(
        "the operating system has no certificates for {purpose}; install ca-certificates, or name a PEM file in {}",
        purpose.trust_key()
    )]
    NoSystemRoots {
        /// What the connection is for.
        purpose: Purpose,
    },
    /// The TLS library refuses its own settings.
    #[error("cannot set up TLS for {purpose}")]
    Setup {
        /// What the connection is for.
        purpose: Purpose,
        /// What went wrong.
        source: rustls::Error,
    },
    /// The client's own certificate cannot be used.
    #[error(transparent)]
    Client(#[from] ClientCertificateError),
}

/// A TLS client that trusts as said, and shows a certificate of its own where there is one.
///
/// The caller warns of [`Trust::Off`]. [`explain`] finds in the errors of a handshake what an operator can do.
pub fn client_config(
    trust: &Trust,
    own: Option<&ClientCertificate>,
    purpose: Purpose,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Setup { purpose, source })?
        .dangerous();
    let builder = match trust {
        Trust::Off => builder.with_custom_certificate_verifier(Arc::new(TrustAll::new(&provider))),
        Trust::Public => {
            let verifier = public(purpose, &provider)?;
            builder.with_custom_certificate_verifier(Arc::new(verifier))
        }
        Trust::Bundle(path) => {
            let verifier = bundle(path, purpose, &provider)?;
            builder.with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    match own {
        None => Ok(builder.with_no_client_auth()),
        Some(own) => Ok(client_certificate::add(builder, own, purpose)?),
    }
}

/// What an operator can do about a failed handshake, where that is known.
pub fn explain(error: &rustls::Error) -> Option<String> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            let reason = other.0.downcast_ref::<ServerCertificateError>()?;
            Some(reason.to_string())
        }
        rustls::Error::AlertReceived(alert) => client_certificate::explain(*alert),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the server does not speak TLS there: check the host and the port".to_owned())
        }
        _ => None,
    }
}

fn public(purpose: Purpose, provider: &Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
    let mut roots = RootCertStore::empty();
    // Some certificate of a system is always odd; only none at all is an error.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Verifier::new(roots, Vec::new(), None, purpose, provider)
        .ok_or(TlsError::NoSystemRoots { purpose })
}

fn bundle(
    path: &Path,
    purpose: Purpose,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, TlsError> {
    let certificates = read(path).map_err(|source| TlsError::Unreadable {
        purpose,
        path: path.to_owned(),
        source,
    })?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    Verifier::new(roots, certificates, Some(path), purpose, provider).ok_or_else(|| {
        TlsError::NoCertificate {
            purpose,
            path: path.to_owned(),
        }
    })
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}

#[cfg(test)]
mod tests;
