//! Somebody who watches the seats of an event and holds every message against the rules.

use std::collections::BTreeMap;
use std::time::Duration;

use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::booking::v1::{SeatChanges, SeatCursor, SeatState, WatchSeatsResponse};
use boxoffice_sdk::catalog::v1::GetSeatMapRequest;
use boxoffice_sdk::{Client, Fold, SeatStream, SeatView};
use boxoffice_server::ports::clock::Clock;
use boxoffice_tests::World;
use futures::StreamExt;

/// How long a message may take in the worst case; what is promised is checked by `change`.
const MESSAGE_MAX: Duration = Duration::from_secs(10);
/// How long after its commit a change may reach a watcher.
const LAG_MICROS_MAX: i64 = 1_000_000;

/// A watcher and what it knows.
pub struct Watcher {
    stream: SeatStream,
    event_id: String,
    client: Client,
    /// The seats as the messages tell them.
    pub view: SeatView,
    /// Every message so far.
    pub seen: Vec<WatchSeatsResponse>,
}

impl Watcher {
    /// Begins without a cursor and takes the snapshot.
    pub async fn begin(client: &Client, event_id: &str) -> Self {
        let mut watcher = Self::with_view(client, event_id, SeatView::default());
        let first = watcher.next().await;
        let Some(Update::Snapshot(snapshot)) = first.update else { panic!("{first:?}") };
        assert!(!snapshot.resynchronised);
        watcher
    }

    /// Goes on from where a view stands.
    pub fn with_view(client: &Client, event_id: &str, view: SeatView) -> Self {
        Self {
            stream: client.watch_seats(event_id, view.cursor()),
            event_id: event_id.to_owned(),
            client: client.clone(),
            view,
            seen: Vec::new(),
        }
    }

    /// Begins at the seat map as it is now.
    pub async fn of_map(client: &Client, event_id: &str) -> Self {
        let request = GetSeatMapRequest { event_id: event_id.to_owned() };
        let map = client.get_seat_map(request).await.expect("a seat map");
        Self::with_view(client, event_id, SeatView::of_map(&map))
    }

    /// Goes away and comes back with the last cursor.
    pub fn reconnect(self) -> Self {
        let Self { stream, event_id, client, view, seen: _ } = self;
        drop(stream);
        Self::with_view(&client, &event_id, view)
    }

    /// The next message. It must follow the one before.
    pub async fn next(&mut self) -> WatchSeatsResponse {
        let message = tokio::time::timeout(MESSAGE_MAX, self.stream.next()).await;
        let message = message.expect("a message in time").expect("it goes on").expect("no error");
        assert_eq!(self.view.apply(&message), Fold::Applied, "after {:?}", self.view.cursor());
        self.seen.push(message.clone());
        message
    }

    /// The next message, which must be one change, not later than promised.
    pub async fn change(&mut self, world: &World) -> BTreeMap<String, SeatState> {
        let message = self.next().await;
        let lag = world.clock.now().micros() - micros(&changes(&message));
        assert!(lag <= LAG_MICROS_MAX, "{lag} microseconds late");
        let SeatCursor { revision, .. } = message.cursor.expect("a cursor");
        let changes = changes(&message);
        assert_eq!(changes.from_revision, revision - 1, "one change a message");
        let seats: BTreeMap<_, _> =
            changes.seats.iter().map(|seat| (seat.seat_id.clone(), seat.state())).collect();
        assert_eq!(seats.len(), changes.seats.len(), "each seat once");
        seats
    }

    /// Reads until the view stands at this revision.
    pub async fn read_to(&mut self, revision: i64) {
        while self.view.cursor().is_none_or(|at| at.revision < revision) {
            self.next().await;
        }
    }

    /// Reads on to where the seat map stands, which must say the same.
    pub async fn assert_equals_the_map(&mut self) {
        let request = GetSeatMapRequest { event_id: self.event_id.clone() };
        let map = self.client.get_seat_map(request).await.expect("a seat map");
        self.read_to(map.cursor.expect("a cursor").revision).await;
        let map = SeatView::of_map(&map);
        assert_eq!(self.view.cursor(), map.cursor());
        assert_eq!(all(&self.view), all(&map));
    }
}

/// The changes of a message that has some.
pub fn changes(message: &WatchSeatsResponse) -> SeatChanges {
    match &message.update {
        Some(Update::Changes(changes)) => changes.clone(),
        other => panic!("no changes: {other:?}"),
    }
}

/// Every seat of a view, in order.
pub fn all(view: &SeatView) -> BTreeMap<String, SeatState> {
    view.iter().map(|(seat, state)| (seat.to_owned(), state)).collect()
}

/// These seats, all in one state.
pub fn each(seats: &[&str], state: SeatState) -> BTreeMap<String, SeatState> {
    seats.iter().map(|seat| ((*seat).to_owned(), state)).collect()
}

fn micros(changes: &SeatChanges) -> i64 {
    let time = changes.change_time.expect("a time");
    time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000
}
