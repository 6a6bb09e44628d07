//! One TLS connection: its buffers and its heart-beats.

use std::future::pending;
use std::io;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use rustls_pki_types::ServerName;
use secrecy::zeroize::Zeroize as _;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::StompOptions;
use super::error::StompError;
use super::frame::{Decoder, Frame, FrameError};
use crate::proxy::{Proxy, Stream, TunnelError};
use crate::reason;

/// One TLS record at most holds this much.
const READ_CHUNK: usize = 16 * 1024;
/// No more frames are queued while this much waits to be written.
const OUTBOUND_ROOM: usize = 1024 * 1024;
/// Idle time before the system probes a peer that offers no heart-beats.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(1);
/// How long one address may take before the next is tried.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(10);
/// How long the goodbye of TLS may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// How long a proxy may take for a tunnel, or half of the time for the whole connection if that is less.
const TUNNEL_PATIENCE: Duration = Duration::from_secs(20);

/// TLS over TCP, or over the tunnel of a proxy.
type Secured = TlsStream<Box<dyn Stream>>;

/// A connection that reads, writes and beats while someone waits in [`Connection::next`].
pub(super) struct Connection {
    reader: ReadHalf<Secured>,
    writer: WriteHalf<Secured>,
    decoder: Decoder,
    inbound: BytesMut,
    outbound: BytesMut,
    unflushed: bool,
    heart_beat: HeartBeat,
    heard: Instant,
    spoke: Instant,
}

impl Connection {
    /// Connects, through the proxy where there is one, and secures it by TLS, the proxy's tunnel included.
    pub(super) async fn open(options: &StompOptions) -> Result<Self, StompError> {
        let host = options.host.clone();
        let name = ServerName::try_from(host).map_err(|_| StompError::HostName {
            host: options.host.clone(),
        })?;
        let line = match &options.proxy {
            Some(proxy) => through(proxy, options).await?,
            None => directly(options).await?,
        };
        let stream = TlsConnector::from(options.tls.clone())
            .connect(name, line)
            .await
            .map_err(|source| StompError::Tls {
                address: options.address(),
                source,
            })?;
        let (reader, writer) = tokio::io::split(stream);
        let now = Instant::now();
        Ok(Self {
            reader,
            writer,
            decoder: Decoder::new(options.limits),
            inbound: BytesMut::new(),
            outbound: BytesMut::new(),
            unflushed: false,
            heart_beat: HeartBeat::default(),
            heard: now,
            spoke: now,
        })
    }

    /// Beats and listens from now on as negotiated.
    pub(super) fn set_heart_beat(&mut self, heart_beat: HeartBeat) {
        self.heart_beat = heart_beat;
    }

    /// Queues a frame; it is written while someone waits in [`Connection::next`].
    pub(super) fn queue(&mut self, frame: &Frame) -> Result<(), FrameError> {
        frame.encode(&mut self.outbound)
    }

    /// Writes a frame that holds a secret at once, from a buffer that is wiped, and wipes the frame.
    pub(super) async fn write_secret(&mut self, mut frame: Frame) -> Result<(), StompError> {
        // Room for all of it escaped, as a buffer that grows leaves its beginnings behind.
        let headers = frame.headers.iter();
        let room: usize = headers
            .map(|(name, value)| 2 * (name.len() + value.len() + 1))
            .sum();
        let mut buffer = Wiped(BytesMut::with_capacity(room + 64));
        let encoded = frame.encode(&mut buffer.0);
        for (_, value) in &mut frame.headers {
            value.zeroize();
        }
        encoded?;
        self.writer.write_all(&buffer.0).await?;
        self.writer.flush().await?;
        self.spoke = Instant::now();
        Ok(())
    }

    /// Says an end of line, which means nothing, unless there is more to say.
    ///
    /// It carries the acknowledgement of what we have read. A broker that leaves Nagle's algorithm on, as `ActiveMQ` does, holds
    /// back its next frame until then, and the system would let it wait for 40 ms.
    pub(super) fn nudge(&mut self) {
        if self.outbound.is_empty() {
            self.outbound.put_u8(b'\n');
        }
    }

    /// Whether another frame should be queued now.
    pub(super) fn has_room(&self) -> bool {
        self.outbound.len() < OUTBOUND_ROOM
    }

    /// The next frame. Cancel-safe: what was read or half written stays in the buffers.
    pub(super) async fn next(&mut self) -> Result<Frame, StompError> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.inbound)? {
                return Ok(frame);
            }
            self.advance().await?;
        }
    }

    /// Writes what is queued and closes; a peer that does not take it in time is left alone.
    pub(super) async fn close(mut self) {
        let farewell = async {
            self.writer.write_all_buf(&mut self.outbound).await?;
            self.writer.shutdown().await
        };
        // Nothing depends on it any more: the broker has confirmed DISCONNECT, or it is gone.
        let _ = timeout(CLOSE_PATIENCE, farewell).await;
    }

    async fn advance(&mut self) -> Result<(), StompError> {
        let silent_at = self.heart_beat.patience().map(|after| self.heard + after);
        let beat_at = self
            .heart_beat
            .pause()
            .filter(|_| self.outbound.is_empty())
            .map(|pause| self.spoke + pause);
        let wake_at = silent_at.into_iter().chain(beat_at).min();
        // Reading goes first: after a pause of this process, what has arrived meanwhile must count as heard.
        let progress = tokio::select! {
            biased;
            progress = exchange(
                &mut self.reader, &mut self.inbound,
                &mut self.writer, &mut self.outbound, &mut self.unflushed,
            ) => Some(progress?),
            () = sleep_until_some(wake_at) => None,
        };
        let now = Instant::now();
        match progress {
            Some(Progress::Read(0)) => return Err(StompError::Closed),
            Some(Progress::Read(_)) => self.heard = now,
            Some(Progress::Wrote) => self.spoke = now,
            None if silent_at.is_some_and(|at| at <= now) => {
                let after = now - self.heard;
                return Err(StompError::Silent { after });
            }
            None => self.nudge(),
        }
        Ok(())
    }
}

/// Bytes that are overwritten when they are done with, also where that is not awaited.
struct Wiped(BytesMut);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut().zeroize();
    }
}

async fn directly(options: &StompOptions) -> Result<Box<dyn Stream>, StompError> {
    let tcp = connect_tcp(&options.host, options.port).await;
    let tcp = tcp.map_err(|source| StompError::Unreachable {
        address: options.address(),
        source,
    })?;
    Ok(Box::new(tcp))
}

/// Many proxies let no port pass but 443, and IBM's own client goes past them: where a proxy opens no tunnel, the direct way
/// is tried. A login that it refuses is a slip that must not be hidden like this.
async fn through(proxy: &Proxy, options: &StompOptions) -> Result<Box<dyn Stream>, StompError> {
    match tunnel(proxy, options).await {
        Ok(stream) => Ok(stream),
        Err(error @ TunnelError::Login { .. }) => Err(StompError::Proxy(error)),
        Err(error) => {
            let address = options.address();
            tracing::warn!(
                address,
                "{}; connecting to {address} without the proxy",
                reason::full(&error)
            );
            directly(options).await
        }
    }
}

async fn tunnel(proxy: &Proxy, options: &StompOptions) -> Result<Box<dyn Stream>, TunnelError> {
    let opening = async {
        let tcp = connect_tcp(proxy.host(), proxy.port())
            .await
            .map_err(|error| TunnelError::unreachable(proxy, &error))?;
        proxy
            .tunnel(tcp, &options.host, options.port, &options.tls)
            .await
    };
    let patience = TUNNEL_PATIENCE.min(options.connect_timeout / 2);
    timeout(patience, opening)
        .await
        .unwrap_or_else(|elapsed| Err(TunnelError::unreachable(proxy, &elapsed)))
}

async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = first_to_answer(host, port).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// One address after another, each for a while: one that says nothing must not keep the next from being tried.
async fn first_to_answer(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut outcome = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in lookup_host((host, port)).await? {
        outcome = timeout(ADDRESS_PATIENCE, TcpStream::connect(address))
            .await
            .unwrap_or_else(|elapsed| Err(elapsed.into()));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

enum Progress {
    Read(usize),
    Wrote,
}

/// Reads or writes once, whichever the socket allows; neither can starve or block the other.
async fn exchange(
    reader: &mut ReadHalf<Secured>,
    inbound: &mut BytesMut,
    writer: &mut WriteHalf<Secured>,
    outbound: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<Progress> {
    inbound.reserve(READ_CHUNK);
    let has_output = *unflushed || !outbound.is_empty();
    tokio::select! {
        read = reader.read_buf(inbound) => read.map(Progress::Read),
        wrote = write_some(writer, outbound, unflushed), if has_output => wrote.map(|()| Progress::Wrote),
    }
}

async fn write_some(
    writer: &mut WriteHalf<Secured>,
    outbound: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    if outbound.is_empty() {
        writer.flush().await?;
        *unflushed = false;
    } else {
        *unflushed = true;
        if writer.write_buf(outbound).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

async fn sleep_until_some(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// What both sides agreed on (STOMP 1.2, heart-beating).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct HeartBeat {
    /// We promised to send something at least this often.
    send: Option<Duration>,
    /// The broker promised the same.
    receive: Option<Duration>,
}

impl HeartBeat {
    /// Joins what we offered in CONNECT, the same both ways, with the broker's `heart-beat` header. A header that cannot be
    /// read counts as none.
    pub(super) fn negotiate(offered: Duration, answer: Option<&str>) -> Self {
        let (sends, wants) = answer.and_then(parse_heart_beat).unwrap_or_default();
        let agree = |theirs: u64| {
            let theirs = Duration::from_millis(theirs);
            (!offered.is_zero() && !theirs.is_zero()).then(|| offered.max(theirs))
        };
        Self {
            send: agree(wants),
            receive: agree(sends),
        }
    }

    /// How long we say nothing: half of what we promised, for `ActiveMQ` grants no grace.
    fn pause(&self) -> Option<Duration> {
        self.send.map(|interval| interval / 2)
    }

    /// How long the broker may say nothing: twice its promise and half of it as grace.
    fn patience(&self) -> Option<Duration> {
        self.receive.map(|interval| interval * 5 / 2)
    }
}

fn parse_heart_beat(value: &str) -> Option<(u64, u64)> {
    let (sends, wants) = value.split_once(',')?;
    Some((sends.trim().parse().ok()?, wants.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heart_beats_are_negotiated_as_stomp_says() {
        let ms = |value| Some(Duration::from_millis(value));
        for (offered, answer, send, receive) in [
            (15_000, Some("15000,15000"), ms(15_000), ms(15_000)),
            (15_000, Some("15000,0"), None, ms(15_000)),
            (15_000, Some("0,15000"), ms(15_000), None),
            (15_000, Some("5000,30000"), ms(30_000), ms(15_000)),
            (15_000, Some("0,0"), None, None),
            (15_000, None, None, None),
            (15_000, Some("soon"), None, None),
            (0, Some("15000,15000"), None, None),
        ] {
            assert_eq!(
                HeartBeat::negotiate(Duration::from_millis(offered), answer),
                HeartBeat { send, receive },
                "{answer:?}"
            );
        }
    }

    #[test]
    fn we_beat_within_the_promise_and_wait_beyond_it() {
        let agreed = HeartBeat::negotiate(Duration::from_secs(4), Some("4000,4000"));
        assert_eq!(agreed.pause(), Some(Duration::from_secs(2)));
        assert_eq!(agreed.patience(), Some(Duration::from_secs(10)));
    }
}
