//! Whether queues can be read, found out without taking a message from any.

use std::time::Duration;

use tokio::time::timeout;

use super::StompOptions;
use super::connection::Connection;
use super::error::StompError;
use super::frame::{Command, Frame};
use super::session::{broker_message, log_in};

/// How long the broker may take to confirm DISCONNECT: nothing depends on it any more.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(2);

/// A queue, and whether it can be read.
pub type Probed = (String, Result<(), StompError>);

/// Logs in and subscribes to each queue of `options` in turn.
///
/// The subscriptions have room for no message (`activemq.prefetchSize` is 0), so a worker beside this loses none; one that
/// a broker sends all the same is not acknowledged and goes back to its queue.
///
/// # Errors
/// When there is no connection, or the login is refused: then nothing is known of any queue.
pub async fn probe(options: &StompOptions) -> Result<Vec<Probed>, StompError> {
    let limit = options.connect_timeout;
    let mut connection =
        timeout(limit, log_in(options))
            .await
            .map_err(|_| StompError::ConnectTimeout {
                address: options.address(),
                after: limit,
            })??;
    let mut probed = Vec::new();
    for queue in &options.subscriptions {
        let outcome = subscribe(&mut connection, queue, options).await;
        probed.push((queue.clone(), outcome));
    }
    leave(connection).await;
    Ok(probed)
}

async fn subscribe(
    connection: &mut Connection,
    queue: &str,
    options: &StompOptions,
) -> Result<(), StompError> {
    let frame = Frame::new(Command::Subscribe)
        .with("ack", "client-individual")
        .with("activemq.prefetchSize", "0")
        .with("destination", queue)
        .with("id", queue)
        .with("receipt", queue);
    connection.queue(&frame)?;
    let after = options.receipt_timeout;
    timeout(after, confirmation(connection, queue, options))
        .await
        .map_err(|_| StompError::NoReceipt { after })?
}

async fn confirmation(
    connection: &mut Connection,
    queue: &str,
    options: &StompOptions,
) -> Result<(), StompError> {
    loop {
        let frame = connection.next().await?;
        match frame.command {
            Command::Receipt if frame.header("receipt-id") == Some(queue) => return Ok(()),
            Command::Error => {
                return Err(StompError::SubscriptionRefused {
                    queue: queue.to_owned(),
                    message: broker_message(&frame, options),
                });
            }
            // A message that the broker should not have sent, or a receipt of a queue that was refused.
            _ => {}
        }
    }
}

/// A connection that just breaks off would stand in the platform's log as a fault.
async fn leave(mut connection: Connection) {
    let frame = Frame::new(Command::Disconnect).with("receipt", "disconnect");
    if connection.queue(&frame).is_err() {
        return;
    }
    let confirmed = async {
        while let Ok(frame) = connection.next().await {
            if frame.command == Command::Receipt {
                break;
            }
        }
    };
    let _ = timeout(FAREWELL_PATIENCE, confirmed).await;
    connection.close().await;
}
