use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::Purpose;

/// Why a server's certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerCertificateError {
    /// Nobody who is trusted vouches for it.
    #[error(
        "the server's certificate comes from nobody in {trusted}; put its issuer's certificate, or its own, into the file that {key} names"
    )]
    UnknownIssuer {
        /// The file, or the operating system.
        trusted: String,
        /// The key that names such a file.
        key: &'static str,
    },
    /// It is for another name.
    #[error(
        "the server's certificate is not for {host} but for {names}; correct the host name or have the certificate made again"
    )]
    WrongName {
        /// The name that was asked for.
        host: String,
        /// The names it has.
        names: String,
    },
    /// It has no name that counts; the common name alone no longer does (RFC 9525).
    #[error(
        "the server's certificate has no subject alternative name ({subject} does not count); have it made again with one for {host}"
    )]
    NoName {
        /// The name that was asked for.
        host: String,
        /// Its subject.
        subject: String,
    },
    /// The date is outside its validity.
    #[error(
        "the server's certificate is valid from {from} to {to} only; renew it, or correct this machine's clock"
    )]
    OutOfDate {
        /// First moment.
        from: String,
        /// Last moment.
        to: String,
    },
    /// It is an authority's own certificate and not in the file.
    #[error(
        "the server shows an authority's certificate as its own; it is accepted only if that very certificate is in the file that {key} names"
    )]
    Authority {
        /// The key that names such a file.
        key: &'static str,
    },
    /// It is no X.509 version 3 certificate.
    #[error("the server's certificate cannot be read; it must be X.509 version 3")]
    Unreadable,
}

/// Checks by the web's rules, and besides accepts a certificate that is itself in the file.
///
/// Appliances come with a self-signed certificate that operators name as their `cafile`. OpenSSL accepts
/// that; the web's rules refuse it when it is marked as an authority.
#[derive(Debug)]
pub(super) struct Verifier {
    web: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    trusted: String,
    /// The key that names whom to trust.
    key: &'static str,
}

impl Verifier {
    /// `None` when there is no root.
    pub(super) fn new(
        roots: RootCertStore,
        pinned: Vec<CertificateDer<'static>>,
        file: Option<&Path>,
        purpose: Purpose,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Self> {
        let web = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let trusted = match file {
            Some(path) => path.display().to_string(),
            None => "the certificates of the operating system".to_owned(),
        };
        Some(Self {
            // Without lists of revoked certificates, only a lack of roots can fail.
            web: web.build().ok()?,
            pinned,
            trusted,
            key: purpose.trust_key(),
        })
    }

    fn explained(
        &self,
        error: Error,
        certificate: &CertificateDer<'_>,
        host: &ServerName<'_>,
    ) -> Error {
        let Error::InvalidCertificate(reason) = &error else {
            return error;
        };
        let explained = match reason {
            // A bad signature is an issuer of the same name with another key, such as before a renewal.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Some(ServerCertificateError::UnknownIssuer {
                    trusted: self.trusted.clone(),
                    key: self.key,
                })
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => out_of_date(certificate),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                wrong_name(certificate, host)
            }
            CertificateError::BadEncoding => Some(ServerCertificateError::Unreadable),
            CertificateError::Other(other) => authority(other, self.key),
            _ => None,
        };
        explained.map_or(error, refused)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = if self.pinned.iter().any(|pinned| pinned == end_entity) {
            verify_pinned(end_entity, server_name, now)
        } else {
            self.web
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        verified.map_err(|error| self.explained(error, end_entity, server_name))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.web.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.web.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.web.supported_verify_schemes()
    }
}

/// The operator vouches for the certificate itself; its dates and names must hold all the same.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    host: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| refused(ServerCertificateError::Unreadable))?;
    let validity = parsed.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, host)?;
    Ok(ServerCertVerified::assertion())
}

fn refused(error: ServerCertificateError) -> Error {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}

fn out_of_date(certificate: &CertificateDer<'_>) -> Option<ServerCertificateError> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(ServerCertificateError::OutOfDate {
        from: parsed.validity().not_before.to_string(),
        to: parsed.validity().not_after.to_string(),
    })
}

fn wrong_name(
    certificate: &CertificateDer<'_>,
    host: &ServerName<'_>,
) -> Option<ServerCertificateError> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let host = host.to_str().into_owned();
    let names = names(&parsed);
    Some(if names.is_empty() {
        ServerCertificateError::NoName {
            host,
            subject: parsed.subject().to_string(),
        }
    } else {
        ServerCertificateError::WrongName {
            host,
            names: names.join(", "),
        }
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.map(|extension| &extension.value.general_names);
    names
        .into_iter()
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::IpAddr::from(bytes).to_string());
    }
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::IpAddr::from(bytes).to_string())
}

/// The TLS library has no variant of its own for this refusal, only its text.
fn authority(other: &OtherError, key: &'static str) -> Option<ServerCertificateError> {
    let refusal = other.0.to_string();
    refusal
        .contains("CaUsedAsEndEntity")
        .then_some(ServerCertificateError::Authority { key })
}
