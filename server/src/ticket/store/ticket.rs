//! Tickets.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, SeatId, TicketId};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_rows, bulk_write, column, require_all, row, sql};
use crate::ticket::domain::{Entry, Ticket, TicketState, TicketWanted};

row! {
    struct TicketRow {
        ticket_id: Uuid,
        booking_id: Uuid,
        event_id: Uuid,
        place_id: Uuid,
        seat_id: Option<Uuid>,
        session_id: String,
        offer_name: String,
        section_name: String,
        row_label: String,
        seat_label: String,
        state: String,
        gate: Option<String>,
        use_time: Option<i64>,
        create_time: i64,
        update_time: i64,
        version: i64,
    }
}

/// The columns of a row, for every statement that reads tickets.
macro_rules! select_tickets {
    ($rest:literal) => {
        concat!(
            "select ticket_id, booking_id, event_id, place_id, seat_id, session_id, offer_name,
                section_name, row_label, seat_label, state, gate, use_time, create_time,
                update_time, version
            from ticket_ticket ",
            $rest
        )
    };
}

fn ticket(row: TicketRow) -> Result<Ticket> {
    Ok(Ticket {
        ticket_id: row.ticket_id.into(),
        place: TicketWanted {
            booking_id: row.booking_id.into(),
            event_id: row.event_id.into(),
            session: column(SessionId::parse(&row.session_id), "session_id")?,
            place_id: row.place_id.into(),
            seat_id: row.seat_id.map(Into::into),
            offer_name: row.offer_name,
            section_name: row.section_name,
            row_label: row.row_label,
            seat_label: row.seat_label,
        },
        state: column(TicketState::parse(&row.state), "state")?,
        entry: row
            .gate
            .zip(row.use_time)
            .map(|(gate, time)| Entry { gate, time: Timestamp::from_micros(time) }),
        create_time: Timestamp::from_micros(row.create_time),
        update_time: Timestamp::from_micros(row.update_time),
        version: row.version,
        stored_version: row.version,
    })
}

impl Tx {
    pub(crate) async fn insert_tickets(&mut self, tickets: &[Ticket]) -> Result<()> {
        const HEAD: &str = "insert into ticket_ticket (ticket_id, booking_id, event_id, place_id,
            seat_id, session_id, offer_name, section_name, row_label, seat_label, state,
            create_time, update_time, version) ";
        bulk_write!(
            self,
            HEAD,
            tickets,
            |b, ticket| b
                .push_bind(ticket.ticket_id.uuid())
                .push_bind(ticket.place.booking_id.uuid())
                .push_bind(ticket.place.event_id.uuid())
                .push_bind(ticket.place.place_id.uuid())
                .push_bind(ticket.place.seat_id.map(SeatId::uuid))
                .push_bind(ticket.place.session.to_string())
                .push_bind(ticket.place.offer_name.clone())
                .push_bind(ticket.place.section_name.clone())
                .push_bind(ticket.place.row_label.clone())
                .push_bind(ticket.place.seat_label.clone())
                .push_bind(ticket.state.name())
                .push_bind(ticket.create_time.micros())
                .push_bind(ticket.update_time.micros())
                .push_bind(ticket.version),
            ""
        );
        Ok(())
    }

    /// Writes the states of tickets that have changed since they were read.
    pub(crate) async fn update_tickets(&mut self, tickets: &[Ticket]) -> Result<()> {
        const HEAD: &str = "update ticket_ticket set state = v.column2, gate = v.column3,
            use_time = v.column4, update_time = v.column5, version = v.column6 from (";
        const TAIL: &str = ") as v where ticket_ticket.ticket_id = v.column1
            and ticket_ticket.version = v.column7";
        let written = bulk_write!(
            self,
            HEAD,
            tickets,
            |b, ticket| b
                .push_bind(ticket.ticket_id.uuid())
                .push_bind(ticket.state.name())
                .push_bind(ticket.entry.as_ref().map(|entry| entry.gate.clone()))
                .push_bind(ticket.entry.as_ref().map(|entry| entry.time.micros()))
                .push_bind(ticket.update_time.micros())
                .push_bind(ticket.version)
                .push_bind(ticket.stored_version),
            TAIL
        );
        require_all(written, tickets.len())
    }

    pub(crate) async fn move_tickets(
        &mut self,
        event_id: EventId,
        from: SessionId,
        to: SessionId,
    ) -> Result<()> {
        const SQL: &str =
            "update ticket_ticket set session_id = $3 where session_id = $2 and event_id = $1";
        sql!(self, execute sqlx::query(SQL)
            .bind(event_id.uuid()).bind(from.to_string()).bind(to.to_string()))?;
        Ok(())
    }

    /// Those of the tickets that exist.
    pub(crate) async fn tickets_by_id(&mut self, ids: &BTreeSet<TicketId>) -> Result<Vec<Ticket>> {
        const SQL: &str = select_tickets!("where ticket_id in (");
        let ids: Vec<TicketId> = ids.iter().copied().collect();
        let rows = bulk_rows!(self, SQL, &ids, |b, id| b.push_bind(id.uuid()), ")", as TicketRow);
        rows.into_iter().map(ticket).collect()
    }

    pub(crate) async fn ticket(&mut self, ticket_id: TicketId) -> Result<Option<Ticket>> {
        const SQL: &str = select_tickets!("where ticket_id = $1");
        let row: Option<TicketRow> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(ticket_id.uuid()))?;
        row.map(ticket).transpose()
    }

    pub(crate) async fn tickets_of(
        &mut self,
        session: SessionId,
        booking_id: Option<BookingId>,
        page: &PageRequest,
    ) -> Result<Vec<Ticket>> {
        const SQL: &str = select_tickets!(
            "where session_id = $1 and ($2 is null or booking_id = $2)
            and (create_time, ticket_id) < ($3, $4)
            order by create_time desc, ticket_id desc limit $5"
        );
        let after = page.after.unwrap_or(Cursor::LAST);
        let rows: Vec<TicketRow> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(session.to_string())
            .bind(booking_id.map(BookingId::uuid))
            .bind(after.position)
            .bind(after.id)
            .bind(page.limit()))?;
        rows.into_iter().map(ticket).collect()
    }

    /// One page of the tickets of an event, in one of these states or in any, those that changed
    /// first come first.
    pub(crate) async fn event_tickets(
        &mut self,
        event_id: EventId,
        states: &[TicketState],
        changed_since: Option<Timestamp>,
        page: &PageRequest,
    ) -> Result<Vec<Ticket>> {
        // The states come as one text, so that the statement is the same for any number of them.
        const SQL: &str = select_tickets!(
            "where event_id = $1 and ($2 = '' or $2 like '%,' || state || ',%')
            and update_time >= $3 and (update_time, ticket_id) > ($4, $5)
            order by update_time, ticket_id limit $6"
        );
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        let names = if names.is_empty() { String::new() } else { format!(",{},", names.join(",")) };
        let after = page.after.unwrap_or(Cursor::FIRST);
        let rows: Vec<TicketRow> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(event_id.uuid())
            .bind(names.clone())
            .bind(changed_since.map_or(0, Timestamp::micros))
            .bind(after.position)
            .bind(after.id)
            .bind(page.limit()))?;
        rows.into_iter().map(ticket).collect()
    }
}
