//! A certificate authority made for one test run.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Writes a PKCS#12 key store for `localhost` and 127.0.0.1, and returns the PEM of the authority that signed it.
pub(crate) fn write_key_store(path: &Path, password: &str) -> String {
    let (ca_pem, key, certificate) = broker_certificate();
    let pem = path.with_extension("pem");
    std::fs::write(&pem, key.serialize_pem() + &certificate.pem()).unwrap();
    let status = Command::new("openssl")
        .args(["pkcs12", "-export", "-name", "broker", "-passout"])
        .arg(format!("pass:{password}"))
        .arg("-in")
        .arg(&pem)
        .arg("-out")
        .arg(path)
        .status()
        .expect("openssl is missing: apt-get install openssl");
    assert!(
        status.success(),
        "openssl could not make {}",
        path.display()
    );
    ca_pem
}

/// The same as a key store, for a broker in this process.
pub(crate) fn server_config() -> (String, Arc<ServerConfig>) {
    let (ca_pem, key, certificate) = broker_certificate();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (ca_pem, Arc::new(config))
}

fn broker_certificate() -> (String, KeyPair, Certificate) {
    let (ca_pem, issuer) = authority("test authority");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    (ca_pem, key, certificate)
}

/// The PEM of an authority that has signed nothing here.
pub(crate) fn foreign_ca_pem() -> String {
    authority("some other authority").0
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}
