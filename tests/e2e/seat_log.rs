//! A watcher of an event's seats who remembers everything.

use std::time::Duration;

use boxoffice_sdk::booking::v1::SeatState;
use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::{Fold, SeatStream, SeatView, Timestamp};
use boxoffice_tests::{Person, Stage};
use futures::StreamExt;

/// How long a change may be on its way.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// What the stream of an event's seats has told.
pub struct SeatLog {
    stream: SeatStream,
    /// The state of every seat.
    pub view: SeatView,
    /// Every change in its order: the seat, its state, when.
    pub changes: Vec<(String, SeatState, Timestamp)>,
}

impl SeatLog {
    /// Begins to watch, and waits for the snapshot.
    pub async fn begin(person: &Person, stage: &Stage) -> Self {
        let stream = person.watch_seats(&stage.event_id, None);
        let mut log = Self { stream, view: SeatView::default(), changes: Vec::new() };
        log.read().await;
        log
    }

    /// Reads on until the view is as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&SeatView) -> bool) {
        while !wanted(&self.view) {
            self.read().await;
        }
    }

    /// Reads on until a seat is in that state.
    pub async fn until_seat(&mut self, seat: &str, state: SeatState) {
        self.until(|view| view.state(seat) == Some(state)).await;
    }

    /// The states a seat went through.
    pub fn states_of(&self, seat: &str) -> Vec<SeatState> {
        let its = self.changes.iter().filter(|(changed, ..)| changed == seat);
        its.map(|(_, state, _)| *state).collect()
    }

    async fn read(&mut self) {
        let next = tokio::time::timeout(WAIT_MAX, self.stream.next()).await;
        let message = next.expect("a change in time").expect("the stream goes on");
        let message = message.expect("a message");
        assert_eq!(self.view.apply(&message), Fold::Applied);
        if let Some(Update::Changes(changes)) = message.update {
            let time = changes.change_time.expect("a time");
            let seats = changes.seats.iter();
            self.changes.extend(seats.map(|seat| (seat.seat_id.clone(), seat.state(), time)));
        }
    }
}
