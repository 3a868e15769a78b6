//! What tickets tell of their events.

use uuid::Uuid;

use crate::error::Result;
use crate::kernel::event_facts::EventFacts;
use crate::kernel::id::EventId;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, row, sql};

row! {
    struct EventRow {
        event_id: Uuid,
        organizer_id: Uuid,
        title: String,
        venue_name: String,
        city: String,
        time_zone: String,
        start_time: i64,
    }
}

impl Tx {
    pub(crate) async fn save_ticket_event(&mut self, event: &EventFacts) -> Result<()> {
        const SQL: &str = "insert into ticket_event (event_id, organizer_id, title, venue_name,
                city, time_zone, start_time)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (event_id) do update set organizer_id = $2, title = $3, venue_name = $4,
                city = $5, time_zone = $6, start_time = $7";
        sql!(self, execute sqlx::query(SQL)
            .bind(event.event_id.uuid())
            .bind(event.organizer_id.uuid())
            .bind(&event.title)
            .bind(&event.venue_name)
            .bind(&event.city)
            .bind(&event.time_zone)
            .bind(event.start_time.micros()))?;
        Ok(())
    }

    /// What tickets tell of an event; `None` if it was never on sale.
    pub(crate) async fn ticket_event(&mut self, event_id: EventId) -> Result<Option<EventFacts>> {
        const SQL: &str = "select event_id, organizer_id, title, venue_name, city, time_zone,
                start_time
            from ticket_event where event_id = $1";
        let row: Option<EventRow> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(event_id.uuid()))?;
        Ok(row.map(|row| EventFacts {
            event_id: row.event_id.into(),
            organizer_id: row.organizer_id.into(),
            title: row.title,
            venue_name: row.venue_name,
            city: row.city,
            time_zone: row.time_zone,
            start_time: Timestamp::from_micros(row.start_time),
        }))
    }
}
