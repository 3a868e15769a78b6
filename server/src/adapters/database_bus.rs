//! The bus in the database itself: events go straight from the outbox to the consumers.

use async_trait::async_trait;

use crate::delivery::{Deliveries, Delivery};
use crate::error::Result;
use crate::ports::bus::EventBus;
use crate::store::Event;

/// Hands events to consumers in this process.
pub struct DatabaseBus {
    deliveries: Deliveries,
}

impl DatabaseBus {
    /// With the consumers it feeds.
    pub fn new(deliveries: Deliveries) -> Self {
        Self { deliveries }
    }
}

#[async_trait]
impl EventBus for DatabaseBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<()>> {
        let mut outcomes: Vec<Result<()>> = events.iter().map(|_| Ok(())).collect();
        let deliveries: Vec<Delivery<'_>> = events.iter().map(Delivery::from_outbox).collect();
        for consumer in self.deliveries.consumers() {
            let delivered = self.deliveries.deliver(consumer.as_ref(), &deliveries).await;
            for (outcome, delivered) in outcomes.iter_mut().zip(delivered) {
                if outcome.is_ok() {
                    *outcome = delivered;
                }
            }
        }
        outcomes
    }
}
