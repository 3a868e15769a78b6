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

    /// Lets every consumer see the events, in one transaction.
    async fn deliver(&self, events: &[&Event]) -> Result<()> {
        let mut tx = self.store.begin().await?;
        for event in events {
            for consumer in &self.consumers {
                if first_time(&mut tx, consumer.name(), event).await? {
                    consumer.consume(&mut tx, event).await?;
                }
            }
        }
        tx.commit().await
    }
}

#[async_trait]
impl EventBus for DatabaseBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<()>> {
        if self.deliver(&events.iter().collect::<Vec<_>>()).await.is_ok() {
            return events.iter().map(|_| Ok(())).collect();
        }
        // One of them fails: the others must not wait for it, except those of its aggregate.
        let mut stuck: BTreeSet<Uuid> = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let outcome = if stuck.contains(&event.aggregate_id) {
                Err(Error::Unavailable("an earlier event of its aggregate waits".into()))
            } else {
                self.deliver(&[event]).await
            };
            if let Err(error) = &outcome {
                stuck.insert(event.aggregate_id);
                tracing::warn!(%error, kind = event.kind, id = %event.message_id, "not delivered");
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}
