//! The tables of bookings.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::booking::domain::booking::{Booking, BookingState};
use crate::booking::domain::place::Place;
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, PlaceId, SeatId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Signal, Tx, bulk_rows, bulk_write, column, require_all, row, sql};

row! {
    struct BookingRow {
        booking_id: Uuid,
        event_id: Uuid,
        hold_id: Uuid,
        session_id: String,
        contact_email: String,
        state: String,
        currency_code: String,
        total_minor: i64,
        failed_payment_count: i64,
        failure_code: String,
        open_payment_id: Option<Uuid>,
        paid_payment_id: Option<Uuid>,
        pay_by_time: i64,
        settle_by_time: Option<i64>,
        create_time: i64,
        update_time: i64,
        version: i64,
    }
}

row! {
    struct BookedPlaceRow {
        booking_id: Uuid,
        place_id: Uuid,
        seat_id: Option<Uuid>,
        offer_id: Uuid,
        offer_name: String,
        section_name: String,
        row_label: String,
        seat_label: String,
        price_minor: i64,
        position: i64,
        return_time: Option<i64>,
    }
}

fn booking(row: BookingRow, places: Vec<Place>) -> Result<Booking> {
    let currency = column(Currency::parse(&row.currency_code), "currency_code")?;
    Ok(Booking {
        booking_id: row.booking_id.into(),
        event_id: row.event_id.into(),
        hold_id: row.hold_id.into(),
        session: column(SessionId::parse(&row.session_id), "session_id")?,
        contact_email: row.contact_email,
        state: column(BookingState::parse(&row.state), "state")?,
        total: Money { currency, minor: row.total_minor },
        failed_payment_count: u32::try_from(row.failed_payment_count).unwrap_or(u32::MAX),
        failure_code: row.failure_code,
        open_payment: row.open_payment_id.map(Into::into),
        paid_payment: row.paid_payment_id.map(Into::into),
        pay_by_time: Timestamp::from_micros(row.pay_by_time),
        settle_by_time: row.settle_by_time.map(Timestamp::from_micros),
        create_time: Timestamp::from_micros(row.create_time),
        update_time: Timestamp::from_micros(row.update_time),
        version: row.version,
        stored_version: row.version,
        places,
        newly_returned: Vec::new(),
    })
}

impl Tx {
    /// Those of the bookings that exist, with their places.
    pub(crate) async fn bookings_by_id(
        &mut self,
        ids: &BTreeSet<BookingId>,
    ) -> Result<Vec<Booking>> {
        const SQL: &str = "select booking_id, event_id, hold_id, session_id, contact_email, state,
                currency_code, total_minor, failed_payment_count, failure_code, open_payment_id,
                paid_payment_id, pay_by_time, settle_by_time, create_time, update_time, version
            from booking_booking where booking_id in (";
        let ids: Vec<BookingId> = ids.iter().copied().collect();
        let rows = bulk_rows!(self, SQL, &ids, |b, id| b.push_bind(id.uuid()), ")", as BookingRow);
        let mut places = self.booked_places(&ids).await?;
        let with_places = rows.into_iter().map(|row| {
            let places = places.remove(&row.booking_id).unwrap_or_default();
            booking(row, places)
        });
        with_places.collect()
    }

    async fn booked_places(&mut self, ids: &[BookingId]) -> Result<BTreeMap<Uuid, Vec<Place>>> {
        const HEAD: &str = "select booking_id, place_id, seat_id, offer_id, offer_name,
                section_name, row_label, seat_label, price_minor, position, return_time
            from booking_place where booking_id in (";
        const TAIL: &str = ") order by position, place_id";
        let rows =
            bulk_rows!(self, HEAD, ids, |b, id| b.push_bind(id.uuid()), TAIL, as BookedPlaceRow);
        let mut places: BTreeMap<Uuid, Vec<Place>> = BTreeMap::new();
        for row in rows {
            places.entry(row.booking_id).or_default().push(Place {
                place_id: row.place_id.into(),
                seat_id: row.seat_id.map(Into::into),
                offer_id: row.offer_id.into(),
                offer_name: row.offer_name,
                section_name: row.section_name,
                row_label: row.row_label,
                seat_label: row.seat_label,
                price_minor: row.price_minor,
                position: row.position,
                return_time: row.return_time.map(Timestamp::from_micros),
            });
        }
        Ok(places)
    }

    /// One page of the bookings of a session, the newest first, in one of these states or in any.
    pub(crate) async fn bookings_of(
        &mut self,
        session: SessionId,
        states: &[BookingState],
        page: &PageRequest,
    ) -> Result<Vec<Booking>> {
        // The states come as one text, so that the statement is the same for any number of them.
        const SQL: &str = "select booking_id from booking_booking
            where session_id = $1 and ($2 = '' or $2 like '%,' || state || ',%')
            and (create_time, booking_id) < ($3, $4)
            order by create_time desc, booking_id desc limit $5";
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        let names = if names.is_empty() { String::new() } else { format!(",{},", names.join(",")) };
        let after = page.after.unwrap_or(Cursor::LAST);
        let ids: Vec<(Uuid,)> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(session.to_string())
            .bind(names.clone())
            .bind(after.position)
            .bind(after.id)
            .bind(page.limit()))?;
        let ids: BTreeSet<BookingId> = ids.into_iter().map(|(id,)| id.into()).collect();
        let mut bookings = self.bookings_by_id(&ids).await?;
        bookings
            .sort_by_key(|booking| std::cmp::Reverse((booking.create_time, booking.booking_id)));
        Ok(bookings)
    }

    /// Unpaid bookings whose time to pay or to settle is over, with their events.
    pub(crate) async fn bookings_over(
        &mut self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<(EventId, BookingId, bool)>> {
        // Two statements in one, so that each takes its own index.
        const SQL: &str = "select event_id, booking_id, late from (
                select event_id, booking_id, false as late from booking_booking
                where state in ('PENDING', 'AWAITING_PAYMENT') and settle_by_time is null
                    and pay_by_time <= $1
                union all
                select event_id, booking_id, true from booking_booking
                where settle_by_time is not null and settle_by_time <= $1) as over
            limit $2";
        let rows: Vec<(Uuid, Uuid, bool)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(now.micros()).bind(limit))?;
        Ok(rows.into_iter().map(|(event, id, late)| (event.into(), id.into(), late)).collect())
    }

    /// Writes the bookings that are new or changed, and lets their watchers know.
    pub(crate) async fn save_bookings<'b>(
        &mut self,
        bookings: impl Iterator<Item = &'b Booking>,
    ) -> Result<()> {
        let changed = bookings.filter(|booking| booking.version != booking.stored_version);
        let (new, old): (Vec<&Booking>, Vec<&Booking>) =
            changed.partition(|booking| booking.stored_version == 0);
        for booking in new.iter().chain(&old) {
            self.signal(Signal::Booking(booking.booking_id));
        }
        self.update_bookings(&old).await?;
        self.return_places(&old).await?;
        self.insert_bookings(&new).await?;
        self.insert_places(&new).await
    }

    async fn update_bookings(&mut self, bookings: &[&Booking]) -> Result<()> {
        const HEAD: &str = "update booking_booking set state = v.column2,
            failed_payment_count = v.column3, failure_code = v.column4,
            open_payment_id = v.column5, paid_payment_id = v.column6, settle_by_time = v.column7,
            update_time = v.column8, version = v.column9 from (";
        const TAIL: &str = ") as v where booking_booking.booking_id = v.column1
            and booking_booking.version = v.column10";
        let written = bulk_write!(
            self,
            HEAD,
            bookings,
            |b, booking| b
                .push_bind(booking.booking_id.uuid())
                .push_bind(booking.state.name())
                .push_bind(i64::from(booking.failed_payment_count))
                .push_bind(booking.failure_code.clone())
                .push_bind(booking.open_payment.map(|id| id.uuid()))
                .push_bind(booking.paid_payment.map(|id| id.uuid()))
                .push_bind(booking.settle_by_time.map(Timestamp::micros))
                .push_bind(booking.update_time.micros())
                .push_bind(booking.version)
                .push_bind(booking.stored_version),
            TAIL
        );
        require_all(written, bookings.len())
    }

    async fn insert_bookings(&mut self, bookings: &[&Booking]) -> Result<()> {
        const BOOKINGS: &str = "insert into booking_booking (booking_id, event_id, hold_id,
            session_id, contact_email, state, currency_code, total_minor, failed_payment_count,
            failure_code, open_payment_id, paid_payment_id, pay_by_time, settle_by_time,
            create_time, update_time, version) ";
        bulk_write!(
            self,
            BOOKINGS,
            bookings,
            |b, booking| b
                .push_bind(booking.booking_id.uuid())
                .push_bind(booking.event_id.uuid())
                .push_bind(booking.hold_id.uuid())
                .push_bind(booking.session.to_string())
                .push_bind(booking.contact_email.clone())
                .push_bind(booking.state.name())
                .push_bind(booking.total.currency.code().to_owned())
                .push_bind(booking.total.minor)
                .push_bind(i64::from(booking.failed_payment_count))
                .push_bind(booking.failure_code.clone())
                .push_bind(booking.open_payment.map(|id| id.uuid()))
                .push_bind(booking.paid_payment.map(|id| id.uuid()))
                .push_bind(booking.pay_by_time.micros())
                .push_bind(booking.settle_by_time.map(Timestamp::micros))
                .push_bind(booking.create_time.micros())
                .push_bind(booking.update_time.micros())
                .push_bind(booking.version),
            ""
        );
        Ok(())
    }

    async fn insert_places(&mut self, bookings: &[&Booking]) -> Result<()> {
        const HEAD: &str = "insert into booking_place (booking_id, place_id, event_id, price_minor,
            seat_id, offer_id, offer_name, section_name, row_label, seat_label, position) ";
        let places: Vec<(&Booking, &Place)> = bookings
            .iter()
            .flat_map(|booking| booking.places.iter().map(|place| (*booking, place)))
            .collect();
        bulk_write!(
            self,
            HEAD,
            &places,
            |b, row| b
                .push_bind(row.0.booking_id.uuid())
                .push_bind(row.1.place_id.uuid())
                .push_bind(row.0.event_id.uuid())
                .push_bind(row.1.price_minor)
                .push_bind(row.1.seat_id.map(SeatId::uuid))
                .push_bind(row.1.offer_id.uuid())
                .push_bind(row.1.offer_name.clone())
                .push_bind(row.1.section_name.clone())
                .push_bind(row.1.row_label.clone())
                .push_bind(row.1.seat_label.clone())
                .push_bind(row.1.position),
            ""
        );
        Ok(())
    }

    /// Notes which places were given back.
    async fn return_places(&mut self, bookings: &[&Booking]) -> Result<()> {
        const HEAD: &str = "update booking_place set return_time = v.column3 from (";
        const TAIL: &str = ") as v where booking_place.booking_id = v.column1
            and booking_place.place_id = v.column2 and booking_place.return_time is null";
        let places: Vec<(&Booking, PlaceId)> = bookings
            .iter()
            .flat_map(|booking| booking.newly_returned.iter().map(|place| (*booking, *place)))
            .collect();
        let written = bulk_write!(
            self,
            HEAD,
            &places,
            |b, row| b
                .push_bind(row.0.booking_id.uuid())
                .push_bind(row.1.uuid())
                .push_bind(row.0.update_time.micros()),
            TAIL
        );
        require_all(written, places.len())
    }
}
