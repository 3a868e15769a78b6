//! Building and reading the views.

use async_trait::async_trait;

use super::domain::TimelineStep;
use super::events::timeline_entry;
use crate::error::{Error, Result};
use crate::identity;
use crate::kernel::caller::Caller;
use crate::kernel::id::BookingId;
use crate::ports::bus::Consumer;
use crate::store::{Event, Store, Tx};

/// Builds the timelines of bookings.
pub struct TimelineProjection;

#[async_trait]
impl Consumer for TimelineProjection {
    fn name(&self) -> &'static str {
        "reporting.timeline"
    }

    async fn consume(&self, tx: &mut Tx, event: &Event) -> Result<()> {
        if let Some((guest, user)) = identity::service::takeover(event)? {
            return tx.take_over_timelines(guest, user).await;
        }
        match timeline_entry(event)? {
            Some(entry) => tx.add_timeline_entry(&entry).await,
            None => Ok(()),
        }
    }
}

/// Reads the views.
#[derive(Clone)]
pub struct ReportingService {
    store: Store,
}

impl ReportingService {
    /// Of this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Every step of a booking, the oldest first.
    pub async fn timeline(
        &self,
        caller: &Caller,
        booking_id: BookingId,
    ) -> Result<Vec<TimelineStep>> {
        let mut tx = self.store.read().await?;
        let owner = tx.timeline_owner(booking_id).await?;
        owner.filter(|owner| caller.may_see(*owner)).ok_or_else(|| Error::not_found("booking"))?;
        tx.timeline(booking_id).await
    }
}
