//! How much of an event is left.

use super::inventory::FeedCursor;
use crate::kernel::id::OfferId;
use crate::kernel::seat_state::SeatState;

/// How much of an event is left, by offer, at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// Where the stream of changes stands at this instant.
    pub cursor: FeedCursor,
    /// The offers, in order.
    pub offers: Vec<OfferAvailability>,
}

/// How many places of an offer are in which state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferAvailability {
    /// The offer.
    pub offer_id: OfferId,
    /// Its name.
    pub name: String,
    /// Free to be held.
    pub available: i64,
    /// Held by holds.
    pub held: i64,
    /// Part of bookings that are not paid yet.
    pub claimed: i64,
    /// Sold.
    pub sold: i64,
    /// Off sale.
    pub blocked: i64,
}

impl OfferAvailability {
    /// An offer without any place.
    pub fn new(offer_id: OfferId, name: String) -> Self {
        Self { offer_id, name, available: 0, held: 0, claimed: 0, sold: 0, blocked: 0 }
    }

    /// Counts places in that state.
    pub fn add(&mut self, state: SeatState, count: i64) {
        match state {
            SeatState::Available => self.available += count,
            SeatState::Held => self.held += count,
            SeatState::Claimed => self.claimed += count,
            SeatState::Sold => self.sold += count,
            SeatState::Blocked => self.blocked += count,
        }
    }

    /// How many places there are.
    pub fn capacity(&self) -> i64 {
        self.available + self.held + self.claimed + self.sold + self.blocked
    }
}
