//! The use cases of the catalog.

use std::sync::Arc;

use uuid::Uuid;

use super::domain::event::Event;
use super::domain::event_draft::EventDraft;
use super::domain::search::{EventFilter, Scope};
use super::domain::venue::Venue;
use super::domain::venue_draft::VenueDraft;
use super::events::{event_created, event_published};
use crate::booking;
use crate::booking::domain::inventory::SeatMap;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{EventId, UserId, VenueId};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::store::{Recollection, Remembered, RequestKey, Store, Tx};

/// Venues and events: made by organizers, read by everybody. Cheap to clone.
#[derive(Clone)]
pub struct CatalogService {
    store: Store,
    clock: Arc<dyn Clock>,
}

fn no_venue() -> Error {
    Error::not_found("venue")
}

fn no_event() -> Error {
    Error::not_found("event")
}

/// Enters the request, or answers with what an equal one made before. This is the first thing a
/// unit of work writes: an equal request that runs at the same time waits here for the outcome.
async fn enter(
    tx: &mut Tx,
    key: &RequestKey,
    resource: Uuid,
    now: Timestamp,
) -> Result<Option<Uuid>> {
    let mut recollection = Recollection::load(tx, [key]).await?;
    match recollection.check(key)? {
        Remembered::Resource(earlier) => Ok(Some(earlier)),
        Remembered::New => {
            recollection.remember(key, resource);
            recollection.save(tx, now).await?;
            Ok(None)
        }
    }
}

/// Whether an equal request may have come first. It has committed by then, so that a second attempt
/// answers with what it made.
fn lost_a_race<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(error) if error.reason() == Some(Reason::ChangedMeanwhile))
}

impl CatalogService {
    /// With this database and this clock.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Creates a venue of the caller's with all its seats, or nothing. Answers without the seats.
    pub async fn create_venue(
        &self,
        caller: &Caller,
        key: &RequestKey,
        draft: &VenueDraft,
    ) -> Result<Venue> {
        let outcome = self.try_create_venue(caller, key, draft).await;
        if lost_a_race(&outcome) {
            return self.try_create_venue(caller, key, draft).await;
        }
        outcome
    }

    async fn try_create_venue(
        &self,
        caller: &Caller,
        key: &RequestKey,
        draft: &VenueDraft,
    ) -> Result<Venue> {
        let organizer_id = caller.user_id().ok_or(Reason::RoleMissing)?;
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let venue_id = VenueId::new(now, rand::random());
        let venue_id = match enter(&mut tx, key, venue_id.uuid(), now).await? {
            Some(earlier) => earlier.into(),
            None => {
                let venue = draft.build(venue_id, organizer_id, now, rand::random);
                tx.insert_venue(&venue).await?;
                venue_id
            }
        };
        let venue = tx.venue(venue_id).await?.ok_or_else(no_venue)?;
        tx.commit().await?;
        Ok(venue)
    }

    /// Reads a venue with all its seats.
    pub async fn venue(&self, venue_id: VenueId) -> Result<Venue> {
        let mut tx = self.store.read().await?;
        tx.venue_with_seats(venue_id).await?.ok_or_else(no_venue)
    }

    /// Lists venues without their sections, the newest first: one organizer's, or everybody's.
    pub async fn venues(
        &self,
        organizer_id: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<Venue>> {
        self.store.read().await?.venues(organizer_id, page).await
    }

    /// Creates a draft of an event at a venue of the caller's. It belongs to the venue's organizer,
    /// also when an admin makes it.
    pub async fn create_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        draft: &EventDraft,
    ) -> Result<Event> {
        let outcome = self.try_create_event(caller, key, draft).await;
        if lost_a_race(&outcome) {
            return self.try_create_event(caller, key, draft).await;
        }
        outcome
    }

    async fn try_create_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        draft: &EventDraft,
    ) -> Result<Event> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let event_id = EventId::new(now, rand::random());
        let event_id = match enter(&mut tx, key, event_id.uuid(), now).await? {
            Some(earlier) => earlier.into(),
            None => {
                let venue = tx.venue(draft.venue_id()).await?;
                let venue = venue.filter(|v| caller.may_see(SessionId::User(v.organizer_id)));
                let venue = venue.ok_or_else(no_venue)?;
                let event = draft.build(event_id, &venue, now, rand::random)?;
                tx.insert_event(&event).await?;
                tx.emit(event_created(&event, now));
                event_id
            }
        };
        let event = tx.event(event_id).await?.ok_or_else(no_event)?;
        tx.commit().await?;
        Ok(event)
    }

    /// Puts a draft of the caller's on sale with its whole inventory, or changes nothing. Answers
    /// with the event as it is when it is on sale already.
    pub async fn publish_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
    ) -> Result<Event> {
        let outcome = self.try_publish_event(caller, key, event_id).await;
        if lost_a_race(&outcome) {
            return self.try_publish_event(caller, key, event_id).await;
        }
        outcome
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
        tx.lock_event(event_id).await?;
        let event = tx.event(event_id).await?;
        let event = event.filter(|event| caller.may_see(SessionId::User(event.organizer_id)));
        let event = event.ok_or_else(no_event)?;
        let published = if earlier.is_some() { None } else { event.publish(now)? };
        if let Some(published) = &published {
            tx.update_event_state(published).await?;
            let inventory = tx.inventory_to_open(published).await?;
            booking::service::open_inventory(&mut tx, &inventory).await?;
            tx.emit(event_published(published, inventory.seats.len(), now));
        }
        tx.commit().await?;
        Ok(published.unwrap_or(event))
    }

    /// Reads an event. Drafts are there for their organizer and admins only.
    pub async fn event(&self, caller: Option<&Caller>, event_id: EventId) -> Result<Event> {
        visible_event(&mut self.store.read().await?, caller, event_id).await
    }

    /// Lists the events of the scope that match the filter, by start time and then id.
    pub async fn events(
        &self,
        scope: Scope,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>> {
        let mut tx = self.store.read().await?;
        tx.events(scope, filter, page, self.clock.now()).await
    }

    /// Reads every seat of a published event with its place, price and state, at one instant.
    /// Refused with `EventNotOnSale` for a draft that the caller may see.
    pub async fn seat_map(&self, caller: Option<&Caller>, event_id: EventId) -> Result<SeatMap> {
        let mut tx = self.store.read().await?;
        let event = visible_event(&mut tx, caller, event_id).await?;
        let map = booking::service::seat_map(&mut tx, event_id).await?;
        map.ok_or_else(|| Reason::EventNotOnSale.with("state", event.state.name()))
    }
}

async fn visible_event(tx: &mut Tx, caller: Option<&Caller>, event_id: EventId) -> Result<Event> {
    let event = tx.event(event_id).await?;
    event.filter(|event| event.is_visible_to(caller)).ok_or_else(no_event)
}
