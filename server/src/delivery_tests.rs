use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::*;
use crate::adapters::system_clock::SystemClock;
use crate::kernel::time::Timestamp;
use crate::store::testing::TestDatabase;

/// Longer than one attempt to begin a transaction takes, and shorter than two.
const ONE_ATTEMPT: Duration = Duration::from_secs(8);

/// Takes nothing, or does not get that far.
#[derive(Default)]
struct Picky {
    refusals: AtomicUsize,
}

#[async_trait]
impl Consumer for Picky {
    fn name(&self) -> &'static str {
        "tests.picky"
    }

    async fn consume(&self, _: &mut Tx, _: &Event) -> Result<()> {
        self.refusals.fetch_add(1, Ordering::SeqCst);
        Err(Error::internal("it tastes bad"))
    }
}

fn deliveries(store: &Store) -> Deliveries {
    Deliveries::new(store.clone(), Arc::new(SystemClock::default()), Vec::new(), 3)
}

fn event(aggregate: u128) -> Event {
    let aggregate = (Uuid::from_u128(aggregate), 1);
    Event::new("tests", "Served", aggregate, Vec::new(), Timestamp::from_micros(1))
}

#[tokio::test]
async fn a_failure_that_comes_after_another_relays_delivery_leaves_nothing() {
    for database in TestDatabase::each().await.unwrap() {
        let (store, served) = (database.store.clone(), event(1));
        let (deliveries, delivery) = (deliveries(&store), Delivery::from_outbox(&served));
        let mut tx = store.begin().await.unwrap();
        assert!(first_time(&mut tx, "tests.picky", &served).await.unwrap());
        tx.commit().await.unwrap();
        let late = Error::internal("it tastes bad");
        deliveries.note_failure(&Picky::default(), &delivery, late).await.unwrap();
        // The count that the next failure would come to tells that none was kept.
        let mut tx = store.begin().await.unwrap();
        let now = Timestamp::from_micros(2);
        let count = count_failure(&mut tx, "tests.picky", &served, "again", now).await.unwrap();
        assert_eq!(count.count, 1);
        drop(tx);
        database.discard().await.unwrap();
    }
}

#[tokio::test]
async fn without_a_database_one_event_waits_and_not_each() {
    // SQLite, whose one writer is easily kept from everybody else.
    let database = TestDatabase::sqlite().await.unwrap();
    let (store, picky) = (database.store.clone(), Picky::default());
    let deliveries = deliveries(&store);
    let events: Vec<Event> = (0..4).map(event).collect();
    let offered: Vec<Delivery<'_>> = events.iter().map(Delivery::from_outbox).collect();
    let writer = store.begin().await.unwrap();
    let begun = Instant::now();
    let outcomes = deliveries.deliver(&picky, &offered).await;
    assert!(begun.elapsed() < ONE_ATTEMPT, "it took {:?}", begun.elapsed());
    assert_eq!(outcomes.len(), events.len());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::Unavailable(_)))));
    assert_eq!(picky.refusals.load(Ordering::SeqCst), 0);
    drop(writer);
    // What fails by itself holds up nobody else: each is tried.
    let outcomes = deliveries.deliver(&picky, &offered).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::Internal(_)))));
    assert_eq!(picky.refusals.load(Ordering::SeqCst), 1 + events.len());
    database.discard().await.unwrap();
}
