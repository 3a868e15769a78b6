//! Comparing the gateway's books with ours. What the gateway knows better is taken in the same way
//! as an answer of it; what cannot be settled so is told to whoever operates the platform.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::settle::by_id;
use super::{FinishRefund, PaymentService, SettlePayment};
use crate::error::Result;
use crate::identity::service::audit;
use crate::kernel::caller::Caller;
use crate::kernel::id::PaymentId;
use crate::kernel::limits::{
    COMPARED_AGAIN, COMPARED_AT_ONCE, COMPARED_MAX, DIFFERENCES_LOGGED_MAX, DIFFERENCES_NAMED_MAX,
};
use crate::kernel::page::Cursor;
use crate::kernel::time::Timestamp;
use crate::payment::domain::comparison::{Difference, DifferenceKind, compare};
use crate::payment::store::Compared;
use crate::ports::gateway::ChargeRecord;

/// Differences that this process has logged, so that one that stays is not logged again and again.
pub(super) type Logged = BTreeSet<(DifferenceKind, Option<PaymentId>, String)>;

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
    /// Whether everything was compared that was to be.
    pub is_complete: bool,
    /// Payments whose charges were compared.
    compared: BTreeSet<PaymentId>,
}

impl PaymentService {
    /// Compares what changed in the gateway's books since the last comparison, and looks some of
    /// ours up in them, in turn; or all of both, if `whole`. Nothing that changed less than `age`
    /// ago is compared: that is settled in the usual ways. What is too much for one comparison is
    /// left to the next, which goes on from there.
    pub async fn compare(&self, whole: bool, age: Duration) -> Result<Comparison> {
        let gateway = self.gateway.name();
        let now = self.clock.now();
        let before = now - age;
        let mut comparison = Comparison { is_complete: true, ..Comparison::default() };
        let Compared { position: known, looked_up } = self.compared_so_far(gateway).await?;
        let begin = if whole { 0 } else { known.saturating_sub(COMPARED_AGAIN).max(0) };
        let reached = self.compare_changes(&mut comparison, begin, before).await?;
        let (from, pages) = match whole {
            true => (Cursor::FIRST, COMPARED_MAX / COMPARED_AT_ONCE),
            false => (looked_up, 1),
        };
        let looked_up = if whole && !comparison.is_complete {
            from
        } else {
            self.look_ours_up(&mut comparison, from, pages, before).await?
        };
        if whole && looked_up != Cursor::FIRST {
            comparison.is_complete = false;
        }
        let position = if whole { reached } else { reached.max(known) };
        let mut tx = self.store.begin().await?;
        tx.save_compared(gateway, Compared { position, looked_up }, now).await?;
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

    /// How far the books were compared. Books that end before that are others: they are read from
    /// their beginning.
    async fn compared_so_far(&self, gateway: &str) -> Result<Compared> {
        let compared = self.store.read().await?.compared(gateway).await?;
        let position = compared.position;
        if position == 0 || !self.gateway.changes(position - 1, 1).await?.is_empty() {
            return Ok(compared);
        }
        tracing::warn!(gateway, position, "the gateway's books end before what was compared");
        Ok(Compared { position: 0, ..compared })
    }

    /// Compares the charges that changed after a position. Says which position was reached.
    async fn compare_changes(
        &self,
        comparison: &mut Comparison,
        mut position: i64,
        before: Timestamp,
    ) -> Result<i64> {
        while comparison.charge_count < COMPARED_MAX {
            let changes = self.gateway.changes(position, COMPARED_AT_ONCE).await?;
            let old: Vec<ChargeRecord> =
                changes.into_iter().take_while(|charge| charge.change_time <= before).collect();
            if let Some(last) = old.last() {
                position = last.position;
            }
            comparison.charge_count += old.len();
            self.compare_charges(comparison, &old, before).await?;
            if old.len() < COMPARED_AT_ONCE {
                return Ok(position);
            }
        }
        comparison.is_complete = false;
        Ok(position)
    }

    async fn compare_charges(
        &self,
        comparison: &mut Comparison,
        charges: &[ChargeRecord],
        before: Timestamp,
    ) -> Result<()> {
        let ids: BTreeSet<PaymentId> =
            charges.iter().filter_map(|charge| charge.payment_id).collect();
        let mut tx = self.store.read().await?;
        let payments = by_id(tx.payments_by_id(&ids).await?);
        let refunds = tx.refunds_of(&ids).await?;
        drop(tx);
        for charge in charges {
            let payment = charge.payment_id.and_then(|id| payments.get(&id));
            let ours = payment.map(|payment| {
                let refunds = refunds.get(&payment.payment_id);
                (payment, refunds.map(Vec::as_slice).unwrap_or_default())
            });
            let compared = compare(charge, ours, before);
            if let Some((payment, refunds)) = ours {
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
            }
            compared.differences.into_iter().for_each(|d| self.note(comparison, d));
        }
        comparison.compared.extend(ids);
        Ok(())
    }

    /// Looks up what we say was taken, so many pages of it. Says from where the next goes on: from
    /// the beginning when it came to the end.
    async fn look_ours_up(
        &self,
        comparison: &mut Comparison,
        mut after: Cursor,
        pages: usize,
        before: Timestamp,
    ) -> Result<Cursor> {
        let limit = i64::try_from(COMPARED_AT_ONCE).unwrap_or(i64::MAX);
        for _ in 0..pages {
            let ours = self.store.read().await?.captured_payments(after, before, limit).await?;
            let ids: Vec<PaymentId> = ours.iter().map(|(payment_id, _)| *payment_id).collect();
            // Theirs are read after ours, so that what is missing has never been there.
            let theirs = if ids.is_empty() { vec![] } else { self.gateway.charges(&ids).await? };
            let mut theirs: BTreeMap<PaymentId, ChargeRecord> = theirs
                .into_iter()
                .filter_map(|charge| Some((charge.payment_id?, charge)))
                .collect();
            for payment_id in ids.iter().filter(|id| !theirs.contains_key(id)) {
                let detail = "the gateway has no such charge, we say SUCCEEDED".to_owned();
                let missing = Difference {
                    kind: DifferenceKind::CaptureUnfounded,
                    payment_id: Some(*payment_id),
                    gateway_reference: String::new(),
                    detail,
                    settled: false,
                };
                self.note(comparison, missing);
            }
            comparison.payment_count += ids.len();
            theirs.retain(|id, charge| {
                charge.change_time <= before && !comparison.compared.contains(id)
            });
            let theirs: Vec<ChargeRecord> = theirs.into_values().collect();
            self.compare_charges(comparison, &theirs, before).await?;
            after = match ours.last() {
                Some((last, time)) if ours.len() == COMPARED_AT_ONCE => {
                    Cursor { position: time.micros(), id: last.uuid() }
                }
                _ => return Ok(Cursor::FIRST),
            };
        }
        Ok(after)
    }

    fn note(&self, comparison: &mut Comparison, difference: Difference) {
        comparison.difference_count += 1;
        comparison.settled_count += usize::from(difference.settled);
        let Difference { kind, payment_id, detail, settled, .. } = &difference;
        let id = payment_id.map(|id| id.to_string()).unwrap_or_default();
        if *settled {
            tracing::info!(?kind, id, detail, "our books have followed the gateway's");
        } else if self.is_new(&difference) {
            tracing::error!(?kind, id, detail, "our books and the gateway's differ");
        }
        if comparison.differences.len() < DIFFERENCES_NAMED_MAX {
            comparison.differences.push(difference);
        }
    }

    fn is_new(&self, difference: &Difference) -> bool {
        // A poisoned lock holds what was logged all the same.
        let logged = self.logged.lock();
        let mut logged = logged.unwrap_or_else(std::sync::PoisonError::into_inner);
        if logged.len() >= DIFFERENCES_LOGGED_MAX {
            logged.clear();
        }
        let Difference { kind, payment_id, gateway_reference, detail, .. } = difference;
        logged.insert((*kind, *payment_id, format!("{gateway_reference} {detail}")))
    }
}
