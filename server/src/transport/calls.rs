//! The calls of a connection: which are given up, and which answers are not taken.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::transport::server::TcpConnectInfo;

use crate::kernel::limits::{ANSWER_PIECE_BYTES, STUCK_BYTES_MAX};

/// The client at the other end of a connection.
#[derive(Clone)]
pub struct Peer {
    pub(super) address: TcpConnectInfo,
    pub(super) calls: Arc<Calls>,
}

/// What a connection knows of its calls.
#[derive(Default)]
pub(super) struct Calls {
    waits: Mutex<Waits>,
    next: AtomicU64,
    /// Calls that the client gave up since the last look, before they had an answer.
    pub(super) given_up: AtomicU32,
}

impl Calls {
    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Counts a call as given up, unless it is told of its answer.
struct Unanswered(Option<Arc<Calls>>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(calls) = &self.0 {
            calls.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Tells a connection of its calls: which are given up, and which answers are not taken.
pub async fn watch_calls(mut request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions_mut().remove::<Peer>() else {
        return next.run(request).await;
    };
    // By this, services know the address of the client.
    request.extensions_mut().insert(peer.address);
    let request = request.map(|body| Body::new(Asked { body, calls: Arc::clone(&peer.calls) }));
    let mut unanswered = Unanswered(Some(Arc::clone(&peer.calls)));
    let response = next.run(request).await;
    unanswered.0 = None;
    response.map(|body| Body::new(Answer::new(body, peer.calls)))
}

/// The body of a request. When it breaks off, the client has given the call up; whoever reads it
/// may make an answer of that, which counts for nothing.
struct Asked {
    body: Body,
    calls: Arc<Calls>,
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
            self.calls.given_up.fetch_add(1, Ordering::Relaxed);
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
}

impl Answer {
    fn new(body: Body, calls: Arc<Calls>) -> Self {
        let number = calls.next.fetch_add(1, Ordering::Relaxed);
        let answer = Self { body, rest: Bytes::new(), calls, number };
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
