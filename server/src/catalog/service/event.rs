//! Making and reading events.

use super::CatalogService;
use super::catalog::{no_event, no_venue, owns};
use crate::booking;
use crate::booking::domain::inventory::SeatMap;
use crate::catalog::domain::event::{Event, EventState};
use crate::catalog::domain::event_draft::EventDraft;
use crate::catalog::domain::search::{EventFilter, Scope};
use crate::catalog::events::event_created;
use crate::error::{Reason, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::EventId;
use crate::kernel::page::{Page, PageRequest};
use crate::store::{RequestKey, Tx, attempt, enter};

/// Events that one sweep marks as over at the most.
const SWEEP_MAX: u32 = 500;

impl CatalogService {
    /// Creates a draft of an event at a venue of the caller's. It belongs to the venue's organizer,
    /// also when an admin makes it.
    pub async fn create_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        draft: &EventDraft,
    ) -> Result<Event> {
        attempt(|| async {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now();
            let event_id = EventId::new(now, rand::random());
            let event_id = match enter(&mut tx, key, event_id.uuid(), now).await? {
                Some(earlier) => earlier.into(),
                None => {
                    // Nobody remakes its sections before the draft is there.
                    tx.lock_venue(draft.venue_id()).await?;
                    let venue = tx.venue(draft.venue_id()).await?;
                    let venue = venue.filter(|venue| owns(caller, venue.organizer_id));
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
        })
        .await
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

    /// Takes events that are over out of the indexes of lists. Answers whether there may be more.
    pub async fn sweep_events(&self) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let marked = tx.mark_events_over(self.clock.now(), SWEEP_MAX.into()).await?;
        tx.commit().await?;
        Ok(marked == u64::from(SWEEP_MAX))
    }

    /// Reads every seat of a published event with its place, price and state, at one instant.
    /// Refused with `EventNotOnSale` for a draft that the caller may see.
    pub async fn seat_map(&self, caller: Option<&Caller>, event_id: EventId) -> Result<SeatMap> {
        let mut tx = self.store.read().await?;
        let event = visible_event(&mut tx, caller, event_id).await?;
        let never_sold = || Reason::EventNotOnSale.with("state", event.state.name());
        if event.state == EventState::Draft {
            return Err(never_sold());
        }
        booking::service::seat_map(&mut tx, event_id).await?.ok_or_else(never_sold)
    }
}

/// An event, whoever may see it; for other contexts.
pub async fn find_event(tx: &mut Tx, event_id: EventId) -> Result<Option<Event>> {
    tx.event(event_id).await
}

async fn visible_event(tx: &mut Tx, caller: Option<&Caller>, event_id: EventId) -> Result<Event> {
    let event = tx.event(event_id).await?;
    event.filter(|event| event.is_visible_to(caller)).ok_or_else(no_event)
}
