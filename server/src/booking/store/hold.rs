//! The tables of holds.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::board::require_all;
use crate::booking::domain::board::{Board, Place};
use crate::booking::domain::hold::{Hold, HoldState};
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{EventId, HoldId, SeatId};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_rows, bulk_write, column, row, sql};

row! {
    struct HoldRow {
        hold_id: Uuid,
        event_id: Uuid,
        session_id: String,
        state: String,
        create_time: i64,
        expire_time: i64,
        expire_time_max: i64,
        version: i64,
    }
}

fn hold(row: HoldRow, seats: Vec<SeatId>) -> Result<Hold> {
    Ok(Hold {
        hold_id: row.hold_id.into(),
        event_id: row.event_id.into(),
        session: column(SessionId::parse(&row.session_id), "session_id")?,
        state: column(HoldState::parse(&row.state), "state")?,
        seats,
        create_time: Timestamp::from_micros(row.create_time),
        expire_time: Timestamp::from_micros(row.expire_time),
        expire_time_max: Timestamp::from_micros(row.expire_time_max),
        version: row.version,
        stored_version: row.version,
    })
}

impl Tx {
    /// Those of the holds that exist, with their seats.
    pub(crate) async fn holds_by_id(&mut self, ids: &BTreeSet<HoldId>) -> Result<Vec<Hold>> {
        const HOLDS: &str = "select hold_id, event_id, session_id, state, create_time, expire_time,
                expire_time_max, version
            from booking_hold where hold_id in (";
        const SEATS: &str = "select hold_id, seat_id from booking_hold_seat where hold_id in (";
        let ids: Vec<HoldId> = ids.iter().copied().collect();
        let rows = bulk_rows!(self, HOLDS, &ids, |b, id| b.push_bind(id.uuid()), ")", as HoldRow);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut seats: BTreeMap<Uuid, Vec<SeatId>> = BTreeMap::new();
        let pairs =
            bulk_rows!(self, SEATS, &ids, |b, id| b.push_bind(id.uuid()), ")", as (Uuid, Uuid));
        for (hold_id, seat_id) in pairs {
            seats.entry(hold_id).or_default().push(seat_id.into());
        }
        let with_seats = rows.into_iter().map(|row| {
            let mut seats = seats.remove(&row.hold_id).unwrap_or_default();
            seats.sort_unstable();
            hold(row, seats)
        });
        with_seats.collect()
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

    /// The places of a hold, in the venue's order, with their prices.
    pub(crate) async fn hold_places(&mut self, hold_id: HoldId) -> Result<Vec<Place>> {
        const SQL: &str = "select s.seat_id, s.offer_id, o.section_name, s.row_label, s.seat_label,
                o.price_minor, s.position
            from booking_hold_seat h
            join booking_seat s on s.event_id = h.event_id and s.seat_id = h.seat_id
            join booking_offer o on o.event_id = s.event_id and o.offer_id = s.offer_id
            where h.hold_id = $1 order by s.position";
        let rows: Vec<PlaceRow> = sql!(self, fetch_all sqlx::query_as(SQL).bind(hold_id.uuid()))?;
        Ok(rows.into_iter().map(place).collect())
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
            create_time, expire_time, expire_time_max, version) ";
        const SEATS: &str = "insert into booking_hold_seat (hold_id, seat_id, event_id) ";
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
                .push_bind(hold.version),
            ""
        );
        let seats: Vec<(&Hold, SeatId)> =
            new.iter().flat_map(|hold| hold.seats.iter().map(|seat| (*hold, *seat))).collect();
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
        Ok(())
    }
}

/// A place as it is read: seat, offer, section, row, seat label, price, position.
type PlaceRow = (Uuid, Uuid, String, String, String, i64, i64);

fn place(row: PlaceRow) -> Place {
    Place {
        seat_id: row.0.into(),
        offer_id: row.1.into(),
        section_name: row.2,
        row_label: row.3,
        seat_label: row.4,
        price_minor: row.5,
        position: row.6,
    }
}
