//! How the platform is.

use std::sync::Arc;
use std::time::Duration;

use super::dead_letters::DeadLetters;
use crate::error::Result;
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::store::{Engine, Store};

/// How a consumer of events is.
#[derive(Clone, Debug)]
pub struct ConsumerStatus {
    /// Its name.
    pub consumer: &'static str,
    /// Events whose delivery has failed and is tried again.
    pub failing_count: i64,
    /// Events that are parked.
    pub parked_count: i64,
}

/// How the platform is, as this server sees it.
#[derive(Clone, Debug)]
pub struct Status {
    /// Which database it is.
    pub engine: Engine,
    /// The newest migration that has run.
    pub schema_version: i64,
    /// When this server was started.
    pub start_time: Timestamp,
    /// Events that have not left.
    pub outbox_count: i64,
    /// How long the oldest of them has waited.
    pub outbox_age: Option<Duration>,
    /// Every consumer of this server.
    pub consumers: Vec<ConsumerStatus>,
    /// Mails that wait to be sent.
    pub pending_notification_count: i64,
    /// Mails that were given up.
    pub failed_notification_count: i64,
}

/// Looks at the platform. Cheap to clone.
#[derive(Clone)]
pub struct StatusReader {
    store: Store,
    clock: Arc<dyn Clock>,
    dead_letters: DeadLetters,
    start_time: Timestamp,
}

impl StatusReader {
    /// Of a server that starts now.
    pub fn new(store: Store, clock: Arc<dyn Clock>, dead_letters: DeadLetters) -> Self {
        let start_time = clock.now();
        Self { store, clock, dead_letters, start_time }
    }

    /// How everything is at one instant.
    pub async fn read(&self) -> Result<Status> {
        let mut tx = self.store.read().await?;
        let (outbox_count, oldest) = tx.outbox_length().await?;
        let mut consumers = Vec::new();
        for consumer in self.dead_letters.consumers() {
            let (failing_count, parked_count) = tx.delivery_troubles(consumer).await?;
            consumers.push(ConsumerStatus { consumer, failing_count, parked_count });
        }
        let (pending_notification_count, failed_notification_count) =
            tx.unsent_notifications().await?;
        Ok(Status {
            engine: self.store.engine(),
            schema_version: tx.schema_version().await?,
            start_time: self.start_time,
            outbox_count,
            outbox_age: oldest.map(|oldest| self.clock.now().since(oldest)),
            consumers,
            pending_notification_count,
            failed_notification_count,
        })
    }
}
