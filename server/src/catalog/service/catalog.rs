//! What all use cases of the catalog share.

use std::future::Future;
use std::sync::Arc;

use uuid::Uuid;

use crate::booking::service::BookingService;
use crate::catalog::domain::event::Event;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{EventId, UserId};
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::store::{Recollection, Remembered, RequestKey, Store, Tx};

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

/// Enters the request, or answers with what an equal one made before. This is the first thing a
/// unit of work writes: an equal request that runs at the same time waits here for the outcome.
pub(super) async fn enter(
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

/// Runs a unit of work, and once more if it lost a race: an equal request may have come first. It
/// has committed by then, so that the second attempt answers with what it made.
pub(super) async fn attempt<T, Work>(work: impl Fn() -> Work) -> Result<T>
where
    Work: Future<Output = Result<T>>,
{
    let outcome = work().await;
    match &outcome {
        Err(error) if error.reason() == Some(Reason::ChangedMeanwhile) => work().await,
        _ => outcome,
    }
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

/// Refuses if the etag is that of another version; an empty one is that of any.
pub(super) fn check_etag(etag: &str, version: i64) -> Result<()> {
    if etag.is_empty() || etag == version.to_string() {
        Ok(())
    } else {
        Err(Reason::ChangedMeanwhile.into())
    }
}
