//! What payments learn from bookings and accounts.

use std::sync::Arc;

use async_trait::async_trait;

use super::events::cancelled_booking;
use super::service::{give_back_cancelled, take_over};
use crate::error::Result;
use crate::identity;
use crate::ports::bus::Consumer;
use crate::ports::clock::Clock;
use crate::store::{Event, Tx};

/// Has the gateway asked at once about the open payment of a booking that no longer wants its
/// money, gives back what a cancelled booking had paid, and gives a guest's payments to the user
/// who took them over.
pub struct FollowBookings {
    clock: Arc<dyn Clock>,
}

impl FollowBookings {
    /// By this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Consumer for FollowBookings {
    /// Names never change, so it still has that of its first duty.
    fn name(&self) -> &'static str {
        "payment.cancel_open_payments"
    }

    async fn consume(&self, tx: &mut Tx, event: &Event) -> Result<()> {
        // Not the event's time, which may be long ago: what is recorded now is due from now on.
        let now = self.clock.now();
        match event.kind.as_str() {
            "BookingSettling" | "BookingConfirmed" => {
                tx.hasten_open_payment(event.aggregate_id, now).await
            }
            "BookingCancelled" => {
                tx.hasten_open_payment(event.aggregate_id, now).await?;
                match cancelled_booking(event)? {
                    Some(cancelled) => give_back_cancelled(tx, &cancelled, now).await,
                    None => Ok(()),
                }
            }
            _ => match identity::service::takeover(event)? {
                Some((guest, user)) => take_over(tx, guest, user, now).await,
                None => Ok(()),
            },
        }
    }
}
