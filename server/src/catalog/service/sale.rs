//! Putting events on sale, taking them off sale and calling them off.

use super::CatalogService;
use super::catalog::lock_own_event;
use crate::booking;
use crate::catalog::domain::event::{Event, EventState};
use crate::catalog::events::{event_cancelled, event_published, event_unpublished};
use crate::error::Result;
use crate::identity;
use crate::kernel::caller::Caller;
use crate::kernel::id::{EventId, SeatId};
use crate::kernel::time::Timestamp;
use crate::store::{RequestKey, Tx, attempt, enter};

/// A step in the life of an event.
#[derive(Clone, Copy)]
enum SaleStep {
    Publish,
    Unpublish,
    Cancel,
}

impl CatalogService {
    /// Puts a draft of the caller's on sale with its whole inventory, or changes nothing. Answers
    /// with the event as it is when it is on sale already.
    pub async fn publish_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        attempt(|| self.take_step(caller, key, event_id, SaleStep::Publish)).await
    }

    /// Takes an event of the caller's off sale; it is a draft again, with the same seats blocked.
    /// Refused while anything of it is held, booked or sold. Answers with a draft as it is.
    pub async fn unpublish_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        attempt(|| self.take_step(caller, key, event_id, SaleStep::Unpublish)).await
    }

    /// Calls an event of the caller's off, for good. What was sold of it is given back one by one.
    /// Answers with the event as it is when it was called off before.
    pub async fn cancel_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        attempt(|| self.take_step(caller, key, event_id, SaleStep::Cancel)).await
    }

    async fn take_step(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
        step: SaleStep,
    ) -> Result<Event> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let earlier = enter(&mut tx, key, event_id.uuid(), now).await?;
        let before = lock_own_event(&mut tx, caller, event_id).await?;
        let after = match step {
            _ if earlier.is_some() => None,
            SaleStep::Publish => before.publish(now)?,
            SaleStep::Unpublish => before.unpublish(now)?,
            SaleStep::Cancel => before.cancel(),
        };
        if let Some(after) = &after {
            tx.update_event_state(after).await?;
            match step {
                SaleStep::Publish => open(&mut tx, after, now).await?,
                SaleStep::Unpublish => withdraw(&mut tx, after, now).await?,
                SaleStep::Cancel => call_off(&mut tx, key, &before, after, now).await?,
            }
        }
        tx.commit().await?;
        Ok(after.unwrap_or(before))
    }
}

async fn open(tx: &mut Tx, event: &Event, now: Timestamp) -> Result<()> {
    let inventory = tx.inventory_to_open(event).await?;
    booking::service::open_inventory(tx, &inventory).await?;
    booking::service::describe_event(tx, &event.facts()).await?;
    tx.forget_blocked(event.event_id).await?;
    tx.emit(event_published(event, inventory.seats.len(), now));
    Ok(())
}

async fn withdraw(tx: &mut Tx, event: &Event, now: Timestamp) -> Result<()> {
    let blocked = booking::service::withdraw(tx, event.event_id, now).await?;
    let blocked: Vec<SeatId> = blocked.into_iter().collect();
    tx.block(event.event_id, &blocked).await?;
    tx.emit(event_unpublished(event, now));
    Ok(())
}

async fn call_off(
    tx: &mut Tx,
    key: &RequestKey,
    before: &Event,
    after: &Event,
    now: Timestamp,
) -> Result<()> {
    let event_id = after.event_id;
    if before.state == EventState::Published {
        booking::service::call_off(tx, event_id).await?;
    }
    tx.forget_blocked(event_id).await?;
    tx.emit(event_cancelled(after, now));
    identity::service::audit(tx, key.session, "CancelEvent", &event_id.to_string(), now).await
}
