//! Whom a TLS connection trusts.

mod trust_all;
mod verifier;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::config::Trust;

use trust_all::TrustAll;
pub use verifier::ServerCertificateError;
use verifier::Verifier;

/// Why no TLS client can be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates' file cannot be read, or a block in it is broken.
    #[error("cannot read the certificates for {purpose} in {}; name a readable PEM file", path.display())]
    Unreadable {
        /// What the connection is for.
        purpose: String,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: pem::Error,
    },
    /// The file holds no usable certificate.
    #[error("no certificate for {purpose} in {}; it must hold `BEGIN CERTIFICATE` blocks", path.display())]
    NoCertificate {
        /// What the connection is for.
        purpose: String,
        /// The file.
        path: PathBuf,
    },
    /// The operating system trusts nobody.
    #[error(
        "the operating system has no certificates for {purpose}; install ca-certificates, or name a PEM file in cafile"
    )]
    NoSystemRoots {
        /// What the connection is for.
        purpose: String,
    },
    /// The TLS library refuses its own settings.
    #[error("cannot set up TLS for {purpose}")]
    Setup {
        /// What the connection is for.
        purpose: String,
        /// What went wrong.
        source: rustls::Error,
    },
}

/// A TLS client for `purpose`, which names the server in error texts: `SOAR REST`.
///
/// The caller warns of [`Trust::Off`]. Errors of a handshake carry a [`ServerCertificateError`] where
/// the certificate is the reason.
pub fn client_config(trust: &Trust, purpose: &str) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let setup = |source| TlsError::Setup {
        purpose: purpose.to_owned(),
        source,
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(setup)?
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
    Ok(builder.with_no_client_auth())
}

fn public(purpose: &str, provider: &Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
    let mut roots = RootCertStore::empty();
    // Some certificate of a system is always odd; only none at all is an error.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Verifier::new(roots, Vec::new(), None, provider).ok_or_else(|| TlsError::NoSystemRoots {
        purpose: purpose.to_owned(),
    })
}

fn bundle(
    path: &Path,
    purpose: &str,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, TlsError> {
    let certificates = read(path).map_err(|source| TlsError::Unreadable {
        purpose: purpose.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    Verifier::new(roots, certificates, Some(path), provider).ok_or_else(|| {
        TlsError::NoCertificate {
            purpose: purpose.to_owned(),
            path: path.to_owned(),
        }
    })
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}

#[cfg(test)]
mod tests;
