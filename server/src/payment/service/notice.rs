//! Taking in what a gateway tells by itself.

use super::{FinishRefund, PaymentService, SettlePayment};
use crate::error::Result;
use crate::kernel::limits::WEBHOOK_KEPT;
use crate::payment::domain::RefundState;
use crate::payment::store::WebhookSeen;
use crate::ports::gateway::{Notice, NoticeFault};

/// Why a notice has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeRefusal {
    /// It is not the gateway's, or makes no sense.
    Fault(NoticeFault),
    /// It is about no payment of ours.
    PaymentUnknown,
    /// It is about another amount than our payment's.
    AmountDiffers,
}

impl PaymentService {
    /// Whether webhooks of that gateway are for us.
    pub fn has_gateway(&self, name: &str) -> bool {
        self.gateway.name() == name
    }

    /// The header by which the gateway's signatures come.
    pub fn signature_header(&self) -> &'static str {
        self.gateway.signature_header()
    }

    /// Takes in a notice: the same way as an answer of the gateway's, and once.
    pub async fn take_notice(
        &self,
        signature: &str,
        body: &[u8],
    ) -> Result<Result<(), NoticeRefusal>> {
        let notice = match self.gateway.read_notice(signature, body, self.clock.now()) {
            Ok(notice) => notice,
            Err(fault) => return Ok(Err(NoticeRefusal::Fault(fault))),
        };
        let Notice { notice_id, kind, charge } = notice;
        let payment = match charge.payment_id {
            Some(payment_id) => self.find(payment_id).await?,
            None => None,
        };
        let Some(payment) = payment else { return Ok(Err(NoticeRefusal::PaymentUnknown)) };
        if charge.amount != payment.amount && !planted!(AmountNotCompared) {
            let payment_id = payment.payment_id;
            tracing::warn!(%payment_id, kind, "a webhook names another amount than the payment's");
            return Ok(Err(NoticeRefusal::AmountDiffers));
        }
        let details = self.with_refunds(payment).await?;
        let payment = details.payment;
        for refund in details.refunds {
            let made = charge.refunds.iter().any(|made| refund.is(made));
            if made && refund.state == RefundState::Pending {
                self.lanes.run(payment.event_id, FinishRefund(refund)).await?;
            }
        }
        let webhook = WebhookSeen {
            gateway: self.gateway.name(),
            notice_id,
            kind,
            payment_id: payment.payment_id,
        };
        let command = SettlePayment {
            payment_id: payment.payment_id,
            outcome: charge.outcome,
            webhook: Some(webhook),
        };
        self.lanes.run(payment.event_id, command).await?;
        Ok(Ok(()))
    }

    /// Forgets webhooks that nobody will post any more. Says whether there may be more.
    pub async fn sweep_webhooks(&self) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let more = tx.sweep_webhooks(self.clock.now() - WEBHOOK_KEPT).await?;
        tx.commit().await?;
        Ok(more)
    }
}
