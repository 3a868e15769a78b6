//! The payment gateway.

use async_trait::async_trait;

use crate::error::Result;
use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;

/// Takes and returns money at a provider.
///
/// * Every call MUST carry the provider an idempotency key derived from the payment or refund id,
///   so that repeating a call never moves money twice and answers as the first one did.
/// * A call whose outcome is not certain MUST answer `Unknown`, never a failure.
/// * A call MUST end within `GATEWAY_CALL_MAX`.
/// * A key that was used before for something else MUST move no money.
/// * Positions of changes MUST only ever rise, as long as the books are the same.
/// * A notice MUST be authentic and fresh to be read at all.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// Its name: where its webhooks come in, and whose cursor is kept.
    fn name(&self) -> &'static str;

    /// The method that a payment token is of; `None` when the gateway knows no such token.
    fn method_of(&self, payment_token: &str) -> Option<PaymentMethod>;

    /// What may answer an action of the buyer; others are refused before the gateway is asked.
    fn answers(&self) -> &'static [&'static str];

    /// Takes the money, or tells what became of the same payment before.
    async fn charge(&self, charge: &Charge) -> ChargeOutcome;

    /// Passes on what the buyer's action gave, or tells what became of the payment before.
    async fn confirm(&self, charge: &Charge, answer: &str) -> ChargeOutcome;

    /// Makes sure that no money is taken for this payment from now on, or tells that it was.
    async fn cancel(&self, charge: &Charge) -> ChargeOutcome;

    /// Gives money of a payment back, or tells that it was given back before.
    async fn refund(&self, refund: &Refund) -> RefundOutcome;

    /// Charges that changed after a position, in the order of their changes; a charge that changes
    /// again comes again, at its new position.
    async fn changes(&self, after: i64, limit: usize) -> Result<Vec<ChargeRecord>>;

    /// The charges of these payments, in any order; those that the books do not have are missing.
    async fn charges(&self, payments: &[PaymentId]) -> Result<Vec<ChargeRecord>>;

    /// The header by which the signature of a notice comes, in lower case.
    fn signature_header(&self) -> &'static str;

    /// Reads a notice that came by webhook: the raw body, and what the signature's header says.
    fn read_notice(
        &self,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, NoticeFault>;
}

/// How a buyer pays. More come with other gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentMethod {
    /// By a card.
    Card,
}

impl PaymentMethod {
    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "CARD",
        }
    }

    /// The method of that name.
    pub fn parse(name: &str) -> Option<Self> {
        (name == Self::Card.name()).then_some(Self::Card)
    }
}

/// Why a gateway took no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCode {
    /// The issuer declined and does not say why.
    CardDeclined,
    /// There is not enough money.
    InsufficientFunds,
    /// The card's time is over.
    ExpiredCard,
    /// The buyer failed, or refused, to prove that the card is hers.
    AuthenticationFailed,
    /// Anything else.
    GatewayRejected,
}

impl FailureCode {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::CardDeclined,
        Self::InsufficientFunds,
        Self::ExpiredCard,
        Self::AuthenticationFailed,
        Self::GatewayRejected,
    ];

    /// The name that the database, events and gateways use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardDeclined => "card_declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::ExpiredCard => "expired_card",
            Self::AuthenticationFailed => "authentication_failed",
            Self::GatewayRejected => "gateway_rejected",
        }
    }

    /// The code of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
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
        /// Why.
        failure_code: FailureCode,
    },
    /// The buyer has to do something more, such as 3-D Secure.
    RequiresAction {
        /// Where.
        redirect_url: String,
    },
    /// It was cancelled before anything was taken, for good.
    Canceled,
    /// Nobody knows yet; asking again with the same payment tells.
    Unknown,
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money was given back.
    Made,
    /// Nobody knows yet; asking again with the same refund tells.
    Unknown,
    /// It was not made, and will not be unless something changes at the gateway: it is more than is
    /// left of what was taken, or its key was used for another one.
    Refused,
}

/// A charge as the gateway has it in its books.
#[derive(Clone, Debug)]
pub struct ChargeRecord {
    /// The payment it was asked for; `None` when its key is not one of ours.
    pub payment_id: Option<PaymentId>,
    /// The gateway's own reference.
    pub gateway_reference: String,
    /// How much was asked for.
    pub amount: Money,
    /// What became of it.
    pub outcome: ChargeOutcome,
    /// What was given back of it.
    pub refunds: Vec<RefundRecord>,
    /// Where its last change stands among all changes.
    pub position: i64,
    /// When that was, by the gateway's clock.
    pub change_time: Timestamp,
}

/// A refund as the gateway has it in its books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundRecord {
    /// The refund; `None` when its key is not one of ours.
    pub refund_id: Option<RefundId>,
    /// How much, in minor units.
    pub amount_minor: i64,
}

/// What a gateway tells by itself.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Unique among the gateway's notices; one that comes again has the same.
    pub notice_id: String,
    /// What it tells of, in the gateway's words.
    pub kind: String,
    /// The charge as it was then.
    pub charge: ChargeRecord,
}

/// Why a notice is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeFault {
    /// The signature is missing, malformed, wrong, or of another body.
    Forged,
    /// It was signed too long ago, or in the future.
    Stale,
    /// It is authentic and makes no sense.
    Unreadable,
}
