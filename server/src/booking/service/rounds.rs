//! What goes on by itself.

use futures::future::join_all;

use super::{BookingService, CallOffBooking, LapseBooking, TakeOverGuest};
use crate::booking::store::Takeover;
use crate::error::Result;
use crate::kernel::id::EventId;
use crate::kernel::limits::SEAT_CHANGES_KEPT;

/// Bookings that one sweep moves on at the most.
const SWEEP_MAX: i64 = 500;
/// Guests that one sweep moves at the most.
const TAKEOVERS_MAX: i64 = 100;

impl BookingService {
    /// Ends holds whose time is over. Says whether there may be more.
    pub async fn sweep_holds(&self) -> Result<bool> {
        self.holds.sweep().await
    }

    /// Moves bookings on that were not paid, or not settled, in time. Says whether there may be
    /// more.
    pub async fn sweep_bookings(&self) -> Result<bool> {
        let mut over = self.store.read().await?.bookings_over(self.clock.now(), SWEEP_MAX).await?;
        if planted!(UnpaidBookingStays) {
            over.retain(|(_, _, settle_by_passed)| *settle_by_passed);
        }
        let lapses = over.iter().map(|(event_id, booking_id, settle_by_passed)| {
            let settle_by_passed = *settle_by_passed;
            self.lanes.run(*event_id, LapseBooking { booking_id: *booking_id, settle_by_passed })
        });
        all_of(join_all(lapses).await)?;
        Ok(i64::try_from(over.len()).is_ok_and(|count| count == SWEEP_MAX))
    }

    /// Forgets seat changes that no watcher will ask for any more. Says whether there may be more.
    pub async fn sweep_changes(&self) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let more = tx.sweep_changes(self.clock.now() - SEAT_CHANGES_KEPT).await?;
        tx.commit().await?;
        Ok(more)
    }

    /// Ends the holds of events that were called off and cancels their bookings. Says whether
    /// there may be more. What a server that is stopped has not done is done by the next one, and
    /// an event that fails holds up no other.
    pub async fn sweep_called_off(&self) -> Result<bool> {
        let events = self.store.read().await?.events_calling_off().await?;
        let mut rounds = Vec::with_capacity(events.len());
        for event_id in events {
            rounds.push(self.end_event(event_id).await);
        }
        all_of(rounds).map(|more| more.contains(&true))
    }

    /// Ends some of what an event that was called off has. Says whether there may be more.
    async fn end_event(&self, event_id: EventId) -> Result<bool> {
        let held = self.holds.call_off(event_id).await?;
        let live = self.store.read().await?.live_bookings_of(event_id, SWEEP_MAX).await?;
        let ends = live.iter().map(|id| self.lanes.run(event_id, CallOffBooking(*id)));
        all_of(join_all(ends).await)?;
        if held > 0 || !live.is_empty() {
            return Ok(true);
        }
        // Nothing of an event that is off can be held or booked any more, so that none is none.
        let mut tx = self.store.begin().await?;
        tx.end_calling_off(event_id).await?;
        tx.commit().await?;
        Ok(false)
    }

    /// Moves what guests have to the users who took them over. Says whether there may be more. A
    /// guest who cannot be moved holds up nobody else.
    pub async fn sweep_takeovers(&self) -> Result<bool> {
        let takeovers = self.store.read().await?.takeovers(TAKEOVERS_MAX).await?;
        let mut rounds = Vec::with_capacity(takeovers.len());
        for takeover in &takeovers {
            rounds.push(self.take_over(takeover).await);
        }
        all_of(rounds)?;
        Ok(i64::try_from(takeovers.len()).is_ok_and(|count| count == TAKEOVERS_MAX))
    }

    async fn take_over(&self, takeover: &Takeover) -> Result<()> {
        let (guest, user) = (takeover.guest, takeover.user);
        // Read to the end first, so that nothing is read while the lanes write.
        let events = self.store.read().await?.events_of(guest).await?;
        for event_id in events {
            self.lanes.run(event_id, TakeOverGuest { event_id, guest, user }).await?;
        }
        let mut tx = self.store.begin().await?;
        tx.delete_takeover(takeover).await?;
        tx.commit().await
    }
}

/// What all parts of a round came to, or the first failure: every part was tried by then.
fn all_of<T>(outcomes: Vec<Result<T>>) -> Result<Vec<T>> {
    outcomes.into_iter().collect()
}
