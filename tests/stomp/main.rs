//! The STOMP session against a real broker: Debian's `ActiveMQ`, with TLS and a login.
//!
//! The cases know a [`Broker`] only by its address, its authority and its accounts, so they hold for another one, too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first surprise"
)]

mod activemq;
mod authority;
mod cases;
mod client;
mod peer;
mod relay;

use std::sync::OnceLock;

use activemq::ActiveMq;

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

/// One broker for all cases that do not kill it; its process ends with this one.
fn shared() -> &'static ActiveMq {
    static SHARED: OnceLock<ActiveMq> = OnceLock::new();
    SHARED.get_or_init(ActiveMq::start_in_static)
}

macro_rules! on_the_shared_broker {
    ($($case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            client::in_time(cases::$case(&shared().broker)).await;
        }
    )*};
}

on_the_shared_broker!(
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
    a_refused_send_fails_alone,
    intake_stops_and_work_in_hand_is_settled,
    heart_beats_keep_an_idle_connection,
    a_large_answer_arrives_whole,
);

#[tokio::test]
async fn a_jms_text_message_with_an_emoji_is_decoded() {
    let activemq = shared();
    client::in_time(cases::a_jms_text_is_decoded(
        &activemq.broker,
        |queue, text| {
            activemq.produce_jms_text(queue, text);
        },
    ))
    .await;
}

#[tokio::test]
async fn a_killed_broker_is_found_again() {
    let mut activemq = ActiveMq::start();
    client::in_time(async {
        let held = cases::hold_a_message(&activemq.broker).await;
        activemq.kill();
        let held = held.lost().await;
        activemq.start_again();
        held.comes_again(&activemq.broker).await;
    })
    .await;
}
