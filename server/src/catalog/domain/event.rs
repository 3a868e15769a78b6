//! Events: from a draft to what is on sale.

use super::faults::Faults;
use super::offer::{Offer, Sold};
use super::search::{folded, tags_key};
use super::terms::SaleTerms;
use super::venue::VenueSummary;
use crate::error::{Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::event_facts::EventFacts;
use crate::kernel::id::{EventId, UserId, VenueId};
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

/// One dated performance at one venue.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// What lists find it by, in the order they were given.
    pub tags: Vec<String>,
    /// Where a picture of it is; may be empty.
    pub image_url: String,
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
    /// Whether it is or was on sale, so that everybody may know of it.
    pub was_published: bool,
    /// When it was created.
    pub create_time: Timestamp,
    /// Raised by every change; the version of the aggregate on the bus as well.
    pub version: i64,
}

impl Event {
    /// What is told of it outside of the catalog.
    pub fn facts(&self) -> EventFacts {
        EventFacts {
            event_id: self.event_id,
            organizer_id: self.organizer_id,
            title: self.title.clone(),
            venue_name: self.venue.name.clone(),
            city: self.venue.city.clone(),
            time_zone: self.venue.time_zone.clone(),
            start_time: self.start_time,
        }
    }

    /// The event on sale; `None` if it is already. Refused with `EventNotDraft` when it was called
    /// off and with `EventTimesInvalid` when it has started.
    pub fn publish(&self, now: Timestamp) -> Result<Option<Self>> {
        match self.state {
            EventState::Published => Ok(None),
            EventState::Cancelled => Err(Reason::EventNotDraft.with("state", self.state.name())),
            EventState::Draft => {
                check_times(self.start_time, self.end_time, now)?;
                let published = self.become_state(EventState::Published);
                Ok(Some(Self { was_published: true, ..published }))
            }
        }
    }

    /// The event as a draft again; `None` if it is one already. Refused with `EventCancelled` when
    /// it was called off and with `EventNotOnSale` when it has ended: what sold its seats may be
    /// gone by then.
    pub fn unpublish(&self, now: Timestamp) -> Result<Option<Self>> {
        match self.state {
            EventState::Draft => Ok(None),
            EventState::Cancelled => Err(Reason::EventCancelled.into()),
            EventState::Published if self.has_ended(now) => {
                Err(Reason::EventNotOnSale.with("state", "ENDED"))
            }
            EventState::Published => Ok(Some(self.become_state(EventState::Draft))),
        }
    }

    /// The event called off, for good; `None` if it is already.
    pub fn cancel(&self) -> Option<Self> {
        match self.state {
            EventState::Cancelled => None,
            EventState::Draft | EventState::Published => {
                Some(self.become_state(EventState::Cancelled))
            }
        }
    }

    fn become_state(&self, state: EventState) -> Self {
        Self { state, version: self.version + 1, ..self.clone() }
    }

    /// Whether it is over.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.end_time <= now
    }

    /// How many places of general admission it has.
    pub fn admission_count(&self) -> u64 {
        let quantity = |offer: &Offer| match offer.sold {
            Sold::Admission(quantity) => u64::from(quantity),
            Sold::Seats(_) => 0,
        };
        self.offers.iter().map(quantity).sum()
    }

    /// Whether it is shown to this caller: drafts, and those that were called off before anybody
    /// could see them, are there for their organizer and admins only.
    pub fn is_visible_to(&self, caller: Option<&Caller>) -> bool {
        let is_public = match self.state {
            EventState::Published => true,
            EventState::Cancelled => self.was_published,
            EventState::Draft => false,
        };
        let owner = SessionId::User(self.organizer_id);
        is_public || caller.is_some_and(|caller| caller.may_see(owner))
    }

    /// The text that searches look through.
    pub fn search_key(&self) -> String {
        searched_text(&self.title, &self.description, &self.venue)
    }

    /// Its city for comparison.
    pub fn city_key(&self) -> String {
        self.venue.city_key()
    }

    /// Its category for comparison.
    pub fn category_key(&self) -> String {
        folded(&self.category)
    }

    /// Its tags for comparison.
    pub fn tags_key(&self) -> String {
        tags_key(&self.tags)
    }
}

/// The text that searches look through, for an event that says this about itself.
pub fn searched_text(title: &str, description: &str, venue: &VenueSummary) -> String {
    search_key(&[title, description, &venue.name, &venue.city].join(" "))
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
