//! Payment's tables.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::domain::{Payment, PaymentState, PendingRefund};
use crate::error::{Reason, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, PaymentId, RefundId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_rows, bulk_write, column, row, sql};

row! {
    struct PaymentRow {
        payment_id: Uuid,
        booking_id: Uuid,
        event_id: Uuid,
        session_id: String,
        state: String,
        currency_code: String,
        amount_minor: i64,
        payment_token: String,
        failure_code: String,
        gateway_reference: String,
        refunded_minor: i64,
        ask_count: i64,
        next_ask_time: Option<i64>,
        create_time: i64,
        update_time: i64,
        version: i64,
    }
}

row! {
    struct RefundRow {
        refund_id: Uuid,
        payment_id: Uuid,
        booking_id: Uuid,
        event_id: Uuid,
        currency_code: String,
        amount_minor: i64,
        cause: String,
        ask_count: i64,
    }
}

fn payment(row: PaymentRow) -> Result<Payment> {
    let currency = column(Currency::parse(&row.currency_code), "currency_code")?;
    Ok(Payment {
        payment_id: row.payment_id.into(),
        booking_id: row.booking_id.into(),
        event_id: row.event_id.into(),
        session: column(SessionId::parse(&row.session_id), "session_id")?,
        state: column(PaymentState::parse(&row.state), "state")?,
        amount: Money { currency, minor: row.amount_minor },
        payment_token: row.payment_token,
        failure_code: row.failure_code,
        gateway_reference: row.gateway_reference,
        refunded_minor: row.refunded_minor,
        ask_count: u32::try_from(row.ask_count).unwrap_or(u32::MAX),
        next_ask_time: row.next_ask_time.map(Timestamp::from_micros),
        create_time: Timestamp::from_micros(row.create_time),
        update_time: Timestamp::from_micros(row.update_time),
        version: row.version,
        stored_version: row.version,
    })
}

fn refund(row: RefundRow) -> Result<PendingRefund> {
    let currency = column(Currency::parse(&row.currency_code), "currency_code")?;
    Ok(PendingRefund {
        refund_id: row.refund_id.into(),
        payment_id: row.payment_id.into(),
        booking_id: row.booking_id.into(),
        event_id: row.event_id.into(),
        amount: Money { currency, minor: row.amount_minor },
        cause: row.cause,
        ask_count: u32::try_from(row.ask_count).unwrap_or(u32::MAX),
    })
}

impl Tx {
    pub(super) async fn payments_by_id(
        &mut self,
        ids: &BTreeSet<PaymentId>,
    ) -> Result<Vec<Payment>> {
        const HEAD: &str = "select payment_id, booking_id, event_id, session_id, state,
                currency_code, amount_minor, payment_token, failure_code, gateway_reference,
                refunded_minor, ask_count, next_ask_time, create_time, update_time, version
            from payment_payment where payment_id in (";
        let ids: Vec<PaymentId> = ids.iter().copied().collect();
        let rows = bulk_rows!(self, HEAD, &ids, |b, id| b.push_bind(id.uuid()), ")", as PaymentRow);
        rows.into_iter().map(payment).collect()
    }

    pub(super) async fn newest_payment(
        &mut self,
        booking_id: BookingId,
    ) -> Result<Option<PaymentId>> {
        const SQL: &str = "select payment_id from payment_payment where booking_id = $1
            order by create_time desc, payment_id desc limit 1";
        let id: Option<Uuid> =
            sql!(self, fetch_optional sqlx::query_scalar(SQL).bind(booking_id.uuid()))?;
        Ok(id.map(Into::into))
    }

    pub(super) async fn insert_payments(&mut self, payments: &[&Payment]) -> Result<()> {
        const HEAD: &str = "insert into payment_payment (payment_id, booking_id, event_id,
            session_id, state, currency_code, amount_minor, payment_token, failure_code,
            gateway_reference, refunded_minor, ask_count, next_ask_time, create_time, update_time,
            version) ";
        bulk_write!(
            self,
            HEAD,
            payments,
            |b, payment| b
                .push_bind(payment.payment_id.uuid())
                .push_bind(payment.booking_id.uuid())
                .push_bind(payment.event_id.uuid())
                .push_bind(payment.session.to_string())
                .push_bind(payment.state.name())
                .push_bind(payment.amount.currency.code().to_owned())
                .push_bind(payment.amount.minor)
                .push_bind(payment.payment_token.clone())
                .push_bind(payment.failure_code.clone())
                .push_bind(payment.gateway_reference.clone())
                .push_bind(payment.refunded_minor)
                .push_bind(i64::from(payment.ask_count))
                .push_bind(payment.next_ask_time.map(Timestamp::micros))
                .push_bind(payment.create_time.micros())
                .push_bind(payment.update_time.micros())
                .push_bind(payment.version),
            ""
        );
        Ok(())
    }

    pub(super) async fn update_payments(&mut self, payments: &[&Payment]) -> Result<()> {
        const HEAD: &str = "update payment_payment set state = v.column2,
            failure_code = v.column3, gateway_reference = v.column4, refunded_minor = v.column5,
            ask_count = v.column6, next_ask_time = v.column7, update_time = v.column8,
            version = v.column9 from (";
        const TAIL: &str = ") as v where payment_payment.payment_id = v.column1
            and payment_payment.version = v.column10";
        let written = bulk_write!(
            self,
            HEAD,
            payments,
            |b, payment| b
                .push_bind(payment.payment_id.uuid())
                .push_bind(payment.state.name())
                .push_bind(payment.failure_code.clone())
                .push_bind(payment.gateway_reference.clone())
                .push_bind(payment.refunded_minor)
                .push_bind(i64::from(payment.ask_count))
                .push_bind(payment.next_ask_time.map(Timestamp::micros))
                .push_bind(payment.update_time.micros())
                .push_bind(payment.version)
                .push_bind(payment.stored_version),
            TAIL
        );
        if usize::try_from(written) == Ok(payments.len()) {
            Ok(())
        } else {
            Err(Reason::ChangedMeanwhile.into())
        }
    }

    pub(super) async fn insert_refunds(
        &mut self,
        refunds: &[PendingRefund],
        now: Timestamp,
    ) -> Result<()> {
        const HEAD: &str =
            "insert into payment_refund (refund_id, payment_id, booking_id, event_id,
            state, currency_code, amount_minor, cause, ask_count, next_ask_time, create_time,
            update_time) ";
        bulk_write!(
            self,
            HEAD,
            refunds,
            |b, refund| b
                .push_bind(refund.refund_id.uuid())
                .push_bind(refund.payment_id.uuid())
                .push_bind(refund.booking_id.uuid())
                .push_bind(refund.event_id.uuid())
                .push_bind("PENDING")
                .push_bind(refund.amount.currency.code().to_owned())
                .push_bind(refund.amount.minor)
                .push_bind(refund.cause.clone())
                .push_bind(i64::from(refund.ask_count))
                .push_bind(now.micros())
                .push_bind(now.micros())
                .push_bind(now.micros()),
            ""
        );
        Ok(())
    }

    /// Marks a refund as done; `false` if it was before.
    pub(super) async fn finish_refund(&mut self, id: RefundId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "update payment_refund
            set state = 'SUCCEEDED', next_ask_time = null, update_time = $1
            where refund_id = $2 and state = 'PENDING'";
        let done = sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(id.uuid()))?;
        Ok(done == 1)
    }

    /// Lets a refund be asked for again later.
    pub(super) async fn put_off_refund(&mut self, id: RefundId, next: Timestamp) -> Result<()> {
        const SQL: &str = "update payment_refund
            set ask_count = ask_count + 1, next_ask_time = $1
            where refund_id = $2 and state = 'PENDING'";
        sql!(self, execute sqlx::query(SQL).bind(next.micros()).bind(id.uuid()))?;
        Ok(())
    }

    /// Takes payments whose turn it is to be asked about; until `lease` nobody else takes them.
    pub(super) async fn take_due_payments(
        &mut self,
        now: Timestamp,
        lease: Timestamp,
        limit: i64,
    ) -> Result<Vec<PaymentId>> {
        // What a lane is settling right now is left to it: waiting for it could be a deadlock.
        let sql = format!(
            "update payment_payment set next_ask_time = $1
            where payment_id in (
                select payment_id from payment_payment where next_ask_time <= $2
                order by next_ask_time limit $3{})
            returning payment_id",
            self.for_update_of_the_unlocked()
        );
        let ids: Vec<(Uuid,)> = sql!(self, fetch_all sqlx::query_as(AssertSqlSafe(sql.as_str()))
            .bind(lease.micros()).bind(now.micros()).bind(limit))?;
        Ok(ids.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Takes refunds whose turn it is to be asked for; until `lease` nobody else takes them.
    pub(super) async fn take_due_refunds(
        &mut self,
        now: Timestamp,
        lease: Timestamp,
        limit: i64,
    ) -> Result<Vec<PendingRefund>> {
        let sql = format!(
            "update payment_refund set next_ask_time = $1
            where refund_id in (
                select refund_id from payment_refund where next_ask_time <= $2
                order by next_ask_time limit $3{})
            returning refund_id, payment_id, booking_id, event_id, currency_code, amount_minor,
                cause, ask_count",
            self.for_update_of_the_unlocked()
        );
        let rows: Vec<RefundRow> = sql!(self, fetch_all sqlx::query_as(AssertSqlSafe(sql.as_str()))
            .bind(lease.micros()).bind(now.micros()).bind(limit))?;
        rows.into_iter().map(refund).collect()
    }

    /// Has the gateway asked about a booking's open payment now rather than later.
    pub(super) async fn hasten_open_payment(
        &mut self,
        booking_id: Uuid,
        now: Timestamp,
    ) -> Result<()> {
        let sql = format!(
            "update payment_payment set next_ask_time = $1
            where payment_id in (
                select payment_id from payment_payment
                where booking_id = $2 and next_ask_time > $1{})",
            self.for_update_of_the_unlocked()
        );
        let now = now.micros();
        sql!(self, execute sqlx::query(AssertSqlSafe(sql.as_str())).bind(now).bind(booking_id))?;
        Ok(())
    }

    /// Makes everything due that would be due by `lease`. That is every lease there can be; what
    /// is put off for longer stays put off.
    pub(super) async fn void_payment_leases(
        &mut self,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<()> {
        const PAYMENTS: &str = "update payment_payment set next_ask_time = $1
            where payment_id in (select payment_id from payment_payment
                where next_ask_time > $1 and next_ask_time <= $2";
        const REFUNDS: &str = "update payment_refund set next_ask_time = $1
            where refund_id in (select refund_id from payment_refund
                where next_ask_time > $1 and next_ask_time <= $2";
        for sql in [PAYMENTS, REFUNDS] {
            let sql = format!("{sql}{})", self.for_update_of_the_unlocked());
            sql!(self, execute sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(now.micros()).bind(lease.micros()))?;
        }
        Ok(())
    }
}
