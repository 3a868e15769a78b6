//! What is told of an event outside of the catalog.

use super::id::{EventId, UserId};
use super::time::Timestamp;

/// What the catalog passes on of an event that is put on sale or changed while it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// The event.
    pub event_id: EventId,
    /// Whose it is.
    pub organizer_id: UserId,
    /// Its title.
    pub title: String,
    /// The name of its venue.
    pub venue_name: String,
    /// The venue's city.
    pub city: String,
    /// The venue's IANA time zone.
    pub time_zone: String,
    /// When it starts.
    pub start_time: Timestamp,
}
