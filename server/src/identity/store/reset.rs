//! Requests for a new password.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;
use crate::identity::domain::reset::PasswordReset;
use crate::kernel::id::{ResetId, UserId};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, sql};

impl Tx {
    /// Inserts a request.
    pub(crate) async fn insert_reset(&mut self, reset: &PasswordReset) -> Result<()> {
        const SQL: &str = "insert into identity_password_reset (reset_id, user_id, create_time,
                expire_time) values ($1, $2, $3, $4)";
        sql!(self, execute sqlx::query(SQL)
            .bind(reset.reset_id.uuid())
            .bind(reset.user_id.uuid())
            .bind(reset.create_time.micros())
            .bind(reset.expire_time.micros()))?;
        Ok(())
    }

    /// Reads a request.
    pub(crate) async fn reset(&mut self, reset_id: ResetId) -> Result<Option<PasswordReset>> {
        self.select_reset(reset_id, "").await
    }

    /// Reads a request that is about to be used: it stays as it was read.
    pub(crate) async fn lock_reset(&mut self, reset_id: ResetId) -> Result<Option<PasswordReset>> {
        self.select_reset(reset_id, self.for_update()).await
    }

    async fn select_reset(&mut self, id: ResetId, lock: &str) -> Result<Option<PasswordReset>> {
        const SQL: &str = "select user_id, create_time, expire_time, use_time
            from identity_password_reset where reset_id = $1";
        let text = AssertSqlSafe(format!("{SQL}{lock}"));
        let row: Option<(Uuid, i64, i64, Option<i64>)> =
            sql!(self, fetch_optional sqlx::query_as(text).bind(id.uuid()))?;
        Ok(row.map(|(user_id, create_time, expire_time, use_time)| PasswordReset {
            reset_id: id,
            user_id: user_id.into(),
            create_time: Timestamp::from_micros(create_time),
            expire_time: Timestamp::from_micros(expire_time),
            use_time: use_time.map(Timestamp::from_micros),
        }))
    }

    /// Makes every open request of a user useless, the one that was used included.
    pub(crate) async fn close_resets_of(&mut self, user_id: UserId, now: Timestamp) -> Result<()> {
        const SQL: &str = "update identity_password_reset set use_time = $1
            where user_id = $2 and use_time is null";
        sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(user_id.uuid()))?;
        Ok(())
    }

    /// Forgets up to `limit` requests whose time was over then; answers with how many.
    pub(crate) async fn delete_expired_resets(
        &mut self,
        before: Timestamp,
        limit: i64,
    ) -> Result<u64> {
        const SQL: &str = "delete from identity_password_reset where reset_id in (
                select reset_id from identity_password_reset
                where expire_time <= $1 order by expire_time limit $2)";
        sql!(self, execute sqlx::query(SQL).bind(before.micros()).bind(limit))
    }
}
