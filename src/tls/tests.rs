use std::error::Error;
use std::fs;
use std::process::Command;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

/// What a server shows.
struct Shown {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: String,
}

impl Shown {
    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self::new(&params.self_signed(&key).unwrap(), &key)
    }

    fn signed_by(issuer: &Authority, params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self::new(&params.signed_by(&key, issuer).unwrap(), &key)
    }

    fn new(certificate: &Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            pem: certificate.pem(),
        }
    }

    /// Made as appliances make theirs, by OpenSSL.
    fn from_openssl(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-out",
            ])
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key)
            .args(arguments)
            .output()
            .expect("this test makes certificates with openssl (Debian: apt-get install openssl)");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        Self {
            certificate: CertificateDer::from_pem_file(&certificate).unwrap(),
            key: PrivateKeyDer::from_pem_file(&key).unwrap(),
            pem: fs::read_to_string(&certificate).unwrap(),
        }
    }

    /// Unlike the library's own constructor, does not insist that certificate and key fit.
    fn resolver(&self) -> SingleCertAndKey {
        let key = ring::sign::any_supported_type(&self.key).unwrap();
        CertifiedKey::new(vec![self.certificate.clone()], key).into()
    }

    fn is_authority(&self) -> bool {
        use x509_parser::prelude::FromDer;
        let (_, parsed) =
            x509_parser::certificate::X509Certificate::from_der(&self.certificate).unwrap();
        parsed.is_ca()
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = params(&[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "Example Authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A `cafile` with these certificates, and a comment that is not UTF-8.
fn bundle_of(certificates: &[&str]) -> (TempDir, Trust) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cafile.pem");
    let mut text = b"# Beh\xf6rde\n".to_vec();
    text.extend_from_slice(certificates.concat().as_bytes());
    fs::write(&path, text).unwrap();
    (folder, Trust::Bundle(path))
}

/// One real handshake on loopback; the error is the client's.
async fn handshake(trust: &Trust, shown: &Shown, host: &str) -> Result<(), std::io::Error> {
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown.resolver()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        // A client that refuses ends this with an error, which is the client's to judge.
        let _ = TlsAcceptor::from(Arc::new(server)).accept(socket).await;
    });
    let connector =
        TlsConnector::from(Arc::new(client_config(trust, None, Purpose::Soar).unwrap()));
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let connected = connector.connect(name, socket).await;
    serving.await.unwrap();
    connected.map(drop)
}

/// The reason that a handshake was refused for, found as a caller would: along the sources.
fn reason(refused: Result<(), std::io::Error>) -> ServerCertificateError {
    let error = refused.expect_err("the certificate must be refused");
    let Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) =
        error.get_ref().and_then(|inner| inner.downcast_ref())
    else {
        panic!("not about the certificate: {error:?}");
    };
    let reason: Option<&ServerCertificateError> =
        other.source().and_then(|source| source.downcast_ref());
    reason.expect("an explained reason").clone()
}

const SAN: [&str; 4] = [
    "-subj",
    "/CN=soar",
    "-addext",
    "subjectAltName=DNS:localhost",
];

#[tokio::test]
async fn a_certificate_of_an_authority_in_the_file_is_accepted() {
    let authority = authority();
    let shown = Shown::signed_by(&authority, &params(&["localhost"]));
    let (_folder, trust) = bundle_of(&[&authority.pem()]);
    handshake(&trust, &shown, "localhost").await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_nobody_in_the_file_is_refused() {
    let shown = Shown::signed_by(&authority(), &params(&["localhost"]));
    let (_folder, trust) = bundle_of(&[&authority().pem()]);
    let reason = reason(handshake(&trust, &shown, "localhost").await);
    assert!(
        matches!(&reason, ServerCertificateError::UnknownIssuer { trusted, .. } if trusted.ends_with("cafile.pem")),
        "{reason}"
    );
}

#[tokio::test]
async fn the_file_replaces_what_the_system_trusts_and_the_system_does_not_trust_ours() {
    let shown = Shown::self_signed(&params(&["localhost"]));
    let reason = reason(handshake(&Trust::Public, &shown, "localhost").await);
    assert!(
        matches!(reason, ServerCertificateError::UnknownIssuer { .. }),
        "{reason}"
    );
}

#[tokio::test]
async fn an_appliances_own_certificate_marked_as_authority_is_accepted_from_the_file() {
    let shown = Shown::from_openssl(&SAN);
    assert!(
        shown.is_authority(),
        "openssl marks self-signed certificates as authorities"
    );
    let (_folder, trust) = bundle_of(&[&shown.pem]);
    handshake(&trust, &shown, "localhost").await.unwrap();
}

#[tokio::test]
async fn an_appliances_plain_certificate_is_accepted_from_the_file() {
    let shown = Shown::self_signed(&params(&["localhost", "127.0.0.1"]));
    assert!(!shown.is_authority());
    let (_folder, trust) = bundle_of(&[&authority().pem(), &shown.pem]);
    handshake(&trust, &shown, "localhost").await.unwrap();
    handshake(&trust, &shown, "127.0.0.1").await.unwrap();
}

#[tokio::test]
async fn a_lookalike_of_the_certificate_in_the_file_is_refused() {
    let (ours, theirs) = (Shown::from_openssl(&SAN), Shown::from_openssl(&SAN));
    let (_folder, trust) = bundle_of(&[&ours.pem]);
    assert!(handshake(&trust, &theirs, "localhost").await.is_err());
}

#[tokio::test]
async fn a_certificate_shown_without_its_key_is_refused() {
    let (ours, theirs) = (Shown::from_openssl(&SAN), Shown::from_openssl(&SAN));
    let (_folder, trust) = bundle_of(&[&ours.pem]);
    let stolen = Shown {
        key: theirs.key,
        ..ours
    };
    assert!(handshake(&trust, &stolen, "localhost").await.is_err());
}

#[tokio::test]
async fn an_authoritys_certificate_outside_the_file_is_refused_with_the_way_out() {
    let authority = authority();
    let mut params = params(&["localhost"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let shown = Shown::signed_by(&authority, &params);
    let (_folder, trust) = bundle_of(&[&authority.pem()]);
    let reason = reason(handshake(&trust, &shown, "localhost").await);
    assert_eq!(reason, ServerCertificateError::Authority { key: "cafile" });
}

#[tokio::test]
async fn a_wrong_name_is_refused_even_from_the_file() {
    let shown = Shown::self_signed(&params(&["soar.example.com", "10.0.0.1"]));
    let (_folder, trust) = bundle_of(&[&shown.pem]);
    let reason = reason(handshake(&trust, &shown, "localhost").await);
    let expected = ServerCertificateError::WrongName {
        host: "localhost".to_owned(),
        names: "soar.example.com, 10.0.0.1".to_owned(),
    };
    assert_eq!(reason, expected);
}

#[tokio::test]
async fn a_common_name_alone_is_refused_and_the_text_says_so() {
    let shown = Shown::from_openssl(&["-subj", "/CN=localhost"]);
    let (_folder, trust) = bundle_of(&[&shown.pem]);
    let reason = reason(handshake(&trust, &shown, "localhost").await);
    assert!(
        matches!(reason, ServerCertificateError::NoName { .. }),
        "{reason}"
    );
    assert!(
        reason.to_string().contains("(CN=localhost does not count)"),
        "{reason}"
    );
}

#[tokio::test]
async fn dates_are_checked_even_from_the_file() {
    let mut old = params(&["localhost"]);
    old.not_after = date_time_ymd(2020, 1, 1);
    let mut early = params(&["localhost"]);
    early.not_before = date_time_ymd(3000, 1, 1);
    for params in [old, early] {
        let shown = Shown::self_signed(&params);
        let (_folder, trust) = bundle_of(&[&shown.pem]);
        let reason = reason(handshake(&trust, &shown, "localhost").await);
        assert!(
            matches!(reason, ServerCertificateError::OutOfDate { .. }),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn dates_are_checked_for_an_authoritys_certificate_too() {
    let authority = authority();
    let mut old = params(&["localhost"]);
    old.not_after = date_time_ymd(2020, 1, 1);
    let shown = Shown::signed_by(&authority, &old);
    let (_folder, trust) = bundle_of(&[&authority.pem()]);
    let reason = reason(handshake(&trust, &shown, "localhost").await);
    assert!(
        matches!(reason, ServerCertificateError::OutOfDate { .. }),
        "{reason}"
    );
}

#[tokio::test]
async fn off_accepts_any_certificate() {
    let shown = Shown::from_openssl(&["-subj", "/CN=elsewhere"]);
    handshake(&Trust::Off, &shown, "localhost").await.unwrap();
}

#[test]
fn a_file_that_is_absent_or_holds_no_certificate_is_named() {
    let absent = Trust::Bundle(PathBuf::from("/nowhere/soar.pem"));
    let error = client_config(&absent, None, Purpose::Soar).unwrap_err();
    assert!(matches!(error, TlsError::Unreadable { .. }));
    assert!(
        error.to_string().contains("for SOAR in")
            && error.to_string().contains("/nowhere/soar.pem")
    );

    let (_folder, empty) = bundle_of(&[]);
    let error = client_config(&empty, None, Purpose::Soar).unwrap_err();
    assert!(matches!(error, TlsError::NoCertificate { .. }), "{error}");

    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let (_folder, broken) = bundle_of(&[broken]);
    let error = client_config(&broken, None, Purpose::Soar).unwrap_err();
    assert!(matches!(error, TlsError::NoCertificate { .. }), "{error}");
}

/// The HTTP client takes the configuration as it is.
#[tokio::test]
async fn the_http_client_takes_the_configuration() {
    let shown = Shown::from_openssl(&SAN);
    let (_folder, trust) = bundle_of(&[&shown.pem]);
    let config = client_config(&trust, None, Purpose::Soar).unwrap();
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .build()
        .unwrap();
}

/// OpenSSL writes these files as operators do: the certificate, then its key in another form.
fn openssl_key(arguments: &[&str], convert: &[&str]) -> (TempDir, ClientCertificate) {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let made = Command::new("openssl")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    };
    let request = [
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=worker",
        "-out",
        "own.pem",
        "-keyout",
        "k.pem",
    ];
    run(&[&request[..], arguments].concat());
    run(&[convert, &["-in", "k.pem", "-out", "own.key"]].concat());
    let own = ClientCertificate {
        certificate: folder.path().join("own.pem"),
        key: folder.path().join("own.key"),
    };
    (folder, own)
}

const RSA: [&str; 2] = ["-newkey", "rsa:2048"];
const EC: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

#[test]
fn keys_of_every_form_are_read() {
    for (label, made, convert) in [
        ("BEGIN PRIVATE KEY", &RSA[..], &["pkey"][..]),
        ("BEGIN RSA PRIVATE KEY", &RSA, &["rsa", "-traditional"]),
        ("BEGIN EC PRIVATE KEY", &EC, &["ec"]),
    ] {
        let (_folder, own) = openssl_key(made, convert);
        assert!(fs::read_to_string(&own.key).unwrap().contains(label));
        let config = client_config(&Trust::Off, Some(&own), Purpose::Soar).unwrap();
        assert!(config.client_auth_cert_resolver.has_certs(), "{label}");
    }
}

#[test]
fn a_key_with_a_passphrase_is_refused_with_the_remedy() {
    let encrypted = ["-aes256", "-passout", "pass:hunter2"];
    for form in [&["pkey"][..], &["rsa", "-traditional"]] {
        let (_folder, own) = openssl_key(&RSA, &[form, &encrypted].concat());
        let error = client_config(&Trust::Off, Some(&own), Purpose::Aws).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("own.key has a passphrase; remove it: openssl pkey -in"),
            "{form:?}: {text}"
        );
    }
}

#[test]
fn a_file_of_the_client_certificate_that_is_absent_or_empty_is_named() {
    let (folder, own) = openssl_key(&EC, &["pkey"]);
    fs::write(folder.path().join("empty.pem"), "# nothing\n").unwrap();
    let refused = |certificate: &str, key: &str| {
        let own = ClientCertificate {
            certificate: folder.path().join(certificate),
            key: folder.path().join(key),
        };
        client_config(&Trust::Off, Some(&own), Purpose::Broker)
            .unwrap_err()
            .to_string()
    };
    assert!(refused("absent.pem", "own.key").contains("absent.pem, the client certificate"));
    assert!(
        refused("empty.pem", "own.key").contains("no client certificate for the message broker")
    );
    assert!(refused("own.pem", "empty.pem").contains("no private key for the message broker"));
    assert!(client_config(&Trust::Off, Some(&own), Purpose::Broker).is_ok());
}
