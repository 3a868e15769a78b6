//! Events: from a draft to what is on sale.

use std::time::Duration;

use super::faults::Faults;
use super::search::category_key;
use super::venue::VenueSummary;
use crate::error::{Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{EventId, OfferId, SectionId, UserId, VenueId};
use crate::kernel::money::Currency;
use crate::kernel::text::search_key;
use crate::kernel::time::Timestamp;

/// The life cycle of an event; mirrors `boxoffice.catalog.v1.Event.State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    /// Being prepared; only its organizer and admins see it.
    Draft,
    /// Visible to everybody, and on sale until it starts.
    Published,
    /// Called off.
    Cancelled,
}

impl EventState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Published, Self::Cancelled];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Published => "PUBLISHED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The terms that an event is sold on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaleTerms {
    /// The currency of all its prices.
    pub currency: Currency,
    /// How long a hold lasts.
    pub hold_ttl: Duration,
    /// How long a hold may last in all.
    pub hold_life_max: Duration,
    /// How many places one buyer may hold and book.
    pub places_per_buyer_max: u32,
}

/// A price for the seats of one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub offer_id: OfferId,
    /// The section it sells.
    pub section_id: SectionId,
    /// Its name.
    pub name: String,
    /// The price of one seat, in minor units of the event's currency.
    pub price_minor: i64,
}

/// One dated performance at one venue.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub event_id: EventId,
    /// Where it takes place.
    pub venue_id: VenueId,
    /// Whose it is: the organizer of its venue.
    pub organizer_id: UserId,
    /// Its title.
    pub title: String,
    /// What there is to say about it; may be empty.
    pub description: String,
    /// Its category; may be empty.
    pub category: String,
    /// Where it stands in its life cycle.
    pub state: EventState,
    /// When it starts.
    pub start_time: Timestamp,
    /// When it ends.
    pub end_time: Timestamp,
    /// The terms it is sold on.
    pub terms: SaleTerms,
    /// Its offers, in the order they were given.
    pub offers: Vec<Offer>,
    /// What is told of its venue.
    pub venue: VenueSummary,
    /// When it was created.
    pub create_time: Timestamp,
    /// Raised by every change; the version of the aggregate on the bus as well.
    pub version: i64,
}

impl Event {
    /// The event on sale; `None` if it is already. Refused with `EventNotDraft` when it was called
    /// off and with `EventTimesInvalid` when it has started.
    pub fn publish(&self, now: Timestamp) -> Result<Option<Self>> {
        match self.state {
            EventState::Published => Ok(None),
            EventState::Cancelled => Err(Reason::EventNotDraft.with("state", self.state.name())),
            EventState::Draft => {
                check_times(self.start_time, self.end_time, now)?;
                let version = self.version + 1;
                Ok(Some(Self { state: EventState::Published, version, ..self.clone() }))
            }
        }
    }

    /// Whether it is shown to this caller: drafts are there for their organizer and admins only.
    pub fn is_visible_to(&self, caller: Option<&Caller>) -> bool {
        match self.state {
            EventState::Published | EventState::Cancelled => true,
            EventState::Draft => {
                caller.is_some_and(|caller| caller.may_see(SessionId::User(self.organizer_id)))
            }
        }
    }

    /// The text that searches look through.
    pub fn search_key(&self) -> String {
        let parts = [&self.title, &self.description, &self.venue.name, &self.venue.city];
        search_key(&parts.map(String::as_str).join(" "))
    }

    /// Its city for comparison.
    pub fn city_key(&self) -> String {
        search_key(&self.venue.city)
    }

    /// Its category for comparison.
    pub fn category_key(&self) -> String {
        category_key(&self.category)
    }
}

/// Whether an event may still go on sale at these times.
pub(super) fn check_times(start: Timestamp, end: Timestamp, now: Timestamp) -> Result<()> {
    let mut faults = Faults::default();
    if start <= now {
        faults.note("event.start_time", "must be in the future");
    }
    if end <= start {
        faults.note("event.end_time", "must be after start_time");
    }
    faults.or(()).map_err(|faults| faults.rejection(Reason::EventTimesInvalid).into())
}
