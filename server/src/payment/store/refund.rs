//! Refunds.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;
use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::time::Timestamp;
use crate::payment::domain::{Refund, RefundState};
use crate::store::{Tx, bulk_rows, bulk_write, column, row, sql};

row! {
    struct RefundRow {
        refund_id: Uuid,
        payment_id: Uuid,
        booking_id: Uuid,
        event_id: Uuid,
        state: String,
        currency_code: String,
        amount_minor: i64,
        cause: String,
        reason: String,
        ask_count: i64,
        create_time: i64,
        update_time: i64,
    }
}

const COLUMNS: &str = "refund_id, payment_id, booking_id, event_id, state, currency_code,
    amount_minor, cause, reason, ask_count, create_time, update_time";

fn refund(row: RefundRow) -> Result<Refund> {
    let currency = column(Currency::parse(&row.currency_code), "currency_code")?;
    Ok(Refund {
        refund_id: row.refund_id.into(),
        payment_id: row.payment_id.into(),
        booking_id: row.booking_id.into(),
        event_id: row.event_id.into(),
        state: column(RefundState::parse(&row.state), "state")?,
        amount: Money { currency, minor: row.amount_minor },
        cause: row.cause,
        reason: row.reason,
        ask_count: u32::try_from(row.ask_count).unwrap_or(u32::MAX),
        create_time: Timestamp::from_micros(row.create_time),
        update_time: Timestamp::from_micros(row.update_time),
    })
}

impl Tx {
    /// The refunds of payments, in the order in which they were made.
    pub(in crate::payment) async fn refunds_of(
        &mut self,
        payments: &BTreeSet<PaymentId>,
    ) -> Result<BTreeMap<PaymentId, Vec<Refund>>> {
        let head = format!("select {COLUMNS} from payment_refund where payment_id in (");
        let ids: Vec<PaymentId> = payments.iter().copied().collect();
        let tail = ") order by create_time, refund_id";
        let rows = bulk_rows!(
            self,
            head.as_str(),
            &ids,
            |b, id| b.push_bind(id.uuid()),
            tail,
            as RefundRow
        );
        let mut refunds: BTreeMap<PaymentId, Vec<Refund>> = BTreeMap::new();
        for row in rows {
            let refund = refund(row)?;
            refunds.entry(refund.payment_id).or_default().push(refund);
        }
        Ok(refunds)
    }

    /// Adds refunds, for which the reconciler asks from then on.
    pub(in crate::payment) async fn insert_refunds(
        &mut self,
        refunds: &[Refund],
        next_ask_time: Timestamp,
    ) -> Result<()> {
        const HEAD: &str =
            "insert into payment_refund (refund_id, payment_id, booking_id, event_id,
            state, currency_code, amount_minor, cause, reason, ask_count, next_ask_time,
            create_time, update_time) ";
        bulk_write!(
            self,
            HEAD,
            refunds,
            |b, refund| b
                .push_bind(refund.refund_id.uuid())
                .push_bind(refund.payment_id.uuid())
                .push_bind(refund.booking_id.uuid())
                .push_bind(refund.event_id.uuid())
                .push_bind(refund.state.name())
                .push_bind(refund.amount.currency.code().to_owned())
                .push_bind(refund.amount.minor)
                .push_bind(refund.cause.clone())
                .push_bind(refund.reason.clone())
                .push_bind(i64::from(refund.ask_count))
                .push_bind(next_ask_time.micros())
                .push_bind(refund.create_time.micros())
                .push_bind(refund.update_time.micros()),
            ""
        );
        Ok(())
    }

    /// Marks a refund as done; `false` if it was before.
    pub(in crate::payment) async fn finish_refund(
        &mut self,
        id: RefundId,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "update payment_refund
            set state = 'SUCCEEDED', next_ask_time = null, update_time = $1
            where refund_id = $2 and state = 'PENDING'";
        let done = sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(id.uuid()))?;
        Ok(done == 1)
    }

    /// Lets a refund be asked for again later.
    pub(in crate::payment) async fn put_off_refund(
        &mut self,
        id: RefundId,
        next: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "update payment_refund
            set ask_count = ask_count + 1, next_ask_time = $1
            where refund_id = $2 and state = 'PENDING'";
        sql!(self, execute sqlx::query(SQL).bind(next.micros()).bind(id.uuid()))?;
        Ok(())
    }

    /// Takes refunds whose turn it is to be asked for; until `lease` nobody else takes them.
    pub(in crate::payment) async fn take_due_refunds(
        &mut self,
        now: Timestamp,
        lease: Timestamp,
        limit: i64,
    ) -> Result<Vec<Refund>> {
        let sql = format!(
            "update payment_refund set next_ask_time = $1
            where refund_id in (
                select refund_id from payment_refund where next_ask_time <= $2
                order by next_ask_time limit $3{})
            returning {COLUMNS}",
            self.for_update_of_the_unlocked()
        );
        let rows: Vec<RefundRow> = sql!(self, fetch_all sqlx::query_as(AssertSqlSafe(sql.as_str()))
            .bind(lease.micros()).bind(now.micros()).bind(limit))?;
        rows.into_iter().map(refund).collect()
    }
}
