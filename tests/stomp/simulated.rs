//! The sandbox's broker, with the accounts and rights of the real one.

use std::sync::Arc;
use std::time::Duration;

use sandbox::broker::{Access, Broker as Server, BrokerOptions};

use crate::authority::server_config;
use crate::{Account, Broker, cases, client};

/// Each case has a broker of its own, which ends with the case.
struct Simulated {
    broker: Broker,
    server: Server,
}

impl Simulated {
    async fn start() -> Self {
        let (ca_pem, tls) = server_config();
        // The port is known only once it listens.
        let mut broker = Broker::at(0, ca_pem, Account::odd());
        let accounts = [
            (broker.login.clone(), broker.passcode.clone()),
            (
                broker.platform_login.clone(),
                broker.platform_passcode.clone(),
            ),
        ];
        let worker = broker.login.clone();
        let options = BrokerOptions {
            addr: ([127, 0, 0, 1], 0).into(),
            tls,
            authenticate: Arc::new(move |login, passcode| {
                accounts
                    .iter()
                    .any(|account| account.0 == login && account.1 == passcode)
            }),
            authorize: Arc::new(move |login, access, queue| {
                login != worker
                    || match access {
                        Access::Read => queue.starts_with("actions."),
                        Access::Write => queue.starts_with("acks."),
                    }
            }),
            heart_beat: Duration::from_secs(1),
        };
        let server = Server::start(options).await.unwrap();
        broker.port = server.port();
        Self { broker, server }
    }
}

cases_on!(Simulated::start().await);

#[tokio::test]
async fn a_jms_text_message_with_an_emoji_is_decoded() {
    let simulated = Simulated::start().await;
    let produce = |queue: &str, text: &str| {
        simulated.server.publish_text(queue, Vec::new(), text);
    };
    client::in_time(cases::a_jms_text_is_decoded(&simulated.broker, produce)).await;
}

#[tokio::test]
async fn a_killed_broker_is_found_again() {
    let mut simulated = Simulated::start().await;
    client::in_time(async {
        let held = cases::hold_a_message(&simulated.broker).await;
        simulated.server.shutdown().await;
        let held = held.lost().await;
        simulated.server = simulated.server.start_again().await.unwrap();
        held.comes_again(&simulated.broker).await;
    })
    .await;
}
