//! The connections of the port: how many there are, and which are ended because nobody speaks on
//! them, nobody takes what was asked for, or calls are given up by the thousand. What HTTP/2 can
//! limit by itself is set in `server.rs`.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tonic::transport::server::Connected;

use super::calls::{Calls, Peer};
use crate::kernel::limits::{
    CONNECTIONS_MAX, GREETING_MAX, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT, LINGER_MAX,
    REQUEST_BYTES_MAX, STALL_MAX, UNSENT_BYTES_MAX,
};

/// Bytes by which a connection has said what it speaks: as many as the preface of HTTP/2 has (RFC
/// 9113, 3.4). Hardly any request of HTTP/1.1 is shorter, and hyper limits how long its headers
/// may take by itself.
const GREETING_BYTES: usize = 24;
/// How long no connection is accepted after one could not be, which happens when the process has no
/// files left: trying at once would keep a core busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Files that are kept for others than connections: databases, mails, the log.
const FILES_KEPT: usize = 200;
/// Looks at a connection within the time that a client may stall.
const LOOKS_PER_STALL: u32 = 4;
/// What is read at once of a client whose words are of no use.
const SCRAP_BYTES: usize = 1024;
/// What is read of it in all over HTTP/2: some hundred frames that say that there is room. Who says
/// more than that has been sent away for good reason, and is to hear it at once.
const SCRAP_BYTES_MAX: usize = 4 * 1024;
/// The same over HTTP/1.1, where a refusal ends the connection while its request still comes: as
/// much as a few requests at the most.
const REQUEST_SCRAP_BYTES_MAX: usize = 4 * REQUEST_BYTES_MAX;
/// How HTTP/2 begins, and no request of HTTP/1.1 (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI ";
/// How seldom a warning about connections is repeated: whoever wants to fill the log must not.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// Connections could not be accepted.
static ACCEPT_FAILED: Warning = Warning::new();
/// There were too many connections.
static TOO_MANY: Warning = Warning::new();
/// The system would not keep little of what is to be sent.
static UNSENT_FAILED: Warning = Warning::new();
/// A connection was ended for a flood of calls that were given up.
static FLOOD: Warning = Warning::new();

/// When any client took something last. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Taken {
    begin: Instant,
    millis: Arc<AtomicU64>,
}

impl Default for Taken {
    fn default() -> Self {
        Self { begin: Instant::now(), millis: Arc::default() }
    }
}

impl Taken {
    fn note(&self) {
        let millis = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    /// When that was, to the millisecond.
    pub fn last(&self) -> Instant {
        self.begin + Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

/// When something was warned of last, by any connection.
struct Warning(Mutex<Option<Instant>>);

impl Warning {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether it is time for it again. Then it counts as given.
    fn take_turn(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_due = last.is_none_or(|last| now >= last + WARNING_PAUSE);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

/// What connections may do. The default are the platform's limits; tests have less patience.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many there are at the most; more are closed at once.
    pub connections_max: usize,
    /// How long one may take to say which protocol it speaks.
    pub greeting_max: Duration,
    /// How long a client may take over one piece of an answer.
    pub stall_max: Duration,
    /// How often a silent one is asked whether anybody is there.
    pub keep_alive_interval: Duration,
    /// How long the answer to that may take.
    pub keep_alive_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            greeting_max: GREETING_MAX,
            stall_max: STALL_MAX,
            keep_alive_interval: KEEP_ALIVE_INTERVAL,
            keep_alive_timeout: KEEP_ALIVE_TIMEOUT,
        }
    }
}

impl ConnectionLimits {
    /// The platform's, with no more connections than the files that this process may open leave
    /// room for.
    pub fn of_process() -> Self {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        let files = files.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
        let room = files.map_or(CONNECTIONS_MAX, |files| files.saturating_sub(FILES_KEPT).max(1));
        Self { connections_max: CONNECTIONS_MAX.min(room), ..Self::default() }
    }
}

/// Accepts connections for as long as the stream is kept, and notes in `taken` what clients take.
pub fn connections(
    listener: TcpListener,
    limits: ConnectionLimits,
    taken: Taken,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    futures::stream::unfold((listener, places, taken), move |state| async move {
        let (listener, places, taken) = state;
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    if ACCEPT_FAILED.take_turn() {
                        tracing::warn!(%error, "a connection could not be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // Without it, an answer waits 40 ms for the client to acknowledge its first packet. It
            // fails when the client has gone already.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            if let Err(error) = keep_little_unsent(&stream)
                && UNSENT_FAILED.take_turn()
            {
                tracing::warn!(%error, "a client on a slow line may be taken for one that stalls");
            }
            if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                let connection = Connection::new(stream, limits, taken.clone(), place);
                return Some((Ok(connection), (listener, places, taken)));
            }
            if TOO_MANY.take_turn() {
                tracing::warn!(max = limits.connections_max, "there are too many connections");
            }
        }
    })
}

/// Lets the system take little more than what the client has room for, so that what is written is
/// what the client takes.
#[cfg(target_os = "linux")]
fn keep_little_unsent(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX)
}

/// Elsewhere there may be no such setting, and a very slow client is taken for one that stalls.
#[cfg(not(target_os = "linux"))]
fn keep_little_unsent(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// A connection that fails by itself when its client stalls.
pub struct Connection {
    stream: TcpStream,
    calls: Arc<Calls>,
    limits: ConnectionLimits,
    taken: Taken,
    open_time: Instant,
    /// Bytes that have come.
    greeting: usize,
    /// Whether they began otherwise than those of HTTP/2 do.
    is_http1: bool,
    /// Since when the client has had no room for what is to be sent.
    full_since: Option<Instant>,
    look: Pin<Box<Sleep>>,
    /// Everything has been said, and so has the end.
    is_shut: bool,
    /// Bytes that have come after that.
    scrap: usize,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(
        stream: TcpStream,
        limits: ConnectionLimits,
        taken: Taken,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let first_look = limits.greeting_max.min(limits.stall_max / LOOKS_PER_STALL);
        Self {
            stream,
            calls: Arc::default(),
            limits,
            taken,
            open_time: Instant::now(),
            greeting: 0,
            is_http1: false,
            full_since: None,
            look: Box::pin(tokio::time::sleep(first_look)),
            is_shut: false,
            scrap: 0,
            _place: place,
        }
    }

    /// Fails when the client is to be cut off. Whoever polls is woken for the next look.
    fn look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.calls.is_flood() {
            if FLOOD.take_turn() {
                let peer = self.stream.peer_addr().ok();
                tracing::warn!(?peer, "a client gives up its calls as soon as they have begun");
            }
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "too many calls given up"));
        }
        while self.look.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let greeted_by = self.open_time + self.limits.greeting_max;
            let is_silent = self.greeting < GREETING_BYTES;
            if is_silent && now >= greeted_by {
                return Err(io::Error::new(ErrorKind::TimedOut, "the client says nothing"));
            }
            let stalls = |since: Instant| now >= since + self.limits.stall_max;
            if self.calls.stall(stalls) || self.full_since.is_some_and(stalls) {
                return Err(io::Error::new(ErrorKind::TimedOut, "the client takes nothing"));
            }
            let next = now + self.limits.stall_max / LOOKS_PER_STALL;
            self.look.as_mut().reset(if is_silent { next.min(greeted_by) } else { next });
        }
        Ok(())
    }

    /// Waits for the client to close as well, for a while. Nothing that it says is of use any more.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0; SCRAP_BYTES];
        let most = if self.is_http1 { REQUEST_SCRAP_BYTES_MAX } else { SCRAP_BYTES_MAX };
        while self.scrap < most && Instant::now() < self.look.deadline() {
            let mut buffer = ReadBuf::new(&mut scrap);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.scrap += buffer.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.look.as_mut().poll(context),
            }
        }
        Poll::Ready(())
    }

    /// Notes whether the client had room.
    fn note<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &written {
            Poll::Pending => {
                self.full_since.get_or_insert_with(Instant::now);
            }
            Poll::Ready(Ok(_)) => {
                self.full_since = None;
                self.taken.note();
            }
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.look(context)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        let expected = PREFACE.get(self.greeting..).unwrap_or_default();
        self.is_http1 |= new.iter().zip(expected).any(|(byte, of_http2)| byte != of_http2);
        self.greeting = self.greeting.saturating_add(new.len());
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.look(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.is_shut = true;
            self.look.as_mut().reset(Instant::now() + LINGER_MAX);
        }
        self.linger(context).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.look(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer { address: self.stream.connect_info(), calls: Arc::clone(&self.calls) }
    }
}
