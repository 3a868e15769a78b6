//! The board: the places and holds that a group of commands touches, in memory. Commands are
//! decided on it one after the other; what they changed is then written at once.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::{Hold, HoldState};
use super::inventory::EventTerms;
use super::place::{
    Change, GaCount, OfferKey, Owner, Place, PlaceSet, PlacesChange, PlacesWanted, Seat, SeatKey,
};
use crate::error::{Conflict, Error, Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{BookingId, EventId, HoldId, SeatId};
use crate::kernel::limits::CONFLICTS_NAMED_MAX;
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;

/// What a group of commands touches.
#[derive(Debug, Default)]
pub struct Board {
    /// The terms of the events.
    pub terms: BTreeMap<EventId, EventTerms>,
    /// The seats.
    pub seats: BTreeMap<SeatKey, Seat>,
    /// The GA offers.
    pub offers: BTreeMap<OfferKey, GaCount>,
    /// The holds, with all of their places on the board unless they are over for good.
    pub holds: BTreeMap<HoldId, Hold>,
    /// How many places the buyers have, for those buyers that ask for more.
    pub place_counts: BTreeMap<(EventId, SessionId), u32>,
    /// What the commands changed, in their order.
    pub changes: Vec<Change>,
}

impl Board {
    /// Holds all of the places or none. The same request again gives the same hold.
    pub fn hold(&mut self, wanted: &PlacesWanted, now: Timestamp) -> Result<Hold> {
        if let Some(hold) = self.holds.get(&wanted.hold_id) {
            let same = hold.is_of(wanted);
            return if same { Ok(hold.clone()) } else { Err(Reason::RequestIdReused.into()) };
        }
        let terms = self.terms_of(wanted.event_id)?;
        terms.require_on_sale(now)?;
        let buyer = (wanted.event_id, wanted.session);
        self.require_takeable(buyer, &wanted.places, 0, now)?;
        let hold = Hold::begin(wanted, &terms, now);
        let owner = Owner::Hold(hold.hold_id, hold.session);
        self.give(hold.event_id, &hold.places, SeatState::Available, hold.session, owner);
        self.holds.insert(hold.hold_id, hold.clone());
        Ok(hold)
    }

    /// Makes a hold larger or smaller: all of the change or nothing. Its time stays.
    pub fn change(
        &mut self,
        hold_id: HoldId,
        caller: &Caller,
        wanted: &PlacesChange,
        now: Timestamp,
    ) -> Result<Hold> {
        let hold = self.usable_hold(hold_id, caller, now)?;
        let (event_id, session) = (hold.event_id, hold.session);
        let (added, removed, places) = hold.changed(wanted)?;
        self.require_takeable((event_id, session), &added, removed.count(), now)?;
        self.shift(event_id, &removed, SeatState::Held, session, Owner::Nobody);
        let owner = Owner::Hold(hold_id, session);
        self.shift(event_id, &added, SeatState::Available, session, owner);
        self.note(event_id, [&removed, &added]);
        let hold = self.hold_mut(hold_id)?;
        hold.become_places(places);
        Ok(hold.clone())
    }

    /// Starts the time of a hold anew.
    pub fn extend(&mut self, hold_id: HoldId, caller: &Caller, now: Timestamp) -> Result<Hold> {
        let event_id = self.usable_hold(hold_id, caller, now)?.event_id;
        let terms = self.terms_of(event_id)?;
        let hold = self.hold_mut(hold_id)?;
        hold.extend(&terms, now)?;
        Ok(hold.clone())
    }

    /// Gives the places of a hold back; one that is over already stays as it is.
    pub fn release(&mut self, hold_id: HoldId, caller: &Caller, now: Timestamp) -> Result<Hold> {
        if !planted!(ReleaseWithoutOwner) {
            self.seen_hold(hold_id, caller)?;
        }
        self.expire_if_over(hold_id, now);
        self.end_hold(hold_id, HoldState::Released);
        self.hold_mut(hold_id).map(|hold| hold.clone())
    }

    /// Ends a hold whose event was called off; one that is over already stays as it is.
    pub fn end_called_off(&mut self, hold_id: HoldId) {
        self.end_hold(hold_id, HoldState::Expired);
    }

    /// Ends a hold whose time is over; any other stays as it is.
    pub fn expire_if_over(&mut self, hold_id: HoldId, now: Timestamp) {
        if self.holds.get(&hold_id).is_some_and(|hold| hold.is_over(now)) {
            self.end_hold(hold_id, HoldState::Expired);
        }
    }

    /// Claims every place of a hold for a booking; the hold is used up. Answers with the places.
    pub fn claim(
        &mut self,
        hold_id: HoldId,
        booking_id: BookingId,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Vec<Place>> {
        let hold = match planted!(ClaimWithoutCondition) {
            true => self.seen_hold(hold_id, caller)?,
            false => self.usable_hold(hold_id, caller, now)?,
        };
        let (event_id, session, mut places) = (hold.event_id, hold.session, hold.places.clone());
        let claimed = self.places_of_hold(event_id, hold_id, booking_id, &places)?;
        if planted!(PartialClaim) {
            places.seats.pop_last();
        }
        let owner = Owner::Booking(booking_id, session, SeatState::Claimed);
        self.give(event_id, &places, SeatState::Held, session, owner);
        self.hold_mut(hold_id)?.become_state(HoldState::Used);
        Ok(claimed)
    }

    /// Whether every one of the places could be had now. Ends the holds on them that are over.
    pub fn are_free(&mut self, event_id: EventId, places: &PlaceSet, now: Timestamp) -> bool {
        // Whoever pays for an event that has begun gets money back rather than a ticket.
        let terms = self.terms.get(&event_id);
        let on_sale = terms.is_some_and(|terms| terms.require_on_sale(now).is_ok());
        on_sale && {
            self.expire_holds_on(event_id, places, now);
            self.require_free(event_id, places).is_ok()
        }
    }

    /// Sells the places to a booking that has claimed them (`had`), or that could have them now.
    pub fn sell(
        &mut self,
        event_id: EventId,
        places: &PlaceSet,
        had: Option<SeatState>,
        booking_id: BookingId,
        session: SessionId,
    ) -> Result<()> {
        let sellable = |seat: &Seat| {
            seat.booking_id == Some(booking_id)
                || had.is_none() && seat.state == SeatState::Available
        };
        let are_sellable =
            self.those(event_id, &places.seats, sellable).len() == places.seats.len();
        if !are_sellable && !planted!(LateMoneyTakesPlaces) {
            return Err(Error::internal(format!("{booking_id} is paid but has lost its seats")));
        }
        let owner = Owner::Booking(booking_id, session, SeatState::Sold);
        self.give(event_id, places, had.unwrap_or(SeatState::Available), session, owner);
        Ok(())
    }

    /// Takes the places from the booking that has them: for others, or, if `blocked`, for nobody.
    pub fn take_back(
        &mut self,
        event_id: EventId,
        places: &PlaceSet,
        had: SeatState,
        (booking_id, session): (BookingId, SessionId),
        blocked: bool,
    ) {
        let seats = self.those(event_id, &places.seats, |seat| seat.booking_id == Some(booking_id));
        let places = PlaceSet { seats, quantities: places.quantities.clone() };
        let owner = if blocked { Owner::Blocked } else { Owner::Nobody };
        self.give(event_id, &places, had, session, owner);
    }

    /// Takes all of the seats off sale, or puts them back on sale, or changes nothing.
    pub fn block(
        &mut self,
        event_id: EventId,
        seats: &BTreeSet<SeatId>,
        blocked: bool,
        now: Timestamp,
    ) -> Result<()> {
        let wanted = PlaceSet { seats: seats.clone(), ..PlaceSet::default() };
        self.require_known(event_id, &wanted)?;
        self.expire_holds_on(event_id, &wanted, now);
        let (from, owner) = match blocked {
            true => (SeatState::Available, Owner::Blocked),
            false => (SeatState::Blocked, Owner::Nobody),
        };
        let moving = self.those(event_id, seats, |seat| seat.state == from);
        let done = self.those(event_id, seats, |seat| seat.state == owner.state());
        if moving.len() + done.len() < seats.len() {
            let others = seats.iter().filter(|id| !moving.contains(id) && !done.contains(id));
            let others = PlaceSet { seats: others.copied().collect(), ..PlaceSet::default() };
            return self.require_free(event_id, &others);
        }
        let moving = PlaceSet { seats: moving, ..PlaceSet::default() };
        self.shift_seats(event_id, &moving.seats, owner);
        self.note(event_id, [&moving]);
        Ok(())
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

    /// A hold of the caller's that is active now, of an event that sells now. What has become of
    /// the event is told first, because nothing can be done about it.
    fn usable_hold(&mut self, hold_id: HoldId, caller: &Caller, now: Timestamp) -> Result<&Hold> {
        self.terms_of(self.seen_hold(hold_id, caller)?.event_id)?.require_on_sale(now)?;
        self.expire_if_over(hold_id, now);
        let hold = self.seen_hold(hold_id, caller)?;
        hold.require_active(now)?;
        Ok(hold)
    }

    fn hold_mut(&mut self, hold_id: HoldId) -> Result<&mut Hold> {
        self.holds.get_mut(&hold_id).ok_or_else(|| Error::not_found("hold"))
    }

    /// Refuses unless the buyer, who gives so many back, can have all of the places now.
    fn require_takeable(
        &mut self,
        (event_id, session): (EventId, SessionId),
        places: &PlaceSet,
        given_back: u32,
        now: Timestamp,
    ) -> Result<()> {
        let limit = self.terms_of(event_id)?.places_per_buyer_max;
        self.require_known(event_id, places)?;
        self.expire_holds_on(event_id, places, now);
        self.require_free(event_id, places)?;
        self.expire_holds_of(event_id, session, now);
        let has = self.place_counts.get(&(event_id, session)).copied();
        let has = has.ok_or_else(|| Error::internal(format!("nobody counted for {session}")))?;
        let has_then = has.saturating_sub(given_back).saturating_add(places.count());
        if !places.is_empty() && has_then > limit && !planted!(BuyersLimitUnenforced) {
            return Err(Reason::TooManyPlaces.with("limit", limit));
        }
        Ok(())
    }

    fn require_known(&self, event_id: EventId, places: &PlaceSet) -> Result<()> {
        let unknown = |id: &&SeatId| !self.seats.contains_key(&(event_id, **id));
        if let Some(seat_id) = places.seats.iter().find(unknown) {
            return Err(Reason::SeatUnknown.with("seat_id", seat_id));
        }
        let mut offers = places.quantities.keys();
        match offers.find(|id| !self.offers.contains_key(&(event_id, **id))) {
            Some(offer_id) => Err(Reason::OfferUnknown.with("offer_id", offer_id)),
            None => Ok(()),
        }
    }

    fn require_free(&self, event_id: EventId, places: &PlaceSet) -> Result<()> {
        let mut rejection = Reason::SeatsTaken.rejection();
        for seat_id in &places.seats {
            match self.seats.get(&(event_id, *seat_id)) {
                Some(seat) if seat.state == SeatState::Available => {}
                Some(seat) if seat.state == SeatState::Blocked && planted!(BlockedSeatSellable) => {
                }
                Some(_) if planted!(HoldWithoutCondition) => {}
                Some(seat) => rejection.conflicts.push(Conflict::Seat(*seat_id, seat.state)),
                None => {
                    rejection.conflicts.push(Conflict::Seat(*seat_id, SeatState::Blocked));
                }
            }
        }
        for (offer_id, quantity) in &places.quantities {
            let available = self.offers.get(&(event_id, *offer_id)).map_or(0, GaCount::available);
            if available < i64::from(*quantity) {
                rejection.conflicts.push(Conflict::Offer(*offer_id, available));
            }
        }
        if rejection.conflicts.is_empty() {
            return Ok(());
        }
        rejection.metadata.push(("conflict_count", rejection.conflicts.len().to_string()));
        rejection.conflicts.truncate(CONFLICTS_NAMED_MAX);
        Err(rejection.into())
    }

    /// The places of a hold as its booking is to have them; every seat must still be the hold's.
    fn places_of_hold(
        &self,
        event_id: EventId,
        hold_id: HoldId,
        booking_id: BookingId,
        places: &PlaceSet,
    ) -> Result<Vec<Place>> {
        let lost = || Error::from(Reason::HoldLost);
        let mut found = Vec::new();
        for seat_id in &places.seats {
            let seat = self.seats.get(&(event_id, *seat_id));
            let is_its =
                |seat: &&Seat| seat.hold_id == Some(hold_id) || planted!(ClaimWithoutCondition);
            let seat = seat.filter(is_its).ok_or_else(lost)?;
            found.push(seat.place.clone());
        }
        for (offer_id, quantity) in &places.quantities {
            let offer = self.offers.get(&(event_id, *offer_id)).ok_or_else(lost)?;
            found.extend((0..*quantity).map(|index| offer.place(booking_id, index)));
        }
        found.sort_by_key(|place| (place.position, place.place_id));
        Ok(found)
    }

    /// Ends the holds that are over and stand in the way of these places.
    fn expire_holds_on(&mut self, event_id: EventId, places: &PlaceSet, now: Timestamp) {
        let seats = places.seats.iter();
        let mut holds: BTreeSet<HoldId> =
            seats.filter_map(|id| self.seats.get(&(event_id, *id))?.hold_id).collect();
        let wants = |hold: &&Hold| {
            let mut offers = hold.places.quantities.keys();
            hold.event_id == event_id && offers.any(|id| places.quantities.contains_key(id))
        };
        holds.extend(self.holds.values().filter(wants).map(|hold| hold.hold_id));
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

    /// Ends an active hold and frees what it has: of its seats those that it still has. What an
    /// event that was called off gets back is nobody's any more.
    fn end_hold(&mut self, hold_id: HoldId, state: HoldState) {
        let Some(hold) = self.holds.get_mut(&hold_id) else { return };
        if hold.state != HoldState::Active {
            return;
        }
        hold.become_state(state);
        let (event_id, session, places) = (hold.event_id, hold.session, hold.places.clone());
        let seats = self.those(event_id, &places.seats, |seat| seat.hold_id == Some(hold_id));
        let mut places = PlaceSet { seats, quantities: places.quantities };
        if planted!(GaNotGivenBack) {
            places.quantities.clear();
        }
        let on_sale = self.terms.get(&event_id).is_some_and(|terms| terms.on_sale);
        let owner = if on_sale { Owner::Nobody } else { Owner::Blocked };
        self.give(event_id, &places, SeatState::Held, session, owner);
        if planted!(GaGivenBackTwice) {
            places.seats.clear();
            self.give(event_id, &places, SeatState::Held, session, owner);
        }
    }

    fn those(
        &self,
        event_id: EventId,
        seats: &BTreeSet<SeatId>,
        wanted: impl Fn(&Seat) -> bool,
    ) -> BTreeSet<SeatId> {
        let is_wanted = |id: &&SeatId| self.seats.get(&(event_id, **id)).is_some_and(&wanted);
        seats.iter().filter(is_wanted).copied().collect()
    }
}
