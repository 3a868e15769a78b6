//! Where our books and the gateway's differ.

use super::payment::{Payment, PaymentState};
use super::refund::{Refund, RefundState};
use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::limits::REFUND_DURATION_MAX;
use crate::kernel::time::Timestamp;
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
    /// The gateway has not given money back for so long that it may refuse to.
    RefundOverdue,
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

/// Compares a charge of the gateway's with the payment and refunds of ours. Theirs were read first:
/// that we know more than they counts only if we have known it since `before` that.
pub fn compare(
    theirs: &ChargeRecord,
    ours: Option<(&Payment, &[Refund])>,
    before: Timestamp,
) -> Compared {
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
    if payment.state == PaymentState::Succeeded && !captured && payment.update_time < before {
        differ(
            DifferenceKind::CaptureUnfounded,
            format!("the gateway says {seen}, we say {state}"),
        );
    }
    if hears {
        differ(DifferenceKind::OutcomeMissed, format!("the gateway says {seen}, we say {state}"));
    }
    let done = compare_refunds(theirs, refunds, before, &mut differ);
    Compared { hears, done, ..compared }
}

/// Compares the refunds of a charge. Answers with those of ours that turn out to be done.
fn compare_refunds(
    theirs: &ChargeRecord,
    ours: &[Refund],
    before: Timestamp,
    differ: &mut impl FnMut(DifferenceKind, String),
) -> Vec<RefundId> {
    let mut done = Vec::new();
    for refund in ours {
        let id = refund.refund_id;
        let their = theirs.refunds.iter().find(|their| their.refund_id == Some(id));
        match (refund.state, their) {
            (RefundState::Pending, Some(their)) if refund.is(their) => {
                differ(DifferenceKind::RefundMissed, format!("the gateway has made {id}"));
                done.push(id);
            }
            (RefundState::Pending, None) if refund.create_time + REFUND_DURATION_MAX < before => {
                let detail = format!("the gateway has not made {id}, which we still ask for");
                differ(DifferenceKind::RefundOverdue, detail);
            }
            (RefundState::Succeeded, None) if refund.update_time < before => {
                differ(DifferenceKind::RefundUnfounded, format!("the gateway has not made {id}"));
            }
            // Another amount than ours is told of below.
            (RefundState::Pending | RefundState::Succeeded, _) => {}
        }
    }
    for their in &theirs.refunds {
        let ours = ours.iter().find(|refund| their.refund_id == Some(refund.refund_id));
        if ours.is_none_or(|refund| refund.amount.minor != their.amount_minor) {
            let (minor, ours) = (their.amount_minor, ours.map_or(0, |refund| refund.amount.minor));
            let detail = format!("the gateway gave {minor} back, we say {ours}");
            differ(DifferenceKind::RefundUnknown, detail);
        }
    }
    done
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
