//! Whose turn it is: about what the gateway is asked next.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;
use crate::kernel::id::PaymentId;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, sql};

impl Tx {
    /// Takes payments whose turn it is to be asked about; until `lease` nobody else takes them.
    pub(in crate::payment) async fn take_due_payments(
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

    /// Has the gateway asked about a booking's open payment now rather than later.
    pub(in crate::payment) async fn hasten_open_payment(
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
    pub(in crate::payment) async fn void_payment_leases(
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
