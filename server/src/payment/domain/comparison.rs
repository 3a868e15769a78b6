//! Where our books and the gateway's differ.

use super::payment::{Payment, PaymentState};
use super::refund::{Refund, RefundState};
use crate::kernel::id::{PaymentId, RefundId};
use crate::ports::gateway::{ChargeOutcome, ChargeRecord};

/// How a payment or refund differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// The gateway has a charge that no payment of ours is.
    ChargeUnknown,
    /// Amount or currency are others.
    AmountDiffers,
    /// The gateway knew an outcome that we did not.
    OutcomeMissed,
    /// We say that money was taken, and the gateway does not.
    CaptureUnfounded,
    /// The gateway gave money back that we know nothing of, or another amount.
    RefundUnknown,
    /// The gateway had given money back, and we did not know yet.
    RefundMissed,
    /// We say that money was given back, and the gateway does not.
    RefundUnfounded,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How it differs.
    pub kind: DifferenceKind,
    /// The payment; `None` when the gateway's key is not one of ours.
    pub payment_id: Option<PaymentId>,
    /// The gateway's own reference; empty when it has none.
    pub gateway_reference: String,
    /// Both sides, in a sentence.
    pub detail: String,
    /// Whether our books have followed the gateway's; if not, an operator has to look.
    pub settled: bool,
}

impl DifferenceKind {
    /// Whether our books follow the gateway's by themselves. Money that nobody can be named for is
    /// an operator's affair: a server with the wrong database must not give all of it back.
    pub const fn settles(self) -> bool {
        matches!(self, Self::OutcomeMissed | Self::RefundMissed)
    }
}

/// What a charge of the gateway's came to.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Every difference.
    pub differences: Vec<Difference>,
    /// Whether the payment has to hear the gateway's outcome.
    pub hears: bool,
    /// Refunds of ours that turn out to be done.
    pub done: Vec<RefundId>,
}

/// Compares a charge of the gateway's with the payment and refunds of ours.
pub fn compare(theirs: &ChargeRecord, ours: Option<(&Payment, &[Refund])>) -> Compared {
    let mut compared = Compared::default();
    let mut differ = |kind: DifferenceKind, detail: String| {
        compared.differences.push(Difference {
            kind,
            payment_id: theirs.payment_id,
            gateway_reference: theirs.gateway_reference.clone(),
            detail,
            settled: kind.settles(),
        });
    };
    let seen = name(&theirs.outcome);
    let Some((payment, refunds)) = ours else {
        differ(DifferenceKind::ChargeUnknown, format!("the gateway says {seen}, we know nothing"));
        return compared;
    };
    if theirs.amount != payment.amount {
        let (their, our) = (theirs.amount, payment.amount);
        differ(
            DifferenceKind::AmountDiffers,
            format!(
                "the gateway says {} {:?}, we say {} {:?}",
                their.minor, their.currency, our.minor, our.currency
            ),
        );
        return compared;
    }
    let state = payment.state.name();
    let captured = matches!(theirs.outcome, ChargeOutcome::Succeeded { .. });
    let over = captured
        || matches!(theirs.outcome, ChargeOutcome::Failed { .. } | ChargeOutcome::Canceled);
    let hears = match payment.state {
        PaymentState::Succeeded => false,
        PaymentState::Failed | PaymentState::Canceled => captured,
        PaymentState::Pending | PaymentState::RequiresAction | PaymentState::Unknown => over,
    };
    if payment.state == PaymentState::Succeeded && !captured {
        differ(
            DifferenceKind::CaptureUnfounded,
            format!("the gateway says {seen}, we say {state}"),
        );
    }
    if hears {
        differ(DifferenceKind::OutcomeMissed, format!("the gateway says {seen}, we say {state}"));
    }
    let mut done = Vec::new();
    for refund in refunds {
        let found = theirs.refunds.iter().any(|their| their.refund_id == Some(refund.refund_id));
        let id = refund.refund_id;
        match (refund.state, found) {
            (RefundState::Pending, true) => {
                differ(DifferenceKind::RefundMissed, format!("the gateway has made {id}"));
                done.push(id);
            }
            (RefundState::Succeeded, false) => {
                differ(DifferenceKind::RefundUnfounded, format!("the gateway has not made {id}"));
            }
            (RefundState::Pending, false) | (RefundState::Succeeded, true) => {}
        }
    }
    for their in &theirs.refunds {
        let ours = refunds.iter().find(|refund| their.refund_id == Some(refund.refund_id));
        if ours.is_none_or(|refund| refund.amount.minor != their.amount_minor) {
            let (minor, ours) = (their.amount_minor, ours.map_or(0, |refund| refund.amount.minor));
            let detail = format!("the gateway gave {minor} back, we say {ours}");
            differ(DifferenceKind::RefundUnknown, detail);
        }
    }
    Compared { hears, done, ..compared }
}

const fn name(outcome: &ChargeOutcome) -> &'static str {
    match outcome {
        ChargeOutcome::Succeeded { .. } => "SUCCEEDED",
        ChargeOutcome::Failed { .. } => "FAILED",
        ChargeOutcome::RequiresAction { .. } => "REQUIRES_ACTION",
        ChargeOutcome::Canceled => "CANCELED",
        ChargeOutcome::Unknown => "PENDING",
    }
}

#[cfg(test)]
#[path = "comparison_tests.rs"]
mod tests;
