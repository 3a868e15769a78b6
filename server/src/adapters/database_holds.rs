//! Holds in the database itself: states of the seats' own rows, changed in the lanes.

use async_trait::async_trait;

use crate::booking::domain::hold::Hold;
use crate::booking::domain::place::{PlacesChange, PlacesWanted};
use crate::booking::service::{
    CallOffHold, ChangeHold, ExpireHold, ExtendHold, HoldSeats, ReleaseHold, active_holds,
    active_holds_at, find_hold, holds_over,
};
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{EventId, HoldId};
use crate::kernel::page::PageRequest;
use crate::ports::clock::Clock;
use crate::ports::holds::{HoldChange, Holds};
use crate::store::{Lanes, Store};

use std::sync::Arc;
use std::time::Duration;

/// Holds that one sweep ends at the most.
const SWEEP_MAX: i64 = 500;

/// Holds kept by the database.
pub struct DatabaseHolds {
    store: Store,
    lanes: Lanes,
    clock: Arc<dyn Clock>,
}

impl DatabaseHolds {
    /// In this database.
    pub fn new(store: Store, lanes: Lanes, clock: Arc<dyn Clock>) -> Self {
        Self { store, lanes, clock }
    }
}

#[async_trait]
impl Holds for DatabaseHolds {
    async fn hold(&self, wanted: PlacesWanted) -> Result<Hold> {
        self.lanes.run(wanted.event_id, HoldSeats(wanted)).await
    }

    async fn change(&self, change: HoldChange, places: PlacesChange) -> Result<Hold> {
        self.lanes.run(change.event_id, ChangeHold(change, places)).await
    }

    async fn extend(&self, change: HoldChange) -> Result<Hold> {
        self.lanes.run(change.event_id, ExtendHold(change)).await
    }

    async fn release(&self, change: HoldChange) -> Result<Hold> {
        self.lanes.run(change.event_id, ReleaseHold(change)).await
    }

    async fn find(&self, hold_id: HoldId) -> Result<Option<Hold>> {
        find_hold(&mut self.store.read().await?, hold_id).await
    }

    async fn list(
        &self,
        session: SessionId,
        event_id: Option<EventId>,
        page: &PageRequest,
    ) -> Result<Vec<Hold>> {
        let mut tx = self.store.read().await?;
        active_holds(&mut tx, session, event_id, self.clock.now(), page).await
    }

    async fn freeze(&self, _: HoldId) -> Result<()> {
        // The claim reads the hold and changes it in one transaction: nothing can come between.
        Ok(())
    }

    async fn thaw(&self, _: HoldId) -> Result<()> {
        Ok(())
    }

    async fn call_off(&self, event_id: EventId) -> Result<usize> {
        let holds = active_holds_at(&mut self.store.read().await?, event_id, SWEEP_MAX).await?;
        let ends = holds.iter().map(|hold_id| self.lanes.run(event_id, CallOffHold(*hold_id)));
        for ended in futures::future::join_all(ends).await {
            ended?;
        }
        Ok(holds.len())
    }

    async fn sweep(&self) -> Result<bool> {
        let mut now = self.clock.now();
        if planted!(SweepOfALiveHold) {
            now = now + Duration::from_secs(60 * 60);
        }
        let over = holds_over(&mut self.store.read().await?, now, SWEEP_MAX).await?;
        let ends = over.iter().map(|(event, hold)| self.lanes.run(*event, ExpireHold(*hold)));
        for ended in futures::future::join_all(ends).await {
            ended?;
        }
        Ok(i64::try_from(over.len()).is_ok_and(|count| count == SWEEP_MAX))
    }
}
