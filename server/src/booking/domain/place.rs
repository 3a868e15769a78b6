//! Places: seats, and the unnumbered places of general admission (GA), which are only counted.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::GaOffer;
use crate::kernel::body_hash::BodyHash;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, HoldId, OfferId, PlaceId, SeatId};
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;

/// One place: where it is and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The place. A seat's has the seat's own identifier.
    pub place_id: PlaceId,
    /// The seat; `None` for general admission.
    pub seat_id: Option<SeatId>,
    /// The offer it is sold by.
    pub offer_id: OfferId,
    /// The name of that offer.
    pub offer_name: String,
    /// The name of its section; empty for general admission, as are the labels.
    pub section_name: String,
    /// The label of its row.
    pub row_label: String,
    /// Its label within the row.
    pub seat_label: String,
    /// What it costs, in minor units of the event's currency.
    pub price_minor: i64,
    /// Counts through the venue, then the GA offers; places are shown in this order.
    pub position: i64,
    /// When it was given back, its price with it; `None` as long as it belongs to its booking.
    pub return_time: Option<Timestamp>,
}

impl Place {
    /// The place as people read it, e.g. `Stalls / A / 12`, or the offer's name.
    pub fn label(&self) -> String {
        match self.seat_id {
            Some(_) => format!("{} / {} / {}", self.section_name, self.row_label, self.seat_label),
            None => self.offer_name.clone(),
        }
    }
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

/// A GA offer of an event, as a key.
pub type OfferKey = (EventId, OfferId);

/// A GA offer and how many of its places are in which state; the others are available.
#[derive(Clone, Debug)]
pub struct GaCount {
    /// The offer.
    pub offer: GaOffer,
    /// Places that are held.
    pub held: i64,
    /// Places of bookings that are not paid yet.
    pub claimed: i64,
    /// Places that are sold.
    pub sold: i64,
    /// Places that are off sale for good.
    pub blocked: i64,
    /// Raised by every change.
    pub version: i64,
    /// The version that is stored.
    pub stored_version: i64,
}

impl GaCount {
    /// How many places can be had.
    pub fn available(&self) -> i64 {
        self.offer.quantity - self.held - self.claimed - self.sold - self.blocked
    }

    /// Moves places from one state to another.
    pub(super) fn shift(&mut self, count: u32, from: SeatState, to: SeatState) {
        for (state, change) in [(from, -i64::from(count)), (to, i64::from(count))] {
            match state {
                SeatState::Available => {}
                SeatState::Held => self.held += change,
                SeatState::Claimed => self.claimed += change,
                SeatState::Sold => self.sold += change,
                SeatState::Blocked => self.blocked += change,
            }
        }
        self.version += 1;
    }

    /// One of its places, as a booking has it: the `index`th of that offer.
    pub fn place(&self, booking_id: BookingId, index: u32) -> Place {
        let offer = &self.offer;
        let (booking, sold_by) = (booking_id.uuid(), offer.offer_id.uuid());
        let parts = [booking.as_bytes().as_slice(), sold_by.as_bytes(), &index.to_be_bytes()];
        Place {
            place_id: PlaceId::derived(&parts),
            seat_id: None,
            offer_id: offer.offer_id,
            offer_name: offer.name.clone(),
            section_name: String::new(),
            row_label: String::new(),
            seat_label: String::new(),
            price_minor: offer.price_minor,
            position: offer.position,
            return_time: None,
        }
    }
}

/// Some places of one event: named seats, and so many of GA offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceSet {
    /// The seats.
    pub seats: BTreeSet<SeatId>,
    /// How many places of which offer; never zero.
    pub quantities: BTreeMap<OfferId, u32>,
}

impl PlaceSet {
    /// How many places these are.
    pub fn count(&self) -> u32 {
        let seats = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        self.quantities.values().fold(seats, |sum, quantity| sum.saturating_add(*quantity))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.quantities.is_empty()
    }
}

impl<'p> FromIterator<&'p Place> for PlaceSet {
    fn from_iter<T: IntoIterator<Item = &'p Place>>(places: T) -> Self {
        let mut set = Self::default();
        for place in places {
            match place.seat_id {
                Some(seat_id) => {
                    set.seats.insert(seat_id);
                }
                None => *set.quantities.entry(place.offer_id).or_default() += 1,
            }
        }
        set
    }
}

/// What a hold is for, as people see it.
#[derive(Clone, Debug, Default)]
pub struct HoldPlaces {
    /// Its seats, in the venue's order.
    pub seats: Vec<Place>,
    /// Its GA offers, in their order, and how many places of each.
    pub quantities: Vec<(GaCount, u32)>,
}

/// A wish for places.
#[derive(Clone, Debug)]
pub struct PlacesWanted {
    /// The hold to make; derived from caller and request id.
    pub hold_id: HoldId,
    /// The event.
    pub event_id: EventId,
    /// Who asks.
    pub session: SessionId,
    /// The places.
    pub places: PlaceSet,
    /// A keyed hash of the request, by which a repeat is known whatever became of the hold.
    pub body_hash: BodyHash,
}

/// How a hold is to change: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct PlacesChange {
    /// Seats to have besides.
    pub add: BTreeSet<SeatId>,
    /// Seats to give back.
    pub remove: BTreeSet<SeatId>,
    /// How many places of these GA offers to have in the end; offers not named stay as they are.
    pub quantities: BTreeMap<OfferId, u32>,
}

/// What one command changed: the new states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The event.
    pub event_id: EventId,
    /// The seats, each once.
    pub seats: Vec<(SeatId, SeatState)>,
    /// How many places of GA offers are available now, each offer once.
    pub offers: Vec<(OfferId, i64)>,
}

/// What places become, and whose.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    /// Anybody may have them.
    Nobody,
    /// Off sale.
    Blocked,
    /// Held.
    Hold(HoldId, SessionId),
    /// Claimed by, or sold to, a booking.
    Booking(BookingId, SessionId, SeatState),
}

impl Owner {
    pub(super) fn state(self) -> SeatState {
        match self {
            Self::Nobody => SeatState::Available,
            Self::Blocked => SeatState::Blocked,
            Self::Hold(..) => SeatState::Held,
            Self::Booking(_, _, state) => state,
        }
    }

    pub(super) fn session(self) -> Option<SessionId> {
        match self {
            Self::Nobody | Self::Blocked => None,
            Self::Hold(_, session) | Self::Booking(_, session, _) => Some(session),
        }
    }
}
