//! Attempts that are counted for a while.

use sqlx::AssertSqlSafe;

use crate::error::Result;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, sql};

impl Tx {
    /// How often something was tried, and when that is forgotten; `None` if it was not.
    pub(crate) async fn counted_attempts(
        &mut self,
        key: &[u8],
    ) -> Result<Option<(i64, Timestamp)>> {
        const SQL: &str = "select attempt_count, expire_time from identity_throttle
            where throttle_key = $1";
        let row: Option<(i64, i64)> = sql!(self, fetch_optional sqlx::query_as(SQL).bind(key))?;
        Ok(row.map(|(attempts, expire_time)| (attempts, Timestamp::from_micros(expire_time))))
    }

    /// Counts one more attempt; the first, and the first after the time was over, say when it is
    /// forgotten. The row stays locked. Answers with how many there are, and when that is.
    pub(crate) async fn count_attempt(
        &mut self,
        key: &[u8],
        now: Timestamp,
        expire_time: Timestamp,
    ) -> Result<(i64, Timestamp)> {
        const SQL: &str = "insert into identity_throttle (throttle_key, attempt_count, expire_time)
            values ($1, 1, $2) on conflict (throttle_key) do update set
                attempt_count = case when identity_throttle.expire_time <= $3 then 1
                    else identity_throttle.attempt_count + 1 end,
                expire_time = case when identity_throttle.expire_time <= $3 then $2
                    else identity_throttle.expire_time end
            returning attempt_count, expire_time";
        let (attempts, expire_time): (i64, i64) = sql!(self, fetch_one sqlx::query_as(SQL)
            .bind(key)
            .bind(expire_time.micros())
            .bind(now.micros()))?;
        Ok((attempts, Timestamp::from_micros(expire_time)))
    }

    /// Takes one attempt back, if there is any.
    pub(crate) async fn uncount_attempt(&mut self, key: &[u8]) -> Result<()> {
        const SQL: &str = "update identity_throttle set attempt_count = attempt_count - 1
            where throttle_key = $1 and attempt_count > 0";
        sql!(self, execute sqlx::query(SQL).bind(key))?;
        Ok(())
    }

    /// Forgets the attempts.
    pub(crate) async fn forget_attempts(&mut self, key: &[u8]) -> Result<()> {
        const SQL: &str = "delete from identity_throttle where throttle_key = $1";
        sql!(self, execute sqlx::query(SQL).bind(key))?;
        Ok(())
    }

    /// Remembers a success for longer.
    pub(crate) async fn remember_success(
        &mut self,
        key: &[u8],
        expire_time: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "insert into identity_throttle (throttle_key, attempt_count, expire_time)
            values ($1, 1, $2) on conflict (throttle_key) do update set expire_time = $2";
        sql!(self, execute sqlx::query(SQL).bind(key).bind(expire_time.micros()))?;
        Ok(())
    }

    /// Forgets up to `limit` counts whose time is over; answers with how many.
    pub(crate) async fn delete_expired_attempts(
        &mut self,
        now: Timestamp,
        limit: i64,
    ) -> Result<u64> {
        const OVER: &str = "delete from identity_throttle where throttle_key in (
            select throttle_key from identity_throttle
            where expire_time <= $1 order by expire_time limit $2";
        // Whoever counts right now locks rows in an order of its own, and is left alone.
        let text = AssertSqlSafe(format!("{OVER}{})", self.for_update_of_the_unlocked()));
        sql!(self, execute sqlx::query(text).bind(now.micros()).bind(limit))
    }
}
