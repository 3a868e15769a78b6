//! Changes of venues.

use uuid::Uuid;

use super::event::{EventRow, event_columns};
use crate::catalog::domain::event::{Event, searched_text};
use crate::catalog::domain::venue::{Venue, VenueSummary};
use crate::error::{Reason, Result};
use crate::kernel::id::{EventId, VenueId};
use crate::kernel::page::Cursor;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_write, sql};

/// Events that are read at once; a description may have 10,000 characters.
const EVENTS_AT_ONCE: i64 = 500;

impl Tx {
    /// Locks a venue, if there is one, until the transaction ends.
    pub(crate) async fn lock_venue(&mut self, venue_id: VenueId) -> Result<()> {
        const LOCK: &str = "select version from catalog_venue where venue_id = $1";
        let statement = format!("{LOCK}{}", self.for_update());
        sql!(self, execute
            sqlx::query(sqlx::AssertSqlSafe(statement)).bind(venue_id.uuid()))?;
        Ok(())
    }

    /// An event that is on sale at the venue and has not ended, if there is one.
    pub(crate) async fn event_on_sale_at(
        &mut self,
        venue_id: VenueId,
        now: Timestamp,
    ) -> Result<Option<EventId>> {
        const SQL: &str = "select event_id from catalog_event
            where venue_id = $1 and state = 'PUBLISHED' and end_time > $2
            order by end_time, event_id limit 1";
        let row: Option<(Uuid,)> = sql!(self, fetch_optional sqlx::query_as(SQL)
            .bind(venue_id.uuid())
            .bind(now.micros()))?;
        Ok(row.map(|(event_id,)| event_id.into()))
    }

    /// The next events that are on sale at the venue and have not ended, by the time they end.
    pub(crate) async fn events_on_sale_at(
        &mut self,
        venue_id: VenueId,
        now: Timestamp,
        after: Cursor,
    ) -> Result<Vec<Event>> {
        const SQL: &str = concat!(
            "select ",
            event_columns!(),
            " from catalog_event where venue_id = $1 and state = 'PUBLISHED' and end_time > $2
            and (end_time, event_id) > ($3, $4) order by end_time, event_id limit $5"
        );
        let rows: Vec<EventRow> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(venue_id.uuid())
            .bind(now.micros())
            .bind(after.position)
            .bind(after.id)
            .bind(EVENTS_AT_ONCE))?;
        self.complete_events(rows).await
    }

    /// Writes a venue that was read at the version before, without its sections.
    pub(crate) async fn update_venue(&mut self, venue: &Venue) -> Result<()> {
        const SQL: &str = "update catalog_venue set name = $2, city = $3, country_code = $4,
                time_zone = $5, seat_count = $6, version = $7
            where venue_id = $1 and version = $7 - 1";
        let changed = sql!(self, execute sqlx::query(SQL)
            .bind(venue.venue_id.uuid())
            .bind(venue.name.clone())
            .bind(venue.city.clone())
            .bind(venue.country_code.clone())
            .bind(venue.time_zone.clone())
            .bind(i64::from(venue.seat_count))
            .bind(venue.version))?;
        if changed == 1 { Ok(()) } else { Err(Reason::ChangedMeanwhile.into()) }
    }

    /// Puts these sections and seats in the place of those before.
    pub(crate) async fn replace_sections(&mut self, venue: &Venue) -> Result<()> {
        const SEATS: &str = "delete from catalog_seat where venue_id = $1";
        const SECTIONS: &str = "delete from catalog_section where venue_id = $1";
        let venue_id = venue.venue_id.uuid();
        sql!(self, execute sqlx::query(SEATS).bind(venue_id))?;
        sql!(self, execute sqlx::query(SECTIONS).bind(venue_id))?;
        self.insert_sections(venue).await?;
        self.forget_blocked_beyond(venue.venue_id).await
    }

    /// Lets the venue's events be found by its new name and city.
    pub(crate) async fn renew_search_keys(
        &mut self,
        venue_id: VenueId,
        summary: &VenueSummary,
    ) -> Result<()> {
        const SELECT: &str = "select event_id, title, description from catalog_event
            where venue_id = $1 and event_id > $2 order by event_id limit $3";
        const UPDATE: &str =
            "update catalog_event set city_key = v.column2, search_key = v.column3 from (";
        let mut after = Uuid::nil();
        loop {
            let rows: Vec<(Uuid, String, String)> = sql!(self, fetch_all sqlx::query_as(SELECT)
                .bind(venue_id.uuid())
                .bind(after)
                .bind(EVENTS_AT_ONCE))?;
            let Some((last, ..)) = rows.last() else { return Ok(()) };
            after = *last;
            bulk_write!(
                self,
                UPDATE,
                &rows,
                |b, row| b
                    .push_bind(row.0)
                    .push_bind(summary.city_key())
                    .push_bind(searched_text(&row.1, &row.2, summary)),
                ") as v where catalog_event.event_id = v.column1"
            );
        }
    }
}
