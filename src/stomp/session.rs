//! Connects, and whenever the connection ends, connects again.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connection, HeartBeat};
use super::conversation::{Conversation, End};
use super::error::StompError;
use super::frame::{Command, Frame};
use super::handle::Request;
use super::{Delivery, State, StompOptions};
use crate::reason;
use crate::redaction::Secrets;

/// The longest text of the broker that is passed on.
const MESSAGE_LIMIT: usize = 300;

pub(super) struct Session {
    pub(super) options: StompOptions,
    pub(super) requests: mpsc::Receiver<Request>,
    /// None once intake has been stopped.
    pub(super) deliveries: Option<mpsc::Sender<Delivery>>,
    pub(super) state: watch::Sender<State>,
    /// Kept until the session has ended: dropping it is what the caller of `disconnect` waits for.
    pub(super) farewell: Option<oneshot::Sender<()>>,
    /// Connections so far.
    connections: u64,
}

impl Session {
    pub(super) fn new(
        options: StompOptions,
        requests: mpsc::Receiver<Request>,
        deliveries: mpsc::Sender<Delivery>,
        state: watch::Sender<State>,
    ) -> Self {
        Self {
            options,
            requests,
            deliveries: Some(deliveries),
            state,
            farewell: None,
            connections: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let mut failures = 0;
        loop {
            let started = Instant::now();
            let error = match self.connect_and_serve().await {
                End::Asked => break,
                End::Failed(error) => error,
            };
            if started.elapsed() >= self.options.reconnect_max && self.was_subscribed() {
                failures = 0;
            }
            let delay = reconnect_delay(&self.options, failures, rand::random());
            failures = failures.saturating_add(1);
            self.report(error, delay);
            if self.offline(sleep(delay)).await.is_none() {
                break;
            }
        }
        tracing::info!(address = %self.options.address(), "disconnected from the message broker");
    }

    fn was_subscribed(&self) -> bool {
        matches!(*self.state.borrow(), State::Subscribed { .. })
    }

    fn report(&self, error: StompError, delay: Duration) {
        tracing::warn!(
            address = %self.options.address(),
            error = reason::full(&error),
            retry_in = ?delay,
            "not connected to the message broker"
        );
        let reason = Some(Arc::new(error));
        self.state.send_replace(State::Disconnected { reason });
    }

    async fn connect_and_serve(&mut self) -> End {
        let options = self.options.clone();
        let limit = options.connect_timeout;
        let connected = match self.offline(timeout(limit, log_in(&options))).await {
            None => return End::Asked,
            Some(Ok(connected)) => connected,
            Some(Err(_)) => Err(StompError::ConnectTimeout {
                address: options.address(),
                after: limit,
            }),
        };
        match connected {
            Err(error) => End::Failed(error),
            Ok(connection) => {
                self.connections += 1;
                Conversation::new(self, connection, self.connections)
                    .run()
                    .await
            }
        }
    }

    /// Runs `work` and meanwhile answers every request with an error; none when asked to end.
    async fn offline<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let request = tokio::select! {
                done = &mut work => return Some(done),
                request = self.requests.recv() => request?,
            };
            // Whoever asked and does not wait any more needs no answer.
            match request {
                Request::Send { answer: None, .. } => {}
                Request::Send {
                    answer: Some(answer),
                    ..
                } => drop(answer.send(Err(StompError::NotConnected))),
                Request::Ack { answer, .. } => drop(answer.send(Err(StompError::Stale))),
                Request::StopIntake { done } => {
                    self.deliveries = None;
                    drop(done);
                }
                Request::Disconnect { ended } => {
                    self.farewell = Some(ended);
                    return None;
                }
            }
        }
    }
}

/// Connects and says CONNECT.
pub(super) async fn log_in(options: &StompOptions) -> Result<Connection, StompError> {
    let mut connection = Connection::open(options).await?;
    connection.write_secret(connect_frame(options)).await?;
    let answer = connection.next().await?;
    match answer.command {
        Command::Connected => {
            let version = answer.header("version").unwrap_or("1.0");
            if version != "1.2" {
                return Err(StompError::Version {
                    version: version.to_owned(),
                });
            }
            let beat = HeartBeat::negotiate(options.heart_beat, answer.header("heart-beat"));
            connection.set_heart_beat(beat);
            Ok(connection)
        }
        Command::Error => Err(StompError::LoginRefused {
            message: broker_message(&answer, options),
        }),
        other => Err(StompError::Unexpected {
            command: other.as_str(),
        }),
    }
}

fn connect_frame(options: &StompOptions) -> Frame {
    let beat = options.heart_beat.as_millis();
    Frame::new(Command::Connect)
        .with("accept-version", "1.2")
        .with("heart-beat", format!("{beat},{beat}"))
        .with("host", &options.host)
        .with("login", &options.login)
        .with("passcode", options.passcode.expose_secret())
}

/// The broker's own words, in one line, without our passcode should it repeat it.
pub(super) fn broker_message(error: &Frame, options: &StompOptions) -> String {
    let body = String::from_utf8_lossy(&error.body[..error.body.len().min(64 * MESSAGE_LIMIT)]);
    let message = error
        .header("message")
        .filter(|message| !message.trim().is_empty())
        // ActiveMQ's bodies are a stack trace; only its first line says something.
        .or_else(|| body.lines().next())
        .unwrap_or("no reason given");
    let mut secrets = Secrets::default();
    secrets.add_password(&options.login, options.passcode.expose_secret());
    secrets
        .hide(message)
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(MESSAGE_LIMIT)
        .collect()
}

/// Doubles from `reconnect_min` to `reconnect_max`; `random` (0 to 1) takes away up to half, so that many workers cut off
/// together do not come back together.
fn reconnect_delay(options: &StompOptions, failures: u32, random: f64) -> Duration {
    let doubled = options
        .reconnect_min
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(options.reconnect_max);
    doubled.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stomp::tests::idle_options;

    #[test]
    fn the_delay_doubles_up_to_its_limit_and_is_spread() {
        let options = idle_options();
        let delays = [0, 1, 5, 6, u32::MAX].map(|n| reconnect_delay(&options, n, 0.0).as_secs());
        assert_eq!(delays, [1, 2, 32, 60, 60]);
        assert_eq!(reconnect_delay(&options, 6, 1.0), Duration::from_secs(30));
    }

    #[test]
    fn options_show_no_passcode() {
        let shown = format!("{:?}", idle_options());
        assert!(
            shown.contains("key:id") && !shown.contains("hunter"),
            "{shown}"
        );
    }
}
