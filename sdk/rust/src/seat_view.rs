//! The seats of an event as a stream has told them.

use std::collections::HashMap;

use boxoffice_proto::booking::v1::watch_seats_response::Update;
use boxoffice_proto::booking::v1::{
    OfferStatus, SeatCursor, SeatState, SeatStatus, WatchSeatsResponse,
};
use boxoffice_proto::catalog::v1::GetSeatMapResponse;

/// What became of a message.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// It followed the one before and is part of the view now.
    Applied,
    /// It did not follow the one before, and the view is as it was. A server never sends one on a
    /// stream that goes on from [`SeatView::cursor`]; begin with a new view and no cursor.
    OutOfOrder,
}

/// Every seat of one event and its state, and how much is left of general admission, folded from
/// the messages of one [`crate::SeatStream`].
///
/// Begin with [`SeatView::default`] and a stream without a cursor, or with [`SeatView::of_map`] and
/// a stream from that map's cursor.
#[derive(Clone, Debug, Default)]
pub struct SeatView {
    cursor: Option<SeatCursor>,
    seats: HashMap<String, SeatState>,
    offers: HashMap<String, i64>,
}

impl SeatView {
    /// The view of a seat map that was just read.
    pub fn of_map(map: &GetSeatMapResponse) -> SeatView {
        let rows = map.sections.iter().flat_map(|section| &section.rows);
        let seats = rows.flat_map(|row| &row.seats);
        let left = map.offer_statuses.iter();
        SeatView {
            cursor: map.cursor,
            seats: seats.map(|seat| (seat.seat_id.clone(), seat.state())).collect(),
            offers: left.map(|offer| (offer.offer_id.clone(), offer.available_count)).collect(),
        }
    }

    /// Takes the next message in, all of it or nothing.
    ///
    /// A snapshot replaces everything, unless it is older than the view and does not claim to be a
    /// new beginning. Changes must begin at the view's own epoch and revision.
    pub fn apply(&mut self, message: &WatchSeatsResponse) -> Fold {
        let (Some(cursor), Some(update)) = (message.cursor, &message.update) else {
            return Fold::OutOfOrder;
        };
        match update {
            Update::Snapshot(snapshot) => {
                let is_older = self.cursor.is_some_and(|known| position(cursor) < position(known));
                if is_older && !snapshot.resynchronised {
                    return Fold::OutOfOrder;
                }
                self.seats.clear();
                self.offers.clear();
                self.note(&snapshot.seats, &snapshot.offers);
            }
            Update::Changes(changes) => {
                let follows = self.cursor.is_some_and(|known| {
                    known.epoch == cursor.epoch && known.revision == changes.from_revision
                });
                if !follows || cursor.revision <= changes.from_revision {
                    return Fold::OutOfOrder;
                }
                self.note(&changes.seats, &changes.offers);
            }
        }
        self.cursor = Some(cursor);
        Fold::Applied
    }

    /// Where the view stands: a stream with this cursor goes on from it. `None` until the first
    /// snapshot.
    pub fn cursor(&self) -> Option<SeatCursor> {
        self.cursor
    }

    /// The state of a seat; `None` when the event has no such seat.
    pub fn state(&self, seat_id: &str) -> Option<SeatState> {
        self.seats.get(seat_id).copied()
    }

    /// How many places of an offer of general admission are left; `None` when that is not known.
    pub fn available(&self, offer_id: &str) -> Option<i64> {
        self.offers.get(offer_id).copied()
    }

    /// How many seats are in this state.
    pub fn count(&self, state: SeatState) -> usize {
        self.seats.values().filter(|known| **known == state).count()
    }

    /// Every seat with its state, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, SeatState)> {
        self.seats.iter().map(|(seat_id, state)| (seat_id.as_str(), *state))
    }

    fn note(&mut self, seats: &[SeatStatus], offers: &[OfferStatus]) {
        let left = offers.iter().map(|offer| (offer.offer_id.clone(), offer.available_count));
        self.offers.extend(left);
        self.seats.extend(seats.iter().map(|seat| (seat.seat_id.clone(), seat.state())));
    }
}

fn position(cursor: SeatCursor) -> (i64, i64) {
    (cursor.epoch, cursor.revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxoffice_proto::booking::v1::{SeatChanges, SeatSnapshot};

    fn seats(states: &[(&str, SeatState)]) -> Vec<SeatStatus> {
        let status = |(seat_id, state): &(&str, SeatState)| SeatStatus {
            seat_id: (*seat_id).to_owned(),
            state: (*state).into(),
        };
        states.iter().map(status).collect()
    }

    fn snapshot(
        (epoch, revision): (i64, i64),
        states: &[(&str, SeatState)],
        resynchronised: bool,
    ) -> WatchSeatsResponse {
        let update = Update::Snapshot(SeatSnapshot {
            seats: seats(states),
            resynchronised,
            offers: Vec::new(),
        });
        let cursor = Some(SeatCursor { epoch, revision });
        WatchSeatsResponse { cursor, update: Some(update) }
    }

    fn changes(
        (epoch, from_revision, revision): (i64, i64, i64),
        states: &[(&str, SeatState)],
    ) -> WatchSeatsResponse {
        let seats = seats(states);
        let update = Update::Changes(SeatChanges {
            from_revision,
            seats,
            change_time: None,
            offers: Vec::new(),
        });
        let cursor = Some(SeatCursor { epoch, revision });
        WatchSeatsResponse { cursor, update: Some(update) }
    }

    fn view() -> SeatView {
        let mut view = SeatView::default();
        let both = [("a", SeatState::Available), ("b", SeatState::Available)];
        assert_eq!(view.apply(&snapshot((1, 10), &both, false)), Fold::Applied);
        view
    }

    #[test]
    fn a_snapshot_and_changes_that_follow_make_the_state_of_every_seat() {
        let mut view = view();
        assert_eq!(view.apply(&changes((1, 10, 11), &[("a", SeatState::Held)])), Fold::Applied);
        assert_eq!(view.apply(&changes((1, 11, 14), &[("a", SeatState::Sold)])), Fold::Applied);
        assert_eq!(view.state("a"), Some(SeatState::Sold));
        assert_eq!(view.state("b"), Some(SeatState::Available));
        assert_eq!(view.state("c"), None);
        assert_eq!(view.count(SeatState::Available), 1);
        assert_eq!(view.iter().count(), 2);
        assert_eq!(view.cursor(), Some(SeatCursor { epoch: 1, revision: 14 }));
    }

    #[test]
    fn a_gap_a_repeat_a_foreign_epoch_and_a_backward_step_change_nothing() {
        let held = [("a", SeatState::Held)];
        for broken in [(1, 11, 12), (1, 9, 10), (2, 10, 11), (1, 10, 10), (1, 10, 9)] {
            let mut view = view();
            assert_eq!(view.apply(&changes(broken, &held)), Fold::OutOfOrder, "{broken:?}");
            assert_eq!(view.state("a"), Some(SeatState::Available));
            assert_eq!(view.cursor(), Some(SeatCursor { epoch: 1, revision: 10 }));
        }
    }

    #[test]
    fn changes_before_any_snapshot_and_empty_messages_are_out_of_order() {
        let mut view = SeatView::default();
        assert_eq!(view.apply(&changes((1, 0, 1), &[])), Fold::OutOfOrder);
        assert_eq!(view.apply(&WatchSeatsResponse::default()), Fold::OutOfOrder);
        assert_eq!(view.cursor(), None);
    }

    #[test]
    fn a_snapshot_forgets_seats_and_an_older_one_counts_only_as_a_new_beginning() {
        let mut view = view();
        let only = [("a", SeatState::Sold)];
        assert_eq!(view.apply(&snapshot((1, 9), &only, false)), Fold::OutOfOrder);
        assert_eq!(view.iter().count(), 2);
        assert_eq!(view.apply(&snapshot((1, 9), &only, true)), Fold::Applied);
        assert_eq!(view.iter().count(), 1);
        assert_eq!(view.apply(&snapshot((2, 1), &only, false)), Fold::Applied);
        assert_eq!(view.cursor(), Some(SeatCursor { epoch: 2, revision: 1 }));
    }
}
