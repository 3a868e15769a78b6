//! The rules of tickets.

use super::*;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, GuestId, PlaceId, SeatId};
use crate::kernel::time::Timestamp;

fn now() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

fn place() -> TicketWanted {
    TicketWanted {
        booking_id: BookingId::new(now(), [1; 10]),
        event_id: EventId::new(now(), [2; 10]),
        session: SessionId::Guest(GuestId::new(now(), [3; 10])),
        place_id: PlaceId::new(now(), [4; 10]),
        seat_id: Some(SeatId::new(now(), [4; 10])),
        offer_name: "Full price".into(),
        section_name: "Stalls".into(),
        row_label: "A".into(),
        seat_label: "12".into(),
    }
}

#[test]
fn a_seat_is_called_by_where_it_is_and_general_admission_by_its_offer() {
    assert_eq!(Ticket::issue(place(), now()).label(), "Stalls / A / 12");
    let standing = TicketWanted {
        seat_id: None,
        offer_name: "Standing".into(),
        section_name: String::new(),
        row_label: String::new(),
        seat_label: String::new(),
        ..place()
    };
    assert_eq!(Ticket::issue(standing.clone(), now()).label(), "Standing");
    let yard = TicketWanted { section_name: "Yard".into(), ..standing };
    assert_eq!(Ticket::issue(yard, now()).label(), "Yard / Standing");
}

#[test]
fn a_ticket_becomes_void_once() {
    let mut ticket = Ticket::issue(place(), now());
    assert!(ticket.void(now()));
    assert_eq!((ticket.state, ticket.version), (TicketState::Void, 2));
    assert!(!ticket.void(now()));
    assert_eq!(ticket.version, 2);
}
