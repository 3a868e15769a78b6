//! Opening the ledger.

use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

use crate::error::Result;
use crate::store::sqlite_pool;

/// How long a change waits for those before it.
const QUEUE_DURATION_MAX: Duration = Duration::from_secs(30);
/// As the first version made them.
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

/// What the second version added; `user_version` says whether it is there.
const ADDITIONS: &str = "
    alter table charge add column payment_token text not null default '';
    alter table charge add column failure_code text not null default '';
    alter table charge add column position integer not null default 0;
    alter table charge add column change_time integer not null default 0;
    update charge set position = rowid;
    create unique index charge_by_position on charge (position);
    create index refund_by_payment on refund (payment_id);
    create table webhook (
        notice_id text not null primary key,
        payment_id blob not null,
        body text not null,
        -- How many are posted at the same time.
        copies integer not null,
        attempt_count integer not null default 0,
        -- When it is posted next; null once it was taken, in ledgers that kept those.
        next_time integer
    );
    create index webhook_by_payment on webhook (payment_id) where next_time is not null;
    create index webhook_by_time on webhook (next_time) where next_time is not null;
    pragma user_version = 1;";

/// Webhooks that were taken were kept once, and nobody needs them.
const REMAINS: &str = "delete from webhook where next_time is null";

/// The ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    pub(super) pool: SqlitePool,
}

impl Ledger {
    /// Opens the ledger of a `sqlite://` URL, or makes it.
    pub async fn open(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = sqlite_pool(1).acquire_timeout(QUEUE_DURATION_MAX);
        let pool = pool.connect_with(options).await?;
        let ledger = Self { pool };
        let mut tx = ledger.begin().await?;
        sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
        let version: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&mut *tx).await?;
        if version == 0 {
            sqlx::raw_sql(ADDITIONS).execute(&mut *tx).await?;
        }
        sqlx::raw_sql(REMAINS).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(ledger)
    }

    /// Begins a change of the ledger. Another process may have the file open too.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        let pool = self.pool.clone();
        // Not cut off with its caller: a transaction left open would stay so in the pool.
        let begun = tokio::spawn(async move { pool.begin_with("begin immediate").await });
        Ok(begun.await.map_err(crate::error::Error::internal)??)
    }
}
