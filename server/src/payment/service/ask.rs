//! Asking the gateway, always outside of transactions and always with the same key.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::{FinishRefund, PaymentService, SettlePayment};
use crate::error::{Error, Result};
use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::limits::{GATEWAY_CALL_MAX, GATEWAY_LEASE};
use crate::payment::domain::{Payment, Refund, pause};
use crate::ports::gateway::{self, ChargeOutcome, FailureCode, RefundOutcome};

/// The right to call the gateway.
type Turn = OwnedSemaphorePermit;

impl PaymentService {
    /// Asks about every payment and for every refund whose turn it is, without waiting for the
    /// answers. Says whether there may be more that can be asked about now.
    pub async fn ask_due(&self) -> Result<bool> {
        // What can be asked about right now, and no more than half of it at once: new payments want
        // their turn too. While nothing can be, the next round comes after the pause.
        let free = u32::try_from(self.turns.available_permits()).unwrap_or(u32::MAX);
        let each = free / 4;
        let turns = Arc::clone(&self.turns).try_acquire_many_owned(each * 2);
        let (Ok(mut turns), 1..) = (turns, each) else { return Ok(false) };
        let now = self.clock.now();
        let lease = now + GATEWAY_LEASE;
        let mut tx = self.store.begin().await?;
        let due = tx.take_due_payments(now, lease, i64::from(each)).await?;
        let refunds = tx.take_due_refunds(now, lease, i64::from(each)).await?;
        tx.commit().await?;
        let full = |count: usize| u32::try_from(count).is_ok_and(|count| count == each);
        let more = full(due.len()) || full(refunds.len());
        let payments = self.store.read().await?.payments_by_id(&due.into_iter().collect()).await?;
        for payment in payments {
            let (service, turn) = (self.clone(), turns.split(1));
            self.tasks.spawn(async move { service.ask_logged(payment, turn).await });
        }
        for refund in refunds {
            let (service, turn) = (self.clone(), turns.split(1));
            self.tasks.spawn(async move { service.refund_logged(refund, turn).await });
        }
        Ok(more)
    }

    /// Lets payments that a process now gone was asking about be asked about at once: a server does
    /// this when it starts. Where another is asking still, the gateway is asked twice with the same
    /// key, which moves money once.
    pub async fn void_leases(&self) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        tx.void_payment_leases(now, now + GATEWAY_LEASE).await?;
        tx.commit().await
    }

    /// Asks about a payment, in the turn it has or in its own.
    pub(super) async fn ask_logged(&self, payment: Payment, turn: Option<Turn>) {
        let payment_id = payment.payment_id;
        if let Err(error) = self.ask(payment, turn).await {
            // The lease runs out and somebody asks again.
            tracing::warn!(%payment_id, %error, "a payment's outcome could not be taken in");
        }
    }

    /// Charges, or passes on what the buyer's action gave, or cancels what must no longer be
    /// charged, and takes the answer in.
    async fn ask(&self, payment: Payment, turn: Option<Turn>) -> Result<()> {
        if !payment.state.is_open() {
            return Ok(());
        }
        let _turn = self.turn(turn).await?;
        let awaited = self.bookings.awaits(payment.booking_id, payment.payment_id).await?;
        let mut charge = payment.charge();
        if payment.ask_count > 0 && planted!(NewKeyPerCharge) {
            charge.payment_id = PaymentId::new(self.clock.now(), rand::random());
        }
        let answer = async {
            match (awaited, payment.action_answer.as_str()) {
                (false, _) => self.gateway.cancel(&charge).await,
                (true, "") => self.gateway.charge(&charge).await,
                (true, answer) => self.gateway.confirm(&charge, answer).await,
            }
        };
        let answer = tokio::time::timeout(GATEWAY_CALL_MAX, answer).await;
        crash_point!(AfterCharge);
        let mut outcome = answer.unwrap_or(ChargeOutcome::Unknown);
        if outcome == ChargeOutcome::Unknown && planted!(SilenceTakenForDecline) {
            outcome = ChargeOutcome::Failed { failure_code: FailureCode::CardDeclined };
        }
        let command = SettlePayment { payment_id: payment.payment_id, outcome, webhook: None };
        self.lanes.run(payment.event_id, command).await?;
        Ok(())
    }

    async fn turn(&self, turn: Option<Turn>) -> Result<Turn> {
        match turn {
            Some(turn) => Ok(turn),
            None => Arc::clone(&self.turns).acquire_owned().await.map_err(Error::internal),
        }
    }

    /// Asks for a refund, in the turn it has or in its own.
    pub(super) async fn refund_logged(&self, refund: Refund, turn: Option<Turn>) {
        let refund_id = refund.refund_id;
        if let Err(error) = self.refund(refund, turn).await {
            tracing::warn!(%refund_id, %error, "a refund could not be noted");
        }
    }

    async fn refund(&self, refund: Refund, turn: Option<Turn>) -> Result<()> {
        let Refund { refund_id, payment_id, amount, ask_count, .. } = refund.clone();
        let mut wanted = gateway::Refund { refund_id, payment_id, amount };
        if ask_count > 0 && planted!(NewKeyPerRefund) {
            wanted.refund_id = RefundId::from(uuid::Uuid::from_bytes(rand::random()));
        }
        let _turn = self.turn(turn).await?;
        let answer = tokio::time::timeout(GATEWAY_CALL_MAX, self.gateway.refund(&wanted)).await;
        match answer.unwrap_or(RefundOutcome::Unknown) {
            RefundOutcome::Made => {
                crash_point!(AfterRefund);
                return self.lanes.run(refund.event_id, FinishRefund(refund)).await;
            }
            RefundOutcome::Unknown => {}
            RefundOutcome::Refused => {
                // Nobody but an operator can find out why, so it is asked for again until then.
                tracing::error!(%refund_id, %payment_id, "the gateway refuses to give money back");
            }
        }
        let mut tx = self.store.begin().await?;
        tx.put_off_refund(refund_id, self.clock.now() + pause(ask_count)).await?;
        tx.commit().await
    }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
