//! The relay: takes events out of the outbox and hands them to the bus.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::Result;
use crate::ports::bus::EventBus;
use crate::ports::clock::Clock;
use crate::store::{Event, Lease, Signal, Store, claim_events, heard, mark_published, put_off};

/// Aggregates whose events are taken at once.
const AGGREGATES_MAX: i64 = 100;
/// How often the outbox is looked at, should a signal have been lost.
const LOOK_SPAN: Duration = Duration::from_millis(500);

/// Relays until `stop`. Any number of relays may run: each event is leased by one of them.
pub async fn relay_events(
    store: Store,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut signals = store.signals().listen();
    while !stop.is_cancelled() {
        match relay_once(&store, &*bus, &*clock).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::warn!(%error, "the relay pauses"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = heard(&mut signals, Signal::Outbox) => {}
            () = tokio::time::sleep(LOOK_SPAN) => {}
        }
    }
}

/// Takes what waits, hands it over and notes what was taken. Says how many events were.
async fn relay_once(store: &Store, bus: &dyn EventBus, clock: &dyn Clock) -> Result<usize> {
    let lease = Lease(Uuid::from_bytes(rand::random()));
    let mut tx = store.begin().await?;
    let events = claim_events(&mut tx, lease, clock.now(), AGGREGATES_MAX).await?;
    if events.is_empty() {
        return Ok(0);
    }
    if planted!(MarkedBeforeSent) {
        mark_published(&mut tx, lease, &events, clock.now()).await?;
    }
    tx.commit().await?;
    crash_point!(AfterLease);
    let outcomes = bus.publish(&events).await;
    crash_point!(AfterPublish);
    let (sent, failed) = sorted_out(events, &outcomes);
    let now = clock.now();
    let mut tx = store.begin().await?;
    mark_published(&mut tx, lease, &sent, now).await?;
    put_off(&mut tx, lease, &failed, now).await?;
    tx.commit().await?;
    Ok(sent.len())
}

/// The events that were taken, and of the others the first of each aggregate.
fn sorted_out(events: Vec<Event>, outcomes: &[Result<()>]) -> (Vec<Event>, Vec<Event>) {
    let mut failed_aggregates = BTreeSet::new();
    let (mut sent, mut failed) = (Vec::new(), Vec::new());
    for (event, outcome) in events.into_iter().zip(outcomes) {
        if outcome.is_ok() && !failed_aggregates.contains(&event.aggregate_id) {
            sent.push(event);
        } else if failed_aggregates.insert(event.aggregate_id) {
            failed.push(event);
        }
    }
    (sent, failed)
}
