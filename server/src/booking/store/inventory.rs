//! The tables of what is on sale.

use uuid::Uuid;

use crate::booking::domain::inventory::{FeedCursor, Inventory, MapSeat, SeatMap, SeatOffer};
use crate::error::Result;
use crate::kernel::id::EventId;
use crate::kernel::money::Currency;
use crate::kernel::seat_state::SeatState;
use crate::store::{Tx, bulk_write, column, sql};

fn micros(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn position(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

impl Tx {
    /// Inserts everything an event puts on sale, unless it is there.
    pub(crate) async fn insert_inventory(&mut self, inventory: &Inventory) -> Result<()> {
        const EVENT: &str =
            "insert into booking_event (event_id, organizer_id, on_sale, start_time,
                currency_code, hold_ttl_micros, hold_life_max_micros, places_per_buyer_max)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
        const OFFERS: &str = "insert into booking_offer (event_id, offer_id, section_id,
            section_name, name, price_minor, position) ";
        const SEATS: &str = "insert into booking_seat (event_id, seat_id, offer_id, row_label,
            seat_label, position, state, version) ";
        const FEED: &str = "insert into booking_feed (event_id, epoch, revision) values ($1, 1, 0)";
        let terms = &inventory.terms;
        let event_id = terms.event_id.uuid();
        let added = sql!(self, execute sqlx::query(EVENT)
            .bind(event_id)
            .bind(terms.organizer_id.uuid())
            .bind(terms.on_sale)
            .bind(terms.start_time.micros())
            .bind(terms.currency.code().to_owned())
            .bind(micros(terms.hold_ttl))
            .bind(micros(terms.hold_life_max))
            .bind(i64::from(terms.places_per_buyer_max)))?;
        if added == 0 {
            return Ok(());
        }
        let offers: Vec<_> = inventory.offers.iter().enumerate().collect();
        bulk_write!(
            self,
            OFFERS,
            &offers,
            |b, row| b
                .push_bind(event_id)
                .push_bind(row.1.offer_id.uuid())
                .push_bind(row.1.section_id.uuid())
                .push_bind(row.1.section_name.clone())
                .push_bind(row.1.name.clone())
                .push_bind(row.1.price_minor)
                .push_bind(position(row.0)),
            ""
        );
        let seats: Vec<_> = inventory.seats.iter().enumerate().collect();
        bulk_write!(
            self,
            SEATS,
            &seats,
            |b, row| b
                .push_bind(event_id)
                .push_bind(row.1.seat_id.uuid())
                .push_bind(row.1.offer_id.uuid())
                .push_bind(row.1.row_label.clone())
                .push_bind(row.1.seat_label.clone())
                .push_bind(position(row.0))
                .push_bind(SeatState::Available.name())
                .push_bind(1_i64),
            ""
        );
        sql!(self, execute sqlx::query(FEED).bind(event_id))?;
        Ok(())
    }

    /// Reads every seat of an event; `None` when it was never on sale.
    pub(crate) async fn seat_map(&mut self, event_id: EventId) -> Result<Option<SeatMap>> {
        const EVENT: &str = "select e.currency_code, f.epoch, f.revision
            from booking_event e join booking_feed f on f.event_id = e.event_id
            where e.event_id = $1";
        const OFFERS: &str = "select offer_id, section_id, section_name, name, price_minor
            from booking_offer where event_id = $1 order by position";
        const SEATS: &str = "select seat_id, offer_id, row_label, seat_label, state
            from booking_seat where event_id = $1 order by position";
        type OfferRow = (Uuid, Uuid, String, String, i64);
        type SeatRow = (Uuid, Uuid, String, String, String);
        let id = event_id.uuid();
        let event: Option<(String, i64, i64)> =
            sql!(self, fetch_optional sqlx::query_as(EVENT).bind(id))?;
        let Some((currency, epoch, revision)) = event else { return Ok(None) };
        let offers: Vec<OfferRow> = sql!(self, fetch_all sqlx::query_as(OFFERS).bind(id))?;
        let seats: Vec<SeatRow> = sql!(self, fetch_all sqlx::query_as(SEATS).bind(id))?;
        let offers = offers.into_iter().map(|row| SeatOffer {
            offer_id: row.0.into(),
            section_id: row.1.into(),
            section_name: row.2,
            name: row.3,
            price_minor: row.4,
        });
        let seats = seats.into_iter().map(|row| {
            Ok(MapSeat {
                seat_id: row.0.into(),
                offer_id: row.1.into(),
                row_label: row.2,
                seat_label: row.3,
                state: column(SeatState::parse(&row.4), "state")?,
            })
        });
        Ok(Some(SeatMap {
            cursor: FeedCursor { epoch, revision },
            currency: column(Currency::parse(&currency), "currency_code")?,
            offers: offers.collect(),
            seats: seats.collect::<Result<_>>()?,
        }))
    }
}
