//! The stream of an event's seat changes, as it is stored.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::booking::domain::inventory::FeedCursor;
use crate::booking::domain::place::Change;
use crate::error::Result;
use crate::kernel::id::{EventId, OfferId, SeatId};
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;
use crate::store::{Signal, Tx, bulk_write, column, sql};

/// One revision of the stream: what one command changed.
#[derive(Clone, Debug)]
pub(crate) struct Revision {
    /// Its number.
    pub revision: i64,
    /// When it was committed.
    pub change_time: Timestamp,
    /// The seats with their new states.
    pub seats: Vec<(SeatId, SeatState)>,
    /// How many places of GA offers are available from here on.
    pub offers: Vec<(OfferId, i64)>,
}

impl Tx {
    /// Gives every change the next revision of its event. Last in its transaction: revisions are
    /// given in the order of commits.
    pub(super) async fn append_changes(
        &mut self,
        changes: &[Change],
        now: Timestamp,
    ) -> Result<()> {
        const RAISE: &str = "update booking_feed set revision = revision + $1
            where event_id = $2 returning revision";
        const INSERT: &str = "insert into booking_seat_change
            (event_id, revision, subject_id, state, available, change_time) ";
        let mut by_event: BTreeMap<EventId, Vec<&Change>> = BTreeMap::new();
        for change in changes {
            by_event.entry(change.event_id).or_default().push(change);
        }
        for (event_id, changes) in by_event {
            let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
            let last: i64 = sql!(self, fetch_one sqlx::query_scalar(RAISE)
                .bind(count).bind(event_id.uuid()))?;
            let mut rows: Vec<(i64, Uuid, &str, Option<i64>)> = Vec::new();
            for (change, revision) in changes.iter().zip(last - count + 1..) {
                let seats = change.seats.iter();
                rows.extend(seats.map(|(id, state)| (revision, id.uuid(), state.name(), None)));
                let offers = change.offers.iter();
                rows.extend(offers.map(|(id, left)| (revision, id.uuid(), "", Some(*left))));
            }
            bulk_write!(
                self,
                INSERT,
                &rows,
                |b, row| b
                    .push_bind(event_id.uuid())
                    .push_bind(row.0)
                    .push_bind(row.1)
                    .push_bind(row.2.to_owned())
                    .push_bind(row.3)
                    .push_bind(now.micros()),
                ""
            );
            self.signal(Signal::Seats(event_id));
        }
        Ok(())
    }

    /// Where the stream of an event stands; `None` when the event was never on sale. That of one
    /// that is a draft again stands at a new beginning, so that its watchers notice.
    pub(crate) async fn feed_cursor(&mut self, event_id: EventId) -> Result<Option<FeedCursor>> {
        const SQL: &str = "select epoch, revision from booking_feed where event_id = $1";
        let row: Option<(i64, i64)> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(event_id.uuid()))?;
        Ok(row.map(|(epoch, revision)| FeedCursor { epoch, revision }))
    }

    /// The revisions after this one that are still kept, in order.
    pub(crate) async fn revisions_after(
        &mut self,
        event_id: EventId,
        revision: i64,
        rows_max: i64,
    ) -> Result<Vec<Revision>> {
        const SQL: &str = "select revision, subject_id, state, available, change_time
            from booking_seat_change
            where event_id = $1 and revision > $2 order by revision, subject_id limit $3";
        type Row = (i64, Uuid, String, Option<i64>, i64);
        let rows: Vec<Row> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(event_id.uuid()).bind(revision).bind(rows_max))?;
        let cut = i64::try_from(rows.len()).is_ok_and(|count| count == rows_max);
        let mut revisions: Vec<Revision> = Vec::new();
        for (revision, subject_id, state, available, time) in rows {
            if revisions.last().is_none_or(|last| last.revision != revision) {
                let change_time = Timestamp::from_micros(time);
                let (seats, offers) = (Vec::new(), Vec::new());
                revisions.push(Revision { revision, change_time, seats, offers });
            }
            let Some(last) = revisions.last_mut() else { continue };
            match available {
                Some(available) => last.offers.push((subject_id.into(), available)),
                None => {
                    let state = column(SeatState::parse(&state), "state")?;
                    last.seats.push((subject_id.into(), state));
                }
            }
        }
        if cut {
            // The limit may have cut the last one in two.
            revisions.pop();
        }
        Ok(revisions)
    }

    /// Forgets some of the changes from before that time. Says whether there may be more.
    pub(crate) async fn sweep_changes(&mut self, before: Timestamp) -> Result<bool> {
        const SQL: &str =
            "delete from booking_seat_change where (event_id, revision, subject_id) in (
            select event_id, revision, subject_id from booking_seat_change where change_time < $1
            order by change_time limit $2)";
        const SWEEP_MAX: u32 = 5_000;
        let swept =
            sql!(self, execute sqlx::query(SQL).bind(before.micros()).bind(i64::from(SWEEP_MAX)))?;
        Ok(swept >= u64::from(SWEEP_MAX))
    }
}
