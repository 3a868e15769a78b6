//! What the catalog tells the world, as messages of `boxoffice.events.v1`.

use boxoffice_proto::events::v1::{
    EventCancelled, EventCreated, EventPublished, EventUnpublished, EventUpdated,
};
use prost::Message;

use super::domain::event::Event;
use crate::kernel::time::Timestamp;
use crate::store;

/// The name of the context on the bus.
const CONTEXT: &str = "catalog";

/// A draft was made.
pub(super) fn event_created(event: &Event, now: Timestamp) -> store::Event {
    let message = EventCreated {
        event_id: event.event_id.to_string(),
        venue_id: event.venue_id.to_string(),
        title: event.title.clone(),
    };
    told("EventCreated", event, &message, now)
}

/// It was changed.
pub(super) fn event_updated(event: &Event, now: Timestamp) -> store::Event {
    told("EventUpdated", event, &EventUpdated { event_id: event.event_id.to_string() }, now)
}

/// It went on sale with that many seats, and its places of general admission.
pub(super) fn event_published(event: &Event, seats: usize, now: Timestamp) -> store::Event {
    let seats = i64::try_from(seats).unwrap_or(i64::MAX);
    let message = EventPublished {
        event_id: event.event_id.to_string(),
        place_count: seats.saturating_add_unsigned(event.admission_count()),
    };
    told("EventPublished", event, &message, now)
}

/// It was taken off sale.
pub(super) fn event_unpublished(event: &Event, now: Timestamp) -> store::Event {
    let message = EventUnpublished { event_id: event.event_id.to_string() };
    told("EventUnpublished", event, &message, now)
}

/// It was called off.
pub(super) fn event_cancelled(event: &Event, now: Timestamp) -> store::Event {
    let message = EventCancelled { event_id: event.event_id.to_string() };
    told("EventCancelled", event, &message, now)
}

fn told(kind: &'static str, event: &Event, message: &impl Message, now: Timestamp) -> store::Event {
    let aggregate = (event.event_id.uuid(), event.version);
    store::Event::new(CONTEXT, kind, aggregate, message.encode_to_vec(), now)
}
