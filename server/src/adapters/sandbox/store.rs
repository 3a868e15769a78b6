//! The sandbox's ledger.

use std::str::FromStr;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use uuid::Uuid;

use crate::error::Result;
use crate::kernel::id::PaymentId;
use crate::ports::gateway::{Charge, Refund};
use crate::store::column;

const TABLES: &str = "
    create table if not exists charge (
        payment_id blob not null primary key,
        currency_code text not null,
        amount_minor integer not null,
        state text not null,
        ask_count integer not null
    );
    create table if not exists refund (
        refund_id blob not null primary key,
        payment_id blob not null,
        amount_minor integer not null
    );";

/// What the ledger knows of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerState {
    /// It was asked for; nothing was decided.
    Open,
    /// The money was taken.
    Captured,
    /// Nothing was taken.
    Declined,
    /// Nothing was or will be taken.
    Canceled,
}

impl LedgerState {
    const ALL: [Self; 4] = [Self::Open, Self::Captured, Self::Declined, Self::Canceled];

    const fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Captured => "CAPTURED",
            Self::Declined => "DECLINED",
            Self::Canceled => "CANCELED",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        column(Self::ALL.into_iter().find(|state| state.name() == name), "state")
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

/// What was known when a charge was asked for.
pub(super) struct Asked {
    pub state: LedgerState,
    pub ask_count: i64,
}

#[derive(Clone)]
pub(super) struct Ledger {
    pool: SqlitePool,
}

impl Ledger {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        Ok(Self { pool })
    }

    /// Notes that a charge is asked for, and says what is known of it.
    pub(super) async fn ask(&self, charge: &Charge) -> Result<Asked> {
        const SQL: &str = "insert into charge
                (payment_id, currency_code, amount_minor, state, ask_count)
            values ($1, $2, $3, 'OPEN', 1)
            on conflict (payment_id) do update set ask_count = ask_count + 1
            returning state, ask_count";
        let (state, ask_count): (String, i64) = sqlx::query_as(SQL)
            .bind(charge.payment_id.uuid())
            .bind(charge.amount.currency.code().to_owned())
            .bind(charge.amount.minor)
            .fetch_one(&self.pool)
            .await?;
        Ok(Asked { state: LedgerState::parse(&state)?, ask_count })
    }

    /// Decides a charge unless it is decided.
    pub(super) async fn settle(&self, payment_id: PaymentId, state: LedgerState) -> Result<()> {
        const SQL: &str = "update charge set state = $1 where payment_id = $2 and state = 'OPEN'";
        sqlx::query(SQL).bind(state.name()).bind(payment_id.uuid()).execute(&self.pool).await?;
        Ok(())
    }

    pub(super) async fn state(&self, payment_id: PaymentId) -> Result<LedgerState> {
        const SQL: &str = "select state from charge where payment_id = $1";
        let state: String =
            sqlx::query_scalar(SQL).bind(payment_id.uuid()).fetch_one(&self.pool).await?;
        LedgerState::parse(&state)
    }

    /// Gives money back once, and never more than was taken.
    pub(super) async fn refund(&self, refund: &Refund) -> Result<bool> {
        const INSERT: &str = "insert into refund (refund_id, payment_id, amount_minor)
            select $1, $2, $3 from charge where payment_id = $2 and state = 'CAPTURED'
            and amount_minor >= $3 + (select coalesce(sum(amount_minor), 0) from refund
                where payment_id = $2)
            on conflict do nothing";
        const FIND: &str = "select count(*) from refund where refund_id = $1";
        sqlx::query(INSERT)
            .bind(refund.refund_id.uuid())
            .bind(refund.payment_id.uuid())
            .bind(refund.amount.minor)
            .execute(&self.pool)
            .await?;
        let found: i64 =
            sqlx::query_scalar(FIND).bind(refund.refund_id.uuid()).fetch_one(&self.pool).await?;
        Ok(found == 1)
    }

    pub(super) async fn entries(&self) -> Result<Vec<LedgerEntry>> {
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
