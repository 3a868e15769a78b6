//! Running invariants. They read every context's tables, because what they promise spans them.

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
}
