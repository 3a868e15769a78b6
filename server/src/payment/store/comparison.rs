//! Webhooks that were seen, and how far the gateway's books were compared with ours.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::error::Result;
use crate::kernel::id::PaymentId;
use crate::kernel::page::Cursor;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_rows, bulk_write, sql};

/// Webhooks that one sweep forgets at the most.
const SWEEP_MAX: i64 = 2_000;

/// A webhook that is taken in.
#[derive(Clone, Debug)]
pub struct WebhookSeen {
    /// Whose it is.
    pub gateway: &'static str,
    /// Its id there.
    pub notice_id: String,
    /// What it tells of.
    pub kind: String,
    /// The payment it is about.
    pub payment_id: PaymentId,
}

/// How far a gateway's books were compared with ours.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Up to which of its changes; 0 when they never were.
    pub position: i64,
    /// The last of our payments that was looked up in them.
    pub looked_up: Cursor,
}

impl Tx {
    /// Which of these webhooks were taken in before.
    pub(in crate::payment) async fn webhooks_seen(
        &mut self,
        webhooks: &[&WebhookSeen],
    ) -> Result<BTreeSet<String>> {
        const HEAD: &str = "select notice_id from payment_webhook_event
            where (gateway, notice_id) in (";
        let rows = bulk_rows!(
            self,
            HEAD,
            webhooks,
            |b, webhook| b.push_bind(webhook.gateway).push_bind(webhook.notice_id.clone()),
            ")",
            as (String,)
        );
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Notes webhooks that are taken in.
    pub(in crate::payment) async fn insert_webhooks(
        &mut self,
        webhooks: &[&WebhookSeen],
        now: Timestamp,
    ) -> Result<()> {
        const HEAD: &str = "insert into payment_webhook_event
            (gateway, notice_id, kind, payment_id, receive_time) ";
        bulk_write!(
            self,
            HEAD,
            webhooks,
            |b, webhook| b
                .push_bind(webhook.gateway)
                .push_bind(webhook.notice_id.clone())
                .push_bind(webhook.kind.clone())
                .push_bind(webhook.payment_id.uuid())
                .push_bind(now.micros()),
            ""
        );
        Ok(())
    }

    /// Forgets some of the webhooks from before that time. Says whether there may be more.
    pub(in crate::payment) async fn sweep_webhooks(&mut self, before: Timestamp) -> Result<bool> {
        const SQL: &str = "delete from payment_webhook_event where (gateway, notice_id) in (
            select gateway, notice_id from payment_webhook_event where receive_time < $1
            order by receive_time limit $2)";
        let swept = sql!(self, execute sqlx::query(SQL).bind(before.micros()).bind(SWEEP_MAX))?;
        Ok(i64::try_from(swept).is_ok_and(|swept| swept >= SWEEP_MAX))
    }

    /// How far a gateway's books were compared.
    pub(in crate::payment) async fn compared(&mut self, gateway: &str) -> Result<Compared> {
        const SQL: &str = "select position, captured_time, captured_id from payment_comparison
            where gateway = $1";
        let row: Option<(i64, Option<i64>, Option<Uuid>)> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(gateway))?;
        let (position, time, id) = row.unwrap_or((0, None, None));
        let looked_up = match (time, id) {
            (Some(position), Some(id)) => Cursor { position, id },
            _ => Cursor::FIRST,
        };
        Ok(Compared { position, looked_up })
    }

    /// Notes how far a gateway's books were compared.
    pub(in crate::payment) async fn save_compared(
        &mut self,
        gateway: &str,
        compared: Compared,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "insert into payment_comparison
                (gateway, position, compare_time, captured_time, captured_id)
            values ($1, $2, $3, $4, $5)
            on conflict (gateway) do update set position = excluded.position,
                compare_time = excluded.compare_time, captured_time = excluded.captured_time,
                captured_id = excluded.captured_id";
        let Compared { position, looked_up } = compared;
        let looked_up = Some(looked_up).filter(|cursor| *cursor != Cursor::FIRST);
        let (time, id) = (looked_up.map(|last| last.position), looked_up.map(|last| last.id));
        sql!(self, execute sqlx::query(SQL)
            .bind(gateway).bind(position).bind(now.micros()).bind(time).bind(id))?;
        Ok(())
    }

    /// Payments that took money, older than a time, in the order in which they were made.
    pub(in crate::payment) async fn captured_payments(
        &mut self,
        after: Cursor,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<(PaymentId, Timestamp)>> {
        const SQL: &str = "select payment_id, create_time from payment_payment
            where state = 'SUCCEEDED' and update_time < $1 and (create_time, payment_id) > ($2, $3)
            order by create_time, payment_id limit $4";
        let rows: Vec<(Uuid, i64)> = sql!(self, fetch_all sqlx::query_as(SQL)
            .bind(before.micros()).bind(after.position).bind(after.id).bind(limit))?;
        let captured = rows.into_iter().map(|(id, time)| (id.into(), Timestamp::from_micros(time)));
        Ok(captured.collect())
    }
}
