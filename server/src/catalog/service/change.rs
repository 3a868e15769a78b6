//! Changing venues and events.

use super::CatalogService;
use super::catalog::{is_etag_of, lock_own_event, no_event, no_venue, owns, unless_stale};
use crate::booking;
use crate::catalog::domain::event::{Event, EventState};
use crate::catalog::domain::event_change::EventChange;
use crate::catalog::domain::venue::Venue;
use crate::catalog::domain::venue_change::{VenueChange, sections_gone};
use crate::catalog::events::event_updated;
use crate::error::{Reason, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::{EventId, VenueId};
use crate::kernel::page::Cursor;
use crate::kernel::time::Timestamp;
use crate::store::{RequestKey, Tx, attempt, enter};

impl CatalogService {
    /// Changes fields of a venue of the caller's. Answers without the seats.
    pub async fn update_venue(
        &self,
        caller: &Caller,
        key: &RequestKey,
        venue_id: VenueId,
        etag: &str,
        change: &VenueChange,
    ) -> Result<Venue> {
        let outcome = attempt(|| async {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now();
            let earlier = enter(&mut tx, key, venue_id.uuid(), now).await?;
            tx.lock_venue(venue_id).await?;
            let venue = if change.remakes_sections() {
                tx.venue_with_seats(venue_id).await?
            } else {
                tx.venue(venue_id).await?
            };
            let venue =
                venue.filter(|venue| owns(caller, venue.organizer_id)).ok_or_else(no_venue)?;
            if earlier.is_none() {
                if !is_etag_of(venue.version, etag) {
                    return Ok(None);
                }
                if let Some(changed) = change.apply(&venue, now, rand::random)? {
                    save_venue(&mut tx, &venue, &changed, now).await?;
                }
            }
            let venue = tx.venue(venue_id).await?.ok_or_else(no_venue)?;
            tx.commit().await?;
            Ok(Some(venue))
        });
        unless_stale(outcome.await?)
    }

    /// Changes fields of an event of the caller's, as far as its state allows.
    pub async fn update_event(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
        etag: &str,
        change: &EventChange,
    ) -> Result<Event> {
        let outcome = attempt(|| async {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now();
            let earlier = enter(&mut tx, key, event_id.uuid(), now).await?;
            let event = lock_own_event(&mut tx, caller, event_id).await?;
            if earlier.is_none() {
                if !is_etag_of(event.version, etag) {
                    return Ok(None);
                }
                let venue = tx.venue(event.venue_id).await?.ok_or_else(no_venue)?;
                if let Some(changed) = change.apply(&event, &venue, now, rand::random)? {
                    tx.update_event(&changed).await?;
                    if changed.state == EventState::Published {
                        let start = changed.start_time;
                        booking::service::move_start(&mut tx, event_id, start).await?;
                        booking::service::describe_event(&mut tx, &changed.facts()).await?;
                    }
                    tx.emit(event_updated(&changed, now));
                }
            }
            let event = tx.event(event_id).await?.ok_or_else(no_event)?;
            tx.commit().await?;
            Ok(Some(event))
        });
        unless_stale(outcome.await?)
    }
}

/// Writes a venue. Its sections change only while nothing that they are part of is on sale, and
/// none that a draft sells goes.
async fn save_venue(tx: &mut Tx, before: &Venue, after: &Venue, now: Timestamp) -> Result<()> {
    let venue_id = after.venue_id;
    if before.sections != after.sections {
        if let Some(event_id) = tx.event_on_sale_at(venue_id, now).await? {
            return Err(Reason::VenueOnSale.with("event_id", event_id));
        }
        let gone = sections_gone(before, after);
        let sold = tx.sections_of_drafts(venue_id).await?;
        if let Some((section_id, event_id)) = sold.iter().find(|(id, _)| gone.contains(id)) {
            let mut refusal = Reason::SectionInUse.rejection();
            refusal.metadata.push(("section_id", section_id.to_string()));
            refusal.metadata.push(("event_id", event_id.to_string()));
            return Err(refusal.into());
        }
        tx.replace_sections(after).await?;
    }
    tx.update_venue(after).await?;
    let summary = after.summary();
    if summary != before.summary() {
        tx.renew_search_keys(venue_id, &summary).await?;
        let mut after = Cursor::FIRST;
        loop {
            let events = tx.events_on_sale_at(venue_id, now, after).await?;
            let Some(last) = events.last() else { break };
            after = Cursor { position: last.end_time.micros(), id: last.event_id.uuid() };
            for event in &events {
                booking::service::describe_event(tx, &event.facts()).await?;
            }
        }
    }
    Ok(())
}
