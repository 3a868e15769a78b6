//! The tables of events and their offers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::catalog::domain::event::{Event, EventState, Offer, SaleTerms};
use crate::catalog::domain::venue::VenueSummary;
use crate::error::{Reason, Result};
use crate::kernel::id::EventId;
use crate::kernel::money::Currency;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_rows, bulk_write, column, sql};

/// A row of `catalog_event`: id, venue, organizer; title, description, category, state; start,
/// end; currency, hold_ttl, hold_life_max, places; create_time, version.
pub(super) type EventRow =
    (Uuid, Uuid, Uuid, String, String, String, String, i64, i64, String, i64, i64, i64, i64, i64);

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn span(micros: i64, name: &'static str) -> Result<Duration> {
    column(u64::try_from(micros).ok(), name).map(Duration::from_micros)
}

fn event(row: EventRow, offers: Vec<Offer>, venue: VenueSummary) -> Result<Event> {
    let (event_id, venue_id, organizer_id, title, description, category, state, start, end, ..) =
        row;
    let (.., currency, hold_ttl, hold_life_max, places, create_time, version) = row;
    Ok(Event {
        event_id: event_id.into(),
        venue_id: venue_id.into(),
        organizer_id: organizer_id.into(),
        title,
        description,
        category,
        state: column(EventState::parse(&state), "state")?,
        start_time: Timestamp::from_micros(start),
        end_time: Timestamp::from_micros(end),
        terms: SaleTerms {
            currency: column(Currency::parse(&currency), "currency_code")?,
            hold_ttl: span(hold_ttl, "hold_ttl_micros")?,
            hold_life_max: span(hold_life_max, "hold_life_max_micros")?,
            places_per_buyer_max: column(u32::try_from(places).ok(), "places_per_buyer_max")?,
        },
        offers,
        venue,
        create_time: Timestamp::from_micros(create_time),
        version,
    })
}

impl Tx {
    /// Inserts an event with its offers.
    pub(crate) async fn insert_event(&mut self, event: &Event) -> Result<()> {
        const EVENT: &str = "insert into catalog_event (event_id, venue_id, organizer_id, title,
                description, category, category_key, city_key, search_key, state, start_time,
                end_time, currency_code, hold_ttl_micros, hold_life_max_micros,
                places_per_buyer_max, create_time, version)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                $18)";
        const OFFERS: &str = "insert into catalog_offer (offer_id, event_id, section_id, name,
            price_minor, position) ";
        let terms = &event.terms;
        sql!(self, execute sqlx::query(EVENT)
            .bind(event.event_id.uuid())
            .bind(event.venue_id.uuid())
            .bind(event.organizer_id.uuid())
            .bind(event.title.clone())
            .bind(event.description.clone())
            .bind(event.category.clone())
            .bind(event.category_key())
            .bind(event.city_key())
            .bind(event.search_key())
            .bind(event.state.name())
            .bind(event.start_time.micros())
            .bind(event.end_time.micros())
            .bind(terms.currency.code().to_owned())
            .bind(micros(terms.hold_ttl))
            .bind(micros(terms.hold_life_max))
            .bind(i64::from(terms.places_per_buyer_max))
            .bind(event.create_time.micros())
            .bind(event.version))?;
        let offers: Vec<_> = (0_i64..).zip(&event.offers).collect();
        bulk_write!(
            self,
            OFFERS,
            &offers,
            |b, row| b
                .push_bind(row.1.offer_id.uuid())
                .push_bind(event.event_id.uuid())
                .push_bind(row.1.section_id.uuid())
                .push_bind(row.1.name.clone())
                .push_bind(row.1.price_minor)
                .push_bind(row.0),
            ""
        );
        Ok(())
    }

    /// Locks an event, if there is one, until the transaction ends.
    pub(crate) async fn lock_event(&mut self, event_id: EventId) -> Result<()> {
        const LOCK: &str = "select version from catalog_event where event_id = $1";
        let statement = format!("{LOCK}{}", self.for_update());
        sql!(self, execute
            sqlx::query(sqlx::AssertSqlSafe(statement)).bind(event_id.uuid()))?;
        Ok(())
    }

    /// Writes the state of an event that was read at the version before.
    pub(crate) async fn update_event_state(&mut self, event: &Event) -> Result<()> {
        const SQL: &str = "update catalog_event set state = $2, version = $3
            where event_id = $1 and version = $3 - 1";
        let changed = sql!(self, execute sqlx::query(SQL)
            .bind(event.event_id.uuid())
            .bind(event.state.name())
            .bind(event.version))?;
        if changed == 1 { Ok(()) } else { Err(Reason::ChangedMeanwhile.into()) }
    }

    /// Reads an event.
    pub(crate) async fn event(&mut self, event_id: EventId) -> Result<Option<Event>> {
        const SQL: &str = "select event_id, venue_id, organizer_id, title, description, category,
                state, start_time, end_time, currency_code, hold_ttl_micros, hold_life_max_micros,
                places_per_buyer_max, create_time, version
            from catalog_event where event_id = $1";
        let row: Option<EventRow> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(event_id.uuid()))?;
        Ok(self.complete_events(row.into_iter().collect()).await?.pop())
    }

    /// Adds to each row what stands in other tables.
    pub(super) async fn complete_events(&mut self, rows: Vec<EventRow>) -> Result<Vec<Event>> {
        const OFFERS: &str = "select event_id, offer_id, section_id, name, price_minor
            from catalog_offer where event_id in (";
        const VENUES: &str = "select venue_id, name, city, country_code, time_zone
            from catalog_venue where venue_id in (";
        type OfferRow = (Uuid, Uuid, Uuid, String, i64);
        type SummaryRow = (Uuid, String, String, String, String);
        let event_ids: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
        let venue_ids: BTreeSet<Uuid> = rows.iter().map(|row| row.1).collect();
        let venue_ids: Vec<Uuid> = venue_ids.into_iter().collect();
        let mut offers: BTreeMap<Uuid, Vec<Offer>> = BTreeMap::new();
        for (event_id, offer_id, section_id, name, price_minor) in bulk_rows!(
            self,
            OFFERS,
            &event_ids,
            |b, id| b.push_bind(*id),
            ") order by event_id, position",
            as OfferRow
        ) {
            let (offer_id, section_id) = (offer_id.into(), section_id.into());
            let offer = Offer { offer_id, section_id, name, price_minor };
            offers.entry(event_id).or_default().push(offer);
        }
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
            let venue = column(venues.get(&row.1).cloned(), "venue_id")?;
            let offers = offers.remove(&row.0).unwrap_or_default();
            event(row, offers, venue)
        });
        events.collect()
    }
}
