//! Payments.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::error::{Reason, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, PaymentId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::time::Timestamp;
use crate::payment::domain::{Payment, PaymentState};
use crate::ports::gateway::{FailureCode, PaymentMethod};
use crate::store::{Tx, bulk_rows, bulk_write, column, row, sql};

/// Whose payments are listed.
#[derive(Clone, Copy, Debug)]
pub enum ListedBy {
    /// Those of a session.
    Session(SessionId),
    /// Those of a booking.
    Booking(BookingId),
}

row! {
    struct PaymentRow {
        payment_id: Uuid,
        booking_id: Uuid,
        event_id: Uuid,
        session_id: String,
        state: String,
        currency_code: String,
        amount_minor: i64,
        method: String,
        payment_token: String,
        failure_code: String,
        action_url: String,
        action_answer: String,
        gateway_reference: String,
        refunded_minor: i64,
        ask_count: i64,
        next_ask_time: Option<i64>,
        create_time: i64,
        update_time: i64,
        version: i64,
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
        method: column(PaymentMethod::parse(&row.method), "method")?,
        payment_token: row.payment_token,
        failure_code: match row.failure_code.as_str() {
            "" => None,
            code => Some(column(FailureCode::parse(code), "failure_code")?),
        },
        action_url: row.action_url,
        action_answer: row.action_answer,
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

impl Tx {
    pub(in crate::payment) async fn payments_by_id(
        &mut self,
        ids: &BTreeSet<PaymentId>,
    ) -> Result<Vec<Payment>> {
        const HEAD: &str = "select payment_id, booking_id, event_id, session_id, state,
                currency_code, amount_minor, method, payment_token, failure_code, action_url,
                action_answer, gateway_reference, refunded_minor, ask_count, next_ask_time,
                create_time, update_time, version
            from payment_payment where payment_id in (";
        let ids: Vec<PaymentId> = ids.iter().copied().collect();
        let rows = bulk_rows!(self, HEAD, &ids, |b, id| b.push_bind(id.uuid()), ")", as PaymentRow);
        rows.into_iter().map(payment).collect()
    }

    pub(in crate::payment) async fn newest_payment(
        &mut self,
        booking_id: BookingId,
    ) -> Result<Option<PaymentId>> {
        const SQL: &str = "select payment_id from payment_payment where booking_id = $1
            order by create_time desc, payment_id desc limit 1";
        let id: Option<Uuid> =
            sql!(self, fetch_optional sqlx::query_scalar(SQL).bind(booking_id.uuid()))?;
        Ok(id.map(Into::into))
    }

    /// How many payments of a booking have taken money, or may yet.
    pub(in crate::payment) async fn count_takings(&mut self, booking_id: BookingId) -> Result<i64> {
        const SQL: &str = "select count(*) from payment_payment
            where booking_id = $1 and state not in ('FAILED', 'CANCELED')";
        sql!(self, fetch_one sqlx::query_scalar(SQL).bind(booking_id.uuid()))
    }

    /// Payments of a session, or of a booking, the newest first: their ids and when they were made.
    pub(in crate::payment) async fn list_payments(
        &mut self,
        whose: &ListedBy,
        page: &PageRequest,
    ) -> Result<Vec<(PaymentId, Timestamp)>> {
        const OF_SESSION: &str = "select payment_id, create_time from payment_payment
            where session_id = $1 and (create_time, payment_id) < ($2, $3)
            order by create_time desc, payment_id desc limit $4";
        const OF_BOOKING: &str = "select payment_id, create_time from payment_payment
            where booking_id = $1 and (create_time, payment_id) < ($2, $3)
            order by create_time desc, payment_id desc limit $4";
        let after = page.after.unwrap_or(Cursor::LAST);
        let (position, id, limit) = (after.position, after.id, page.limit());
        let rows: Vec<(Uuid, i64)> = match whose {
            ListedBy::Session(session) => sql!(self, fetch_all sqlx::query_as(OF_SESSION)
                    .bind(session.to_string()).bind(position).bind(id).bind(limit))?,
            ListedBy::Booking(booking_id) => sql!(self, fetch_all sqlx::query_as(OF_BOOKING)
                    .bind(booking_id.uuid()).bind(position).bind(id).bind(limit))?,
        };
        let listed = rows.into_iter().map(|(id, time)| (id.into(), Timestamp::from_micros(time)));
        Ok(listed.collect())
    }

    /// Gives the payments of a guest to the user who took everything of the guest's over.
    pub(in crate::payment) async fn take_over_payments(
        &mut self,
        guest: SessionId,
        user: SessionId,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "update payment_payment set session_id = $1, update_time = $2
            where session_id = $3";
        sql!(self, execute sqlx::query(SQL)
            .bind(user.to_string()).bind(now.micros()).bind(guest.to_string()))?;
        Ok(())
    }

    pub(in crate::payment) async fn insert_payments(
        &mut self,
        payments: &[&Payment],
    ) -> Result<()> {
        const HEAD: &str = "insert into payment_payment (payment_id, booking_id, event_id,
            session_id, state, currency_code, amount_minor, method, payment_token, failure_code,
            action_url, action_answer, gateway_reference, refunded_minor, ask_count,
            next_ask_time, create_time, update_time, version) ";
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
                .push_bind(payment.method.name())
                .push_bind(payment.payment_token.clone())
                .push_bind(payment.failure_code.map_or("", FailureCode::name))
                .push_bind(payment.action_url.clone())
                .push_bind(payment.action_answer.clone())
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

    pub(in crate::payment) async fn update_payments(
        &mut self,
        payments: &[&Payment],
    ) -> Result<()> {
        const HEAD: &str = "update payment_payment set state = v.column2,
            failure_code = v.column3, gateway_reference = v.column4, refunded_minor = v.column5,
            ask_count = v.column6, next_ask_time = v.column7, update_time = v.column8,
            version = v.column9, action_url = v.column11, action_answer = v.column12 from (";
        const TAIL: &str = ") as v where payment_payment.payment_id = v.column1
            and payment_payment.version = v.column10";
        let written = bulk_write!(
            self,
            HEAD,
            payments,
            |b, payment| b
                .push_bind(payment.payment_id.uuid())
                .push_bind(payment.state.name())
                .push_bind(payment.failure_code.map_or("", FailureCode::name))
                .push_bind(payment.gateway_reference.clone())
                .push_bind(payment.refunded_minor)
                .push_bind(i64::from(payment.ask_count))
                .push_bind(payment.next_ask_time.map(Timestamp::micros))
                .push_bind(payment.update_time.micros())
                .push_bind(payment.version)
                .push_bind(payment.stored_version)
                .push_bind(payment.action_url.clone())
                .push_bind(payment.action_answer.clone()),
            TAIL
        );
        if usize::try_from(written) == Ok(payments.len()) {
            Ok(())
        } else {
            Err(Reason::ChangedMeanwhile.into())
        }
    }
}
