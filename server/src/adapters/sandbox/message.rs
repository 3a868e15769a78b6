//! The sandbox's charges as JSON: what its HTTP interface answers with, what its webhooks carry,
//! and what both fronts are made from.

use serde::{Deserialize, Serialize};

use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::time::Timestamp;
use crate::ports::gateway::{
    Charge, ChargeOutcome, ChargeRecord, FailureCode, Notice, NoticeFault, RefundRecord,
};

/// The life cycle of a charge, as callers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// Nothing is decided yet.
    Processing,
    /// The buyer has to do something more.
    RequiresAction,
    /// The money was taken.
    Succeeded,
    /// Nothing was taken.
    Failed,
    /// Nothing was or will be taken.
    Canceled,
}

/// A charge.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChargeMessage {
    /// The idempotency key it was made with.
    pub id: String,
    /// The sandbox's own reference.
    pub reference: String,
    /// The state now.
    pub state: ChargeState,
    /// ISO 4217 code.
    pub currency: String,
    /// How much was asked for.
    pub amount_minor: i64,
    /// Why it failed; empty unless it did.
    pub failure_code: String,
    /// Where the buyer has to do something more; empty unless he has.
    pub redirect_url: String,
    /// What was given back.
    pub refunds: Vec<RefundMessage>,
    /// Raised by every change of any charge.
    pub position: i64,
    /// When it last changed, in microseconds since 1970-01-01 UTC.
    pub change_time: i64,
}

/// Money that was given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefundMessage {
    /// The idempotency key it was made with.
    pub id: String,
    /// How much.
    pub amount_minor: i64,
}

/// Asks for a charge; its key is in the header `Idempotency-Key`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChargeRequest {
    /// ISO 4217 code.
    pub currency: String,
    /// How much.
    pub amount_minor: i64,
    /// A card, as a token.
    pub payment_token: String,
}

/// Tells what the buyer's action gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfirmRequest {
    /// `succeed` or `decline`.
    pub answer: String,
}

/// Asks for a refund; its key is in the header `Idempotency-Key`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefundRequest {
    /// The key of the charge.
    pub charge: String,
    /// ISO 4217 code.
    pub currency: String,
    /// How much.
    pub amount_minor: i64,
}

/// Asks for charges by their keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChargesRequest {
    /// As many as a page has at the most.
    pub keys: Vec<String>,
}

/// Charges that changed after a position, or that were asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangesMessage {
    /// In the order of their changes, or in any.
    pub charges: Vec<ChargeMessage>,
}

/// What a webhook carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoticeMessage {
    /// Unique; a notice that is posted again has the same.
    pub id: String,
    /// What it tells of, e.g. `charge.succeeded`.
    pub kind: String,
    /// The charge as it was then.
    pub charge: ChargeMessage,
}

impl ChargeRequest {
    /// The request for a charge.
    pub fn of(charge: &Charge) -> Self {
        Self {
            currency: charge.amount.currency.code().to_owned(),
            amount_minor: charge.amount.minor,
            payment_token: charge.payment_token.clone(),
        }
    }

    /// What is asked for, with its key; `None` when it makes no sense.
    pub fn charge(self, key: &str) -> Option<Charge> {
        let currency = Currency::parse(&self.currency)?;
        let minor = Some(self.amount_minor).filter(|minor| *minor > 0)?;
        let amount = Money { currency, minor };
        Some(Charge {
            payment_id: PaymentId::parse(key)?,
            amount,
            payment_token: self.payment_token,
        })
    }
}

impl ChargeMessage {
    /// What became of it, in the words of the port.
    pub fn outcome(&self) -> ChargeOutcome {
        match self.state {
            ChargeState::Processing => ChargeOutcome::Unknown,
            ChargeState::RequiresAction => {
                ChargeOutcome::RequiresAction { redirect_url: self.redirect_url.clone() }
            }
            ChargeState::Succeeded => {
                ChargeOutcome::Succeeded { gateway_reference: self.reference.clone() }
            }
            ChargeState::Canceled => ChargeOutcome::Canceled,
            ChargeState::Failed => {
                let failure_code = FailureCode::parse(&self.failure_code);
                let failure_code = failure_code.unwrap_or(FailureCode::GatewayRejected);
                ChargeOutcome::Failed { failure_code }
            }
        }
    }

    /// The charge in the words of the port; `None` when it makes no sense.
    pub fn record(&self) -> Option<ChargeRecord> {
        let currency = Currency::parse(&self.currency)?;
        let refunds = self.refunds.iter().map(|refund| RefundRecord {
            refund_id: RefundId::parse(&refund.id),
            amount_minor: refund.amount_minor,
        });
        Some(ChargeRecord {
            payment_id: PaymentId::parse(&self.id),
            gateway_reference: self.reference.clone(),
            amount: Money { currency, minor: self.amount_minor },
            outcome: self.outcome(),
            refunds: refunds.collect(),
            position: self.position,
            change_time: Timestamp::from_micros(self.change_time),
        })
    }

    /// Whether nothing more can become of it, but refunds.
    pub fn is_decided(&self) -> bool {
        !matches!(self.state, ChargeState::Processing | ChargeState::RequiresAction)
    }

    /// What a webhook about it calls its state.
    pub fn kind(&self) -> &'static str {
        match self.state {
            ChargeState::Processing => "charge.processing",
            ChargeState::RequiresAction => "charge.requires_action",
            ChargeState::Succeeded if self.refunds.is_empty() => "charge.succeeded",
            ChargeState::Succeeded => "charge.refunded",
            ChargeState::Failed => "charge.failed",
            ChargeState::Canceled => "charge.canceled",
        }
    }
}

impl NoticeMessage {
    /// Reads the body of a webhook.
    pub fn read(body: &[u8]) -> Result<Notice, NoticeFault> {
        let message: Self = serde_json::from_slice(body).map_err(|_| NoticeFault::Unreadable)?;
        let charge = message.charge.record().ok_or(NoticeFault::Unreadable)?;
        if message.id.is_empty() || message.id.len() > NOTICE_ID_LENGTH_MAX {
            return Err(NoticeFault::Unreadable);
        }
        Ok(Notice { notice_id: message.id, kind: message.kind, charge })
    }
}

/// Characters of a notice's id at the most.
const NOTICE_ID_LENGTH_MAX: usize = 128;
