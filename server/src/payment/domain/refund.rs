//! What a refund is.

use crate::kernel::id::{BookingId, EventId, PaymentId, RefundId};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;
use crate::ports::gateway::RefundRecord;

/// The life cycle of a refund. It has no failure: the gateway is asked until the money is back,
/// also if it refuses, which is told of as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Recorded; the gateway has not said that it is done.
    Pending,
    /// The money is back.
    Succeeded,
}

impl RefundState {
    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Succeeded => "SUCCEEDED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pending, Self::Succeeded].into_iter().find(|state| state.name() == name)
    }
}

/// Money given back, or to be given back.
#[derive(Clone, Debug)]
pub struct Refund {
    /// The refund.
    pub refund_id: RefundId,
    /// The payment it returns money of.
    pub payment_id: PaymentId,
    /// The booking that was paid.
    pub booking_id: BookingId,
    /// The booking's event.
    pub event_id: EventId,
    /// The state now.
    pub state: RefundState,
    /// How much.
    pub amount: Money,
    /// What it follows from, e.g. `second_capture`.
    pub cause: String,
    /// What whoever asked for it says about it; empty if nothing.
    pub reason: String,
    /// How often the gateway was asked in vain.
    pub ask_count: u32,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it last changed.
    pub update_time: Timestamp,
}

impl Refund {
    /// Whether a refund in the gateway's books is this one: of its key and its amount.
    pub fn is(&self, their: &RefundRecord) -> bool {
        their.refund_id == Some(self.refund_id) && their.amount_minor == self.amount.minor
    }
}
