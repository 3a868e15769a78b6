//! What the gateway's answers do: the payment, its booking, the seats, the tickets and every event
//! of it in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::booking::domain::booking::Trigger;
use crate::booking::service::advance;
use crate::error::{Error, Result};
use crate::kernel::id::{BookingId, PaymentId};
use crate::kernel::time::Timestamp;
use crate::payment::domain::{Payment, PaymentFact, PendingRefund};
use crate::payment::events::payment_event;
use crate::ports::gateway::ChargeOutcome;
use crate::store::{Signal, Tx, UseCase};

/// Takes in what the gateway said about a payment.
pub struct SettlePayment {
    /// The payment.
    pub payment_id: PaymentId,
    /// What the gateway said.
    pub outcome: ChargeOutcome,
}

#[async_trait]
impl UseCase for SettlePayment {
    type Answer = Payment;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Payment>>> {
        let mut payments = load(tx, commands.iter().map(|command| command.payment_id)).await?;
        let mut happenings: Vec<(BookingId, Trigger)> = Vec::new();
        let mut causes: Vec<PaymentId> = Vec::new();
        for command in commands {
            let Some(payment) = payments.get_mut(&command.payment_id) else { continue };
            if let Some((fact, trigger)) = payment.hear(&command.outcome, now) {
                tx.emit(payment_event(payment, &fact, now));
                tx.signal(Signal::Booking(payment.booking_id));
                if let Some(trigger) = trigger {
                    happenings.push((payment.booking_id, trigger));
                    causes.push(payment.payment_id);
                }
            }
        }
        let advanced = advance(tx, &happenings, now).await?;
        let mut refunds = Vec::new();
        for (payment_id, outcome) in causes.iter().zip(advanced) {
            let payment = payments.get_mut(payment_id);
            if let (Some(cause), Some(payment)) = (outcome?.refund_cause, payment) {
                refunds.extend(request_refund(tx, payment, cause, now));
            }
        }
        tx.update_payments(&payments.values().collect::<Vec<_>>()).await?;
        tx.insert_refunds(&refunds, now).await?;
        let answer = |command: &Self| match payments.get(&command.payment_id) {
            Some(payment) => Ok(payment.clone()),
            None => Err(Error::not_found("payment")),
        };
        Ok(commands.iter().map(answer).collect())
    }
}

fn request_refund(
    tx: &mut Tx,
    payment: &mut Payment,
    cause: &'static str,
    now: Timestamp,
) -> Option<PendingRefund> {
    let refund = payment.refund(cause, now)?;
    let fact = PaymentFact::RefundRequested(refund.amount.minor, cause);
    tx.emit(payment_event(payment, &fact, now));
    Some(refund)
}

async fn load(
    tx: &mut Tx,
    ids: impl Iterator<Item = PaymentId>,
) -> Result<BTreeMap<PaymentId, Payment>> {
    let ids: BTreeSet<PaymentId> = ids.collect();
    let payments = tx.payments_by_id(&ids).await?;
    Ok(payments.into_iter().map(|payment| (payment.payment_id, payment)).collect())
}

/// Notes that the gateway gave money back.
pub struct FinishRefund(pub PendingRefund);

#[async_trait]
impl UseCase for FinishRefund {
    type Answer = ();

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<()>>> {
        let mut payments = load(tx, commands.iter().map(|Self(refund)| refund.payment_id)).await?;
        for Self(refund) in commands {
            let payment = payments.get_mut(&refund.payment_id);
            let Some(payment) = payment else { continue };
            if tx.finish_refund(refund.refund_id, now).await? {
                payment.tell(now);
                let fact = PaymentFact::RefundSucceeded(refund.amount.minor);
                tx.emit(payment_event(payment, &fact, now));
            }
        }
        tx.update_payments(&payments.values().collect::<Vec<_>>()).await?;
        Ok(commands.iter().map(|_| Ok(())).collect())
    }
}
