//! Making and reading venues.

use super::CatalogService;
use super::catalog::no_venue;
use crate::catalog::domain::venue::Venue;
use crate::catalog::domain::venue_draft::VenueDraft;
use crate::error::{Reason, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::{UserId, VenueId};
use crate::kernel::page::{Page, PageRequest};
use crate::store::{RequestKey, attempt, enter};

impl CatalogService {
    /// Creates a venue of the caller's with all its seats, or nothing. Answers without the seats.
    pub async fn create_venue(
        &self,
        caller: &Caller,
        key: &RequestKey,
        draft: &VenueDraft,
    ) -> Result<Venue> {
        attempt(|| async {
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
        })
        .await
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
}
