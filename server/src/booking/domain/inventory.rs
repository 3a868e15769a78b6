//! What is on sale for an event.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::{Reason, Result};

use crate::kernel::id::{EventId, OfferId, SeatId, SectionId, UserId};
use crate::kernel::money::Currency;
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;

/// What an event puts on sale, taken over from the catalog when it is published.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The event and its terms.
    pub terms: EventTerms,
    /// Its offers, in the venue's order of sections.
    pub offers: Vec<SeatOffer>,
    /// Its seats, in the venue's order.
    pub seats: Vec<NewSeat>,
    /// Its offers of general admission.
    pub ga_offers: Vec<GaOffer>,
    /// Seats that are off sale from the beginning.
    pub blocked: BTreeSet<SeatId>,
}

/// The terms that an event is sold on.
#[derive(Clone, Debug)]
pub struct EventTerms {
    /// The event.
    pub event_id: EventId,
    /// Whose it is.
    pub organizer_id: UserId,
    /// Whether anything of it can be bought, until it starts.
    pub on_sale: bool,
    /// When it starts.
    pub start_time: Timestamp,
    /// The currency of all its prices.
    pub currency: Currency,
    /// How long a hold lasts.
    pub hold_ttl: Duration,
    /// How long a hold may last in all.
    pub hold_life_max: Duration,
    /// How many places one buyer may hold and book.
    pub places_per_buyer_max: u32,
    /// How long before the start owners may cancel what they have paid.
    pub cancel_until: Duration,
}

/// A price for the seats of one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatOffer {
    /// The offer.
    pub offer_id: OfferId,
    /// The section it sells.
    pub section_id: SectionId,
    /// The section's name.
    pub section_name: String,
    /// The offer's name.
    pub name: String,
    /// The price of one seat, in minor units of the event's currency.
    pub price_minor: i64,
}

/// An offer of general admission: places without numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GaOffer {
    /// The offer.
    pub offer_id: OfferId,
    /// The offer's name.
    pub name: String,
    /// The price of one place, in minor units of the event's currency.
    pub price_minor: i64,
    /// How many places there are.
    pub quantity: i64,
    /// Counts on from the seats; places are shown in this order.
    pub position: i64,
}

/// A seat that is put on sale.
#[derive(Clone, Debug)]
pub struct NewSeat {
    /// The seat.
    pub seat_id: SeatId,
    /// The offer that sells it.
    pub offer_id: OfferId,
    /// The label of its row.
    pub row_label: String,
    /// Its label within the row.
    pub seat_label: String,
}

/// Every seat of an event at one instant.
#[derive(Clone, Debug)]
pub struct SeatMap {
    /// Where the stream of changes stands at this instant.
    pub cursor: FeedCursor,
    /// The currency of all prices.
    pub currency: Currency,
    /// The offers, in the venue's order of sections.
    pub offers: Vec<SeatOffer>,
    /// The seats, in the venue's order.
    pub seats: Vec<MapSeat>,
    /// The offers of general admission, each with how many places are available.
    pub ga_offers: Vec<(GaOffer, i64)>,
}

/// A seat of a seat map.
#[derive(Clone, Debug)]
pub struct MapSeat {
    /// The seat.
    pub seat_id: SeatId,
    /// The offer that sells it.
    pub offer_id: OfferId,
    /// The label of its row.
    pub row_label: String,
    /// Its label within the row.
    pub seat_label: String,
    /// What can be done with it.
    pub state: SeatState,
}

/// A place in the stream of an event's seat changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedCursor {
    /// Raised when the stream began anew.
    pub epoch: i64,
    /// Raised by every change within the epoch.
    pub revision: i64,
}

impl EventTerms {
    /// Refuses unless the event sells now.
    pub fn require_on_sale(&self, now: Timestamp) -> Result<()> {
        if !self.on_sale {
            return Err(Reason::EventNotOnSale.with("state", "WITHDRAWN"));
        }
        if self.start_time <= now {
            return Err(Reason::EventNotOnSale.with("state", "STARTED"));
        }
        Ok(())
    }

    /// Refuses unless an owner may still cancel what she has paid.
    pub fn require_cancellable(&self, now: Timestamp) -> Result<()> {
        if now + self.cancel_until > self.start_time {
            let until = self.start_time - self.cancel_until;
            return Err(Reason::CancelTooLate.with("cancel_until", until.unix_seconds()));
        }
        Ok(())
    }
}
