//! The payment gateway.

use async_trait::async_trait;

use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::money::Money;

/// Takes and returns money at a provider.
///
/// * Every call MUST carry the provider an idempotency key derived from the payment or refund id,
///   so that repeating a call never moves money twice and answers as the first one did.
/// * A call whose outcome is not certain MUST answer `Unknown`, never a failure.
/// * A call MUST end within `GATEWAY_CALL_MAX`.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// Whether a payment token is of a form this gateway knows.
    fn knows_token(&self, payment_token: &str) -> bool;

    /// Takes the money, or tells what became of the same payment before.
    async fn charge(&self, charge: &Charge) -> ChargeOutcome;

    /// Makes sure that no money is taken for this payment from now on, or tells that it was.
    async fn cancel(&self, charge: &Charge) -> ChargeOutcome;

    /// Gives money of a payment back; `false` when it is not certain to have happened.
    async fn refund(&self, refund: &Refund) -> bool;
}

/// Money to be taken.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The payment; its id is the idempotency key.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
    /// What the gateway made of the buyer's card.
    pub payment_token: String,
}

/// Money to be given back.
#[derive(Clone, Debug)]
pub struct Refund {
    /// The refund; its id is the idempotency key.
    pub refund_id: RefundId,
    /// The payment it returns money of.
    pub payment_id: PaymentId,
    /// How much.
    pub amount: Money,
}

/// What became of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// The money was taken.
    Succeeded {
        /// The gateway's own reference.
        gateway_reference: String,
    },
    /// It was declined; nothing was taken.
    Failed {
        /// Why; one of the codes documented with `boxoffice.payment.v1.Payment.failure_code`.
        failure_code: &'static str,
    },
    /// It was cancelled before anything was taken, for good.
    Canceled,
    /// Nobody knows yet; asking again with the same payment tells.
    Unknown,
}
