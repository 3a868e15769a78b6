//! The tables of what is on sale.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::booking::domain::inventory::{FeedCursor, Inventory, MapSeat, SeatMap, SeatOffer};
use crate::error::Result;
use crate::kernel::id::{BookingId, EventId, SeatId};
use crate::kernel::money::Currency;
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::{Timestamp, span_micros};
use crate::store::{Signal, Tx, bulk_write, column, sql};

fn state_at_first(inventory: &Inventory, seat_id: SeatId) -> SeatState {
    if inventory.blocked.contains(&seat_id) { SeatState::Blocked } else { SeatState::Available }
}

fn position(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

impl Tx {
    /// Inserts everything an event puts on sale; if it is on sale already, nothing. The feed of an
    /// event that was on sale before begins anew.
    pub(crate) async fn insert_inventory(&mut self, inventory: &Inventory) -> Result<()> {
        const EVENT: &str =
            "insert into booking_event (event_id, organizer_id, on_sale, start_time,
                currency_code, hold_ttl_micros, hold_life_max_micros, places_per_buyer_max,
                cancel_until_micros)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            on conflict (event_id) do update set on_sale = excluded.on_sale,
                start_time = excluded.start_time, currency_code = excluded.currency_code,
                hold_ttl_micros = excluded.hold_ttl_micros,
                hold_life_max_micros = excluded.hold_life_max_micros,
                places_per_buyer_max = excluded.places_per_buyer_max,
                cancel_until_micros = excluded.cancel_until_micros
            where not booking_event.on_sale and not booking_event.calling_off";
        const OFFERS: &str = "insert into booking_offer (event_id, offer_id, section_id,
            section_name, name, price_minor, position) ";
        const SEATS: &str = "insert into booking_seat (event_id, seat_id, offer_id, row_label,
            seat_label, position, state, version) ";
        const FEED: &str = "insert into booking_feed (event_id, epoch, revision) values ($1, 1, 0)
            on conflict (event_id) do update set epoch = booking_feed.epoch + 1, revision = 0";
        let terms = &inventory.terms;
        let event_id = terms.event_id.uuid();
        let added = sql!(self, execute sqlx::query(EVENT)
            .bind(event_id)
            .bind(terms.organizer_id.uuid())
            .bind(terms.on_sale)
            .bind(terms.start_time.micros())
            .bind(terms.currency.code().to_owned())
            .bind(span_micros(terms.hold_ttl))
            .bind(span_micros(terms.hold_life_max))
            .bind(i64::from(terms.places_per_buyer_max))
            .bind(span_micros(terms.cancel_until)))?;
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
                .push_bind(state_at_first(inventory, row.1.seat_id).name())
                .push_bind(1_i64),
            ""
        );
        self.insert_ga_offers(terms.event_id, &inventory.ga_offers).await?;
        sql!(self, execute sqlx::query(FEED).bind(event_id))?;
        self.signal(Signal::Seats(terms.event_id));
        Ok(())
    }

    /// Takes an event off sale with everything that could be bought. Answers with the seats that
    /// were blocked.
    pub(crate) async fn delete_inventory(&mut self, event_id: EventId) -> Result<BTreeSet<SeatId>> {
        const BLOCKED: &str =
            "select seat_id from booking_seat where event_id = $1 and state = 'BLOCKED'";
        const STATEMENTS: [&str; 6] = [
            "update booking_event set on_sale = false where event_id = $1",
            "delete from booking_seat where event_id = $1",
            "delete from booking_offer where event_id = $1",
            "delete from booking_ga_offer where event_id = $1",
            "delete from booking_seat_change where event_id = $1",
            "update booking_feed set epoch = epoch + 1, revision = 0 where event_id = $1",
        ];
        let id = event_id.uuid();
        let blocked: Vec<(Uuid,)> = sql!(self, fetch_all sqlx::query_as(BLOCKED).bind(id))?;
        for statement in STATEMENTS {
            sql!(self, execute sqlx::query(statement).bind(id))?;
        }
        self.signal(Signal::Seats(event_id));
        Ok(blocked.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Whether an event has holds or bookings that are alive. Bookings that lost their places
    /// while a payment was open do not count.
    pub(crate) async fn has_sales(&mut self, event_id: EventId) -> Result<bool> {
        const SQL: &str = "select exists (select 1 from booking_hold
                where event_id = $1 and state in ('ACTIVE', 'FROZEN'))
            or exists (select 1 from booking_booking where event_id = $1
                and state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED'))
            or exists (select 1 from booking_booking where event_id = $1
                and state = 'CANCELLED' and open_payment_id is not null)";
        sql!(self, fetch_one sqlx::query_scalar(SQL).bind(event_id.uuid()))
    }

    /// Calls an event off: nothing of it is sold any more, and its bookings are to be cancelled.
    pub(crate) async fn begin_calling_off(&mut self, event_id: EventId) -> Result<()> {
        const SQL: &str = "update booking_event set on_sale = false, calling_off = true
            where event_id = $1 and on_sale";
        sql!(self, execute sqlx::query(SQL).bind(event_id.uuid()))?;
        Ok(())
    }

    /// Events that were called off and may have bookings to cancel.
    pub(crate) async fn events_calling_off(&mut self) -> Result<Vec<EventId>> {
        const SQL: &str =
            "select event_id from booking_event where calling_off order by event_id limit 100";
        let rows: Vec<(Uuid,)> = sql!(self, fetch_all sqlx::query_as(SQL))?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Notes that every booking of an event that was called off is cancelled.
    pub(crate) async fn end_calling_off(&mut self, event_id: EventId) -> Result<()> {
        const SQL: &str = "update booking_event set calling_off = false where event_id = $1";
        sql!(self, execute sqlx::query(SQL).bind(event_id.uuid()))?;
        Ok(())
    }

    /// Bookings of an event that are alive.
    pub(crate) async fn live_bookings_of(
        &mut self,
        event_id: EventId,
        limit: i64,
    ) -> Result<Vec<BookingId>> {
        const SQL: &str = "select booking_id from booking_booking where event_id = $1
            and state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED')
            order by session_id, booking_id limit $2";
        let rows: Vec<(Uuid,)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(event_id.uuid()).bind(limit))?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Moves the start of an event that is on sale.
    pub(crate) async fn move_start(&mut self, event_id: EventId, start: Timestamp) -> Result<()> {
        const SQL: &str = "update booking_event set start_time = $2 where event_id = $1";
        sql!(self, execute sqlx::query(SQL).bind(event_id.uuid()).bind(start.micros()))?;
        Ok(())
    }

    /// Whether an event has something to show: it is on sale, or was until it was called off. One
    /// that is a draft again has nothing.
    pub(crate) async fn has_inventory(&mut self, event_id: EventId) -> Result<bool> {
        const SQL: &str = "select exists (select 1 from booking_offer where event_id = $1)
            or exists (select 1 from booking_ga_offer where event_id = $1)";
        sql!(self, fetch_one sqlx::query_scalar(SQL).bind(event_id.uuid()))
    }

    /// Reads every seat of an event; `None` when it was never on sale or is a draft again.
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
        if !self.has_inventory(event_id).await? {
            return Ok(None);
        }
        let offers: Vec<OfferRow> = sql!(self, fetch_all sqlx::query_as(OFFERS).bind(id))?;
        let seats: Vec<SeatRow> = sql!(self, fetch_all sqlx::query_as(SEATS).bind(id))?;
        let ga_offers = self.ga_counts_of(event_id).await?;
        let ga_offers = ga_offers.iter();
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
            ga_offers: ga_offers.map(|count| (count.offer.clone(), count.available())).collect(),
        }))
    }
}
