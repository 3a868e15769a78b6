//! The rules of gates.

use std::time::Duration;

use super::check_in::*;
use super::{Ticket, TicketState, TicketWanted};
use crate::error::{Error, Reason};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, PlaceId, TicketId, UserId};
use crate::kernel::time::Timestamp;

fn at(minute: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000) + Duration::from_secs(60 * minute)
}

fn ticket() -> Ticket {
    let place = TicketWanted {
        booking_id: BookingId::new(at(0), [1; 10]),
        event_id: EventId::new(at(0), [2; 10]),
        session: SessionId::User(UserId::new(at(0), [3; 10])),
        place_id: PlaceId::new(at(0), [4; 10]),
        seat_id: None,
        offer_name: "Standing".into(),
        section_name: String::new(),
        row_label: String::new(),
        seat_label: String::new(),
    };
    Ticket { stored_version: 1, ..Ticket::issue(place, at(0)) }
}

/// An entry by a gate of that name; its request id follows from the name.
fn told(gate: &str, entry_time: Option<Timestamp>) -> EntryTold {
    let event_id = ticket().place.event_id;
    let mut request_id = [0; 16];
    request_id[..gate.len()].copy_from_slice(gate.as_bytes());
    EntryTold {
        check_in_id: check_in_id(event_id, &request_id),
        ticket_id: ticket().ticket_id,
        event_id,
        session: ticket().place.session,
        gate: gate.into(),
        entry_time,
    }
}

fn book(ticket: Ticket) -> GateBook {
    GateBook::new(vec![ticket], Vec::new())
}

fn reason(answer: crate::error::Result<Weighed>) -> Reason {
    answer.unwrap_err().reason().unwrap()
}

#[test]
fn a_gate_that_asks_lets_one_in_and_tells_the_next_where_and_when() {
    let mut book = book(ticket());
    let first = book.weigh(&told("north", None), at(30)).unwrap();
    assert_eq!(first.check_in.outcome, CheckInOutcome::Admitted);
    assert_eq!((first.check_in.entry_time, &*first.check_in.place_label), (at(30), "Standing"));
    let refused = book.weigh(&told("south", None), at(31)).unwrap_err();
    let crate::error::Error::Rejected(rejection) = refused else { panic!("{refused:?}") };
    assert_eq!(rejection.reason, Reason::TicketUsed);
    assert_eq!(rejection.metadata, [("gate", "north".into()), ("entry_time", at(30).rfc3339())]);
    assert_eq!((book.new_check_ins().len(), book.changes().len()), (1, 1));
    assert_eq!(book.changed_tickets()[0].state, TicketState::Used);
}

#[test]
fn the_same_entry_told_again_is_the_same_entry() {
    let mut book = book(ticket());
    let first = book.weigh(&told("north", None), at(30)).unwrap();
    // The answer was lost, and the gate let the holder in by itself.
    let again = book.weigh(&told("north", Some(at(30))), at(90)).unwrap();
    assert_eq!(first.check_in, again.check_in);
    assert_eq!((book.new_check_ins().len(), book.changes().len()), (1, 1));
    let another = EntryTold { gate: "south".into(), ..told("north", None) };
    assert_eq!(reason(book.weigh(&another, at(31))), Reason::RequestIdReused);
    let another = EntryTold { ticket_id: TicketId::new(at(0), [9; 10]), ..told("north", None) };
    assert_eq!(reason(book.weigh(&another, at(31))), Reason::RequestIdReused);
}

#[test]
fn of_entries_by_gates_that_were_offline_the_earliest_counts_in_whichever_order_they_are_told() {
    let gates = [("a", at(10)), ("b", at(20)), ("c", at(30))];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut book = book(ticket());
        for index in order {
            let (gate, time) = gates[index];
            book.weigh(&told(gate, Some(time)), at(60)).unwrap();
        }
        let mut outcomes: Vec<_> =
            book.new_check_ins().iter().map(|entry| (entry.gate.clone(), entry.outcome)).collect();
        outcomes.sort_by(|one, other| one.0.cmp(&other.0));
        let double = CheckInOutcome::DoubleEntry;
        let expected = [("a", CheckInOutcome::Admitted), ("b", double), ("c", double)];
        assert_eq!(outcomes, expected.map(|(gate, outcome)| (gate.to_owned(), outcome)));
        let ticket = book.changed_tickets().remove(0);
        let entry = ticket.entry.unwrap();
        assert_eq!((entry.gate.as_str(), entry.time), ("a", at(10)));
        // Each change of the ticket is told, with versions without a gap.
        let versions: Vec<i64> = book.changes().iter().map(|ticket| ticket.version).collect();
        assert_eq!(versions, (2..=ticket.version).collect::<Vec<_>>());
    }
}

#[test]
fn an_entry_that_proves_to_be_earlier_names_the_one_that_counted_before() {
    let mut before = book(ticket());
    let stored = before.weigh(&told("north", None), at(30)).unwrap().check_in;
    let used = Ticket { stored_version: 2, ..before.changed_tickets().remove(0) };
    let mut book = GateBook::new(vec![used], vec![stored.clone()]);
    let earlier = book.weigh(&told("south", Some(at(29))), at(60)).unwrap();
    assert_eq!(earlier.check_in.outcome, CheckInOutcome::Admitted);
    let other = earlier.other.unwrap();
    assert_eq!((other.gate.as_str(), other.outcome), ("north", CheckInOutcome::DoubleEntry));
    assert_eq!(book.outdone(), [stored.check_in_id]);
    let later = book.weigh(&told("west", Some(at(29))), at(60)).unwrap();
    assert_eq!(later.check_in.outcome, CheckInOutcome::DoubleEntry);
    assert_eq!(later.other.unwrap().gate, "south");
}

#[test]
fn a_clock_that_is_wrong_counts_as_far_as_it_can_be_right() {
    let mut fast = book(ticket());
    let entry = fast.weigh(&told("fast", Some(at(600))), at(60)).unwrap();
    assert_eq!(entry.check_in.entry_time, at(60));
    let mut slow = book(ticket());
    let entry = slow.weigh(&told("slow", Some(Timestamp::from_micros(0))), at(60)).unwrap();
    assert_eq!(entry.check_in.entry_time, at(0));
}

#[test]
fn a_void_ticket_lets_nobody_in_and_what_happened_all_the_same_is_kept() {
    let mut ticket = ticket();
    ticket.void(at(5));
    let mut book = book(ticket);
    assert_eq!(reason(book.weigh(&told("north", None), at(30))), Reason::TicketVoid);
    let entry = book.weigh(&told("south", Some(at(20))), at(60)).unwrap();
    assert_eq!(entry.check_in.outcome, CheckInOutcome::VoidEntry);
    assert!(book.changes().is_empty(), "it stays void");
}

#[test]
fn a_ticket_that_is_not_there_is_no_ticket() {
    let mut empty = GateBook::default();
    assert_eq!(reason(empty.weigh(&told("north", None), at(30))), Reason::TicketCodeInvalid);
    let mut book = book(ticket());
    let elsewhere = EntryTold { event_id: EventId::new(at(0), [7; 10]), ..told("north", None) };
    assert_eq!(reason(book.weigh(&elsewhere, at(30))), Reason::TicketCodeInvalid);
}

#[test]
fn a_used_ticket_without_an_entry_is_a_fault_and_lets_nobody_in() {
    let broken = || Ticket { state: TicketState::Used, entry: None, ..ticket() };
    for entry_time in [None, Some(at(10))] {
        let mut book = book(broken());
        let answer = book.weigh(&told("north", entry_time), at(30));
        assert!(matches!(answer, Err(Error::Internal(_))), "{answer:?}");
        assert!(book.new_check_ins().is_empty() && book.changed_tickets().is_empty());
    }
}
