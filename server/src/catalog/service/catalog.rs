//! What all use cases of the catalog share.

use std::sync::Arc;

use crate::booking::service::BookingService;
use crate::catalog::domain::event::Event;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{EventId, UserId};
use crate::ports::clock::Clock;
use crate::store::{Store, Tx};

/// Venues and events: made by organizers, read by everybody. Cheap to clone.
#[derive(Clone)]
pub struct CatalogService {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) booking: BookingService,
}

impl CatalogService {
    /// With this database and this clock, beside the sale of what it publishes.
    pub fn new(store: Store, clock: Arc<dyn Clock>, booking: BookingService) -> Self {
        Self { store, clock, booking }
    }
}

pub(super) fn no_venue() -> Error {
    Error::not_found("venue")
}

pub(super) fn no_event() -> Error {
    Error::not_found("event")
}

/// Whether the caller owns what this organizer owns.
pub(super) fn owns(caller: &Caller, organizer_id: UserId) -> bool {
    caller.may_see(SessionId::User(organizer_id))
}

/// Locks an event of the caller's and reads it.
pub(super) async fn lock_own_event(
    tx: &mut Tx,
    caller: &Caller,
    event_id: EventId,
) -> Result<Event> {
    tx.lock_event(event_id).await?;
    let event = tx.event(event_id).await?;
    event.filter(|event| owns(caller, event.organizer_id)).ok_or_else(no_event)
}

/// Whether the etag is that of this version; an empty one is that of any.
pub(super) fn is_etag_of(version: i64, etag: &str) -> bool {
    etag.is_empty() || etag == version.to_string()
}

/// What `attempt` came to, where nothing stands for an etag of another version: the caller has to
/// read anew, so that a second attempt would be for nothing.
pub(super) fn unless_stale<T>(outcome: Option<T>) -> Result<T> {
    outcome.ok_or_else(|| Reason::ChangedMeanwhile.into())
}
