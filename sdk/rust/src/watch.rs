//! Streams that go on where they stopped.

use std::time::Duration;

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_proto::booking::v1::{
    SeatCursor, WatchBookingRequest, WatchBookingResponse, WatchSeatsRequest, WatchSeatsResponse,
};
use boxoffice_proto::r#type::v1::ErrorReason;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::client::{Client, RECEIVED_BYTES_MAX, authorize};
use crate::error::Error;
use crate::retry::Backoff;

/// How often in a row a stream is opened without getting anywhere before it ends with the error.
const TRIES_MAX: u32 = 20;

/// A stream that has stood this long was no failure, even if it brought nothing: the server ends
/// every stream after a while.
const STEADY: Duration = Duration::from_secs(10);

/// The changes of an event's seats: see [`Client::watch_seats`].
pub type SeatStream = BoxStream<'static, Result<WatchSeatsResponse, Error>>;

/// The changes of a booking: see [`Client::watch_booking`].
pub type BookingStream = BoxStream<'static, Result<WatchBookingResponse, Error>>;

impl Client {
    /// Streams the seats of a published event: without a cursor a snapshot of all of them, then
    /// every change in order; with the cursor of an earlier message or of `GetSeatMap` the changes
    /// since then. [`crate::SeatView`] folds the messages.
    ///
    /// When the connection breaks, the server ends the stream or the token expires, it goes on
    /// from the last message without loss or repeat. It ends after its first error: one that
    /// repeating cannot cure, or the twentieth failure in a row.
    pub fn watch_seats(
        &self,
        event_id: impl Into<String>,
        cursor: Option<SeatCursor>,
    ) -> SeatStream {
        watch(self.clone(), SeatFeed { event_id: event_id.into(), cursor })
    }

    /// Streams a booking: as it is now, then after every change. Goes on and ends as
    /// [`Client::watch_seats`] does, and never shows a state twice or an older one after a newer.
    pub fn watch_booking(&self, booking_id: impl Into<String>) -> BookingStream {
        watch(self.clone(), BookingFeed { booking_id: booking_id.into(), version: None })
    }
}

type Opening<M> = BoxFuture<'static, Result<Response<Streaming<M>>, Status>>;

/// What is streamed, and how far it was seen.
trait Feed: Send + 'static {
    type Request: Send;
    type Message: Send + 'static;

    /// Asks for everything after what was admitted.
    fn request(&self) -> Self::Request;

    fn open(
        stub: BookingServiceClient<Channel>,
        request: Request<Self::Request>,
    ) -> Opening<Self::Message>;

    /// Notes a message as seen. False when it brings nothing new, as the first message of a
    /// resumed stream may.
    fn admit(&mut self, message: &Self::Message) -> bool;
}

struct SeatFeed {
    event_id: String,
    cursor: Option<SeatCursor>,
}

impl Feed for SeatFeed {
    type Request = WatchSeatsRequest;
    type Message = WatchSeatsResponse;

    fn request(&self) -> WatchSeatsRequest {
        WatchSeatsRequest { event_id: self.event_id.clone(), cursor: self.cursor }
    }

    fn open(
        mut stub: BookingServiceClient<Channel>,
        request: Request<WatchSeatsRequest>,
    ) -> Opening<WatchSeatsResponse> {
        Box::pin(async move { stub.watch_seats(request).await })
    }

    /// Order is the reader's to judge: a message that breaks it must be seen, not hidden.
    fn admit(&mut self, message: &WatchSeatsResponse) -> bool {
        if message.cursor.is_some() {
            self.cursor = message.cursor;
        }
        true
    }
}

struct BookingFeed {
    booking_id: String,
    version: Option<i64>,
}

impl Feed for BookingFeed {
    type Request = WatchBookingRequest;
    type Message = WatchBookingResponse;

    fn request(&self) -> WatchBookingRequest {
        WatchBookingRequest { booking_id: self.booking_id.clone() }
    }

    fn open(
        mut stub: BookingServiceClient<Channel>,
        request: Request<WatchBookingRequest>,
    ) -> Opening<WatchBookingResponse> {
        Box::pin(async move { stub.watch_booking(request).await })
    }

    fn admit(&mut self, message: &WatchBookingResponse) -> bool {
        let version = message.booking.as_ref().map(|booking| booking.version);
        let newer = version > self.version;
        if newer {
            self.version = version;
        }
        newer
    }
}

struct Watch<F: Feed> {
    client: Client,
    feed: F,
    open: Option<Open<F::Message>>,
    /// The access token that the newest stream was opened with, or was to be.
    bearer: Option<String>,
    backoff: Backoff,
    over: bool,
}

struct Open<M> {
    messages: Streaming<M>,
    since: Instant,
}

fn watch<F: Feed>(client: Client, feed: F) -> BoxStream<'static, Result<F::Message, Error>> {
    let backoff = Backoff::new(TRIES_MAX);
    let watch = Watch { client, feed, open: None, bearer: None, backoff, over: false };
    stream::unfold(watch, |mut watch| async move {
        if watch.over {
            return None;
        }
        let item = watch.next().await;
        watch.over = item.is_err();
        Some((item, watch))
    })
    .boxed()
}

impl<F: Feed> Watch<F> {
    async fn next(&mut self) -> Result<F::Message, Error> {
        loop {
            let error = match self.step().await {
                Ok(message) if self.feed.admit(&message) => {
                    self.backoff.reset();
                    return Ok(message);
                }
                Ok(_) => continue,
                Err(error) => error,
            };
            let ended = self.open.take();
            if ended.as_ref().is_some_and(|open| open.since.elapsed() >= STEADY) {
                self.backoff.reset();
            }
            if !is_resumable(&error) {
                return Err(error);
            }
            match self.backoff.after_failure(error.retry_after()) {
                Some(delay) => sleep(delay).await,
                None => return Err(error),
            }
            if error.is_token_expired()
                && let Some(bearer) = self.bearer.take()
            {
                renew(&self.client, bearer).await?;
            }
        }
    }

    /// The next message, of a stream opened anew if there is none.
    async fn step(&mut self) -> Result<F::Message, Error> {
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                self.bearer = self.client.bearer().await?;
                let request = authorize(self.feed.request(), self.bearer.as_deref())?;
                let opened = open::<F>(&self.client, request).await?;
                self.open.insert(opened)
            }
        };
        let ended = "the server ended the stream";
        let ended = || Error::local(Code::Unavailable, ErrorReason::Unspecified, ended);
        open.messages.message().await?.ok_or_else(ended)
    }
}

/// Renews the token that a stream was opened with. A failure that time may cure is left to the next
/// opening, which is counted.
async fn renew(client: &Client, bearer: String) -> Result<(), Error> {
    match client.renew(bearer).await {
        Err(error) if !is_resumable(&error) => Err(error),
        _ => Ok(()),
    }
}

/// The stream itself has no deadline, so none is sent; only its beginning has.
async fn open<F: Feed>(
    client: &Client,
    request: Request<F::Request>,
) -> Result<Open<F::Message>, Error> {
    let stub = BookingServiceClient::new(client.channel());
    let opening = F::open(stub.max_decoding_message_size(RECEIVED_BYTES_MAX), request);
    match timeout(client.deadline(), opening).await {
        Ok(opened) => Ok(Open { messages: opened?.into_inner(), since: Instant::now() }),
        Err(_) => Err(Error::deadline_exceeded()),
    }
}

fn is_resumable(error: &Error) -> bool {
    error.is_unavailable() || error.is_token_expired() || error.code() == Code::DeadlineExceeded
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxoffice_proto::booking::v1::Booking;

    fn booking(version: i64) -> WatchBookingResponse {
        let booking = Some(Booking { version, ..Default::default() });
        WatchBookingResponse { booking }
    }

    #[test]
    fn a_resumed_booking_is_shown_only_when_it_changed() {
        let mut feed = BookingFeed { booking_id: String::new(), version: None };
        assert!(feed.admit(&booking(1)));
        assert!(!feed.admit(&booking(1)));
        assert!(feed.admit(&booking(4)));
        assert!(!feed.admit(&booking(3)));
    }

    #[test]
    fn a_seat_stream_goes_on_from_its_last_message() {
        let mut feed = SeatFeed { event_id: "evt_1".to_owned(), cursor: None };
        let cursor = Some(SeatCursor { epoch: 1, revision: 7 });
        assert!(feed.admit(&WatchSeatsResponse { cursor, update: None }));
        assert!(feed.admit(&WatchSeatsResponse { cursor: None, update: None }));
        assert_eq!(feed.request().cursor, cursor);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_ends_the_stream_after_its_last_try() {
        let client = Client::connect("http://127.0.0.1:1").await.expect("a good address");
        let mut stream = client.watch_seats("evt_1", None);
        let error = stream.next().await.expect("an item").expect_err("nobody listens");
        assert_eq!(error.code(), Code::Unavailable);
        assert!(stream.next().await.is_none());
    }
}
