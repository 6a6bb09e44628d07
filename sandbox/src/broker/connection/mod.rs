//! Serves one client: TLS, frames in, frames out, heart-beats.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::protocol::{Next, Session};
use super::frame::{Decoder, Frame};
use super::hub::{Hub, error_frame};

mod protocol;

const HANDSHAKE: Duration = Duration::from_secs(10);

/// Heart-beats of a connection in its two directions; nothing where none are due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct HeartBeats {
    send_every: Option<Duration>,
    expect_every: Option<Duration>,
}

/// Accepts clients until the broker stops.
pub(super) async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    hub: Arc<Hub>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let Ok((socket, _)) = accepted else { continue };
        if hub.refuses_new() {
            continue;
        }
        let (acceptor, hub, stop) = (acceptor.clone(), Arc::clone(&hub), stop.clone());
        tasks.spawn(async move { stop.run_until_cancelled(greet(socket, acceptor, hub)).await });
    }
    hub.cut_connections();
}

async fn greet(socket: TcpStream, acceptor: TlsAcceptor, hub: Arc<Hub>) {
    hub.thawed().await;
    if socket.set_nodelay(true).is_err() {
        return;
    }
    match timeout(HANDSHAKE, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => serve(stream, hub).await,
        Ok(Err(error)) => tracing::debug!(%error, "tls handshake with a stomp client failed"),
        Err(_) => tracing::debug!("a stomp client did not finish its tls handshake"),
    }
}

async fn serve(stream: TlsStream<TcpStream>, hub: Arc<Hub>) {
    let (id, frames, cut) = hub.join();
    let (reading, writing) = tokio::io::split(stream);
    let (heart_beats, agreed) = watch::channel(HeartBeats::default());
    let session = Session::new(Arc::clone(&hub), id);
    let read = async {
        read_frames(reading, session, &heart_beats).await;
        // Dropping the outbox lets the writer finish what is queued, such as an ERROR frame, and close.
        hub.leave(id);
    };
    let both = async { tokio::join!(read, write_frames(writing, frames, &hub, agreed)) };
    if cut.run_until_cancelled(both).await.is_none() {
        hub.leave(id);
    }
}

async fn read_frames(
    mut reading: ReadHalf<TlsStream<TcpStream>>,
    mut session: Session,
    heart_beats: &watch::Sender<HeartBeats>,
) {
    let mut decoder = Decoder::default();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let expect_every = heart_beats.borrow().expect_every;
        let length = match read_in_time(&mut reading, &mut chunk, expect_every).await {
            Ok(Ok(length @ 1..)) => length,
            // A frozen broker does not notice that its client is silent.
            Err(_) if session.hub().is_frozen() => continue,
            _ => return,
        };
        session.hub().thawed().await;
        decoder.push(&chunk[..length]);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => match session.handle(frame) {
                    Next::Continue => {}
                    Next::Agreed(agreed) => heart_beats.send_modify(|current| *current = agreed),
                    Next::Close => return,
                    // The token that was cancelled with it ends this.
                    Next::Cut => std::future::pending().await,
                },
                Ok(None) => break,
                Err(error) => {
                    session.send(error_frame(&error.to_string()));
                    return;
                }
            }
        }
    }
}

/// Waits for bytes; a client that owes heart-beats has twice their interval.
async fn read_in_time(
    reading: &mut ReadHalf<TlsStream<TcpStream>>,
    chunk: &mut [u8],
    expect_every: Option<Duration>,
) -> Result<io::Result<usize>, tokio::time::error::Elapsed> {
    match expect_every {
        Some(interval) => timeout(interval * 2, reading.read(chunk)).await,
        None => Ok(reading.read(chunk).await),
    }
}

async fn write_frames(
    mut writing: WriteHalf<TlsStream<TcpStream>>,
    mut frames: mpsc::UnboundedReceiver<Frame>,
    hub: &Hub,
    mut agreed: watch::Receiver<HeartBeats>,
) {
    loop {
        let due = agreed
            .borrow_and_update()
            .send_every
            .map(|interval| Instant::now() + interval);
        let bytes = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => frame.encode(),
                None => break,
            },
            Ok(()) = agreed.changed() => continue,
            () = wait(due) => b"\n".to_vec(),
        };
        hub.thawed().await;
        if writing.write_all(&bytes).await.is_err() || writing.flush().await.is_err() {
            return;
        }
    }
    let _ = writing.shutdown().await;
}

async fn wait(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl HeartBeats {
    /// What results from `own` and a client's `heart-beat` header, and the header to answer with (STOMP 1.2, "Heart-beating").
    fn negotiate(own: Duration, client: Option<&str>) -> Option<(Self, String)> {
        let (can_send, wants) = match client {
            Some(text) => text.split_once(',')?,
            None => ("0", "0"),
        };
        let can_send = Duration::from_millis(can_send.trim().parse::<u32>().ok()?.into());
        let wants = Duration::from_millis(wants.trim().parse::<u32>().ok()?.into());
        let read = if can_send.is_zero() {
            can_send
        } else {
            can_send.max(own)
        };
        let beats = Self {
            send_every: (!own.is_zero() && !wants.is_zero()).then(|| own.max(wants)),
            expect_every: (!read.is_zero()).then_some(read),
        };
        Some((beats, format!("{},{}", own.as_millis(), read.as_millis())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Duration = Duration::from_secs(15);

    fn negotiated(client: Option<&str>) -> (Option<u64>, Option<u64>, String) {
        let (beats, answer) = HeartBeats::negotiate(OWN, client).expect("a valid header");
        let seconds = |interval: Option<Duration>| interval.map(|interval| interval.as_secs());
        (
            seconds(beats.send_every),
            seconds(beats.expect_every),
            answer,
        )
    }

    #[test]
    fn a_client_that_only_listens_gets_the_answer_of_the_real_platform() {
        assert_eq!(
            negotiated(Some("0,15000")),
            (Some(15), None, "15000,0".to_owned())
        );
    }

    #[test]
    fn the_slower_side_sets_the_pace() {
        assert_eq!(
            negotiated(Some("30000,60000")),
            (Some(60), Some(30), "15000,30000".to_owned())
        );
        assert_eq!(
            negotiated(Some("1000,1000")),
            (Some(15), Some(15), "15000,15000".to_owned())
        );
    }

    #[test]
    fn without_a_header_there_are_none() {
        assert_eq!(negotiated(None), (None, None, "15000,0".to_owned()));
    }

    #[test]
    fn a_header_that_is_no_pair_of_numbers_is_refused() {
        assert_eq!(HeartBeats::negotiate(OWN, Some("15000")), None);
        assert_eq!(HeartBeats::negotiate(OWN, Some("-1,0")), None);
    }
}
