//! Putting events on sale, taking them off sale and calling them off.

use super::CatalogService;
use super::catalog::{attempt, enter, lock_own_event};
use crate::booking;
use crate::catalog::domain::event::{Event, EventState};
use crate::catalog::events::{event_cancelled, event_published, event_unpublished};
use crate::error::Result;
use crate::identity;
use crate::kernel::caller::Caller;
use crate::kernel::id::{EventId, SeatId};
use crate::store::RequestKey;

impl CatalogService {
    /// Puts a draft of the caller's on sale with its whole inventory, or changes nothing. Answers
    /// with the event as it is when it is on sale already.
    pub async fn publish_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        attempt(|| self.try_publish_event(caller, key, event_id)).await
    }

    async fn try_publish_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let earlier = enter(&mut tx, key, event_id.uuid(), now).await?;
        let event = lock_own_event(&mut tx, caller, event_id).await?;
        let published = if earlier.is_some() { None } else { event.publish(now)? };
        if let Some(published) = &published {
            tx.update_event_state(published).await?;
            let inventory = tx.inventory_to_open(published).await?;
            booking::service::open_inventory(&mut tx, &inventory).await?;
            booking::service::describe_event(&mut tx, &published.facts()).await?;
            tx.forget_blocked(event_id).await?;
            tx.emit(event_published(published, inventory.seats.len(), now));
        }
        tx.commit().await?;
        Ok(published.unwrap_or(event))
    }

    /// Takes an event of the caller's off sale; it is a draft again, with the same seats blocked.
    /// Refused while anything of it is held, booked or sold. Answers with a draft as it is.
    pub async fn unpublish_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        attempt(|| self.try_unpublish_event(caller, key, event_id)).await
    }

    async fn try_unpublish_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let earlier = enter(&mut tx, key, event_id.uuid(), now).await?;
        let event = lock_own_event(&mut tx, caller, event_id).await?;
        let draft = if earlier.is_some() { None } else { event.unpublish(now)? };
        if let Some(draft) = &draft {
            tx.update_event_state(draft).await?;
            let blocked = booking::service::withdraw(&mut tx, event_id, now).await?;
            let blocked: Vec<SeatId> = blocked.into_iter().collect();
            tx.block(event_id, &blocked).await?;
            tx.emit(event_unpublished(draft, now));
        }
        tx.commit().await?;
        Ok(draft.unwrap_or(event))
    }

    /// Calls an event of the caller's off, for good. What was sold of it is given back one by one.
    /// Answers with the event as it is when it was called off before.
    pub async fn cancel_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        attempt(|| self.try_cancel_event(caller, key, event_id)).await
    }

    async fn try_cancel_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let earlier = enter(&mut tx, key, event_id.uuid(), now).await?;
        let event = lock_own_event(&mut tx, caller, event_id).await?;
        let cancelled = if earlier.is_some() { None } else { event.cancel() };
        if let Some(cancelled) = &cancelled {
            tx.update_event_state(cancelled).await?;
            if event.state == EventState::Published {
                booking::service::call_off(&mut tx, event_id).await?;
            }
            tx.forget_blocked(event_id).await?;
            tx.emit(event_cancelled(cancelled, now));
            let subject = event_id.to_string();
            identity::service::audit(&mut tx, key.session, "CancelEvent", &subject, now).await?;
        }
        tx.commit().await?;
        Ok(cancelled.unwrap_or(event))
    }
}
