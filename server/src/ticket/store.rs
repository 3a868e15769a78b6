//! Ticket's table.

use uuid::Uuid;

use super::domain::{Ticket, TicketState, TicketWanted};
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, TicketId};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_write, column, row, sql};

row! {
    struct TicketRow {
        ticket_id: Uuid,
        booking_id: Uuid,
        event_id: Uuid,
        seat_id: Uuid,
        session_id: String,
        section_name: String,
        row_label: String,
        seat_label: String,
        state: String,
        create_time: i64,
    }
}

fn ticket(row: TicketRow) -> Result<Ticket> {
    Ok(Ticket {
        ticket_id: row.ticket_id.into(),
        place: TicketWanted {
            booking_id: row.booking_id.into(),
            event_id: row.event_id.into(),
            session: column(SessionId::parse(&row.session_id), "session_id")?,
            seat_id: row.seat_id.into(),
            section_name: row.section_name,
            row_label: row.row_label,
            seat_label: row.seat_label,
        },
        state: column(TicketState::parse(&row.state), "state")?,
        create_time: Timestamp::from_micros(row.create_time),
    })
}

impl Tx {
    pub(super) async fn insert_tickets(&mut self, tickets: &[Ticket]) -> Result<()> {
        const HEAD: &str = "insert into ticket_ticket (ticket_id, booking_id, event_id, seat_id,
            session_id, section_name, row_label, seat_label, state, create_time, version) ";
        bulk_write!(
            self,
            HEAD,
            tickets,
            |b, ticket| b
                .push_bind(ticket.ticket_id.uuid())
                .push_bind(ticket.place.booking_id.uuid())
                .push_bind(ticket.place.event_id.uuid())
                .push_bind(ticket.place.seat_id.uuid())
                .push_bind(ticket.place.session.to_string())
                .push_bind(ticket.place.section_name.clone())
                .push_bind(ticket.place.row_label.clone())
                .push_bind(ticket.place.seat_label.clone())
                .push_bind(ticket.state.name())
                .push_bind(ticket.create_time.micros())
                .push_bind(1_i64),
            ""
        );
        Ok(())
    }

    pub(super) async fn ticket(&mut self, ticket_id: TicketId) -> Result<Option<Ticket>> {
        const SQL: &str = "select ticket_id, booking_id, event_id, seat_id, session_id,
                section_name, row_label, seat_label, state, create_time
            from ticket_ticket where ticket_id = $1";
        let row: Option<TicketRow> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(ticket_id.uuid()))?;
        row.map(ticket).transpose()
    }

    pub(super) async fn tickets_of(
        &mut self,
        session: SessionId,
        booking_id: Option<BookingId>,
        page: &PageRequest,
    ) -> Result<Vec<Ticket>> {
        const SQL: &str = "select ticket_id, booking_id, event_id, seat_id, session_id,
                section_name, row_label, seat_label, state, create_time
            from ticket_ticket
            where session_id = $1 and ($2 is null or booking_id = $2)
            and (create_time, ticket_id) < ($3, $4)
            order by create_time desc, ticket_id desc limit $5";
        let after = page.after.unwrap_or(Cursor::LAST);
        let rows: Vec<TicketRow> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(session.to_string())
            .bind(booking_id.map(BookingId::uuid))
            .bind(after.position)
            .bind(after.id)
            .bind(page.limit()))?;
        rows.into_iter().map(ticket).collect()
    }
}
