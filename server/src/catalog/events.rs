//! What the catalog tells the world, as messages of `boxoffice.events.v1`.

use boxoffice_proto::events::v1::{EventCreated, EventPublished};
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

/// It went on sale with that many places.
pub(super) fn event_published(event: &Event, places: usize, now: Timestamp) -> store::Event {
    let message = EventPublished {
        event_id: event.event_id.to_string(),
        place_count: i64::try_from(places).unwrap_or(i64::MAX),
    };
    told("EventPublished", event, &message, now)
}

fn told(kind: &'static str, event: &Event, message: &impl Message, now: Timestamp) -> store::Event {
    let aggregate = (event.event_id.uuid(), event.version);
    store::Event::new(CONTEXT, kind, aggregate, message.encode_to_vec(), now)
}
