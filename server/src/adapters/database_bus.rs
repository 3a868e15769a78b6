//! The bus in the database itself: events go straight from the outbox to the consumers.

use std::collections::BTreeSet;

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::ports::bus::{Consumer, EventBus};
use crate::store::{Event, Store, first_time};

/// Hands events to consumers in this process.
pub struct DatabaseBus {
    store: Store,
    consumers: Vec<Box<dyn Consumer>>,
}

impl DatabaseBus {
    /// With these consumers.
    pub fn new(store: Store, consumers: Vec<Box<dyn Consumer>>) -> Self {
        Self { store, consumers }
    }

    /// Lets a consumer see the events, in one transaction.
    async fn deliver(&self, consumer: &dyn Consumer, events: &[&Event]) -> Result<()> {
        let mut tx = self.store.begin().await?;
        for event in events {
            if first_time(&mut tx, consumer.name(), event).await? {
                consumer.consume(&mut tx, event).await?;
            }
        }
        tx.commit().await
    }

    /// Lets a consumer see the events; when one of them fails, the others do not wait for it,
    /// except those of its aggregate. Says what became of each.
    async fn deliver_all(&self, consumer: &dyn Consumer, events: &[Event]) -> Vec<Result<()>> {
        if self.deliver(consumer, &events.iter().collect::<Vec<_>>()).await.is_ok() {
            return events.iter().map(|_| Ok(())).collect();
        }
        let mut stuck: BTreeSet<Uuid> = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let outcome = if stuck.contains(&event.aggregate_id) {
                Err(Error::Unavailable("an earlier event of its aggregate waits".into()))
            } else {
                self.deliver(consumer, &[event]).await
            };
            if let Err(error) = &outcome {
                stuck.insert(event.aggregate_id);
                let (consumer, id) = (consumer.name(), event.message_id);
                tracing::warn!(%error, consumer, kind = event.kind, %id, "not delivered");
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

#[async_trait]
impl EventBus for DatabaseBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<()>> {
        let mut outcomes: Vec<Result<()>> = events.iter().map(|_| Ok(())).collect();
        for consumer in &self.consumers {
            let delivered = self.deliver_all(consumer.as_ref(), events).await;
            for (outcome, delivered) in outcomes.iter_mut().zip(delivered) {
                if outcome.is_ok() {
                    *outcome = delivered;
                }
            }
        }
        outcomes
    }
}
