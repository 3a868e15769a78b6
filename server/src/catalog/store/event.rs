//! The table of events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::catalog::domain::event::{Event, EventState};
use crate::catalog::domain::offer::Offer;
use crate::catalog::domain::terms::SaleTerms;
use crate::catalog::domain::venue::VenueSummary;
use crate::error::{Reason, Result};
use crate::kernel::id::EventId;
use crate::kernel::money::Currency;
use crate::kernel::time::{Timestamp, span_micros, span_of_micros};
use crate::store::{Tx, bulk_rows, column, row, sql};

/// The columns of an [`EventRow`].
macro_rules! event_columns {
    () => {
        "event_id, venue_id, organizer_id, title, description, category, tags, image_url, state,
            start_time, end_time, currency_code, hold_ttl_micros, hold_life_max_micros,
            places_per_buyer_max, cancel_until_micros, was_published, create_time, version"
    };
}
pub(super) use event_columns;

row! {
    pub(super) struct EventRow {
        event_id: Uuid,
        venue_id: Uuid,
        organizer_id: Uuid,
        title: String,
        description: String,
        category: String,
        tags: String,
        image_url: String,
        state: String,
        start_time: i64,
        end_time: i64,
        currency_code: String,
        hold_ttl_micros: i64,
        hold_life_max_micros: i64,
        places_per_buyer_max: i64,
        cancel_until_micros: i64,
        was_published: bool,
        create_time: i64,
        version: i64,
    }
}

/// Binds what a row says about the event itself, after its id and those of venue and organizer.
macro_rules! bind_event {
    ($query:expr, $event:ident) => {
        $query
            .bind($event.title.clone())
            .bind($event.description.clone())
            .bind($event.category.clone())
            .bind($event.category_key())
            .bind($event.tags.join("\n"))
            .bind($event.tags_key())
            .bind($event.image_url.clone())
            .bind($event.city_key())
            .bind($event.search_key())
            .bind($event.state.name())
            .bind($event.start_time.micros())
            .bind($event.end_time.micros())
            .bind($event.terms.currency.code().to_owned())
            .bind(span_micros($event.terms.hold_ttl))
            .bind(span_micros($event.terms.hold_life_max))
            .bind(i64::from($event.terms.places_per_buyer_max))
            .bind(span_micros($event.terms.cancel_until))
            .bind($event.version)
    };
}

fn span(micros: i64, name: &'static str) -> Result<Duration> {
    column(span_of_micros(micros), name)
}

fn event(row: EventRow, offers: Vec<Offer>, venue: VenueSummary) -> Result<Event> {
    let places = u32::try_from(row.places_per_buyer_max).ok();
    Ok(Event {
        event_id: row.event_id.into(),
        venue_id: row.venue_id.into(),
        organizer_id: row.organizer_id.into(),
        title: row.title,
        description: row.description,
        category: row.category,
        tags: row.tags.lines().map(str::to_owned).collect(),
        image_url: row.image_url,
        state: column(EventState::parse(&row.state), "state")?,
        start_time: Timestamp::from_micros(row.start_time),
        end_time: Timestamp::from_micros(row.end_time),
        terms: SaleTerms {
            currency: column(Currency::parse(&row.currency_code), "currency_code")?,
            hold_ttl: span(row.hold_ttl_micros, "hold_ttl_micros")?,
            hold_life_max: span(row.hold_life_max_micros, "hold_life_max_micros")?,
            places_per_buyer_max: column(places, "places_per_buyer_max")?,
            cancel_until: span(row.cancel_until_micros, "cancel_until_micros")?,
        },
        offers,
        venue,
        was_published: row.was_published,
        create_time: Timestamp::from_micros(row.create_time),
        version: row.version,
    })
}

fn require_one(changed: u64) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(Reason::ChangedMeanwhile.into()) }
}

impl Tx {
    /// Inserts an event with its offers.
    pub(crate) async fn insert_event(&mut self, event: &Event) -> Result<()> {
        const SQL: &str = "insert into catalog_event (event_id, venue_id, organizer_id, title,
                description, category, category_key, tags, tags_key, image_url, city_key,
                search_key, state, start_time, end_time, currency_code, hold_ttl_micros,
                hold_life_max_micros, places_per_buyer_max, cancel_until_micros, version,
                create_time)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                $18, $19, $20, $21, $22)";
        sql!(self, execute bind_event!(sqlx::query(SQL)
            .bind(event.event_id.uuid())
            .bind(event.venue_id.uuid())
            .bind(event.organizer_id.uuid()), event)
            .bind(event.create_time.micros()))?;
        self.insert_offers(event).await
    }

    /// Locks an event, if there is one, and its venue until the transaction ends. The venue comes
    /// first, for everybody, so that two never wait for each other.
    pub(crate) async fn lock_event(&mut self, event_id: EventId) -> Result<()> {
        const VENUE: &str = "select venue_id from catalog_event where event_id = $1";
        const EVENT: &str = "select version from catalog_event where event_id = $1";
        let id = event_id.uuid();
        let venue: Option<(Uuid,)> = sql!(self, fetch_optional sqlx::query_as(VENUE).bind(id))?;
        let Some((venue_id,)) = venue else { return Ok(()) };
        self.lock_venue(venue_id.into()).await?;
        let statement = format!("{EVENT}{}", self.for_update());
        sql!(self, execute sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id))?;
        Ok(())
    }

    /// Writes an event that was read at the version before, with its offers.
    pub(crate) async fn update_event(&mut self, event: &Event) -> Result<()> {
        const SQL: &str = "update catalog_event set venue_id = $2, organizer_id = $3, title = $4,
                description = $5, category = $6, category_key = $7, tags = $8, tags_key = $9,
                image_url = $10, city_key = $11, search_key = $12, state = $13, start_time = $14,
                end_time = $15, currency_code = $16, hold_ttl_micros = $17,
                hold_life_max_micros = $18, places_per_buyer_max = $19, cancel_until_micros = $20,
                version = $21, is_over = false
            where event_id = $1 and version = $21 - 1";
        const OFFERS: &str = "delete from catalog_offer where event_id = $1";
        let changed = sql!(self, execute bind_event!(sqlx::query(SQL)
            .bind(event.event_id.uuid())
            .bind(event.venue_id.uuid())
            .bind(event.organizer_id.uuid()), event))?;
        require_one(changed)?;
        sql!(self, execute sqlx::query(OFFERS).bind(event.event_id.uuid()))?;
        self.insert_offers(event).await
    }

    /// Writes the state of an event that was read at the version before.
    pub(crate) async fn update_event_state(&mut self, event: &Event) -> Result<()> {
        const SQL: &str = "update catalog_event set state = $2, was_published = $3, version = $4
            where event_id = $1 and version = $4 - 1";
        let changed = sql!(self, execute sqlx::query(SQL)
            .bind(event.event_id.uuid())
            .bind(event.state.name())
            .bind(event.was_published)
            .bind(event.version))?;
        require_one(changed)
    }

    /// Notices that events are over, at most so many of them. Answers with how many.
    pub(crate) async fn mark_events_over(&mut self, now: Timestamp, limit: i64) -> Result<u64> {
        const HEAD: &str = "update catalog_event set is_over = true where event_id in (
            select event_id from catalog_event where not is_over and end_time <= $1
            order by end_time, event_id limit $2";
        let statement = format!("{HEAD}{})", self.for_update_of_the_unlocked());
        sql!(self, execute sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(now.micros()).bind(limit))
    }

    /// Reads an event.
    pub(crate) async fn event(&mut self, event_id: EventId) -> Result<Option<Event>> {
        const SQL: &str =
            concat!("select ", event_columns!(), " from catalog_event where event_id = $1");
        let row: Option<EventRow> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(event_id.uuid()))?;
        Ok(self.complete_events(row.into_iter().collect()).await?.pop())
    }

    /// Those of the events that are or were on sale.
    pub(crate) async fn events_not_in_draft(
        &mut self,
        event_ids: &[EventId],
    ) -> Result<Vec<EventId>> {
        const HEAD: &str = "select event_id from catalog_event
            where state <> 'DRAFT' and event_id in (";
        let rows = bulk_rows!(
            self,
            HEAD,
            event_ids,
            |b, id| b.push_bind(id.uuid()),
            ")",
            as (Uuid,)
        );
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Adds to each row what stands in other tables.
    pub(super) async fn complete_events(&mut self, rows: Vec<EventRow>) -> Result<Vec<Event>> {
        const VENUES: &str = "select venue_id, name, city, country_code, time_zone
            from catalog_venue where venue_id in (";
        type SummaryRow = (Uuid, String, String, String, String);
        let event_ids: Vec<Uuid> = rows.iter().map(|row| row.event_id).collect();
        let venue_ids: BTreeSet<Uuid> = rows.iter().map(|row| row.venue_id).collect();
        let venue_ids: Vec<Uuid> = venue_ids.into_iter().collect();
        let mut offers = self.offers_of(&event_ids).await?;
        let venues = bulk_rows!(
            self,
            VENUES,
            &venue_ids,
            |b, id| b.push_bind(*id),
            ")",
            as SummaryRow
        );
        let venues: BTreeMap<Uuid, VenueSummary> = venues
            .into_iter()
            .map(|(id, name, city, country_code, time_zone)| {
                (id, VenueSummary { name, city, country_code, time_zone })
            })
            .collect();
        let events = rows.into_iter().map(|row| {
            let venue = column(venues.get(&row.venue_id).cloned(), "venue_id")?;
            let offers = offers.remove(&row.event_id).unwrap_or_default();
            event(row, offers, venue)
        });
        events.collect()
    }
}
