//! The use cases of tickets.

use super::code::TicketCodes;
use super::domain::{Ticket, TicketWanted};
use super::events;
use crate::error::{Error, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::{BookingId, TicketId};
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Store, Tx};

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

/// Reads tickets and their codes.
#[derive(Clone)]
pub struct TicketService {
    store: Store,
    codes: TicketCodes,
}

impl TicketService {
    /// With what it needs.
    pub fn new(store: Store, codes: TicketCodes) -> Self {
        Self { store, codes }
    }

    /// Reads a ticket.
    pub async fn ticket(&self, caller: &Caller, ticket_id: TicketId) -> Result<Ticket> {
        let found = self.store.read().await?.ticket(ticket_id).await?;
        let own = found.filter(|ticket| caller.may_see(ticket.place.session));
        own.ok_or_else(|| Error::not_found("ticket"))
    }

    /// One page of the caller's tickets, all or those of one booking, the newest first.
    pub async fn tickets(
        &self,
        caller: &Caller,
        booking_id: Option<BookingId>,
        page: &PageRequest,
    ) -> Result<Page<Ticket>> {
        let rows = self.store.read().await?.tickets_of(caller.session, booking_id, page).await?;
        Ok(Page::new(rows, page, |ticket| Cursor {
            position: ticket.create_time.micros(),
            id: ticket.ticket_id.uuid(),
        }))
    }

    /// The codes of tickets.
    pub fn codes(&self) -> &TicketCodes {
        &self.codes
    }
}
