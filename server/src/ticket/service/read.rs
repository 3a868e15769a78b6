//! What people and gates ask about tickets.

use std::sync::Arc;

use futures::future::join_all;

use super::check_in::WeighEntry;
use crate::cores::Cores;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, Scope, SessionId};
use crate::kernel::event_facts::EventFacts;
use crate::kernel::id::{BookingId, CheckInId, EventId, TicketId};
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::store::{Lanes, Store};
use crate::ticket::code::TicketCodes;
use crate::ticket::domain::check_in::{CheckIn, CheckInOutcome, EntryTold, Weighed};
use crate::ticket::domain::{Ticket, TicketState};
use crate::ticket::render::{Drawing, TicketFacts};

/// The formats a ticket is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketFormat {
    /// Scalable.
    Svg,
    /// Pixels.
    Png,
}

/// A code that a gate read, and what it did or wants to do.
#[derive(Clone, Debug)]
pub struct CodeRead {
    /// The entry.
    pub check_in_id: CheckInId,
    /// What the QR code holds.
    pub code: String,
    /// The gate, as it calls itself.
    pub gate: String,
    /// When somebody entered while the gate was offline; `None` if nobody has entered yet.
    pub entry_time: Option<Timestamp>,
}

/// Reads, draws and checks tickets. Cheap to clone.
#[derive(Clone)]
pub struct TicketService {
    store: Store,
    lanes: Lanes,
    clock: Arc<dyn Clock>,
    codes: TicketCodes,
    drawers: Cores,
}

impl TicketService {
    /// With what it needs. `drawers` draw its images.
    pub fn new(
        store: Store,
        lanes: Lanes,
        clock: Arc<dyn Clock>,
        codes: TicketCodes,
        drawers: Cores,
    ) -> Self {
        Self { store, lanes, clock, codes, drawers }
    }

    /// The codes of tickets.
    pub fn codes(&self) -> &TicketCodes {
        &self.codes
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

    /// Draws a ticket as an image; UNAVAILABLE if too many are being drawn.
    pub async fn render(
        &self,
        caller: &Caller,
        ticket_id: TicketId,
        format: TicketFormat,
    ) -> Result<Vec<u8>> {
        let ticket = self.ticket(caller, ticket_id).await?;
        let event = self.store.read().await?.ticket_event(ticket.place.event_id).await?;
        let event = event.ok_or_else(|| Error::internal("a ticket of an unknown event"))?;
        let code = self.codes.sign(&ticket);
        let drawn = self.drawers.run(move || {
            let facts = TicketFacts { ticket: &ticket, event: &event, code: &code };
            let drawing = Drawing::new(&facts)?;
            match format {
                TicketFormat::Svg => Ok(drawing.to_svg()),
                TicketFormat::Png => drawing.to_png(),
            }
        });
        drawn.await
    }

    /// Lets the holder of a ticket in, once.
    pub async fn check_in(
        &self,
        caller: &Caller,
        event_id: EventId,
        read: CodeRead,
    ) -> Result<CheckIn> {
        self.gated_event(caller, event_id).await?;
        Ok(self.weigh(caller, event_id, read).await?.check_in)
    }

    /// Keeps what gates did while they were offline; each entry has its own answer. An error of the
    /// whole leaves open which of them are kept; telling them again is harmless.
    pub async fn sync_check_ins(
        &self,
        caller: &Caller,
        event_id: EventId,
        entries: Vec<CodeRead>,
    ) -> Result<Vec<Result<Weighed>>> {
        self.gated_event(caller, event_id).await?;
        let told = entries.into_iter().map(|read| self.weigh(caller, event_id, read));
        let outcomes = join_all(told).await;
        let broken = outcomes.iter().find_map(|outcome| match outcome {
            Err(error @ (Error::Duplicate(_) | Error::Unavailable(_) | Error::Internal(_))) => {
                Some(error.clone())
            }
            Ok(_) | Err(Error::Rejected(_)) => None,
        });
        broken.map_or(Ok(outcomes), Err)
    }

    async fn weigh(&self, caller: &Caller, event_id: EventId, read: CodeRead) -> Result<Weighed> {
        let content = self.codes.verify(&read.code).ok_or(Reason::TicketCodeInvalid)?;
        if content.event_id != event_id {
            return Err(Reason::TicketOtherEvent.with("event_id", content.event_id));
        }
        let told = EntryTold {
            check_in_id: read.check_in_id,
            ticket_id: content.ticket_id,
            event_id,
            session: caller.session,
            gate: read.gate,
            entry_time: read.entry_time,
        };
        self.lanes.run(event_id, WeighEntry(told)).await
    }

    /// One page of the entries of an event, those told last first.
    pub async fn check_ins(
        &self,
        caller: &Caller,
        event_id: EventId,
        outcomes: &[CheckInOutcome],
        page: &PageRequest,
    ) -> Result<Page<CheckIn>> {
        self.gated_event(caller, event_id).await?;
        let rows = self.store.read().await?.check_ins_of(event_id, outcomes, page).await?;
        Ok(Page::new(rows, page, |check_in| Cursor {
            position: check_in.create_time.micros(),
            id: check_in.check_in_id.uuid(),
        }))
    }

    /// One page of the tickets of an event, those that changed first come first; and when that was.
    pub async fn event_tickets(
        &self,
        caller: &Caller,
        event_id: EventId,
        states: &[TicketState],
        changed_since: Option<Timestamp>,
        page: &PageRequest,
    ) -> Result<(Page<Ticket>, Timestamp)> {
        let now = self.clock.now();
        self.gated_event(caller, event_id).await?;
        let mut tx = self.store.read().await?;
        let rows = tx.event_tickets(event_id, states, changed_since, page).await?;
        let page = Page::new(rows, page, |ticket| Cursor {
            position: ticket.update_time.micros(),
            id: ticket.ticket_id.uuid(),
        });
        Ok((page, now))
    }

    /// An event whose gates the caller may keep: its organizer, a service that checks tickets in,
    /// or whoever operates the platform.
    async fn gated_event(&self, caller: &Caller, event_id: EventId) -> Result<EventFacts> {
        let event = self.store.read().await?.ticket_event(event_id).await?;
        let keeps_gates = caller.has_scope(Scope::TicketsCheckIn);
        let own = event
            .filter(|event| keeps_gates || caller.may_see(SessionId::User(event.organizer_id)));
        own.ok_or_else(|| Error::not_found("event"))
    }
}
