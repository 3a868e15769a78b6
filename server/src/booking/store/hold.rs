//! The tables of holds.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::booking::domain::board::Board;
use crate::booking::domain::hold::{Hold, HoldState};
use crate::booking::domain::place::{HoldPlaces, Place, PlaceSet};
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{EventId, HoldId};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_rows, bulk_write, column, require_all, row, sql};

row! {
    struct HoldRow {
        hold_id: Uuid,
        event_id: Uuid,
        session_id: String,
        state: String,
        create_time: i64,
        expire_time: i64,
        expire_time_max: i64,
        body_hash: Option<Vec<u8>>,
        version: i64,
    }
}

fn hold(row: HoldRow, places: PlaceSet) -> Result<Hold> {
    Ok(Hold {
        hold_id: row.hold_id.into(),
        event_id: row.event_id.into(),
        session: column(SessionId::parse(&row.session_id), "session_id")?,
        state: column(HoldState::parse(&row.state), "state")?,
        places,
        body_hash: row.body_hash.unwrap_or_default(),
        create_time: Timestamp::from_micros(row.create_time),
        expire_time: Timestamp::from_micros(row.expire_time),
        expire_time_max: Timestamp::from_micros(row.expire_time_max),
        version: row.version,
        stored_version: row.version,
        places_changed: false,
    })
}

impl Tx {
    /// Those of the holds that exist, with their places.
    pub(crate) async fn holds_by_id(&mut self, ids: &BTreeSet<HoldId>) -> Result<Vec<Hold>> {
        const HOLDS: &str = "select hold_id, event_id, session_id, state, create_time, expire_time,
                expire_time_max, body_hash, version
            from booking_hold where hold_id in (";
        const SEATS: &str = "select hold_id, seat_id from booking_hold_seat where hold_id in (";
        const QUANTITIES: &str =
            "select hold_id, offer_id, quantity from booking_hold_quantity where hold_id in (";
        let ids: Vec<HoldId> = ids.iter().copied().collect();
        let rows = bulk_rows!(self, HOLDS, &ids, |b, id| b.push_bind(id.uuid()), ")", as HoldRow);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut places: BTreeMap<Uuid, PlaceSet> = BTreeMap::new();
        let seats =
            bulk_rows!(self, SEATS, &ids, |b, id| b.push_bind(id.uuid()), ")", as (Uuid, Uuid));
        for (hold_id, seat_id) in seats {
            places.entry(hold_id).or_default().seats.insert(seat_id.into());
        }
        let quantities = bulk_rows!(
            self,
            QUANTITIES,
            &ids,
            |b, id| b.push_bind(id.uuid()),
            ")",
            as (Uuid, Uuid, i64)
        );
        for (hold_id, offer_id, quantity) in quantities {
            let quantity = column(u32::try_from(quantity).ok(), "quantity")?;
            places.entry(hold_id).or_default().quantities.insert(offer_id.into(), quantity);
        }
        let with_places = rows.into_iter().map(|row| {
            let places = places.remove(&row.hold_id).unwrap_or_default();
            hold(row, places)
        });
        with_places.collect()
    }

    /// One page of the active holds of a session, the newest first; of one event or of all.
    pub(crate) async fn active_holds_page(
        &mut self,
        session: SessionId,
        event_id: Option<EventId>,
        now: Timestamp,
        page: &PageRequest,
    ) -> Result<Vec<Hold>> {
        const SQL: &str = "select hold_id from booking_hold h
            where session_id = $1 and state = 'ACTIVE' and expire_time > $2
            and ($3 is null or event_id = $3) and (create_time, hold_id) < ($4, $5)
            and exists (select 1 from booking_event e
                where e.event_id = h.event_id and e.on_sale)
            order by create_time desc, hold_id desc limit $6";
        let after = page.after.unwrap_or(Cursor::LAST);
        let ids: Vec<(Uuid,)> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(session.to_string())
            .bind(now.micros())
            .bind(event_id.map(EventId::uuid))
            .bind(after.position)
            .bind(after.id)
            .bind(page.limit()))?;
        let mut holds = self.holds_by_id(&ids.into_iter().map(|(id,)| id.into()).collect()).await?;
        holds.sort_by_key(|hold| std::cmp::Reverse((hold.create_time, hold.hold_id)));
        Ok(holds)
    }

    /// Active holds of these events whose time is over, the longest first.
    pub(crate) async fn overdue_holds_of(
        &mut self,
        events: &BTreeSet<EventId>,
        now: Timestamp,
    ) -> Result<Vec<HoldId>> {
        const OVERDUE_MAX: i64 = 500;
        const SQL: &str = "select hold_id from booking_hold
            where event_id = $1 and state = 'ACTIVE' and expire_time <= $2
            order by expire_time, hold_id limit $3";
        let mut holds = Vec::new();
        for event_id in events {
            let rows: Vec<(Uuid,)> = sql!(self, fetch_all sqlx::query_as(SQL)
                .bind(event_id.uuid()).bind(now.micros()).bind(OVERDUE_MAX))?;
            holds.extend(rows.into_iter().map(|(id,)| HoldId::from(id)));
        }
        Ok(holds)
    }

    /// Active holds of an event, whether their time is over or not.
    pub(crate) async fn active_holds_at(
        &mut self,
        event_id: EventId,
        limit: i64,
    ) -> Result<Vec<HoldId>> {
        const SQL: &str = "select hold_id from booking_hold
            where event_id = $1 and state = 'ACTIVE' order by expire_time, hold_id limit $2";
        let rows: Vec<(Uuid,)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(event_id.uuid()).bind(limit))?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Whose the holds are, with their events.
    pub(crate) async fn owners_of_holds(
        &mut self,
        holds: &BTreeSet<HoldId>,
    ) -> Result<BTreeSet<(EventId, SessionId)>> {
        const HEAD: &str = "select event_id, session_id from booking_hold where hold_id in (";
        let holds: Vec<HoldId> = holds.iter().copied().collect();
        let rows = bulk_rows!(
            self,
            HEAD,
            &holds,
            |b, id| b.push_bind(id.uuid()),
            ")",
            as (Uuid, String)
        );
        let owner = |(event_id, session): (Uuid, String)| {
            Ok((event_id.into(), column(SessionId::parse(&session), "session_id")?))
        };
        rows.into_iter().map(owner).collect()
    }

    /// The active holds of buyers, those whose time is over among them.
    pub(super) async fn active_holds_of(
        &mut self,
        buyers: &BTreeSet<(EventId, SessionId)>,
    ) -> Result<Vec<HoldId>> {
        const HEAD: &str = "select h.hold_id from (";
        const TAIL: &str = ") as v join booking_hold h on h.event_id = v.column1
            and h.session_id = v.column2 where h.state = 'ACTIVE'";
        let buyers: Vec<_> = buyers.iter().copied().collect();
        let rows = bulk_rows!(
            self,
            HEAD,
            &buyers,
            |b, buyer| b.push_bind(buyer.0.uuid()).push_bind(buyer.1.to_string()),
            TAIL,
            as (Uuid,)
        );
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// What holds are for, each in the venue's order with its prices: seats, and GA offers with
    /// how many places of them.
    pub(crate) async fn hold_places(
        &mut self,
        holds: &[HoldId],
    ) -> Result<BTreeMap<HoldId, HoldPlaces>> {
        const SEATS: &str = "select h.hold_id, s.seat_id, s.offer_id, o.name as offer_name,
                o.section_name, s.row_label, s.seat_label, o.price_minor, s.position
            from booking_hold_seat h
            join booking_seat s on s.event_id = h.event_id and s.seat_id = h.seat_id
            join booking_offer o on o.event_id = s.event_id and o.offer_id = s.offer_id
            where h.hold_id in (";
        const QUANTITIES: &str = "select hold_id, event_id, offer_id, quantity
            from booking_hold_quantity where hold_id in (";
        let mut found: BTreeMap<HoldId, HoldPlaces> = BTreeMap::new();
        let seats = bulk_rows!(
            self,
            SEATS,
            holds,
            |b, id| b.push_bind(id.uuid()),
            ") order by s.position",
            as HeldSeatRow
        );
        for row in seats {
            found.entry(row.hold_id.into()).or_default().seats.push(place(row));
        }
        let rows = bulk_rows!(
            self,
            QUANTITIES,
            holds,
            |b, id| b.push_bind(id.uuid()),
            ")",
            as (Uuid, Uuid, Uuid, i64)
        );
        let keys = rows.iter().map(|row| (row.1.into(), row.2.into())).collect();
        let offers = self.ga_counts(&keys).await?;
        for (hold_id, event_id, offer_id, quantity) in rows {
            let quantity = column(u32::try_from(quantity).ok(), "quantity")?;
            if let Some(offer) = offers.get(&(event_id.into(), offer_id.into())) {
                found.entry(hold_id.into()).or_default().quantities.push((offer.clone(), quantity));
            }
        }
        for held in found.values_mut() {
            held.quantities.sort_by_key(|(offer, _)| offer.offer.position);
        }
        Ok(found)
    }

    /// Holds whose time is over, the longest first, with their events.
    pub(crate) async fn holds_over(
        &mut self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<(EventId, HoldId)>> {
        const SQL: &str = "select event_id, hold_id from booking_hold
            where state = 'ACTIVE' and expire_time <= $1 order by expire_time, hold_id limit $2";
        let rows: Vec<(Uuid, Uuid)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(now.micros()).bind(limit))?;
        Ok(rows.into_iter().map(|(event, hold)| (event.into(), hold.into())).collect())
    }

    /// Writes the holds of a board that are new or changed.
    pub(super) async fn save_holds(&mut self, board: &Board) -> Result<()> {
        const UPDATE: &str = "update booking_hold set state = v.column2, expire_time = v.column3,
            version = v.column4 from (";
        const WHERE: &str = ") as v where booking_hold.hold_id = v.column1
            and booking_hold.version = v.column5";
        const HOLDS: &str = "insert into booking_hold (hold_id, event_id, session_id, state,
            create_time, expire_time, expire_time_max, body_hash, version) ";
        let changed = board.holds.values().filter(|hold| hold.version != hold.stored_version);
        let (new, old): (Vec<&Hold>, Vec<&Hold>) = changed.partition(|h| h.stored_version == 0);
        let written = bulk_write!(
            self,
            UPDATE,
            &old,
            |b, hold| b
                .push_bind(hold.hold_id.uuid())
                .push_bind(hold.state.name())
                .push_bind(hold.expire_time.micros())
                .push_bind(hold.version)
                .push_bind(hold.stored_version),
            WHERE
        );
        require_all(written, old.len())?;
        bulk_write!(
            self,
            HOLDS,
            &new,
            |b, hold| b
                .push_bind(hold.hold_id.uuid())
                .push_bind(hold.event_id.uuid())
                .push_bind(hold.session.to_string())
                .push_bind(hold.state.name())
                .push_bind(hold.create_time.micros())
                .push_bind(hold.expire_time.micros())
                .push_bind(hold.expire_time_max.micros())
                .push_bind(hold.body_hash.clone())
                .push_bind(hold.version),
            ""
        );
        let rewritten: Vec<&Hold> = old.into_iter().filter(|hold| hold.places_changed).collect();
        self.delete_hold_places(&rewritten).await?;
        self.insert_hold_places(&new).await?;
        self.insert_hold_places(&rewritten).await
    }

    async fn delete_hold_places(&mut self, holds: &[&Hold]) -> Result<()> {
        const SEATS: &str = "delete from booking_hold_seat where hold_id in (";
        const QUANTITIES: &str = "delete from booking_hold_quantity where hold_id in (";
        bulk_write!(self, SEATS, holds, |b, hold| b.push_bind(hold.hold_id.uuid()), ")");
        bulk_write!(self, QUANTITIES, holds, |b, hold| b.push_bind(hold.hold_id.uuid()), ")");
        Ok(())
    }

    async fn insert_hold_places(&mut self, holds: &[&Hold]) -> Result<()> {
        const SEATS: &str = "insert into booking_hold_seat (hold_id, seat_id, event_id) ";
        const QUANTITIES: &str =
            "insert into booking_hold_quantity (hold_id, offer_id, event_id, quantity) ";
        let seats: Vec<_> = holds
            .iter()
            .flat_map(|hold| hold.places.seats.iter().map(|seat| (*hold, *seat)))
            .collect();
        bulk_write!(
            self,
            SEATS,
            &seats,
            |b, row| b
                .push_bind(row.0.hold_id.uuid())
                .push_bind(row.1.uuid())
                .push_bind(row.0.event_id.uuid()),
            ""
        );
        let quantities: Vec<_> = holds
            .iter()
            .flat_map(|hold| hold.places.quantities.iter().map(|(id, n)| (*hold, *id, *n)))
            .collect();
        bulk_write!(
            self,
            QUANTITIES,
            &quantities,
            |b, row| b
                .push_bind(row.0.hold_id.uuid())
                .push_bind(row.1.uuid())
                .push_bind(row.0.event_id.uuid())
                .push_bind(i64::from(row.2)),
            ""
        );
        Ok(())
    }
}

row! {
    struct HeldSeatRow {
        hold_id: Uuid,
        seat_id: Uuid,
        offer_id: Uuid,
        offer_name: String,
        section_name: String,
        row_label: String,
        seat_label: String,
        price_minor: i64,
        position: i64,
    }
}

fn place(row: HeldSeatRow) -> Place {
    Place {
        place_id: row.seat_id.into(),
        seat_id: Some(row.seat_id.into()),
        offer_id: row.offer_id.into(),
        offer_name: row.offer_name,
        section_name: row.section_name,
        row_label: row.row_label,
        seat_label: row.seat_label,
        price_minor: row.price_minor,
        position: row.position,
        return_time: None,
    }
}
