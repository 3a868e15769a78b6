//! What tickets tell the world.

use boxoffice_proto::events::v1 as wire;
use prost::Message;

use super::domain::Ticket;
use crate::kernel::id::PlaceId;
use crate::store::Event;

/// A ticket was issued.
pub fn issued(ticket: &Ticket) -> Event {
    let message = wire::TicketIssued {
        ticket_id: ticket.ticket_id.to_string(),
        booking_id: ticket.place.booking_id.to_string(),
        seat_id: ticket.place.seat_id.to_string(),
        place_id: PlaceId::from(ticket.place.seat_id.uuid()).to_string(),
    };
    let aggregate = (ticket.ticket_id.uuid(), 1);
    Event::new("ticket", "TicketIssued", aggregate, message.encode_to_vec(), ticket.create_time)
}
