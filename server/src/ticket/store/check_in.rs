//! Entries that gates gave.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{CheckInId, EventId, TicketId};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_rows, bulk_write, column, require_all, row, sql};
use crate::ticket::domain::check_in::{CheckIn, CheckInOutcome};

row! {
    struct CheckInRow {
        check_in_id: Uuid,
        ticket_id: Uuid,
        event_id: Uuid,
        session_id: String,
        place_label: String,
        gate: String,
        entry_time: i64,
        create_time: i64,
        outcome: String,
    }
}

/// The columns of a row, for every statement that reads check-ins.
macro_rules! select_check_ins {
    ($rest:literal) => {
        concat!(
            "select check_in_id, ticket_id, event_id, session_id, place_label, gate, entry_time,
                create_time, outcome
            from ticket_check_in ",
            $rest
        )
    };
}

fn check_in(row: CheckInRow) -> Result<CheckIn> {
    Ok(CheckIn {
        check_in_id: row.check_in_id.into(),
        ticket_id: row.ticket_id.into(),
        event_id: row.event_id.into(),
        session: column(SessionId::parse(&row.session_id), "session_id")?,
        place_label: row.place_label,
        gate: row.gate,
        entry_time: Timestamp::from_micros(row.entry_time),
        create_time: Timestamp::from_micros(row.create_time),
        outcome: column(CheckInOutcome::parse(&row.outcome), "outcome")?,
    })
}

impl Tx {
    /// Those of the check-ins that exist, and those that count for these tickets.
    pub(crate) async fn check_ins_about(
        &mut self,
        ids: &BTreeSet<CheckInId>,
        tickets: &BTreeSet<TicketId>,
    ) -> Result<Vec<CheckIn>> {
        const BY_ID: &str = select_check_ins!("where check_in_id in (");
        const BY_TICKET: &str = select_check_ins!("where outcome = 'ADMITTED' and ticket_id in (");
        let ids: Vec<CheckInId> = ids.iter().copied().collect();
        let tickets: Vec<TicketId> = tickets.iter().copied().collect();
        let told =
            bulk_rows!(self, BY_ID, &ids, |b, id| b.push_bind(id.uuid()), ")", as CheckInRow);
        let counting = bulk_rows!(
            self,
            BY_TICKET,
            &tickets,
            |b, id| b.push_bind(id.uuid()),
            ")",
            as CheckInRow
        );
        told.into_iter().chain(counting).map(check_in).collect()
    }

    /// Takes from check-ins that they count. This comes before those that count in their place.
    pub(crate) async fn outdo_check_ins(&mut self, ids: &[CheckInId]) -> Result<()> {
        const HEAD: &str = "update ticket_check_in set outcome = 'DOUBLE_ENTRY'
            where outcome = 'ADMITTED' and check_in_id in (";
        let written = bulk_write!(self, HEAD, ids, |b, id| b.push_bind(id.uuid()), ")");
        require_all(written, ids.len())
    }

    pub(crate) async fn insert_check_ins(&mut self, check_ins: &[&CheckIn]) -> Result<()> {
        const HEAD: &str = "insert into ticket_check_in (check_in_id, ticket_id, event_id,
            session_id, place_label, gate, entry_time, create_time, outcome) ";
        bulk_write!(
            self,
            HEAD,
            check_ins,
            |b, check_in| b
                .push_bind(check_in.check_in_id.uuid())
                .push_bind(check_in.ticket_id.uuid())
                .push_bind(check_in.event_id.uuid())
                .push_bind(check_in.session.to_string())
                .push_bind(check_in.place_label.clone())
                .push_bind(check_in.gate.clone())
                .push_bind(check_in.entry_time.micros())
                .push_bind(check_in.create_time.micros())
                .push_bind(check_in.outcome.name()),
            ""
        );
        Ok(())
    }

    /// One page of the check-ins of an event, those told last first, with one of these outcomes or
    /// with any.
    pub(crate) async fn check_ins_of(
        &mut self,
        event_id: EventId,
        outcomes: &[CheckInOutcome],
        page: &PageRequest,
    ) -> Result<Vec<CheckIn>> {
        // The outcomes come as one text, so that the statement is the same for any number of them.
        const SQL: &str = select_check_ins!(
            "where event_id = $1 and ($2 = '' or $2 like '%,' || outcome || ',%')
            and (create_time, check_in_id) < ($3, $4)
            order by create_time desc, check_in_id desc limit $5"
        );
        let names: Vec<&str> = outcomes.iter().map(|outcome| outcome.name()).collect();
        let names = if names.is_empty() { String::new() } else { format!(",{},", names.join(",")) };
        let after = page.after.unwrap_or(Cursor::LAST);
        let rows: Vec<CheckInRow> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(event_id.uuid())
            .bind(names.clone())
            .bind(after.position)
            .bind(after.id)
            .bind(page.limit()))?;
        rows.into_iter().map(check_in).collect()
    }
}
