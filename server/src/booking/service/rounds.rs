//! What goes on by itself.

use futures::future::join_all;

use super::{BookingService, CallOffBooking, LapseBooking, TakeOverGuest};
use crate::error::Result;
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
        let over = self.store.read().await?.bookings_over(self.clock.now(), SWEEP_MAX).await?;
        let lapses = over.iter().map(|(event_id, booking_id, settle_by_passed)| {
            let settle_by_passed = *settle_by_passed;
            self.lanes.run(*event_id, LapseBooking { booking_id: *booking_id, settle_by_passed })
        });
        for lapsed in join_all(lapses).await {
            lapsed?;
        }
        Ok(i64::try_from(over.len()).is_ok_and(|count| count == SWEEP_MAX))
    }

    /// Forgets seat changes that no watcher will ask for any more. Says whether there may be more.
    pub async fn sweep_changes(&self) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let more = tx.sweep_changes(self.clock.now() - SEAT_CHANGES_KEPT).await?;
        tx.commit().await?;
        Ok(more)
    }

    /// Cancels bookings of events that were called off. Says whether there may be more. What a
    /// server that is stopped has not done is done by the next one.
    pub async fn sweep_called_off(&self) -> Result<bool> {
        let mut more = false;
        let events = self.store.read().await?.events_calling_off().await?;
        for event_id in events {
            let live = self.store.read().await?.live_bookings_of(event_id, SWEEP_MAX).await?;
            let ends = live.iter().map(|id| self.lanes.run(event_id, CallOffBooking(*id)));
            for ended in join_all(ends).await {
                ended?;
            }
            // Nothing of an event that is off can be booked any more, so that none is none.
            if live.is_empty() {
                let mut tx = self.store.begin().await?;
                tx.end_calling_off(event_id).await?;
                tx.commit().await?;
            } else {
                more = true;
            }
        }
        Ok(more)
    }

    /// Moves what guests have to the users who took them over. Says whether there may be more.
    pub async fn sweep_takeovers(&self) -> Result<bool> {
        let takeovers = self.store.read().await?.takeovers(TAKEOVERS_MAX).await?;
        for takeover in &takeovers {
            let (guest, user) = (takeover.guest, takeover.user);
            for event_id in self.store.read().await?.events_of(guest).await? {
                self.lanes.run(event_id, TakeOverGuest { event_id, guest, user }).await?;
            }
            let mut tx = self.store.begin().await?;
            tx.delete_takeover(takeover).await?;
            tx.commit().await?;
        }
        Ok(i64::try_from(takeovers.len()).is_ok_and(|count| count == TAKEOVERS_MAX))
    }
}
