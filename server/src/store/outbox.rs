//! The outbox: events leave if, and only if, the transaction that made them true has committed.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::bulk_write;
use super::driver::{Tx, sql};
use super::event::Event;
use crate::error::Result;
use crate::kernel::id::MessageId;
use crate::kernel::time::Timestamp;

/// How long a relay has to send what it claimed; another may take it over afterwards. This is how
/// long events wait when a replica is gone that nobody starts again.
const LEASE_SPAN: Duration = Duration::from_secs(10);
/// Events of one aggregate that are claimed at once.
const AGGREGATE_EVENTS_MAX: i64 = 8;
/// The longest pause between two attempts to send an event.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Request ids that one sweep forgets at the most.
const SWEEP_MAX: u32 = 2_000;

type Row = (Uuid, String, String, Uuid, i64, Vec<u8>, i64);

fn event((id, context, kind, aggregate_id, aggregate_version, payload, time): Row) -> Event {
    Event {
        message_id: MessageId::from(id),
        context,
        kind,
        aggregate_id,
        aggregate_version,
        payload,
        occur_time: Timestamp::from_micros(time),
    }
}

/// Writes events into the outbox.
pub(super) async fn append_events(tx: &mut Tx, events: &[Event]) -> Result<()> {
    const HEAD: &str = "insert into store_outbox (message_id, context, kind, aggregate_id,
        aggregate_version, payload, occur_time) ";
    let events = match events {
        [_, later @ ..] if !later.is_empty() && planted!(LostOutboxRow) => later,
        all => all,
    };
    bulk_write!(
        tx,
        HEAD,
        events,
        |b, event| b
            .push_bind(event.message_id.uuid())
            .push_bind(event.context.clone())
            .push_bind(event.kind.clone())
            .push_bind(event.aggregate_id)
            .push_bind(event.aggregate_version)
            .push_bind(event.payload.clone())
            .push_bind(event.occur_time.micros()),
        ""
    );
    Ok(())
}

/// A relay's right to send the events it claimed, until it runs out.
#[derive(Clone, Copy, Debug)]
pub struct Lease(pub Uuid);

/// Leases the oldest waiting event of up to `limit` aggregates and, with each, the events of the
/// same aggregate right behind it. Ordered so that an aggregate's events come by version.
pub async fn claim_events(
    tx: &mut Tx,
    lease: Lease,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Event>> {
    // Only the head of an aggregate can be leased, so a second relay never overtakes the first:
    // whoever holds the head holds the whole aggregate.
    const HEADS: &str = "update store_outbox set lease_id = $1, lease_until = $2
        where message_id in (
            select head.message_id from store_outbox head
            where head.lease_until < $3 and not exists (
                select 1 from store_outbox earlier
                where earlier.aggregate_id = head.aggregate_id
                and earlier.aggregate_version < head.aggregate_version)
            order by head.occur_time, head.message_id limit $4)
        and lease_until < $3";
    const CLAIMED: &str = "select later.message_id, later.context, later.kind, later.aggregate_id,
            later.aggregate_version, later.payload, later.occur_time
        from store_outbox head join store_outbox later on later.aggregate_id = head.aggregate_id
        where head.lease_id = $1 and head.lease_until = $2
        and later.aggregate_version >= head.aggregate_version
        and later.aggregate_version < head.aggregate_version + $3
        order by head.occur_time, later.aggregate_id, later.aggregate_version";
    let until = (now + LEASE_SPAN).micros();
    let heads = sql!(tx, execute sqlx::query(HEADS)
        .bind(lease.0).bind(until).bind(now.micros()).bind(limit))?;
    if heads == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = sql!(tx, fetch_all sqlx::query_as(CLAIMED)
        .bind(lease.0).bind(until).bind(AGGREGATE_EVENTS_MAX))?;
    Ok(rows.into_iter().map(event).collect())
}

/// Ends every lease, so that what a relay had claimed that is gone now leaves at once: a server
/// does this when it starts. A relay that is still there sends its events all the same. They are
/// sent twice then, which consumers are made for, and the first of each still comes in order,
/// because every relay sends an aggregate's events in order.
pub async fn void_leases(tx: &mut Tx) -> Result<u64> {
    const SQL: &str = "update store_outbox set lease_id = null, lease_until = 0
        where message_id in (select message_id from store_outbox where lease_id is not null";
    let sql = format!("{SQL}{})", tx.for_update_of_the_unlocked());
    sql!(tx, execute sqlx::query(AssertSqlSafe(sql.as_str())))
}

/// Moves events that were sent to the log, if the lease is still mine; else another relay has them.
pub async fn mark_published(
    tx: &mut Tx,
    lease: Lease,
    events: &[Event],
    now: Timestamp,
) -> Result<()> {
    const DELETE: &str = "delete from store_outbox where message_id in (";
    const MINE: &str = "select distinct aggregate_id from store_outbox where lease_id = $1";
    const LOG: &str = "insert into store_event_log (message_id, context, kind, aggregate_id,
        aggregate_version, payload, occur_time, publish_time) ";
    let mine: Vec<(Uuid,)> = sql!(tx, fetch_all sqlx::query_as(MINE).bind(lease.0))?;
    let sent: Vec<&Event> =
        events.iter().filter(|event| mine.contains(&(event.aggregate_id,))).collect();
    bulk_write!(tx, DELETE, &sent, |b, event| b.push_bind(event.message_id.uuid()), ")");
    bulk_write!(
        tx,
        LOG,
        &sent,
        |b, event| b
            .push_bind(event.message_id.uuid())
            .push_bind(event.context.clone())
            .push_bind(event.kind.clone())
            .push_bind(event.aggregate_id)
            .push_bind(event.aggregate_version)
            .push_bind(event.payload.clone())
            .push_bind(event.occur_time.micros())
            .push_bind(now.micros()),
        " on conflict do nothing"
    );
    Ok(())
}

/// Gives the lease of events that could not be sent back, with a pause that grows with every
/// failure. Later events of their aggregates wait behind them.
pub async fn put_off(tx: &mut Tx, lease: Lease, failed: &[Event], now: Timestamp) -> Result<()> {
    const COUNT: &str = "select failure_count from store_outbox where message_id = $1";
    const PAUSE: &str = "update store_outbox
        set lease_id = null, lease_until = $1, failure_count = failure_count + 1
        where message_id = $2 and (lease_id = $3 or lease_id is null)";
    for event in failed {
        let id = event.message_id.uuid();
        let count: Option<i64> = sql!(tx, fetch_optional sqlx::query_scalar(COUNT).bind(id))?;
        let doubled = 1_u64 << count.unwrap_or(0).clamp(0, 10);
        let until = now + Duration::from_millis(100 * doubled).min(PAUSE_MAX);
        sql!(tx, execute sqlx::query(PAUSE).bind(until.micros()).bind(id).bind(lease.0))?;
    }
    Ok(())
}

/// Forgets some of the request ids from before that time. Says whether there may be more.
pub async fn sweep_requests(tx: &mut Tx, before: Timestamp) -> Result<bool> {
    const SQL: &str = "delete from store_request where (session_id, method, request_id) in (
        select session_id, method, request_id from store_request where create_time < $1
        order by create_time limit $2)";
    let swept =
        sql!(tx, execute sqlx::query(SQL).bind(before.micros()).bind(i64::from(SWEEP_MAX)))?;
    Ok(swept >= u64::from(SWEEP_MAX))
}
