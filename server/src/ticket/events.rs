//! What tickets tell the world.

use boxoffice_proto::events::v1 as wire;
use prost::Message;

use super::domain::Ticket;
use crate::store::Event;
use crate::transport::wire::time;

/// A ticket was issued.
pub fn issued(ticket: &Ticket) -> Event {
    let message = wire::TicketIssued {
        ticket_id: ticket.ticket_id.to_string(),
        booking_id: ticket.place.booking_id.to_string(),
        seat_id: ticket.place.seat_id.map(|id| id.to_string()).unwrap_or_default(),
        place_id: ticket.place.place_id.to_string(),
    };
    event(ticket, "TicketIssued", message.encode_to_vec())
}

/// The holder of a ticket has entered, or another entry with it proved to be earlier.
pub fn used(ticket: &Ticket) -> Event {
    let message = wire::TicketUsed {
        ticket_id: ticket.ticket_id.to_string(),
        booking_id: ticket.place.booking_id.to_string(),
        gate: ticket.entry.as_ref().map(|entry| entry.gate.clone()).unwrap_or_default(),
        entry_time: ticket.entry.as_ref().map(|entry| time(entry.time)),
    };
    event(ticket, "TicketUsed", message.encode_to_vec())
}

/// A ticket is worth nothing any more.
pub fn voided(ticket: &Ticket) -> Event {
    let message = wire::TicketVoided {
        ticket_id: ticket.ticket_id.to_string(),
        booking_id: ticket.place.booking_id.to_string(),
    };
    event(ticket, "TicketVoided", message.encode_to_vec())
}

/// What the newest change of a ticket tells.
fn event(ticket: &Ticket, kind: &'static str, payload: Vec<u8>) -> Event {
    let aggregate = (ticket.ticket_id.uuid(), ticket.version);
    Event::new("ticket", kind, aggregate, payload, ticket.update_time)
}
