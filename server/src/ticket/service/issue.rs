//! What other contexts do with tickets, each within a transaction of theirs.

use crate::error::{Reason, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::event_facts::EventFacts;
use crate::kernel::id::{BookingId, EventId, TicketId};
use crate::kernel::limits::PAGE_SIZE_MAX;
use crate::kernel::page::PageRequest;
use crate::kernel::time::Timestamp;
use crate::store::Tx;
use crate::ticket::domain::{Ticket, TicketState, TicketWanted};
use crate::ticket::events;

/// Issues the tickets of places that were paid, within the transaction that confirms them.
pub async fn issue(tx: &mut Tx, wanted: &[TicketWanted], now: Timestamp) -> Result<()> {
    let tickets: Vec<Ticket> =
        wanted.iter().map(|place| Ticket::issue(place.clone(), now)).collect();
    tx.insert_tickets(&tickets).await?;
    for ticket in &tickets {
        tx.emit(events::issued(ticket));
    }
    Ok(())
}

/// The tickets of a booking, a page at the most, which no booking exceeds; for other contexts.
pub async fn tickets_of(
    tx: &mut Tx,
    session: SessionId,
    booking_id: BookingId,
) -> Result<Vec<Ticket>> {
    let size = i32::try_from(PAGE_SIZE_MAX).unwrap_or(i32::MAX);
    tx.tickets_of(session, Some(booking_id), &PageRequest::new(size, None)).await
}

/// Refuses if anybody has entered with a ticket of the booking.
pub async fn require_unused(tx: &mut Tx, session: SessionId, booking_id: BookingId) -> Result<()> {
    let tickets = tickets_of(tx, session, booking_id).await?;
    match tickets.iter().find(|ticket| ticket.state == TicketState::Used) {
        Some(ticket) => Err(Reason::TicketUsed.with("ticket_id", ticket.ticket_id)),
        None => Ok(()),
    }
}

/// Takes the right of entry away, within the transaction that gives the places back. What is void
/// already stays as it is.
pub async fn void(tx: &mut Tx, tickets: &[TicketId], now: Timestamp) -> Result<()> {
    let mut voided = tx.tickets_by_id(&tickets.iter().copied().collect()).await?;
    voided.retain_mut(|ticket| ticket.void(now));
    tx.update_tickets(&voided).await?;
    for ticket in &voided {
        tx.emit(events::voided(ticket));
    }
    Ok(())
}

/// Gives every ticket of one session to another, within the transaction that does the same with
/// their bookings.
pub async fn move_session(
    tx: &mut Tx,
    event_id: EventId,
    from: SessionId,
    to: SessionId,
) -> Result<()> {
    tx.move_tickets(event_id, from, to).await
}

/// Keeps what tickets tell of an event, within the transaction that puts it on sale or changes it.
pub async fn describe_event(tx: &mut Tx, event: &EventFacts) -> Result<()> {
    tx.save_ticket_event(event).await
}
