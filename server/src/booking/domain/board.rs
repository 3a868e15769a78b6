//! The board: the seats and holds that a group of commands touches, in memory. Commands are
//! decided on it one after the other; what they changed is then written at once.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::{Hold, HoldState};
use super::inventory::EventTerms;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{BookingId, EventId, HoldId, OfferId, SeatId};
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;

/// Where a seat is and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The seat.
    pub seat_id: SeatId,
    /// The offer it is sold by.
    pub offer_id: OfferId,
    /// The name of its section.
    pub section_name: String,
    /// The label of its row.
    pub row_label: String,
    /// Its label within the row.
    pub seat_label: String,
    /// What it costs, in minor units of the event's currency.
    pub price_minor: i64,
    /// Counts through the venue; places are shown in this order.
    pub position: i64,
}

/// A seat of an event and whose it is.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Where it is and what it costs.
    pub place: Place,
    /// Its state.
    pub state: SeatState,
    /// Whose it is while it is held, claimed or sold.
    pub session: Option<SessionId>,
    /// The hold, while it is held.
    pub hold_id: Option<HoldId>,
    /// The booking, while it is claimed or sold.
    pub booking_id: Option<BookingId>,
    /// Raised by every change.
    pub version: i64,
    /// The version that is stored.
    pub stored_version: i64,
}

/// A seat of an event, as a key.
pub type SeatKey = (EventId, SeatId);

/// The seats one command changed, with their new states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The event.
    pub event_id: EventId,
    /// The seats, each once.
    pub seats: Vec<(SeatId, SeatState)>,
}

/// A wish for seats.
#[derive(Clone, Debug)]
pub struct SeatsWanted {
    /// The hold to make; derived from caller and request id.
    pub hold_id: HoldId,
    /// The event.
    pub event_id: EventId,
    /// Who asks.
    pub session: SessionId,
    /// The seats, sorted, each once.
    pub seats: Vec<SeatId>,
}

/// What a group of commands touches.
#[derive(Debug, Default)]
pub struct Board {
    /// The terms of the events.
    pub terms: BTreeMap<EventId, EventTerms>,
    /// The seats.
    pub seats: BTreeMap<SeatKey, Seat>,
    /// The holds, with all of their seats on the board unless they are over for good.
    pub holds: BTreeMap<HoldId, Hold>,
    /// How many places the buyers have, for those buyers that ask for more.
    pub place_counts: BTreeMap<(EventId, SessionId), u32>,
    /// What the commands changed, in their order.
    pub changes: Vec<Change>,
}

/// What a seat becomes.
#[derive(Clone, Copy)]
enum Owner {
    Nobody,
    Hold(HoldId, SessionId),
    Booking(BookingId, SessionId, SeatState),
}

impl Board {
    /// Holds all of the seats or none. The same wish again gives the same hold.
    pub fn hold(&mut self, wanted: &SeatsWanted, now: Timestamp) -> Result<Hold> {
        if let Some(hold) = self.holds.get(&wanted.hold_id) {
            let same = hold.event_id == wanted.event_id && hold.seats == wanted.seats;
            return if same { Ok(hold.clone()) } else { Err(Reason::RequestIdReused.into()) };
        }
        let terms = self.terms_of(wanted.event_id)?;
        terms.require_on_sale(now)?;
        self.require_known(wanted)?;
        self.expire_holds_on(wanted.event_id, &wanted.seats, now);
        self.require_free(wanted.event_id, &wanted.seats)?;
        self.expire_holds_of(wanted.event_id, wanted.session, now);
        self.require_quota(wanted, terms.places_per_buyer_max)?;
        let seats = wanted.seats.clone();
        let hold = Hold::begin(wanted.hold_id, wanted.session, &terms, seats, now);
        self.give(hold.event_id, &hold.seats, Owner::Hold(hold.hold_id, hold.session));
        self.holds.insert(hold.hold_id, hold.clone());
        Ok(hold)
    }

    /// Starts the time of a hold anew.
    pub fn extend(&mut self, hold_id: HoldId, caller: &Caller, now: Timestamp) -> Result<Hold> {
        let terms = self.terms_of(self.seen_hold(hold_id, caller)?.event_id)?;
        self.expire_if_over(hold_id, now);
        let hold = self.hold_mut(hold_id)?;
        hold.extend(&terms, now)?;
        Ok(hold.clone())
    }

    /// Gives the seats of a hold back; one that is over already stays as it is.
    pub fn release(&mut self, hold_id: HoldId, caller: &Caller, now: Timestamp) -> Result<Hold> {
        self.seen_hold(hold_id, caller)?;
        self.expire_if_over(hold_id, now);
        self.end_hold(hold_id, HoldState::Released);
        self.hold_mut(hold_id).map(|hold| hold.clone())
    }

    /// Ends a hold whose time is over; any other stays as it is.
    pub fn expire_if_over(&mut self, hold_id: HoldId, now: Timestamp) {
        if self.holds.get(&hold_id).is_some_and(|hold| hold.is_over(now)) {
            self.end_hold(hold_id, HoldState::Expired);
        }
    }

    /// Claims every seat of a hold for a booking; the hold is used up. Answers with the places.
    pub fn claim(
        &mut self,
        hold_id: HoldId,
        booking_id: BookingId,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Vec<Place>> {
        let hold = self.seen_hold(hold_id, caller)?;
        let terms = self.terms_of(hold.event_id)?;
        self.expire_if_over(hold_id, now);
        let hold = self.seen_hold(hold_id, caller)?;
        hold.require_active(now)?;
        terms.require_on_sale(now)?;
        let (event_id, session, seats) = (hold.event_id, hold.session, hold.seats.clone());
        let places = seats.iter().map(|seat_id| match self.seats.get(&(event_id, *seat_id)) {
            Some(seat) if seat.hold_id == Some(hold_id) => Ok(seat.place.clone()),
            _ => Err(Error::from(Reason::HoldLost)),
        });
        let mut places = places.collect::<Result<Vec<_>>>()?;
        places.sort_by_key(|place| place.position);
        self.give(event_id, &seats, Owner::Booking(booking_id, session, SeatState::Claimed));
        self.hold_mut(hold_id)?.become_state(HoldState::Used);
        Ok(places)
    }

    /// Whether every one of the seats could be had now. Ends the holds on them that are over.
    pub fn are_free(&mut self, event_id: EventId, seats: &[SeatId], now: Timestamp) -> bool {
        self.expire_holds_on(event_id, seats, now);
        self.require_free(event_id, seats).is_ok()
    }

    /// Sells the seats to a booking that has claimed them, or that could have them now.
    pub fn sell(
        &mut self,
        event_id: EventId,
        seats: &[SeatId],
        booking_id: BookingId,
        session: SessionId,
    ) -> Result<()> {
        let sellable =
            |seat: &Seat| seat.booking_id == Some(booking_id) || seat.state == SeatState::Available;
        if self.those(event_id, seats, sellable).len() != seats.len() {
            return Err(Error::internal(format!("{booking_id} is paid but has lost its seats")));
        }
        self.give(event_id, seats, Owner::Booking(booking_id, session, SeatState::Sold));
        Ok(())
    }

    /// Frees those of the seats that the booking has.
    pub fn free(&mut self, event_id: EventId, seats: &[SeatId], booking_id: BookingId) {
        let seats = self.those(event_id, seats, |seat| seat.booking_id == Some(booking_id));
        self.give(event_id, &seats, Owner::Nobody);
    }

    /// The terms of an event.
    pub fn terms_of(&self, event_id: EventId) -> Result<EventTerms> {
        self.terms.get(&event_id).cloned().ok_or_else(|| Error::not_found("event"))
    }

    /// A hold as the caller may see it.
    pub fn seen_hold(&self, hold_id: HoldId, caller: &Caller) -> Result<&Hold> {
        let hold = self.holds.get(&hold_id).filter(|hold| caller.may_see(hold.session));
        hold.ok_or_else(|| Error::not_found("hold"))
    }

    fn hold_mut(&mut self, hold_id: HoldId) -> Result<&mut Hold> {
        self.holds.get_mut(&hold_id).ok_or_else(|| Error::not_found("hold"))
    }

    fn require_known(&self, wanted: &SeatsWanted) -> Result<()> {
        let unknown = |id: &&SeatId| !self.seats.contains_key(&(wanted.event_id, **id));
        match wanted.seats.iter().find(unknown) {
            Some(seat_id) => Err(Reason::SeatUnknown.with("seat_id", seat_id)),
            None => Ok(()),
        }
    }

    fn require_free(&self, event_id: EventId, seats: &[SeatId]) -> Result<()> {
        let mut rejection = Reason::SeatsTaken.rejection();
        for seat_id in seats {
            match self.seats.get(&(event_id, *seat_id)) {
                Some(seat) if seat.state == SeatState::Available => {}
                Some(seat) => rejection.conflicts.push((*seat_id, seat.state)),
                None => rejection.conflicts.push((*seat_id, SeatState::Blocked)),
            }
        }
        if rejection.conflicts.is_empty() { Ok(()) } else { Err(rejection.into()) }
    }

    fn require_quota(&self, wanted: &SeatsWanted, limit: u32) -> Result<()> {
        let has = self.place_counts.get(&(wanted.event_id, wanted.session)).copied().unwrap_or(0);
        let asks = u32::try_from(wanted.seats.len()).unwrap_or(u32::MAX);
        if has.saturating_add(asks) > limit {
            return Err(Reason::TooManyPlaces.with("limit", limit));
        }
        Ok(())
    }

    fn expire_holds_on(&mut self, event_id: EventId, seats: &[SeatId], now: Timestamp) {
        let holds: BTreeSet<HoldId> = seats
            .iter()
            .filter_map(|seat_id| self.seats.get(&(event_id, *seat_id))?.hold_id)
            .collect();
        for hold_id in holds {
            self.expire_if_over(hold_id, now);
        }
    }

    fn expire_holds_of(&mut self, event_id: EventId, session: SessionId, now: Timestamp) {
        let its = |hold: &&Hold| hold.event_id == event_id && hold.session == session;
        let holds: Vec<HoldId> = self.holds.values().filter(its).map(|hold| hold.hold_id).collect();
        for hold_id in holds {
            self.expire_if_over(hold_id, now);
        }
    }

    /// Ends an active hold and frees those of its seats that it still has.
    fn end_hold(&mut self, hold_id: HoldId, state: HoldState) {
        let Some(hold) = self.holds.get_mut(&hold_id) else { return };
        if hold.state != HoldState::Active {
            return;
        }
        hold.become_state(state);
        let (event_id, seats) = (hold.event_id, hold.seats.clone());
        let seats = self.those(event_id, &seats, |seat| seat.hold_id == Some(hold_id));
        self.give(event_id, &seats, Owner::Nobody);
    }

    fn those(
        &self,
        event_id: EventId,
        seats: &[SeatId],
        wanted: impl Fn(&Seat) -> bool,
    ) -> Vec<SeatId> {
        let is_wanted = |id: &&SeatId| self.seats.get(&(event_id, **id)).is_some_and(&wanted);
        seats.iter().filter(is_wanted).copied().collect()
    }

    /// Gives the seats to their new owner and notes the change.
    fn give(&mut self, event_id: EventId, seats: &[SeatId], owner: Owner) {
        let (state, session, hold_id, booking_id) = match owner {
            Owner::Nobody => (SeatState::Available, None, None, None),
            Owner::Hold(hold, session) => (SeatState::Held, Some(session), Some(hold), None),
            Owner::Booking(id, session, state) => (state, Some(session), None, Some(id)),
        };
        let mut changed = Vec::with_capacity(seats.len());
        for seat_id in seats {
            let Some(seat) = self.seats.get_mut(&(event_id, *seat_id)) else { continue };
            count_places(&mut self.place_counts, event_id, seat.session, session);
            (seat.state, seat.session) = (state, session);
            (seat.hold_id, seat.booking_id) = (hold_id, booking_id);
            seat.version += 1;
            changed.push((*seat_id, state));
        }
        if !changed.is_empty() {
            self.changes.push(Change { event_id, seats: changed });
        }
    }
}

fn count_places(
    counts: &mut BTreeMap<(EventId, SessionId), u32>,
    event_id: EventId,
    before: Option<SessionId>,
    after: Option<SessionId>,
) {
    if let Some(count) = before.and_then(|session| counts.get_mut(&(event_id, session))) {
        *count = count.saturating_sub(1);
    }
    if let Some(count) = after.and_then(|session| counts.get_mut(&(event_id, session))) {
        *count = count.saturating_add(1);
    }
}
