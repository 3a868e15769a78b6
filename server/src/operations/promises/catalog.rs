//! About venues and events.

use super::always;
use crate::operations::invariants::Invariant;

/// The promises, in the order they are reported.
pub(super) const PROMISES: [Invariant; 2] = [
    always(
        "venue_has_all_its_seats",
        "A venue has as many seats as it says, each in a section of its own.",
        "select v.venue_id, 'seats ' || cast(count(c.section_id) as text) from catalog_venue v
        left join catalog_seat s on s.venue_id = v.venue_id
        left join catalog_section c on c.section_id = s.section_id and c.venue_id = v.venue_id
        group by v.venue_id, v.seat_count having count(c.section_id) <> v.seat_count",
    ),
    always(
        "sale_follows_its_event",
        "An event is on sale exactly while it is published, and until the start it tells.",
        "select e.event_id, e.state from catalog_event e
        left join booking_event b on b.event_id = e.event_id
        where (e.state = 'PUBLISHED') <> coalesce(b.on_sale, false)
        or (e.state = 'PUBLISHED' and b.start_time <> e.start_time)",
    ),
];
