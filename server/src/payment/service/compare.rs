//! Comparing the gateway's books with ours. What the gateway knows better is taken in the same way
//! as an answer of it; what cannot be settled so is told to whoever operates the platform.

use std::collections::BTreeSet;
use std::time::Duration;

use super::settle::by_id;
use super::{FinishRefund, PaymentService, SettlePayment};
use crate::error::Result;
use crate::identity::service::audit;
use crate::kernel::caller::Caller;
use crate::kernel::id::PaymentId;
use crate::kernel::limits::{
    COMPARED_AGAIN, COMPARED_AT_ONCE, COMPARED_MAX, DIFFERENCES_NAMED_MAX,
};
use crate::kernel::page::Cursor;
use crate::kernel::time::Timestamp;
use crate::payment::domain::comparison::{Difference, DifferenceKind, compare};
use crate::ports::gateway::{ChargeOutcome, ChargeRecord};

/// What a comparison has come to.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Charges of the gateway's that were compared.
    pub charge_count: usize,
    /// Payments of ours that took money and were looked for in the gateway's books.
    pub payment_count: usize,
    /// How many differences there were.
    pub difference_count: usize,
    /// How many of them our books have followed.
    pub settled_count: usize,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// Whether everything was compared.
    pub is_complete: bool,
    /// What the gateway took; kept to look ours up in.
    captured: BTreeSet<PaymentId>,
}

impl Comparison {
    fn note(&mut self, difference: Difference) {
        self.difference_count += 1;
        self.settled_count += usize::from(difference.settled);
        let (kind, detail) = (difference.kind, &difference.detail);
        let id = difference.payment_id.map(|id| id.to_string()).unwrap_or_default();
        if difference.settled {
            tracing::info!(?kind, id, detail, "our books have followed the gateway's");
        } else {
            tracing::error!(?kind, id, detail, "our books and the gateway's differ");
        }
        if self.differences.len() < DIFFERENCES_NAMED_MAX {
            self.differences.push(difference);
        }
    }
}

impl PaymentService {
    /// Compares what changed in the gateway's books since the last comparison, or all of them, but
    /// nothing that changed less than `age` ago: that is settled in the usual ways.
    pub async fn compare(&self, whole: bool, age: Duration) -> Result<Comparison> {
        let gateway = self.gateway.name();
        let now = self.clock.now();
        let before = now - age;
        let mut comparison = Comparison::default();
        let known = self.store.read().await?.compared_position(gateway).await?;
        let mut position = if whole { 0 } else { known.saturating_sub(COMPARED_AGAIN).max(0) };
        while comparison.charge_count < COMPARED_MAX {
            let changes = self.gateway.changes(position, COMPARED_AT_ONCE).await?;
            let full = changes.len() == COMPARED_AT_ONCE;
            let old: Vec<ChargeRecord> =
                changes.into_iter().take_while(|charge| charge.change_time <= before).collect();
            let all_old = old.len() == COMPARED_AT_ONCE;
            if let Some(last) = old.last() {
                position = last.position;
            }
            self.compare_charges(&mut comparison, &old).await?;
            if !full || !all_old {
                comparison.is_complete = true;
                break;
            }
        }
        if whole && comparison.is_complete {
            self.look_for_captured(&mut comparison, before).await?;
        }
        let mut tx = self.store.begin().await?;
        tx.save_compared_position(gateway, position.max(known), now).await?;
        tx.commit().await?;
        Ok(comparison)
    }

    /// Compares because a caller asks for it, which is recorded.
    pub async fn reconcile(
        &self,
        caller: &Caller,
        whole: bool,
        age: Duration,
    ) -> Result<Comparison> {
        let mut tx = self.store.begin().await?;
        let scope = if whole { "everything" } else { "changes" };
        audit(&mut tx, caller.session, "Reconcile", scope, self.clock.now()).await?;
        tx.commit().await?;
        self.compare(whole, age).await
    }

    async fn compare_charges(
        &self,
        comparison: &mut Comparison,
        charges: &[ChargeRecord],
    ) -> Result<()> {
        let ids: BTreeSet<PaymentId> =
            charges.iter().filter_map(|charge| charge.payment_id).collect();
        let mut tx = self.store.read().await?;
        let payments = by_id(tx.payments_by_id(&ids).await?);
        let refunds = tx.refunds_of(&ids).await?;
        drop(tx);
        for charge in charges {
            comparison.charge_count += 1;
            let payment = charge.payment_id.and_then(|id| payments.get(&id));
            let ours = payment.map(|payment| {
                let refunds = refunds.get(&payment.payment_id);
                (payment, refunds.map(Vec::as_slice).unwrap_or_default())
            });
            if let (Some(id), ChargeOutcome::Succeeded { .. }) =
                (charge.payment_id, &charge.outcome)
            {
                comparison.captured.insert(id);
            }
            let compared = compare(charge, ours);
            let Some((payment, refunds)) = ours else {
                compared.differences.into_iter().for_each(|d| comparison.note(d));
                continue;
            };
            if compared.hears {
                let command = SettlePayment {
                    payment_id: payment.payment_id,
                    outcome: charge.outcome.clone(),
                    webhook: None,
                };
                self.lanes.run(payment.event_id, command).await?;
            }
            for refund in refunds.iter().filter(|r| compared.done.contains(&r.refund_id)) {
                self.lanes.run(payment.event_id, FinishRefund(refund.clone())).await?;
            }
            compared.differences.into_iter().for_each(|d| comparison.note(d));
        }
        Ok(())
    }

    /// Looks for what we say was taken in what the gateway says it took.
    async fn look_for_captured(
        &self,
        comparison: &mut Comparison,
        before: Timestamp,
    ) -> Result<()> {
        let limit = i64::try_from(COMPARED_AT_ONCE).unwrap_or(i64::MAX);
        let mut after = Cursor::FIRST;
        while comparison.payment_count < COMPARED_MAX {
            let mut tx = self.store.read().await?;
            let captured = tx.captured_payments(after, before, limit).await?;
            drop(tx);
            let Some((last, time)) = captured.last() else { return Ok(()) };
            after = Cursor { position: time.micros(), id: last.uuid() };
            for (payment_id, _) in &captured {
                comparison.payment_count += 1;
                if !comparison.captured.contains(payment_id) {
                    comparison.note(Difference {
                        kind: DifferenceKind::CaptureUnfounded,
                        payment_id: Some(*payment_id),
                        gateway_reference: String::new(),
                        detail: "the gateway has taken nothing, we say SUCCEEDED".to_owned(),
                        settled: false,
                    });
                }
            }
        }
        comparison.is_complete = false;
        Ok(())
    }
}
