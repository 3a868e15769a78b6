//! What bookings learn from others.

use async_trait::async_trait;

use super::service::request_takeover;
use crate::error::Result;
use crate::identity;
use crate::ports::bus::Consumer;
use crate::store::{Event, Tx};

/// Has a guest's holds, bookings and tickets moved to the user who took the guest over.
pub struct TakeOverGuests;

#[async_trait]
impl Consumer for TakeOverGuests {
    fn name(&self) -> &'static str {
        "booking.take_over_guests"
    }

    async fn consume(&self, tx: &mut Tx, event: &Event) -> Result<()> {
        match identity::service::takeover(event)? {
            Some((guest, user)) => request_takeover(tx, guest, user, event.occur_time).await,
            None => Ok(()),
        }
    }
}
