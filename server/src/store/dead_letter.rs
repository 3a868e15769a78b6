//! Events that a consumer could not take: how often each has failed, and those that are parked.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::driver::{Conn, Tx, column, row, sql};
use super::event::Event;
use super::in_time;
use super::{bulk_rows, bulk_write};
use crate::error::Result;
use crate::kernel::id::{DeadLetterId, MessageId};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;

/// Characters of a cause that are kept.
const CAUSE_LENGTH_MAX: usize = 500;

/// Where a dead letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterState {
    /// It waits for an operator, and what follows it in its aggregate waits behind it.
    Parked,
    /// Its consumer took it after all.
    Replayed,
    /// An operator decided that its consumer does without it.
    Discarded,
}

impl DeadLetterState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Parked, Self::Replayed, Self::Discarded];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parked => "PARKED",
            Self::Replayed => "REPLAYED",
            Self::Discarded => "DISCARDED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How often a delivery has failed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How often.
    pub count: i64,
    /// When for the first time.
    pub first_time: Timestamp,
    /// When for the last time.
    pub last_time: Timestamp,
    /// Why the last time. For operators only.
    pub cause: String,
}

/// An event that is kept aside for one consumer.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Follows from consumer and event.
    pub dead_letter_id: DeadLetterId,
    /// Who could not take it.
    pub consumer: String,
    /// The event, as it came.
    pub event: Event,
    /// Where it came from.
    pub topic: String,
    /// The topic's partition.
    pub topic_partition: i64,
    /// Its place in the partition; `None` on the bus in the database.
    pub topic_offset: Option<i64>,
    /// How its delivery failed; `None` when it only waits behind another.
    pub failures: Option<Failures>,
    /// When it was parked.
    pub park_time: Timestamp,
    /// Where it stands.
    pub state: DeadLetterState,
    /// When it was replayed or discarded.
    pub resolve_time: Option<Timestamp>,
    /// Who replayed or discarded it; empty while it is parked.
    pub resolved_by: String,
    /// Why it was discarded; empty unless it was.
    pub reason: String,
}

/// Which dead letters are wanted.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// Those of this consumer.
    pub consumer: Option<String>,
    /// Those in this state.
    pub state: Option<DeadLetterState>,
}

row! {
    struct LetterRow {
        dead_letter_id: Uuid,
        consumer: String,
        message_id: Uuid,
        topic: String,
        topic_partition: i64,
        topic_offset: Option<i64>,
        context: String,
        kind: String,
        aggregate_id: Uuid,
        aggregate_version: i64,
        payload: Vec<u8>,
        occur_time: i64,
        cause: String,
        failure_count: i64,
        first_failure_time: Option<i64>,
        last_failure_time: Option<i64>,
        park_time: i64,
        state: String,
        resolve_time: Option<i64>,
        resolved_by: String,
        reason: String,
    }
}

fn letter(row: LetterRow) -> Result<DeadLetter> {
    let times = row.first_failure_time.zip(row.last_failure_time);
    Ok(DeadLetter {
        dead_letter_id: row.dead_letter_id.into(),
        consumer: row.consumer,
        event: Event {
            message_id: MessageId::from(row.message_id),
            context: row.context,
            kind: row.kind,
            aggregate_id: row.aggregate_id,
            aggregate_version: row.aggregate_version,
            payload: row.payload,
            occur_time: Timestamp::from_micros(row.occur_time),
        },
        topic: row.topic,
        topic_partition: row.topic_partition,
        topic_offset: row.topic_offset,
        failures: times.map(|(first, last)| Failures {
            count: row.failure_count,
            first_time: Timestamp::from_micros(first),
            last_time: Timestamp::from_micros(last),
            cause: row.cause,
        }),
        park_time: Timestamp::from_micros(row.park_time),
        state: column(DeadLetterState::parse(&row.state), "state")?,
        resolve_time: row.resolve_time.map(Timestamp::from_micros),
        resolved_by: row.resolved_by,
        reason: row.reason,
    })
}

/// Keeps what a consumer sees of these aggregates to this transaction until its end: a replay and
/// a delivery, or two relays, would else overtake each other. SQLite has one writer anyway.
pub async fn lock_deliveries(
    tx: &mut Tx,
    consumer: &str,
    aggregates: &BTreeSet<Uuid>,
) -> Result<()> {
    // The pair of numbers is a key of its own kind: it never meets the locks of events.
    const SQL: &str = "select pg_advisory_xact_lock(hashtext($1), key)
        from (select key from unnest($2::int4[]) as keys (key) order by key) as sorted";
    if let Conn::Postgres(conn) = &mut tx.conn {
        let half = |id: &Uuid| id.as_u64_pair().1.to_be_bytes();
        let key = |[.., a, b, c, d]: [u8; 8]| i32::from_be_bytes([a, b, c, d]);
        let keys: BTreeSet<i32> = aggregates.iter().map(|id| key(half(id))).collect();
        let keys: Vec<i32> = keys.into_iter().collect();
        in_time(sqlx::query(SQL).bind(consumer).bind(keys).execute(&mut **conn)).await?;
    }
    Ok(())
}

/// Those of the aggregates of which something is parked for the consumer.
pub async fn parked_aggregates(
    tx: &mut Tx,
    consumer: &str,
    aggregates: &BTreeSet<Uuid>,
) -> Result<BTreeSet<Uuid>> {
    const HEAD: &str = "select distinct aggregate_id from store_dead_letter
        where state = 'PARKED' and (consumer, aggregate_id) in (";
    let wanted: Vec<Uuid> = aggregates.iter().copied().collect();
    let rows = bulk_rows!(
        tx,
        HEAD,
        &wanted,
        |b, id| b.push_bind(consumer.to_owned()).push_bind(*id),
        ")",
        as (Uuid,)
    );
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Notes one more failed delivery and tells what is known of them all.
pub async fn count_failure(
    tx: &mut Tx,
    consumer: &str,
    event: &Event,
    cause: &str,
    now: Timestamp,
) -> Result<Failures> {
    const SQL: &str = "insert into store_delivery_failure
            (consumer, message_id, failure_count, first_failure_time, last_failure_time)
        values ($1, $2, 1, $3, $3)
        on conflict (consumer, message_id) do update
        set failure_count = store_delivery_failure.failure_count + 1,
            last_failure_time = excluded.last_failure_time
        returning failure_count, first_failure_time";
    let (count, first): (i64, i64) = sql!(tx, fetch_one sqlx::query_as(SQL)
        .bind(consumer).bind(event.message_id.uuid()).bind(now.micros()))?;
    Ok(Failures {
        count,
        first_time: Timestamp::from_micros(first),
        last_time: now,
        cause: cause.chars().take(CAUSE_LENGTH_MAX).collect(),
    })
}

/// Forgets the failures of events that are delivered or parked now.
pub async fn forget_failures(tx: &mut Tx, consumer: &str, events: &[&Event]) -> Result<()> {
    const HEAD: &str = "delete from store_delivery_failure where (consumer, message_id) in (";
    bulk_write!(
        tx,
        HEAD,
        events,
        |b, event| b.push_bind(consumer.to_owned()).push_bind(event.message_id.uuid()),
        ")"
    );
    Ok(())
}

/// Puts a dead letter down.
pub async fn park(tx: &mut Tx, letter: &DeadLetter) -> Result<()> {
    const SQL: &str = "insert into store_dead_letter (dead_letter_id, consumer, message_id, topic,
            topic_partition, topic_offset, context, kind, aggregate_id, aggregate_version, payload,
            occur_time, cause, failure_count, first_failure_time, last_failure_time, park_time,
            state, resolve_time, resolved_by, reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            null, '', '')";
    let failures = letter.failures.as_ref();
    sql!(tx, execute sqlx::query(SQL)
        .bind(letter.dead_letter_id.uuid())
        .bind(letter.consumer.clone())
        .bind(letter.event.message_id.uuid())
        .bind(letter.topic.clone())
        .bind(letter.topic_partition)
        .bind(letter.topic_offset)
        .bind(letter.event.context.clone())
        .bind(letter.event.kind.clone())
        .bind(letter.event.aggregate_id)
        .bind(letter.event.aggregate_version)
        .bind(letter.event.payload.clone())
        .bind(letter.event.occur_time.micros())
        .bind(failures.map(|failures| failures.cause.clone()).unwrap_or_default())
        .bind(failures.map_or(0, |failures| failures.count))
        .bind(failures.map(|failures| failures.first_time.micros()))
        .bind(failures.map(|failures| failures.last_time.micros()))
        .bind(letter.park_time.micros())
        .bind(letter.state.name()))?;
    Ok(())
}

/// What every look at dead letters reads.
macro_rules! letters {
    ($rest:literal) => {
        concat!(
            "select dead_letter_id, consumer, message_id, topic, topic_partition, topic_offset,
                context, kind, aggregate_id, aggregate_version, payload, occur_time, cause,
                failure_count, first_failure_time, last_failure_time, park_time, state,
                resolve_time, resolved_by, reason
            from store_dead_letter ",
            $rest
        )
    };
}

/// The oldest parked event of an aggregate.
pub async fn first_parked(
    tx: &mut Tx,
    consumer: &str,
    aggregate_id: Uuid,
) -> Result<Option<DeadLetter>> {
    const SQL: &str = letters!(
        "where consumer = $1 and aggregate_id = $2 and state = 'PARKED'
        order by aggregate_version limit 1"
    );
    let row: Option<LetterRow> =
        sql!(tx, fetch_optional sqlx::query_as(SQL).bind(consumer).bind(aggregate_id))?;
    row.map(letter).transpose()
}

/// The aggregates of a consumer of which something is parked, those that failed last at the end:
/// all of them, or this one.
pub async fn aggregates_to_replay(
    tx: &mut Tx,
    consumer: &str,
    only: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Uuid>> {
    const SQL: &str = "select aggregate_id from store_dead_letter
        where consumer = $1 and state = 'PARKED' and ($2 is null or aggregate_id = $2)
        group by aggregate_id order by max(coalesce(last_failure_time, 0)), aggregate_id
        limit $3";
    let rows: Vec<(Uuid,)> =
        sql!(tx, fetch_all sqlx::query_as(SQL).bind(consumer).bind(only).bind(limit))?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// How many events are parked for a consumer: of all aggregates, or of this one.
pub async fn parked_count(tx: &mut Tx, consumer: &str, only: Option<Uuid>) -> Result<i64> {
    const SQL: &str = "select count(*) from store_dead_letter
        where consumer = $1 and state = 'PARKED' and ($2 is null or aggregate_id = $2)";
    sql!(tx, fetch_one sqlx::query_scalar(SQL).bind(consumer).bind(only))
}

/// A dead letter.
pub async fn dead_letter(tx: &mut Tx, dead_letter_id: DeadLetterId) -> Result<Option<DeadLetter>> {
    const SQL: &str = letters!("where dead_letter_id = $1");
    let row: Option<LetterRow> =
        sql!(tx, fetch_optional sqlx::query_as(SQL).bind(dead_letter_id.uuid()))?;
    row.map(letter).transpose()
}

/// One page of dead letters, the first parked first.
pub async fn dead_letters(
    tx: &mut Tx,
    filter: &DeadLetterFilter,
    page: &PageRequest,
) -> Result<Vec<DeadLetter>> {
    const SQL: &str = letters!(
        "where ($1 is null or consumer = $1) and ($2 is null or state = $2)
        and (park_time, dead_letter_id) > ($3, $4) order by park_time, dead_letter_id limit $5"
    );
    let after = page.after.unwrap_or(Cursor::FIRST);
    let rows: Vec<LetterRow> = sql!(tx, fetch_all sqlx::query_as(SQL)
        .bind(filter.consumer.clone())
        .bind(filter.state.map(DeadLetterState::name))
        .bind(after.position)
        .bind(after.id)
        .bind(page.limit()))?;
    rows.into_iter().map(letter).collect()
}

/// Ends a parked letter as replayed, or as discarded for a reason. Says whether it was parked.
pub async fn resolve(
    tx: &mut Tx,
    dead_letter_id: DeadLetterId,
    state: DeadLetterState,
    (by, reason): (&str, &str),
    now: Timestamp,
) -> Result<bool> {
    const SQL: &str = "update store_dead_letter
        set state = $1, resolve_time = $2, resolved_by = $3, reason = $4
        where dead_letter_id = $5 and state = 'PARKED'";
    let changed = sql!(tx, execute sqlx::query(SQL)
        .bind(state.name())
        .bind(now.micros())
        .bind(by)
        .bind(reason)
        .bind(dead_letter_id.uuid()))?;
    Ok(changed == 1)
}

/// Notes that a replay has failed, and why.
pub async fn replay_failed(
    tx: &mut Tx,
    dead_letter_id: DeadLetterId,
    cause: &str,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "update store_dead_letter
        set failure_count = failure_count + 1, cause = $1, last_failure_time = $2,
            first_failure_time = coalesce(first_failure_time, $2)
        where dead_letter_id = $3 and state = 'PARKED'";
    let cause: String = cause.chars().take(CAUSE_LENGTH_MAX).collect();
    sql!(tx, execute sqlx::query(SQL)
        .bind(cause).bind(now.micros()).bind(dead_letter_id.uuid()))?;
    Ok(())
}
