//! What the gateway's answers do: the payment, its booking, the seats, the tickets and every event
//! of it in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::booking::domain::saga::Trigger;
use crate::booking::service::advance;
use crate::error::{Error, Result};
use crate::kernel::id::{BookingId, PaymentId};
use crate::kernel::time::Timestamp;
use crate::payment::domain::{Payment, PaymentFact, Refund};
use crate::payment::events::payment_event;
use crate::payment::store::WebhookSeen;
use crate::ports::gateway::ChargeOutcome;
use crate::store::{Signal, Tx, UseCase};

/// Takes in what the gateway said about a payment, asked or by a notice of its own.
pub struct SettlePayment {
    /// The payment.
    pub payment_id: PaymentId,
    /// What the gateway said.
    pub outcome: ChargeOutcome,
    /// The webhook by which it said so, which has its effect once.
    pub webhook: Option<WebhookSeen>,
}

#[async_trait]
impl UseCase for SettlePayment {
    type Answer = Payment;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Payment>>> {
        let mut payments = load(tx, commands.iter().map(|command| command.payment_id)).await?;
        let heard = heard_first(tx, commands, now).await?;
        let mut happenings: Vec<(BookingId, Trigger)> = Vec::new();
        let mut causes: Vec<PaymentId> = Vec::new();
        for command in heard {
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
            let cause = outcome?.refund_cause;
            let cause = cause.filter(|_| !planted!(SecondCaptureKept));
            let (Some(cause), Some(payment)) = (cause, payment) else { continue };
            if let Some(refund) = payment.refund(cause, now) {
                tell_of_refund(tx, payment, &refund, now);
                refunds.push(refund);
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

/// The commands without those whose webhook was heard before. That a webhook was heard is noted in
/// the transaction of its effect.
async fn heard_first<'c>(
    tx: &mut Tx,
    commands: &'c [SettlePayment],
    now: Timestamp,
) -> Result<Vec<&'c SettlePayment>> {
    let webhooks: Vec<&WebhookSeen> = commands.iter().filter_map(|c| c.webhook.as_ref()).collect();
    if webhooks.is_empty() {
        return Ok(commands.iter().collect());
    }
    let mut seen = tx.webhooks_seen(&webhooks).await?;
    let mut new = Vec::new();
    let heard = commands.iter().filter(|command| match &command.webhook {
        None => true,
        Some(webhook) => {
            let first = seen.insert(webhook.notice_id.clone());
            new.extend(first.then_some(webhook));
            // That it is being processed says nothing that is not known.
            first && command.outcome != ChargeOutcome::Unknown
        }
    });
    let heard = heard.collect();
    tx.insert_webhooks(&new, now).await?;
    Ok(heard)
}

/// Tells that money of a payment has to be given back.
pub(super) fn tell_of_refund(tx: &mut Tx, payment: &Payment, refund: &Refund, now: Timestamp) {
    let fact = PaymentFact::RefundRequested(refund.amount.minor, refund.cause.clone());
    tx.emit(payment_event(payment, &fact, now));
}

/// Payments by their ids.
pub(super) async fn load(
    tx: &mut Tx,
    ids: impl Iterator<Item = PaymentId>,
) -> Result<BTreeMap<PaymentId, Payment>> {
    let ids: BTreeSet<PaymentId> = ids.collect();
    Ok(by_id(tx.payments_by_id(&ids).await?))
}

/// Payments, found by their ids.
pub(super) fn by_id(payments: Vec<Payment>) -> BTreeMap<PaymentId, Payment> {
    payments.into_iter().map(|payment| (payment.payment_id, payment)).collect()
}

/// Notes that the gateway gave money back.
pub struct FinishRefund(pub Refund);

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
