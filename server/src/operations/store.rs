//! Running invariants. They read every context's tables, because what they promise spans them.

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
        let text = invariant.broken_by;
        let rows: Vec<(Uuid, String)> = match invariant.when {
            When::Always => sql!(self, fetch_all sqlx::query_as(text))?,
            When::Settled => {
                sql!(self, fetch_all sqlx::query_as(text).bind(settled_before.micros()))?
            }
        };
        let named = rows.iter().take(EXAMPLES_MAX);
        Ok(Finding {
            violation_count: rows.len(),
            examples: named.map(|(id, what)| format!("{} {what}", id.simple())).collect(),
        })
    }
}
