//! A watcher who keeps everything.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_sdk::booking::v1::{SeatCursor, WatchSeatsRequest, WatchSeatsResponse};
use boxoffice_sdk::{Code, Error, SeatStream};
use boxoffice_server::ports::clock::Clock;
use futures::{Stream, StreamExt};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};

use super::log::{Heard, StreamEnd, StreamLog};
use crate::clock::HandClock;
use crate::patience::eventually_within;
use crate::people::Person;

/// Bytes that a narrow connection takes of a stream before it waits for its reader.
const NARROW_BYTES: u32 = 2_048;
/// The largest message that is taken.
const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A connection that is made by the first call and again whenever it is lost.
pub fn channel(url: &str) -> Channel {
    Endpoint::from_shared(url.to_owned()).expect("an address").connect_lazy()
}

/// One that takes only a little of each stream before it waits for its reader.
pub fn narrow_channel(url: &str) -> Channel {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("an address");
    endpoint.initial_stream_window_size(NARROW_BYTES).connect_lazy()
}

/// A request with the token of whoever is signed in.
pub fn with_token<T>(message: T, person: Option<&Person>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(tokens) = person.and_then(|person| person.tokens()) {
        let value = format!("Bearer {}", tokens.access_token).parse().expect("a header");
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// How long the next message may take when it is known that there is one, and how long a server
/// may be away.
const LAST_MAX: Duration = Duration::from_secs(60);
/// What a server says that cannot open a stream for now.
const NOT_NOW: [Code; 2] = [Code::Unavailable, Code::DeadlineExceeded];

/// Opens a stream as a client without our SDK does: it ends when it ends.
pub async fn open_seats(
    channel: &Channel,
    event_id: &str,
    cursor: Option<SeatCursor>,
    person: Option<&Person>,
) -> Result<Streaming<WatchSeatsResponse>, Error> {
    let request = WatchSeatsRequest { event_id: event_id.to_owned(), cursor };
    let stub = BookingServiceClient::new(channel.clone());
    let mut stub = stub.max_decoding_message_size(MESSAGE_BYTES_MAX);
    let opened = stub.watch_seats(with_token(request, person)).await;
    opened.map(tonic::Response::into_inner).map_err(Error::from)
}

/// Somebody who watches an event, stream after stream, and keeps the log of each.
pub struct Recorder {
    name: String,
    event_id: String,
    channel: Channel,
    clock: Arc<HandClock>,
    person: Option<Person>,
    /// Everything so far.
    pub logs: Vec<StreamLog>,
}

impl Recorder {
    /// Over a connection, by the server's clock.
    pub fn new(
        name: impl Into<String>,
        channel: Channel,
        event_id: &str,
        clock: &Arc<HandClock>,
    ) -> Self {
        Self {
            name: name.into(),
            event_id: event_id.to_owned(),
            channel,
            clock: Arc::clone(clock),
            person: None,
            logs: Vec::new(),
        }
    }

    /// The same, who watches with this person's token.
    pub fn signed_in(self, person: &Person) -> Self {
        Self { person: Some(person.clone()), ..self }
    }

    /// Where the newest stream stands; `None` before the first message.
    pub fn cursor(&self) -> Option<SeatCursor> {
        self.logs.last().and_then(StreamLog::last_cursor)
    }

    /// Watches from a cursor until the stream ends or `until` does, which gives a revision to read
    /// up to before leaving, if there is one. Says whether it was the stream. A server that is not
    /// there is tried again and again.
    pub async fn watch(
        &mut self,
        cursor: Option<SeatCursor>,
        until: impl Future<Output = Option<i64>>,
    ) -> bool {
        self.watch_at_pace(cursor, until, async |_| {}).await
    }

    /// The same, with something to do after each message, of which it gets the number.
    pub async fn watch_at_pace(
        &mut self,
        cursor: Option<SeatCursor>,
        until: impl Future<Output = Option<i64>>,
        pace: impl AsyncFnMut(usize),
    ) -> bool {
        let number = self.logs.len();
        self.logs.push(StreamLog::begin(format!("{} {number}", self.name), cursor));
        let mut until = std::pin::pin!(until);
        // Each try has its own of all it needs, so that whoever watches can be spawned.
        let needed = (self.channel.clone(), self.event_id.clone(), self.person.clone());
        let opening = eventually_within(LAST_MAX, move || {
            let (channel, event_id, person) = needed.clone();
            async move {
                match open_seats(&channel, &event_id, cursor, person.as_ref()).await {
                    Err(error) if NOT_NOW.contains(&error.code()) => Err(error),
                    opened => Ok(opened),
                }
            }
        });
        let (mut opening, mut last) = (std::pin::pin!(opening), None);
        let stream = loop {
            tokio::select! {
                opened = &mut opening => break opened,
                revision = &mut until, if last.is_none() => match revision {
                    Some(revision) => last = Some(revision),
                    None => return false,
                },
            }
        };
        let log = self.logs.last_mut().expect("the one that was begun");
        let stream = match stream {
            Ok(stream) => stream.map(|message| message.map_err(Error::from)),
            Err(refused) => {
                log.end_with(&refused);
                return true;
            }
        };
        record(log, stream, &self.clock, last, until, pace).await
    }

    /// Watches as a user of the SDK does, which goes on by itself, until `until` ends. It is one
    /// stream in the log, however often it broke.
    pub async fn watch_by_sdk(
        &mut self,
        person: &Person,
        until: impl Future<Output = Option<i64>>,
    ) {
        let cursor = self.cursor();
        let stream: SeatStream = person.watch_seats(&self.event_id, cursor);
        self.logs.push(StreamLog::begin(self.name.clone(), cursor));
        let log = self.logs.last_mut().expect("the one that was begun");
        let until = std::pin::pin!(until);
        let ended = record(log, stream, &self.clock, None, until, async |_| {}).await;
        assert!(!ended, "{}: the SDK gave up with {:?}", log.name, log.end);
    }
}

/// Reads a stream into a log until it ends or `until` does, which gives a revision to read up to
/// before leaving; `last` if that is known already. Says whether it was the stream.
async fn record(
    log: &mut StreamLog,
    stream: impl Stream<Item = Result<WatchSeatsResponse, Error>>,
    clock: &HandClock,
    mut last: Option<i64>,
    mut until: Pin<&mut impl Future<Output = Option<i64>>>,
    mut pace: impl AsyncFnMut(usize),
) -> bool {
    let mut stream = std::pin::pin!(stream);
    loop {
        let is_there = |last: i64| log.last_cursor().is_some_and(|at| at.revision >= last);
        if last.is_some_and(is_there) {
            return false;
        }
        let next = if let Some(awaited) = last {
            match tokio::time::timeout(LAST_MAX, stream.next()).await {
                Ok(next) => next,
                Err(_) => {
                    log.end = StreamEnd::Silent { awaited };
                    return false;
                }
            }
        } else {
            tokio::select! {
                next = stream.next() => next,
                revision = &mut until => match revision {
                    Some(revision) => {
                        last = Some(revision);
                        continue;
                    }
                    None => return false,
                },
            }
        };
        match next {
            Some(Ok(message)) => {
                log.heard.push(Heard { message, arrival_micros: clock.now().micros() });
                pace(log.heard.len()).await;
            }
            Some(Err(error)) => {
                log.end_with(&error);
                return true;
            }
            None => {
                log.end = StreamEnd::Broken;
                return true;
            }
        }
    }
}

/// Stays away for a while. It is no way of waiting for a state.
pub async fn linger(span: Duration) {
    // It chooses the moment of coming back.
    tokio::time::sleep(span).await;
}
