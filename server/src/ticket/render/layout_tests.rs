//! What a ticket shows.

use std::time::Duration;

use super::layout::*;
use crate::kernel::caller::SessionId;
use crate::kernel::event_facts::EventFacts;
use crate::kernel::id::{BookingId, EventId, PlaceId, SeatId, UserId};
use crate::kernel::time::Timestamp;
use crate::ticket::domain::{Ticket, TicketWanted};

/// 2026-12-05 18:30 UTC.
const START: Timestamp = Timestamp::from_micros(1_796_495_400_000_000);

fn event() -> EventFacts {
    EventFacts {
        event_id: EventId::new(START, [2; 10]),
        organizer_id: UserId::new(START, [1; 10]),
        title: "Songs & Dances <live>".into(),
        venue_name: "Großer Saal".into(),
        city: "Wien".into(),
        time_zone: "Europe/Vienna".into(),
        start_time: START,
    }
}

fn ticket() -> Ticket {
    let place = TicketWanted {
        booking_id: BookingId::new(START, [3; 10]),
        event_id: event().event_id,
        session: SessionId::User(UserId::new(START, [4; 10])),
        place_id: PlaceId::new(START, [5; 10]),
        seat_id: Some(SeatId::new(START, [5; 10])),
        offer_name: "Full price".into(),
        section_name: "Parkett".into(),
        row_label: "Ä".into(),
        seat_label: "12".into(),
    };
    Ticket::issue(place, START)
}

fn drawing(ticket: &Ticket, event: &EventFacts) -> Drawing {
    Drawing::new(&TicketFacts { ticket, event, code: "BO1.payload.signature" }).unwrap()
}

fn svg(ticket: &Ticket) -> String {
    String::from_utf8(drawing(ticket, &event()).to_svg()).unwrap()
}

fn codes(drawing: &Drawing) -> usize {
    drawing.shapes.iter().filter(|shape| matches!(shape, Shape::Code { .. })).count()
}

#[test]
fn a_ticket_says_what_where_and_when_in_the_time_of_the_venue() {
    let svg = svg(&ticket());
    for text in [
        "Songs &amp; Dances &lt;live&gt;",
        "Saturday, 5 December 2026, 19:30",
        "Großer Saal, Wien",
        "Parkett",
        "Ä",
        "12",
        "Full price",
        &ticket().ticket_id.to_string(),
    ] {
        assert!(svg.contains(&format!(">{text}</text>")), "{text} in {svg}");
    }
    assert_eq!(codes(&drawing(&ticket(), &event())), 1);
}

#[test]
fn a_void_ticket_says_so_and_has_no_code() {
    let mut ticket = ticket();
    ticket.void(START + Duration::from_secs(60));
    let svg = svg(&ticket);
    assert!(svg.contains(">VOID</text>") && svg.contains(">Not valid</text>"), "{svg}");
    assert_eq!(codes(&drawing(&ticket, &event())), 0);
    let image = drawing(&ticket, &event()).to_png().unwrap();
    assert_eq!(&image[..8], b"\x89PNG\r\n\x1a\n");
}

#[test]
fn names_as_long_as_they_may_be_stay_on_the_ticket() {
    let long = "Ungewöhnlich langer Name ".repeat(40);
    let mut ticket = ticket();
    ticket.place.section_name = long.clone();
    ticket.place.offer_name = long.clone();
    let event = EventFacts { title: long.clone(), venue_name: long, ..event() };
    let drawing = drawing(&ticket, &event);
    for shape in &drawing.shapes {
        if let Shape::Text { x, y, weight, size, text, .. } = shape {
            let end = x + drawing.fonts.width(text, *weight, *size);
            assert!(end < 990.0 && *y < 390.0, "{text} ends at {end}");
        }
    }
}
