//! The session under test, with what a test waits for.

use std::sync::Arc;
use std::time::Duration;

use fn_aws_guardduty::stomp::{Delivery, Handle, State, StompError, StompOptions, start};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Broker;

/// No case takes nearly as long; without it a broken one would hang.
const GUARD: Duration = Duration::from_mins(3);

pub(crate) async fn in_time<T>(case: impl Future<Output = T>) -> T {
    timeout(GUARD, case).await.expect("the case hangs")
}

/// Trusts this authority only.
pub(crate) fn trusting(ca_pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// As the worker would connect, but quick to come back.
pub(crate) fn options(broker: &Broker, queue: &str) -> StompOptions {
    StompOptions {
        subscriptions: vec![queue.to_owned()],
        reconnect_min: Duration::from_millis(50),
        reconnect_max: Duration::from_millis(400),
        ..StompOptions::new(
            &broker.host,
            broker.port,
            &broker.login,
            SecretString::from(broker.passcode.clone()),
            trusting(&broker.ca_pem),
        )
    }
}

pub(crate) struct Session {
    pub(crate) handle: Handle,
    deliveries: mpsc::Receiver<Delivery>,
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

impl Session {
    pub(crate) fn start(options: StompOptions) -> Self {
        let (handle, deliveries, task) = start(options, CancellationToken::new());
        Self {
            state: handle.state(),
            handle,
            deliveries,
            task: tokio::spawn(task),
        }
    }

    pub(crate) async fn subscribed(broker: &Broker, queue: &str) -> Self {
        Self::subscribed_with(options(broker, queue)).await
    }

    pub(crate) async fn subscribed_with(options: StompOptions) -> Self {
        let mut session = Self::start(options);
        session.until_subscribed().await;
        session
    }

    pub(crate) async fn until_subscribed(&mut self) {
        let subscribed = |state: &State| matches!(state, State::Subscribed { .. });
        self.state.wait_for(subscribed).await.unwrap();
    }

    /// Why the session is not connected, once it is not.
    pub(crate) async fn failure(&mut self) -> Arc<StompError> {
        let failed = |state: &State| matches!(state, State::Disconnected { reason: Some(_) });
        match &*self.state.wait_for(failed).await.unwrap() {
            State::Disconnected {
                reason: Some(reason),
            } => Arc::clone(reason),
            other => panic!("waited for a failure, found {other:?}"),
        }
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        self.deliveries.recv().await.expect("deliveries have ended")
    }

    /// None once intake has been stopped.
    pub(crate) async fn try_next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub(crate) async fn disconnect(self) {
        self.handle.disconnect().await;
        self.task.await.unwrap();
        let state = self.state.borrow().clone();
        assert!(
            matches!(state, State::Disconnected { reason: None }),
            "{state:?}"
        );
    }
}
