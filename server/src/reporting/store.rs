//! Reporting's tables.

use uuid::Uuid;

use super::domain::{TimelineEntry, TimelineStep};
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::BookingId;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, column, sql};

impl Tx {
    pub(super) async fn add_timeline_entry(&mut self, entry: &TimelineEntry) -> Result<()> {
        const OWNER: &str = "insert into reporting_booking (booking_id, session_id)
            values ($1, $2) on conflict do nothing";
        const STEP: &str = "insert into reporting_booking_step
                (booking_id, message_id, kind, subject_id, occur_time, rank, detail)
            values ($1, $2, $3, $4, $5, $6, $7)";
        let booking_id = entry.booking_id.uuid();
        if let Some(session) = entry.session {
            sql!(self, execute sqlx::query(OWNER).bind(booking_id).bind(session.to_string()))?;
        }
        sql!(self, execute sqlx::query(STEP)
            .bind(booking_id)
            .bind(entry.step.message_id.uuid())
            .bind(entry.step.kind.clone())
            .bind(entry.step.subject_id.clone())
            .bind(entry.step.occur_time.micros())
            .bind(entry.rank)
            .bind(entry.step.detail.clone()))?;
        Ok(())
    }

    /// Gives the timelines of a guest to the user who took everything of the guest's over.
    pub(super) async fn take_over_timelines(
        &mut self,
        guest: SessionId,
        user: SessionId,
    ) -> Result<()> {
        const SQL: &str = "update reporting_booking set session_id = $1 where session_id = $2";
        sql!(self, execute sqlx::query(SQL).bind(user.to_string()).bind(guest.to_string()))?;
        Ok(())
    }

    pub(super) async fn timeline_owner(
        &mut self,
        booking_id: BookingId,
    ) -> Result<Option<SessionId>> {
        const SQL: &str = "select session_id from reporting_booking where booking_id = $1";
        let owner: Option<String> =
            sql!(self, fetch_optional sqlx::query_scalar(SQL).bind(booking_id.uuid()))?;
        owner.map(|id| column(SessionId::parse(&id), "session_id")).transpose()
    }

    pub(super) async fn timeline(&mut self, booking_id: BookingId) -> Result<Vec<TimelineStep>> {
        const SQL: &str = "select message_id, kind, subject_id, occur_time, detail
            from reporting_booking_step where booking_id = $1
            order by occur_time, rank, subject_id, message_id";
        let rows: Vec<(Uuid, String, String, i64, String)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(booking_id.uuid()))?;
        let steps = rows.into_iter().map(|row| TimelineStep {
            message_id: row.0.into(),
            kind: row.1,
            subject_id: row.2,
            occur_time: Timestamp::from_micros(row.3),
            detail: row.4,
        });
        Ok(steps.collect())
    }
}
