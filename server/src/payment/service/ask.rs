//! Asking the gateway, always outside of transactions and always with the same key.

use super::{FinishRefund, PaymentService, SettlePayment};
use crate::error::{Error, Result};
use crate::kernel::limits::{GATEWAY_CALL_MAX, GATEWAY_LEASE};
use crate::payment::domain::{Payment, Refund, pause};
use crate::ports::gateway::{self, ChargeOutcome};

/// Payments and refunds that one round asks about at the most.
const ROUND_MAX: i64 = 200;

impl PaymentService {
    /// Asks about every payment and for every refund whose turn it is, without waiting for the
    /// answers. Says whether there may be more.
    pub async fn ask_due(&self) -> Result<bool> {
        let now = self.clock.now();
        let lease = now + GATEWAY_LEASE;
        let mut tx = self.store.begin().await?;
        // No more than can be asked about right now: new payments want their turn too.
        let turns = i64::try_from(self.turns.available_permits() / 2).unwrap_or(0).min(ROUND_MAX);
        let due = tx.take_due_payments(now, lease, turns).await?;
        let refunds = tx.take_due_refunds(now, lease, turns).await?;
        tx.commit().await?;
        let full = |count: usize| i64::try_from(count).is_ok_and(|count| count == ROUND_MAX);
        let more = full(due.len()) || full(refunds.len());
        let payments = self.store.read().await?.payments_by_id(&due.into_iter().collect()).await?;
        for payment in payments {
            let service = self.clone();
            self.tasks.spawn(async move { service.ask_logged(payment).await });
        }
        for refund in refunds {
            let service = self.clone();
            self.tasks.spawn(async move { service.refund_logged(refund).await });
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

    pub(super) async fn ask_logged(&self, payment: Payment) {
        let payment_id = payment.payment_id;
        if let Err(error) = self.ask(payment).await {
            // The lease runs out and somebody asks again.
            tracing::warn!(%payment_id, %error, "a payment's outcome could not be taken in");
        }
    }

    /// Charges, or passes on what the buyer's action gave, or cancels what must no longer be
    /// charged, and takes the answer in.
    async fn ask(&self, payment: Payment) -> Result<()> {
        if !payment.state.is_open() {
            return Ok(());
        }
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let awaited = self.bookings.awaits(payment.booking_id, payment.payment_id).await?;
        let charge = payment.charge();
        let answer = async {
            match (awaited, payment.action_answer.as_str()) {
                (false, _) => self.gateway.cancel(&charge).await,
                (true, "") => self.gateway.charge(&charge).await,
                (true, answer) => self.gateway.confirm(&charge, answer).await,
            }
        };
        let answer = tokio::time::timeout(GATEWAY_CALL_MAX, answer).await;
        let outcome = answer.unwrap_or(ChargeOutcome::Unknown);
        let command = SettlePayment { payment_id: payment.payment_id, outcome, webhook: None };
        self.lanes.run(payment.event_id, command).await?;
        Ok(())
    }

    pub(super) async fn refund_logged(&self, refund: Refund) {
        let refund_id = refund.refund_id;
        if let Err(error) = self.refund(refund).await {
            tracing::warn!(%refund_id, %error, "a refund could not be noted");
        }
    }

    async fn refund(&self, refund: Refund) -> Result<()> {
        let Refund { refund_id, payment_id, amount, ask_count, .. } = refund.clone();
        let wanted = gateway::Refund { refund_id, payment_id, amount };
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let answer = tokio::time::timeout(GATEWAY_CALL_MAX, self.gateway.refund(&wanted)).await;
        if answer == Ok(true) {
            return self.lanes.run(refund.event_id, FinishRefund(refund)).await;
        }
        let mut tx = self.store.begin().await?;
        tx.put_off_refund(refund_id, self.clock.now() + pause(ask_count)).await?;
        tx.commit().await
    }
}
