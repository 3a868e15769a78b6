//! Running invariants, and counting what waits. Both read every context's tables, because what they
//! tell of spans them, and write none.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::invariants::{Finding, Invariant, When};
use crate::error::Result;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, sql};

/// Rows that an invariant names.
const EXAMPLES_MAX: usize = 10;

impl Tx {
    /// The rows that break an invariant. Rules about unfinished work apply to what has been left
    /// alone since `settled_before`.
    pub(super) async fn check(
        &mut self,
        invariant: &Invariant,
        settled_before: Timestamp,
    ) -> Result<Finding> {
        let count = format!("select count(*) from ({}) as broken", invariant.broken_by);
        let some = format!("{} limit {EXAMPLES_MAX}", invariant.broken_by);
        let time = settled_before.micros();
        let count = count.as_str();
        let violation_count: i64 = match invariant.when {
            When::Always => sql!(self, fetch_one sqlx::query_scalar(AssertSqlSafe(count)))?,
            When::Settled => {
                sql!(self, fetch_one sqlx::query_scalar(AssertSqlSafe(count)).bind(time))?
            }
        };
        if violation_count == 0 {
            return Ok(Finding { violation_count, examples: Vec::new() });
        }
        let some = some.as_str();
        let rows: Vec<(Uuid, String)> = match invariant.when {
            When::Always => sql!(self, fetch_all sqlx::query_as(AssertSqlSafe(some)))?,
            When::Settled => sql!(self, fetch_all sqlx::query_as(AssertSqlSafe(some)).bind(time))?,
        };
        let examples = rows.iter().map(|(id, what)| format!("{} {what}", id.simple())).collect();
        Ok(Finding { violation_count, examples })
    }

    /// How many events have not left, and when the oldest of them happened.
    pub(super) async fn outbox_length(&mut self) -> Result<(i64, Option<Timestamp>)> {
        const SQL: &str = "select count(*), min(occur_time) from store_outbox";
        let (count, oldest): (i64, Option<i64>) = sql!(self, fetch_one sqlx::query_as(SQL))?;
        Ok((count, oldest.map(Timestamp::from_micros)))
    }

    /// How many events a consumer has failed to take so far, and how many are parked for it.
    pub(super) async fn delivery_troubles(&mut self, consumer: &str) -> Result<(i64, i64)> {
        const SQL: &str = "select
            (select count(*) from store_delivery_failure where consumer = $1),
            (select count(*) from store_dead_letter where consumer = $1 and state = 'PARKED')";
        sql!(self, fetch_one sqlx::query_as(SQL).bind(consumer.to_owned()))
    }

    /// How many mails wait, and how many were given up.
    pub(super) async fn unsent_notifications(&mut self) -> Result<(i64, i64)> {
        const SQL: &str = "select
            (select count(*) from notification_notification where state = 'PENDING'),
            (select count(*) from notification_notification where state = 'FAILED')";
        sql!(self, fetch_one sqlx::query_as(SQL))
    }

    /// The number of the newest migration.
    pub(super) async fn schema_version(&mut self) -> Result<i64> {
        const SQL: &str = "select coalesce(max(version), 0) from _sqlx_migrations";
        sql!(self, fetch_one sqlx::query_scalar(SQL))
    }
}
