//! The inbox: which consumer has seen which event.

use super::driver::{Tx, sql};
use super::event::Event;
use crate::error::Result;

/// Notes that `consumer` sees the event; `false` if it had seen it before. In the transaction of
/// the effect, so that both or neither are remembered.
pub async fn first_time(tx: &mut Tx, consumer: &'static str, event: &Event) -> Result<bool> {
    const SQL: &str = "insert into store_inbox (consumer, message_id, occur_time)
        values ($1, $2, $3) on conflict do nothing";
    if planted!(InboxRowNotWritten) {
        return Ok(true);
    }
    let added = sql!(tx, execute sqlx::query(SQL)
        .bind(consumer)
        .bind(event.message_id.uuid())
        .bind(event.occur_time.micros()))?;
    Ok(added == 1)
}

/// Whether `consumer` has seen the event.
pub async fn is_known(tx: &mut Tx, consumer: &'static str, event: &Event) -> Result<bool> {
    const SQL: &str = "select count(*) from store_inbox where consumer = $1 and message_id = $2";
    let known: i64 = sql!(tx, fetch_one sqlx::query_scalar(SQL)
        .bind(consumer)
        .bind(event.message_id.uuid()))?;
    Ok(known > 0)
}
