//! Charges and refunds of the ledger.

use std::collections::BTreeMap;

use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::ledger::Ledger;
use super::webhook::{Posting, insert_notice};
use crate::adapters::sandbox::message::{ChargeMessage, ChargeState, RefundMessage};
use crate::error::Result;
use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::time::Timestamp;
use crate::ports::gateway::{Charge, FailureCode, Refund};
use crate::store::column;

/// What the ledger knows of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerState {
    /// It was asked for; nothing was decided.
    Open,
    /// The buyer has to do something more.
    Action,
    /// The money was taken.
    Captured,
    /// Nothing was taken.
    Declined,
    /// Nothing was or will be taken.
    Canceled,
}

impl LedgerState {
    const ALL: [Self; 5] =
        [Self::Open, Self::Action, Self::Captured, Self::Declined, Self::Canceled];

    const fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Action => "ACTION",
            Self::Captured => "CAPTURED",
            Self::Declined => "DECLINED",
            Self::Canceled => "CANCELED",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        column(Self::ALL.into_iter().find(|state| state.name() == name), "state")
    }

    const fn seen(self) -> ChargeState {
        match self {
            Self::Open => ChargeState::Processing,
            Self::Action => ChargeState::RequiresAction,
            Self::Captured => ChargeState::Succeeded,
            Self::Declined => ChargeState::Failed,
            Self::Canceled => ChargeState::Canceled,
        }
    }
}

/// One charge and what was given back of it.
#[derive(Clone, Debug)]
pub struct LedgerEntry {
    /// The payment.
    pub payment_id: PaymentId,
    /// What became of it.
    pub state: LedgerState,
    /// How much was asked for, in minor units.
    pub amount_minor: i64,
    /// How much was given back, in minor units.
    pub refunded_minor: i64,
    /// How often it was asked for.
    pub ask_count: i64,
}

/// A charge as it is stored.
#[derive(Clone, Debug)]
pub struct ChargeRow {
    pub payment_id: PaymentId,
    pub currency_code: String,
    pub amount_minor: i64,
    pub payment_token: String,
    pub state: LedgerState,
    pub failure_code: String,
    pub position: i64,
    pub change_time: i64,
    pub refunds: Vec<(RefundId, i64)>,
}

impl ChargeRow {
    /// The charge as callers see it; `redirect_url` is where an action of the buyer is done.
    pub fn message(&self, redirect_url: impl Fn(PaymentId) -> String) -> ChargeMessage {
        let needs_action = self.state == LedgerState::Action;
        let refunds = self
            .refunds
            .iter()
            .map(|(id, minor)| RefundMessage { id: id.to_string(), amount_minor: *minor });
        ChargeMessage {
            id: self.payment_id.to_string(),
            reference: format!("sandbox_{}", self.payment_id.uuid().simple()),
            state: self.state.seen(),
            currency: self.currency_code.clone(),
            amount_minor: self.amount_minor,
            failure_code: self.failure_code.clone(),
            redirect_url: if needs_action { redirect_url(self.payment_id) } else { String::new() },
            refunds: refunds.collect(),
            position: self.position,
            change_time: self.change_time,
        }
    }
}

/// What was known when a charge was asked for.
pub struct Asked {
    pub charge: ChargeRow,
    pub ask_count: i64,
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refunded {
    /// It was made now.
    Now,
    /// It had been made before.
    Before,
    /// It would be more than was taken.
    TooMuch,
    /// Another one was made with its key.
    Conflict,
}

type Row = (Uuid, String, i64, String, String, String, i64, i64);

const COLUMNS: &str = "payment_id, currency_code, amount_minor, payment_token, state,
    failure_code, position, change_time";

fn charge(row: Row) -> Result<ChargeRow> {
    Ok(ChargeRow {
        payment_id: row.0.into(),
        currency_code: row.1,
        amount_minor: row.2,
        payment_token: row.3,
        state: LedgerState::parse(&row.4)?,
        failure_code: row.5,
        position: row.6,
        change_time: row.7,
        refunds: Vec::new(),
    })
}

async fn find(
    tx: &mut Transaction<'static, Sqlite>,
    payment_id: PaymentId,
) -> Result<Option<ChargeRow>> {
    const REFUNDS: &str =
        "select refund_id, amount_minor from refund where payment_id = $1 order by rowid";
    let sql = format!("select {COLUMNS} from charge where payment_id = $1");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(payment_id.uuid())
        .fetch_optional(&mut **tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let refunds: Vec<(Uuid, i64)> =
        sqlx::query_as(REFUNDS).bind(payment_id.uuid()).fetch_all(&mut **tx).await?;
    let refunds = refunds.into_iter().map(|(id, minor)| (RefundId::from(id), minor)).collect();
    Ok(Some(ChargeRow { refunds, ..charge(row)? }))
}

/// Notes that a charge has changed, and the webhook that tells of it.
async fn changed(
    tx: &mut Transaction<'static, Sqlite>,
    payment_id: PaymentId,
    posting: &Posting,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "update charge
        set position = (select max(position) + 1 from charge), change_time = $1
        where payment_id = $2";
    sqlx::query(SQL).bind(now.micros()).bind(payment_id.uuid()).execute(&mut **tx).await?;
    if let Some(charge) = find(tx, payment_id).await? {
        insert_notice(tx, &charge, posting, now).await?;
    }
    Ok(())
}

impl Ledger {
    /// Notes that a charge is asked for, and says what is known of it.
    pub(in crate::adapters::sandbox) async fn ask(
        &self,
        wanted: &Charge,
        posting: &Posting,
        now: Timestamp,
    ) -> Result<Asked> {
        const SQL: &str = "insert into charge (payment_id, currency_code, amount_minor, state,
                ask_count, payment_token, position, change_time)
            values ($1, $2, $3, 'OPEN', 1, $4,
                (select coalesce(max(position), 0) + 1 from charge), $5)
            on conflict (payment_id) do update set ask_count = ask_count + 1
            returning ask_count";
        let mut tx = self.begin().await?;
        let ask_count: i64 = sqlx::query_scalar(SQL)
            .bind(wanted.payment_id.uuid())
            .bind(wanted.amount.currency.code().to_owned())
            .bind(wanted.amount.minor)
            .bind(wanted.payment_token.clone())
            .bind(now.micros())
            .fetch_one(&mut *tx)
            .await?;
        let found = column(find(&mut tx, wanted.payment_id).await?, "payment_id")?;
        if ask_count == 1 && posting.tells_of_processing(&found) {
            insert_notice(&mut tx, &found, posting, now).await?;
        }
        tx.commit().await?;
        Ok(Asked { charge: found, ask_count })
    }

    /// Decides a charge unless it is decided; one that awaits the buyer's action only if
    /// `after_action` says so. Says how it is now.
    pub(in crate::adapters::sandbox) async fn settle(
        &self,
        payment_id: PaymentId,
        (state, failure_code): (LedgerState, Option<FailureCode>),
        after_action: bool,
        posting: &Posting,
        now: Timestamp,
    ) -> Result<Option<ChargeRow>> {
        const SQL: &str = "update charge set state = $1, failure_code = $2
            where payment_id = $3 and (state = 'OPEN' or (state = 'ACTION' and $4))";
        let mut tx = self.begin().await?;
        let settled = sqlx::query(SQL)
            .bind(state.name())
            .bind(failure_code.map_or("", FailureCode::name))
            .bind(payment_id.uuid())
            .bind(after_action)
            .execute(&mut *tx)
            .await?;
        if settled.rows_affected() == 1 {
            changed(&mut tx, payment_id, posting, now).await?;
        }
        let found = find(&mut tx, payment_id).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Reads a charge.
    pub(in crate::adapters::sandbox) async fn charge(
        &self,
        payment_id: PaymentId,
    ) -> Result<Option<ChargeRow>> {
        let mut tx = self.begin().await?;
        find(&mut tx, payment_id).await
    }

    /// Gives money back once, and never more than was taken.
    pub(in crate::adapters::sandbox) async fn refund(
        &self,
        refund: &Refund,
        posting: &Posting,
        now: Timestamp,
    ) -> Result<Refunded> {
        const INSERT: &str = "insert into refund (refund_id, payment_id, amount_minor)
            select $1, $2, $3 from charge where payment_id = $2 and state = 'CAPTURED'
            and currency_code = $4 and $3 > 0
            and amount_minor >= $3 + (select coalesce(sum(amount_minor), 0) from refund
                where payment_id = $2)
            on conflict do nothing";
        const FIND: &str = "select r.payment_id, r.amount_minor, c.currency_code
            from refund r join charge c on c.payment_id = r.payment_id where r.refund_id = $1";
        let mut tx = self.begin().await?;
        let found: Option<(Uuid, i64, String)> =
            sqlx::query_as(FIND).bind(refund.refund_id.uuid()).fetch_optional(&mut *tx).await?;
        if let Some((payment_id, minor, currency_code)) = found {
            let same = payment_id == refund.payment_id.uuid()
                && minor == refund.amount.minor
                && currency_code == refund.amount.currency.code();
            return Ok(if same { Refunded::Before } else { Refunded::Conflict });
        }
        let made = sqlx::query(INSERT)
            .bind(refund.refund_id.uuid())
            .bind(refund.payment_id.uuid())
            .bind(refund.amount.minor)
            .bind(refund.amount.currency.code().to_owned())
            .execute(&mut *tx)
            .await?;
        if made.rows_affected() == 0 {
            return Ok(Refunded::TooMuch);
        }
        changed(&mut tx, refund.payment_id, posting, now).await?;
        tx.commit().await?;
        Ok(Refunded::Now)
    }

    /// Charges that changed after a position, in the order of their changes.
    pub(in crate::adapters::sandbox) async fn changes(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ChargeRow>> {
        const REFUNDS: &str = "select r.refund_id, r.amount_minor, r.payment_id
            from refund r join charge c on c.payment_id = r.payment_id
            where c.position > $1 and c.position <= $2 order by r.rowid";
        let sql =
            format!("select {COLUMNS} from charge where position > $1 order by position limit $2");
        let mut tx = self.begin().await?;
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *tx)
            .await?;
        let mut charges = rows.into_iter().map(charge).collect::<Result<Vec<_>>>()?;
        let last = charges.last().map_or(after, |charge| charge.position);
        let refunds: Vec<(Uuid, i64, Uuid)> =
            sqlx::query_as(REFUNDS).bind(after).bind(last).fetch_all(&mut *tx).await?;
        let mut refunds_of: BTreeMap<PaymentId, Vec<(RefundId, i64)>> = BTreeMap::new();
        for (refund_id, minor, payment_id) in refunds {
            refunds_of.entry(payment_id.into()).or_default().push((refund_id.into(), minor));
        }
        for charge in &mut charges {
            charge.refunds = refunds_of.remove(&charge.payment_id).unwrap_or_default();
        }
        Ok(charges)
    }

    /// Those of the charges that there are.
    pub(in crate::adapters::sandbox) async fn charges(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<ChargeRow>> {
        let mut tx = self.begin().await?;
        let mut charges = Vec::new();
        for payment_id in payments {
            charges.extend(find(&mut tx, *payment_id).await?);
        }
        Ok(charges)
    }

    /// Every charge, for comparison.
    pub(in crate::adapters::sandbox) async fn entries(&self) -> Result<Vec<LedgerEntry>> {
        const SQL: &str = "select c.payment_id, c.state, c.amount_minor, c.ask_count,
                (select coalesce(sum(r.amount_minor), 0) from refund r
                    where r.payment_id = c.payment_id)
            from charge c order by c.payment_id";
        let rows: Vec<(Uuid, String, i64, i64, i64)> =
            sqlx::query_as(SQL).fetch_all(&self.pool).await?;
        let entries = rows.into_iter().map(|row| {
            Ok(LedgerEntry {
                payment_id: row.0.into(),
                state: LedgerState::parse(&row.1)?,
                amount_minor: row.2,
                ask_count: row.3,
                refunded_minor: row.4,
            })
        });
        entries.collect()
    }
}
