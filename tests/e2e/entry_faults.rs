//! Faults in what gates have told, for the invariants to find.

use std::time::SystemTime;

use boxoffice_sdk::booking::v1::Booking;
use boxoffice_sdk::ticket::v1::{OfflineEntry, SyncCheckInsRequest};
use boxoffice_tests::{Person, request_id};

use crate::invariants::{Fault, fault};

/// Has two gates tell that they let somebody in with the ticket of the second seat.
pub async fn let_in_twice(organizer: &Person, buyer: &Person, booking: &Booking) {
    let tickets = buyer.tickets_of(booking).await;
    let second = tickets.into_iter().find(|ticket| ticket.seat_label == "2").expect("a ticket");
    let entries = ["north", "south"].map(|gate| OfflineEntry {
        request_id: request_id(),
        code: second.code.clone(),
        gate: gate.into(),
        entry_time: Some(SystemTime::now().into()),
    });
    let request =
        SyncCheckInsRequest { event_id: booking.event_id.clone(), entries: entries.into() };
    organizer.sync_check_ins(request).await.expect("they are told");
}

/// Somebody was let in to the second seat, twice.
pub const ENTRY_FAULTS: [Fault; 8] = [
    fault(
        &["used_ticket_has_its_entry"],
        "ticket_check_in",
        "update ticket_check_in set gate = 'elsewhere' where outcome = 'ADMITTED'",
    ),
    fault(
        &["used_ticket_has_its_entry", "refused_entry_has_its_cause"],
        "ticket_check_in",
        "delete from ticket_check_in where outcome = 'ADMITTED'",
    ),
    fault(
        &["used_ticket_has_its_entry"],
        "ticket_ticket",
        "update ticket_ticket set state = 'VALID' where state = 'USED'",
    ),
    fault(
        &["ticket_admits_once"],
        "ticket_check_in",
        "update ticket_check_in set outcome = 'ADMITTED'",
    ),
    fault(
        &["refused_entry_has_its_cause"],
        "ticket_check_in",
        "update ticket_check_in set outcome = 'VOID_ENTRY' where outcome = 'DOUBLE_ENTRY'",
    ),
    fault(
        &["refused_entry_has_its_cause"],
        "ticket_check_in",
        "update ticket_check_in set entry_time = 1 where outcome = 'DOUBLE_ENTRY'",
    ),
    fault(&["ticket_has_its_event"], "ticket_event", "delete from ticket_event"),
    fault(
        &["state_has_its_event"],
        "ticket_ticket",
        "update ticket_ticket set version = version + 1 where state = 'USED'",
    ),
];
