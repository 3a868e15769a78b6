//! Delivering events to consumers: once each, in the order of each aggregate, and never for ever.
//! What fails too often is parked for its consumer, together with what follows it in its aggregate,
//! until an operator has it replayed; everything else goes on. Whatever a bus is made of, its
//! consumers are fed from here.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use uuid::Uuid;

use crate::error::{Error, Reason, Result};
use crate::kernel::id::DeadLetterId;
use crate::ports::bus::Consumer;
use crate::ports::clock::Clock;
use crate::store::dead_letter::{
    DeadLetter, DeadLetterState, Failures, count_failure, first_parked, forget_failures,
    lock_deliveries, park, parked_aggregates, replay_failed, resolve,
};
use crate::store::{Event, Store, Tx, first_time, is_known};

/// Failed deliveries after which an event is parked. The pauses between them double from a tenth
/// of a second, so that this takes about 13 seconds.
pub const DELIVERY_FAILURES_MAX: u32 = 8;

/// An event and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'e> {
    /// The event.
    pub event: &'e Event,
    /// The partition of its topic.
    pub partition: i64,
    /// Its place there, where there are such places.
    pub offset: Option<i64>,
}

impl<'e> Delivery<'e> {
    /// Straight from the outbox, which has one partition and no offsets.
    pub fn from_outbox(event: &'e Event) -> Self {
        Self { event, partition: 0, offset: None }
    }

    /// The letter it becomes if its consumer cannot take it.
    fn dead_letter(
        &self,
        consumer: &str,
        failures: Option<Failures>,
        clock: &dyn Clock,
    ) -> DeadLetter {
        let message_id = self.event.message_id.uuid();
        DeadLetter {
            dead_letter_id: DeadLetterId::derived(&[consumer.as_bytes(), message_id.as_bytes()]),
            consumer: consumer.to_owned(),
            event: self.event.clone(),
            topic: format!("boxoffice.{}.v1", self.event.context),
            topic_partition: self.partition,
            topic_offset: self.offset,
            failures,
            park_time: clock.now(),
            state: DeadLetterState::Parked,
            resolve_time: None,
            resolved_by: String::new(),
            reason: String::new(),
        }
    }
}

/// What became of the attempt to replay an aggregate's next letter.
#[derive(Clone, Debug)]
pub enum Replayed {
    /// Nothing of it is parked any more.
    Nothing,
    /// Its consumer took it.
    Delivered,
    /// Its consumer still cannot take it.
    Failed(DeadLetterId),
}

/// Why an attempt came to nothing.
enum Trouble {
    /// Of the database: no transaction can begin, for whichever event.
    Absent(String),
    /// Of what surrounds it: the database is not there, or somebody else's change came first.
    Passing(Error),
    /// Of the event or its consumer.
    Event(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Passing(error)
    }
}

impl Trouble {
    /// Of a transaction that could not begin.
    fn of_beginning(error: Error) -> Self {
        match error {
            Error::Unavailable(why) => Self::Absent(why),
            Error::Rejected(_) | Error::Duplicate(_) | Error::Internal(_) => Self::Passing(error),
        }
    }

    /// Of what happens to the event itself. A database that fails under it is no fault of its, nor
    /// is a race that it lost.
    fn of_event(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => Self::Passing(error),
            Error::Rejected(_) if error.reason() == Some(Reason::ChangedMeanwhile) => {
                Self::Passing(error)
            }
            Error::Rejected(_) | Error::Duplicate(_) | Error::Internal(_) => Self::Event(error),
        }
    }
}

/// Delivers to the consumers of this process. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    store: Store,
    clock: Arc<dyn Clock>,
    consumers: Arc<[Arc<dyn Consumer>]>,
    failures_max: u32,
}

impl Deliveries {
    /// To these consumers; what has failed `failures_max` times is parked.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        consumers: Vec<Arc<dyn Consumer>>,
        failures_max: u32,
    ) -> Self {
        Self { store, clock, consumers: consumers.into(), failures_max }
    }

    /// All of them.
    pub fn consumers(&self) -> &[Arc<dyn Consumer>] {
        &self.consumers
    }

    /// The consumer of that name.
    pub fn consumer(&self, name: &str) -> Option<Arc<dyn Consumer>> {
        self.consumers.iter().find(|consumer| consumer.name() == name).cloned()
    }

    /// Lets a consumer see events, in order; when one of them fails, the others do not wait for
    /// it, except those of its aggregate. Says of each whether it is dealt with for good: taken,
    /// or parked.
    pub async fn deliver(
        &self,
        consumer: &dyn Consumer,
        deliveries: &[Delivery<'_>],
    ) -> Vec<Result<()>> {
        // Why nothing can be delivered now; each of many events would wait as long to hear it.
        let mut absent = match self.attempt(consumer, deliveries).await {
            Ok(()) => return deliveries.iter().map(|_| Ok(())).collect(),
            Err(Trouble::Absent(why)) => Some(why),
            Err(Trouble::Passing(_) | Trouble::Event(_)) => None,
        };
        let mut stuck: BTreeSet<Uuid> = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let outcome = if let Some(why) = &absent {
                Err(Error::Unavailable(why.clone()))
            } else if stuck.contains(&delivery.event.aggregate_id) && !planted!(OrderBroken) {
                Err(Error::Unavailable("an earlier event of its aggregate waits".into()))
            } else {
                self.deliver_one(consumer, delivery, &mut absent).await
            };
            if outcome.is_err() {
                stuck.insert(delivery.event.aggregate_id);
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn deliver_one(
        &self,
        consumer: &dyn Consumer,
        delivery: &Delivery<'_>,
        absent: &mut Option<String>,
    ) -> Result<()> {
        let (name, event) = (consumer.name(), delivery.event);
        match self.attempt(consumer, std::slice::from_ref(delivery)).await {
            Ok(()) => Ok(()),
            Err(Trouble::Absent(why)) => {
                *absent = Some(why.clone());
                Err(Error::Unavailable(why))
            }
            Err(Trouble::Passing(error)) => {
                tracing::warn!(%error, consumer = name, kind = event.kind, "not delivered now");
                Err(error)
            }
            Err(Trouble::Event(error)) => {
                let id = event.message_id;
                tracing::warn!(%error, consumer = name, kind = event.kind, %id, "not delivered");
                self.note_failure(consumer, delivery, error).await
            }
        }
    }

    /// Lets a consumer see events, in one transaction.
    async fn attempt(
        &self,
        consumer: &dyn Consumer,
        deliveries: &[Delivery<'_>],
    ) -> Result<(), Trouble> {
        let name = consumer.name();
        let events: Vec<&Event> = deliveries.iter().map(|delivery| delivery.event).collect();
        let aggregates = events.iter().map(|event| event.aggregate_id).collect();
        let mut tx = self.store.begin().await.map_err(Trouble::of_beginning)?;
        lock_deliveries(&mut tx, name, &aggregates).await?;
        let parked = parked_aggregates(&mut tx, name, &aggregates).await?;
        for delivery in deliveries {
            let event = delivery.event;
            if !first_time(&mut tx, name, event).await? {
                continue;
            }
            if planted!(InboxBeforeEffect) {
                tx.commit().await.map_err(Trouble::of_event)?;
                tx = self.store.begin().await.map_err(Trouble::of_beginning)?;
            }
            crash_point!(AfterInbox);
            if parked.contains(&event.aggregate_id) {
                park(&mut tx, &delivery.dead_letter(name, None, &*self.clock)).await?;
            } else {
                consume(consumer, &mut tx, event).await.map_err(Trouble::of_event)?;
            }
        }
        forget_failures(&mut tx, name, &events).await?;
        tx.commit().await.map_err(Trouble::of_event)
    }

    /// Counts a failure, and parks the event if that was one too many.
    async fn note_failure(
        &self,
        consumer: &dyn Consumer,
        delivery: &Delivery<'_>,
        error: Error,
    ) -> Result<()> {
        let (name, event) = (consumer.name(), delivery.event);
        let mut tx = self.store.begin().await?;
        lock_deliveries(&mut tx, name, &BTreeSet::from([event.aggregate_id])).await?;
        if is_known(&mut tx, name, event).await? {
            // Another relay has delivered or parked it meanwhile; nothing is left to count.
            return Ok(());
        }
        let cause = error.to_string();
        let failures = count_failure(&mut tx, name, event, &cause, self.clock.now()).await?;
        if failures.count < i64::from(self.failures_max) {
            tx.commit().await?;
            return Err(error);
        }
        if first_time(&mut tx, name, event).await? {
            let letter = delivery.dead_letter(name, Some(failures), &*self.clock);
            let id = letter.dead_letter_id;
            tracing::error!(consumer = name, kind = event.kind, %id, "parked as a dead letter");
            park(&mut tx, &letter).await?;
        }
        forget_failures(&mut tx, name, &[event]).await?;
        tx.commit().await
    }

    /// Lets a consumer see the oldest parked event of an aggregate once more. In its transaction
    /// the letter ends as replayed by whom `by` names, so that its effect happens once.
    pub async fn replay_next(
        &self,
        consumer: &dyn Consumer,
        aggregate_id: Uuid,
        by: &str,
    ) -> Result<Replayed> {
        let name = consumer.name();
        let mut tx = self.store.begin().await?;
        lock_deliveries(&mut tx, name, &BTreeSet::from([aggregate_id])).await?;
        let Some(letter) = first_parked(&mut tx, name, aggregate_id).await? else {
            return Ok(Replayed::Nothing);
        };
        let id = letter.dead_letter_id;
        match self.replay(consumer, tx, &letter, by).await {
            Ok(()) => Ok(Replayed::Delivered),
            Err(Trouble::Absent(why)) => Err(Error::Unavailable(why)),
            Err(Trouble::Passing(error)) => Err(error),
            Err(Trouble::Event(error)) => {
                tracing::warn!(%error, consumer = name, %id, "not replayed");
                let mut tx = self.store.begin().await?;
                replay_failed(&mut tx, id, &error.to_string(), self.clock.now()).await?;
                tx.commit().await?;
                Ok(Replayed::Failed(id))
            }
        }
    }

    async fn replay(
        &self,
        consumer: &dyn Consumer,
        mut tx: Tx,
        letter: &DeadLetter,
        by: &str,
    ) -> Result<(), Trouble> {
        consume(consumer, &mut tx, &letter.event).await.map_err(Trouble::of_event)?;
        let (id, now) = (letter.dead_letter_id, self.clock.now());
        if !resolve(&mut tx, id, DeadLetterState::Replayed, (by, ""), now).await? {
            return Err(Error::internal("a parked letter was resolved under its lock").into());
        }
        tx.commit().await.map_err(Trouble::of_event)
    }
}

/// Has the effect of one event done. A consumer that panics has failed, and takes nobody with it.
async fn consume(consumer: &dyn Consumer, tx: &mut Tx, event: &Event) -> Result<()> {
    let done = AssertUnwindSafe(consumer.consume(tx, event)).catch_unwind().await;
    done.unwrap_or_else(|_| Err(Error::internal("the consumer panicked")))
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
