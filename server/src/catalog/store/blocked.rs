//! The seats of drafts that are not to be sold.

use uuid::Uuid;

use crate::error::Result;
use crate::kernel::id::{EventId, SeatId, VenueId};
use crate::store::{Tx, bulk_rows, bulk_write, sql};

impl Tx {
    /// Which of the seats an offer of the event sells.
    pub(crate) async fn seats_on_offer(
        &mut self,
        event_id: EventId,
        seats: &[SeatId],
    ) -> Result<Vec<SeatId>> {
        const HEAD: &str = "select s.seat_id from catalog_seat s
            join catalog_offer o on o.section_id = s.section_id
            where (o.event_id, s.seat_id) in (";
        let found = bulk_rows!(
            self,
            HEAD,
            seats,
            |b, seat| b.push_bind(event_id.uuid()).push_bind(seat.uuid()),
            ")",
            as (Uuid,)
        );
        Ok(found.into_iter().map(|(seat,)| seat.into()).collect())
    }

    /// Blocks seats of a draft; those that are blocked stay so.
    pub(crate) async fn block(&mut self, event_id: EventId, seats: &[SeatId]) -> Result<()> {
        const HEAD: &str = "insert into catalog_blocked_seat (event_id, seat_id) ";
        bulk_write!(
            self,
            HEAD,
            seats,
            |b, seat| b.push_bind(event_id.uuid()).push_bind(seat.uuid()),
            " on conflict do nothing"
        );
        Ok(())
    }

    /// Takes the block off seats of a draft.
    pub(crate) async fn unblock(&mut self, event_id: EventId, seats: &[SeatId]) -> Result<()> {
        const HEAD: &str = "delete from catalog_blocked_seat where (event_id, seat_id) in (";
        bulk_write!(
            self,
            HEAD,
            seats,
            |b, seat| b.push_bind(event_id.uuid()).push_bind(seat.uuid()),
            ")"
        );
        Ok(())
    }

    /// The blocked seats of a draft that its offers sell, in the venue's order.
    pub(crate) async fn blocked_seats(&mut self, event_id: EventId) -> Result<Vec<SeatId>> {
        const SQL: &str = "select s.seat_id from catalog_blocked_seat b
            join catalog_seat s on s.seat_id = b.seat_id
            join catalog_offer o on o.event_id = b.event_id and o.section_id = s.section_id
            where b.event_id = $1 order by s.position";
        let rows: Vec<(Uuid,)> = sql!(self, fetch_all sqlx::query_as(SQL).bind(event_id.uuid()))?;
        Ok(rows.into_iter().map(|(seat,)| seat.into()).collect())
    }

    /// Forgets the blocked seats of an event: booking has them now, or nobody needs them.
    pub(crate) async fn forget_blocked(&mut self, event_id: EventId) -> Result<()> {
        const SQL: &str = "delete from catalog_blocked_seat where event_id = $1";
        sql!(self, execute sqlx::query(SQL).bind(event_id.uuid()))?;
        Ok(())
    }

    /// Forgets the blocked seats that a venue no longer has.
    pub(super) async fn forget_blocked_beyond(&mut self, venue_id: VenueId) -> Result<()> {
        const SQL: &str = "delete from catalog_blocked_seat
            where event_id in (select event_id from catalog_event where venue_id = $1)
            and seat_id not in (select seat_id from catalog_seat where venue_id = $1)";
        sql!(self, execute sqlx::query(SQL).bind(venue_id.uuid()))?;
        Ok(())
    }
}
