//! How places change hands on the board, and how it is noted for the seat feed.

use std::collections::{BTreeMap, BTreeSet};

use super::board::Board;
use super::place::{Change, Owner, PlaceSet};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{EventId, OfferId, SeatId};
use crate::kernel::seat_state::SeatState;

impl Board {
    /// Gives places, all of them in state `from` and of, or for, that buyer, to their new owner
    /// and notes the change.
    pub(super) fn give(
        &mut self,
        event_id: EventId,
        places: &PlaceSet,
        from: SeatState,
        session: SessionId,
        owner: Owner,
    ) {
        self.shift(event_id, places, from, session, owner);
        self.note(event_id, [places]);
    }

    /// Gives places to their new owner.
    pub(super) fn shift(
        &mut self,
        event_id: EventId,
        places: &PlaceSet,
        from: SeatState,
        session: SessionId,
        owner: Owner,
    ) {
        self.shift_seats(event_id, &places.seats, owner);
        let before = (from != SeatState::Available).then_some(session);
        for (offer_id, quantity) in &places.quantities {
            let Some(offer) = self.offers.get_mut(&(event_id, *offer_id)) else { continue };
            offer.shift(*quantity, from, owner.state());
            self.count_places(event_id, before, owner.session(), *quantity);
        }
    }

    /// Gives seats to their new owner, whosever they were.
    pub(super) fn shift_seats(
        &mut self,
        event_id: EventId,
        seats: &BTreeSet<SeatId>,
        owner: Owner,
    ) {
        for seat_id in seats {
            let Some(seat) = self.seats.get_mut(&(event_id, *seat_id)) else { continue };
            let before = seat.session;
            seat.state = owner.state();
            seat.session = owner.session();
            seat.hold_id = match owner {
                Owner::Hold(hold_id, _) => Some(hold_id),
                Owner::Nobody | Owner::Blocked | Owner::Booking(..) => None,
            };
            seat.booking_id = match owner {
                Owner::Booking(booking_id, ..) => Some(booking_id),
                Owner::Nobody | Owner::Blocked | Owner::Hold(..) => None,
            };
            seat.version += 1;
            self.count_places(event_id, before, owner.session(), 1);
        }
    }

    /// Notes what these places are now, as one change.
    pub(super) fn note<'p>(
        &mut self,
        event_id: EventId,
        places: impl IntoIterator<Item = &'p PlaceSet>,
    ) {
        let mut seats: BTreeMap<SeatId, SeatState> = BTreeMap::new();
        let mut offers: BTreeMap<OfferId, i64> = BTreeMap::new();
        for set in places {
            for seat_id in &set.seats {
                let seat = self.seats.get(&(event_id, *seat_id));
                seats.extend(seat.map(|seat| (*seat_id, seat.state)));
            }
            for offer_id in set.quantities.keys() {
                let offer = self.offers.get(&(event_id, *offer_id));
                offers.extend(offer.map(|offer| (*offer_id, offer.available())));
            }
        }
        if seats.len() > 1 && planted!(SeatOfAGroupUntold) {
            seats.pop_last();
        }
        if !offers.is_empty() && planted!(GaRemainderUntold) {
            offers.clear();
        }
        if !(seats.is_empty() && offers.is_empty()) {
            let (seats, offers) = (seats.into_iter().collect(), offers.into_iter().collect());
            self.changes.push(Change { event_id, seats, offers });
        }
    }

    fn count_places(
        &mut self,
        event_id: EventId,
        before: Option<SessionId>,
        after: Option<SessionId>,
        places: u32,
    ) {
        let counts = &mut self.place_counts;
        if let Some(count) = before.and_then(|session| counts.get_mut(&(event_id, session))) {
            *count = count.saturating_sub(places);
        }
        if let Some(count) = after.and_then(|session| counts.get_mut(&(event_id, session))) {
            *count = count.saturating_add(places);
        }
    }
}
