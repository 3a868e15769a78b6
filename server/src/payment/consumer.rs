//! What payments learn from bookings.

use async_trait::async_trait;

use crate::error::Result;
use crate::ports::bus::Consumer;
use crate::store::{Event, Tx};

/// Has the gateway asked at once about the open payment of a booking that no longer wants its
/// money: it is cancelled there, or its money is given back.
pub struct CancelOpenPayments;

#[async_trait]
impl Consumer for CancelOpenPayments {
    fn name(&self) -> &'static str {
        "payment.cancel_open_payments"
    }

    async fn consume(&self, tx: &mut Tx, event: &Event) -> Result<()> {
        match event.kind.as_str() {
            "BookingSettling" | "BookingCancelled" | "BookingConfirmed" => {
                tx.hasten_open_payment(event.aggregate_id, event.occur_time).await
            }
            _ => Ok(()),
        }
    }
}
