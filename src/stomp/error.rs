//! What goes wrong on the way to the broker.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::frame::FrameError;
use crate::proxy::TunnelError;

/// Why a connection ended, or why a frame was not confirmed.
#[derive(Debug, Error)]
pub enum StompError {
    /// No TCP connection.
    #[error("could not reach {address}: check stomp_host, stomp_port and the network")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy refuses its login.
    #[error(transparent)]
    Proxy(TunnelError),
    /// The host's name cannot be in a certificate.
    #[error("{host:?} is neither a host name nor an IP address: check stomp_host")]
    HostName {
        /// As configured.
        host: String,
    },
    /// No TLS session, mostly because the certificate is not trusted.
    #[error("could not agree on TLS with {address}")]
    Tls {
        /// Host and port.
        address: String,
        /// What the TLS library said.
        source: io::Error,
    },
    /// No CONNECTED in time.
    #[error("{address} did not answer within {} s", .after.as_secs_f64())]
    ConnectTimeout {
        /// Host and port.
        address: String,
        /// The time given.
        after: Duration,
    },
    /// ERROR in answer to CONNECT.
    #[error("the broker refused the login: {message}; check the API key or the user and password")]
    LoginRefused {
        /// The broker's own words.
        message: String,
    },
    /// CONNECTED of another version than 1.2.
    #[error("the broker speaks STOMP {version}, this program 1.2 only")]
    Version {
        /// As the broker names it.
        version: String,
    },
    /// ERROR in answer to SUBSCRIBE.
    #[error(
        "the broker refused the queue {queue}: {message}; add the API key (or user) to the users of the message destination {} in SOAR",
        destination_name(.queue)
    )]
    SubscriptionRefused {
        /// The queue as subscribed.
        queue: String,
        /// The broker's own words.
        message: String,
    },
    /// ERROR in answer to one SEND or ACK; the connection lives on.
    #[error("the broker refused the frame: {message}")]
    Rejected {
        /// The broker's own words.
        message: String,
    },
    /// ERROR that belongs to no frame of ours.
    #[error("the broker reported an error: {message}")]
    Broker {
        /// The broker's own words.
        message: String,
    },
    /// The other side broke the protocol.
    #[error("the broker does not keep to STOMP 1.2")]
    Protocol(#[from] FrameError),
    /// A frame that makes no sense where it came.
    #[error("the broker sent an unexpected {command} frame")]
    Unexpected {
        /// The frame's command.
        command: &'static str,
    },
    /// The broker sent more than the prefetch allows and nobody takes it.
    #[error("the broker sends more than the prefetch of {prefetch} messages allows")]
    PrefetchIgnored {
        /// As subscribed.
        prefetch: u16,
    },
    /// Not even a heart-beat came.
    #[error("the broker was silent for {} s", .after.as_secs_f64())]
    Silent {
        /// The time given.
        after: Duration,
    },
    /// A frame was not confirmed.
    #[error("the broker did not confirm a frame within {} s", .after.as_secs_f64())]
    NoReceipt {
        /// The time given.
        after: Duration,
    },
    /// Reading or writing failed.
    #[error("the connection to the broker broke")]
    Broken(#[from] io::Error),
    /// The broker closed the connection.
    #[error("the broker closed the connection")]
    Closed,
    /// The connection was lost with this frame not confirmed; the broker may or may not have it.
    #[error("the connection was lost before the broker confirmed the frame")]
    ConnectionLost,
    /// There is no connection at the moment; nothing was sent.
    #[error("not connected to the broker")]
    NotConnected,
    /// The delivery came on an earlier connection; the broker delivers the message again.
    #[error("the message was delivered on an earlier connection and will come again")]
    Stale,
    /// The session has ended for good.
    #[error("the session with the broker has ended")]
    Ended,
}

/// SOAR's queues are `<kind>.<org id>.<destination>`, and the last part may hold dots.
fn destination_name(queue: &str) -> &str {
    queue.splitn(3, '.').nth(2).unwrap_or(queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_queue_names_its_message_destination() {
        let error = StompError::SubscriptionRefused {
            queue: "actions.201.fn_aws.gd".into(),
            message: "not authorized".into(),
        };
        let text = error.to_string();
        assert!(
            text.contains("queue actions.201.fn_aws.gd") && text.contains("destination fn_aws.gd"),
            "{text}"
        );
    }
}
