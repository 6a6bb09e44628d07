//! TLS as a test wants it, in front of a server of the sandbox.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use fn_aws_guardduty::config::Trust;
use fn_aws_guardduty::tls::{Purpose, client_config};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A certificate with its key, as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    /// Self-signed by the real OpenSSL, which marks it as an authority: `["-subj", "/CN=soar"]`.
    pub(crate) fn from_openssl(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-out"])
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key)
            .args(arguments)
            .output()
            .expect("openssl is missing: apt-get install openssl");
        assert!(made.status.success(), "{made:?}");
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        Self {
            certificate: read(&certificate),
            key: read(&key),
        }
    }

    /// For `localhost`, of days gone by; OpenSSL 3.0 makes none of those.
    pub(crate) fn expired() -> Self {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
        Self::self_signed(&params)
    }

    /// For `localhost`, self-signed, and not marked as an authority.
    pub(crate) fn plain() -> Self {
        Self::self_signed(&CertificateParams::new(vec!["localhost".to_owned()]).unwrap())
    }

    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// For `localhost` and the address that tests reach AWS at through a proxy.
    pub(crate) fn good() -> Self {
        Self::from_openssl(&[
            "-subj",
            "/CN=soar",
            "-addext",
            "subjectAltName=DNS:localhost,IP:0.0.0.0",
        ])
    }
}

/// Listens with TLS, and passes on what it gets.
pub(crate) struct TlsRelay {
    pub(crate) port: u16,
    names: Arc<Mutex<Vec<String>>>,
    _stop: DropGuard,
}

/// Where a relay passes it on to.
#[derive(Clone)]
pub(crate) enum Behind {
    Plain(u16),
    /// With TLS, whose certificate is not checked again.
    Tls(u16),
}

impl TlsRelay {
    /// `clients` is the authority of the certificates that clients must show.
    pub(crate) async fn start(shown: &Identity, clients: Option<&str>, behind: Behind) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let names = Arc::<Mutex<Vec<String>>>::default();
        let acceptor = TlsAcceptor::from(Arc::new(server(shown, clients)));
        let (stopped, seen) = (stop.clone(), names.clone());
        tokio::spawn(stopped.run_until_cancelled_owned(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(relay(
                    acceptor.clone(),
                    socket,
                    behind.clone(),
                    seen.clone(),
                ));
            }
        }));
        Self {
            port,
            names,
            _stop: stop.drop_guard(),
        }
    }

    /// The names that clients asked for before the handshake (SNI).
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.lock().unwrap().clone()
    }
}

async fn relay(
    acceptor: TlsAcceptor,
    socket: TcpStream,
    behind: Behind,
    names: Arc<Mutex<Vec<String>>>,
) {
    // A client that breaks off is what many tests are about.
    let Ok(mut front) = acceptor.accept(socket).await else {
        return;
    };
    if let Some(name) = front.get_ref().1.server_name() {
        names.lock().unwrap().push(name.to_owned());
    }
    let (Behind::Plain(port) | Behind::Tls(port)) = behind;
    let Ok(mut back) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    // Either side may end it at any time.
    let _ = match behind {
        Behind::Plain(_) => copy_bidirectional(&mut front, &mut back).await,
        Behind::Tls(_) => {
            let name = ServerName::try_from("localhost").unwrap();
            let careless = client_config(&Trust::Off, None, Purpose::Soar).unwrap();
            let connector = TlsConnector::from(Arc::new(careless));
            let Ok(mut back) = connector.connect(name, back).await else {
                return;
            };
            copy_bidirectional(&mut front, &mut back).await
        }
    };
}

fn server(shown: &Identity, clients: Option<&str>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
                .unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap()
        }
    };
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap(),
        )
        .unwrap()
}
