//! STOMP against a real broker, Debian's `ActiveMQ` with TLS and a login: the session, and the worker as a process.
//!
//! The cases of the session know a [`Broker`] only by its address, its authority and its accounts. They run against the
//! sandbox's own broker, too: what both pass, the other tests may rely on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first surprise"
)]

/// A test of each case, on the broker that the expression gives.
macro_rules! cases_on {
    ($on:expr) => {
        cases_on!($on;
            a_good_login_subscribes,
            a_bad_login_is_named_and_kept_secret,
            a_foreign_authority_is_refused,
            a_message_of_the_platform_is_received_answered_and_acknowledged,
            a_text_without_length_is_decoded,
            an_unacknowledged_message_comes_again,
            the_prefetch_is_respected,
            a_stale_ack_is_refused,
            a_frame_lost_with_its_connection_is_reported,
            a_refused_queue_is_named,
            a_probe_takes_no_message,
            a_probe_tells_each_queue,
            a_refused_send_fails_alone,
            intake_stops_and_work_in_hand_is_settled,
            heart_beats_keep_an_idle_connection,
            a_large_answer_arrives_whole,
        );
    };
    ($on:expr; $($case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            crate::client::in_time(async { crate::cases::$case(&$on.broker).await }).await;
        }
    )*};
}

mod activemq;
mod ancestor_faults;
mod authority;
mod cases;
mod client;
mod peer;
mod refreshes;
mod relay;
mod simulated;
mod two_workers;
#[path = "../support/worker_process.rs"]
mod worker_process;

mod worker;

/// A broker as the cases see it.
pub(crate) struct Broker {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// PEM of the authority that signed its certificate.
    pub(crate) ca_pem: String,
    /// May read `actions.>` and write `acks.>`.
    pub(crate) login: String,
    pub(crate) passcode: String,
    /// May do the opposite.
    pub(crate) platform_login: String,
    pub(crate) platform_passcode: String,
    /// A queue that `login` may neither read nor write.
    pub(crate) forbidden_queue: String,
}

/// An account of a broker.
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) passcode: String,
}

impl Broker {
    /// A broker with the accounts of a platform: the worker's as given, and the platform's own.
    pub(crate) fn at(port: u16, ca_pem: String, worker: Account) -> Self {
        Self {
            host: "localhost".into(),
            port,
            ca_pem,
            login: worker.login,
            passcode: worker.passcode,
            platform_login: "platform".into(),
            platform_passcode: "pl4tform".into(),
            forbidden_queue: "forbidden.201.fn_aws_gd".into(),
        }
    }
}

impl Account {
    /// A worker whose secret is as odd as a secret can be.
    pub(crate) fn odd() -> Self {
        Self {
            login: "b7f1c0de-worker".into(),
            passcode: "s3cret: with\\odd chars".into(),
        }
    }
}
