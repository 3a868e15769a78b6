//! The calls of a connection: which are under way, which are given up, and which answers are not
//! taken.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::transport::server::TcpConnectInfo;

use crate::kernel::limits::{
    ANSWER_PIECE_BYTES, CALLS_GIVEN_UP_CEILING, CALLS_GIVEN_UP_MAX, GIVEN_UP_WINDOW, HASTE_MAX,
    STUCK_BYTES_MAX,
};

/// What the paths begin with of RPCs that are gRPC's own: health and reflection.
const GRPC_PATHS: &str = "/grpc.";

/// The client at the other end of a connection.
#[derive(Clone)]
pub struct Peer {
    pub(super) address: TcpConnectInfo,
    pub(super) calls: Arc<Calls>,
}

/// The calls that a stopping server waits for.
#[derive(Clone)]
pub struct UnderWay {
    calls: TaskTracker,
    /// The paths of RPCs whose answers are streams.
    streams: Arc<HashSet<String>>,
}

impl UnderWay {
    /// Counts them here.
    pub fn new(calls: TaskTracker) -> Self {
        let services = boxoffice_proto::POOL.services();
        let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
        let streams = methods
            .filter(|method| method.is_server_streaming())
            .map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name()));
        Self { calls, streams: Arc::new(streams.collect()) }
    }

    /// Whether an answer on this path may have no end. Such a call is under way until it is open.
    fn is_stream(&self, path: &str) -> bool {
        path.starts_with(GRPC_PATHS) || self.streams.contains(path)
    }
}

/// What a connection knows of its calls.
#[derive(Default)]
pub(super) struct Calls {
    waits: Mutex<Waits>,
    next: AtomicU64,
    lately: Mutex<Lately>,
    is_flood: AtomicBool,
}

impl Calls {
    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client begins calls in order to give them up.
    pub(super) fn is_flood(&self) -> bool {
        self.is_flood.load(Ordering::Relaxed)
    }

    /// Whether the client takes nothing any more: none of its answers moves, or those that do not
    /// keep too much in memory. One answer that nobody reads does not end the others beside it,
    /// which may be those of other people behind the same proxy.
    pub(super) fn stall(&self, stalls: impl Fn(Instant) -> bool) -> bool {
        let waits = self.waits();
        let stuck = waits.answers.values().filter(|wait| stalls(wait.since));
        let (count, bytes) =
            stuck.fold((0, 0), |(count, bytes), wait| (count + 1, bytes + wait.rest_bytes));
        count > 0 && (waits.moved.is_none_or(stalls) || bytes > STUCK_BYTES_MAX)
    }
}

/// The calls of the last while.
#[derive(Default)]
struct Lately {
    since: Option<Instant>,
    begun: u32,
    /// Those that were given up before anybody would have tired of waiting.
    given_up_in_haste: u32,
}

impl Lately {
    fn begin(&mut self, now: Instant) {
        if self.since.is_none_or(|since| now >= since + GIVEN_UP_WINDOW) {
            *self = Self { since: Some(now), ..Self::default() };
        }
        self.begun = self.begun.saturating_add(1);
    }

    /// Notes one; whether it is a flood by now: too many, and most of what there was. The proxy of
    /// many clients who ask twice and take the first answer gives up one call of two at the most.
    /// Beyond the ceiling it does not matter what else there was.
    fn give_up(&mut self) -> bool {
        self.given_up_in_haste = self.given_up_in_haste.saturating_add(1);
        self.given_up_in_haste > CALLS_GIVEN_UP_CEILING
            || self.given_up_in_haste > CALLS_GIVEN_UP_MAX
                && self.given_up_in_haste > self.begun / 2
    }
}

/// The answers that wait for their client to take the next piece.
#[derive(Default)]
struct Waits {
    answers: HashMap<u64, Wait>,
    /// When a piece of any was taken last.
    moved: Option<Instant>,
}

/// Since when an answer waits, and how much of it is left.
struct Wait {
    since: Instant,
    rest_bytes: usize,
}

/// A call that has no answer yet, and may be given up: once, whoever notices first.
struct Unanswered {
    calls: Arc<Calls>,
    begun: Instant,
    is_over: AtomicBool,
}

impl Unanswered {
    fn begin(calls: &Arc<Calls>) -> Arc<Self> {
        let begun = Instant::now();
        calls.lately().begin(begun);
        Arc::new(Self { calls: Arc::clone(calls), begun, is_over: AtomicBool::new(false) })
    }

    /// It has its answer now.
    fn answer(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn give_up(&self) {
        let was_over = self.is_over.swap(true, Ordering::Relaxed);
        // Whoever has waited and then leaves is no flood: only so many can wait at a time.
        if !was_over && self.begun.elapsed() < HASTE_MAX && self.calls.lately().give_up() {
            self.calls.is_flood.store(true, Ordering::Relaxed);
        }
    }
}

/// Gives a call up when it is dropped, unless that has its answer.
struct GivenUpOnDrop(Arc<Unanswered>);

impl Drop for GivenUpOnDrop {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// Tells a connection of its calls, and a stopping server which are under way: until the answer has
/// been given, or the client is gone.
pub async fn watch_calls(
    State(under_way): State<UnderWay>,
    mut request: Request,
    next: Next,
) -> Response {
    let counted = under_way.calls.token();
    let is_stream = under_way.is_stream(request.uri().path());
    let Some(peer) = request.extensions_mut().remove::<Peer>() else {
        return next.run(request).await;
    };
    // By this, services know the address of the client.
    request.extensions_mut().insert(peer.address);
    let unanswered = GivenUpOnDrop(Unanswered::begin(&peer.calls));
    let call = Arc::clone(&unanswered.0);
    let request = request.map(|body| Body::new(Asked { body, call }));
    let response = next.run(request).await;
    unanswered.0.answer();
    let counted = (!is_stream).then_some(counted);
    response.map(|body| Body::new(Answer::new(body, peer.calls, counted)))
}

/// The body of a request. When it breaks off, the client has given the call up; whoever reads it
/// may make an answer of that, which counts for nothing.
struct Asked {
    body: Body,
    call: Arc<Unanswered>,
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if matches!(frame, Some(Err(_))) {
            self.call.give_up();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, given away piece by piece. hyper asks for the next one when the client
/// has begun to take the one before, so that a piece which is not asked for is one that is not
/// taken. What can be kept in memory without being noticed is one piece a call.
struct Answer {
    body: Body,
    rest: Bytes,
    calls: Arc<Calls>,
    number: u64,
    /// The call is under way for as long as this is kept.
    _counted: Option<TaskTrackerToken>,
}

impl Answer {
    fn new(body: Body, calls: Arc<Calls>, counted: Option<TaskTrackerToken>) -> Self {
        let number = calls.next.fetch_add(1, Ordering::Relaxed);
        let answer = Self { body, rest: Bytes::new(), calls, number, _counted: counted };
        answer.wait();
        answer
    }

    fn wait(&self) {
        let wait = Wait { since: Instant::now(), rest_bytes: self.rest.len() };
        self.calls.waits().answers.insert(self.number, wait);
    }

    fn move_on(&self) {
        let mut waits = self.calls.waits();
        if waits.answers.remove(&self.number).is_some() {
            waits.moved = Some(Instant::now());
        }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.move_on();
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(ANSWER_PIECE_BYTES);
        let piece = self.rest.split_to(length);
        self.wait();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.calls.waits().answers.remove(&self.number);
    }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
