//! Who takes over what of whom.

use uuid::Uuid;

use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::EventId;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, column, sql};

/// A guest's things that a user is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takeover {
    /// Whose they are.
    pub guest: SessionId,
    /// Whose they are to be.
    pub user: SessionId,
    /// When that was asked for.
    pub request_time: Timestamp,
}

impl Tx {
    pub(crate) async fn insert_takeover(
        &mut self,
        guest: SessionId,
        user: SessionId,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "insert into booking_takeover
                (guest_session_id, user_session_id, request_time) values ($1, $2, $3)
            on conflict (guest_session_id) do update set request_time = excluded.request_time";
        sql!(self, execute sqlx::query(SQL)
            .bind(guest.to_string()).bind(user.to_string()).bind(now.micros()))?;
        Ok(())
    }

    /// Takeovers that are not done, the oldest first.
    pub(crate) async fn takeovers(&mut self, limit: i64) -> Result<Vec<Takeover>> {
        const SQL: &str = "select guest_session_id, user_session_id, request_time
            from booking_takeover order by request_time, guest_session_id limit $1";
        let rows: Vec<(String, String, i64)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(limit))?;
        let takeover = |(guest, user, time): (String, String, i64)| {
            Ok(Takeover {
                guest: column(SessionId::parse(&guest), "guest_session_id")?,
                user: column(SessionId::parse(&user), "user_session_id")?,
                request_time: Timestamp::from_micros(time),
            })
        };
        rows.into_iter().map(takeover).collect()
    }

    /// The events in which a session has holds or bookings.
    pub(crate) async fn events_of(&mut self, session: SessionId) -> Result<Vec<EventId>> {
        const SQL: &str = "select event_id from booking_hold
                where session_id = $1 and state = 'ACTIVE'
            union select event_id from booking_booking where session_id = $1";
        let rows: Vec<(Uuid,)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(session.to_string()))?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Moves the seats, live holds and bookings of an event from one session to another.
    pub(crate) async fn move_owner(
        &mut self,
        event_id: EventId,
        from: SessionId,
        to: SessionId,
    ) -> Result<()> {
        const STATEMENTS: [&str; 3] = [
            "update booking_seat set session_id = $3, version = version + 1
            where event_id = $1 and session_id = $2",
            "update booking_hold set session_id = $3, version = version + 1
            where event_id = $1 and session_id = $2 and state = 'ACTIVE'",
            "update booking_booking set session_id = $3
            where session_id = $2 and event_id = $1",
        ];
        for statement in STATEMENTS {
            sql!(self, execute sqlx::query(statement)
                .bind(event_id.uuid()).bind(from.to_string()).bind(to.to_string()))?;
        }
        Ok(())
    }

    /// Forgets a takeover that is done, unless it was asked for once more meanwhile.
    pub(crate) async fn delete_takeover(&mut self, done: &Takeover) -> Result<()> {
        const SQL: &str =
            "delete from booking_takeover where guest_session_id = $1 and request_time = $2";
        sql!(self, execute sqlx::query(SQL)
            .bind(done.guest.to_string()).bind(done.request_time.micros()))?;
        Ok(())
    }
}
