//! A transaction on PostgreSQL that never waits for ever: a server or a network that has gone
//! silent ends nothing by itself, and whoever waited for it would wait for as long as that lasts.

use std::future::Future;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, PgTransactionManager as Transactions};
use sqlx::{Postgres, SqlSafeStr};
use sqlx_core::transaction::TransactionManager as _;

/// How long one statement may take. The server ends those that run for 20 seconds, so whatever
/// takes longer has lost its answer.
const STATEMENT_DURATION_MAX: Duration = Duration::from_secs(22);
/// How long a connection may take to be ready for the next unit of work. It may only be busy, with
/// a statement that nobody waits for any more, for up to 20 seconds; but whether it is or has
/// fallen silent cannot be told, and silent ones would keep everybody waiting. So it is given up
/// all the same, and another may take its place. The one beyond those that are wanted ends within a
/// second after the server hears that it was closed (`client_connection_check_interval`); if the
/// network is cut it does not hear, and ends it by limits of its own.
const RETURN_DURATION_MAX: Duration = Duration::from_secs(5);

/// Waits for a statement, but not for ever. What it has done is not known if it has no answer.
pub(crate) async fn in_time<T>(
    statement: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    within(STATEMENT_DURATION_MAX, statement).await
}

/// The same, for so long.
pub(super) async fn within<T>(
    limit: Duration,
    statement: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let silent = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "the server is silent").into());
    tokio::time::timeout(limit, statement).await.unwrap_or_else(silent)
}

/// A transaction; dropping it rolls it back.
pub(crate) struct PostgresUnit(PoolConnection<Postgres>);

impl PostgresUnit {
    /// Begins one, by a statement of its own if there is one.
    pub(super) async fn begin(
        pool: &PgPool,
        statement: Option<&'static str>,
    ) -> sqlx::Result<Self> {
        Self::begin_within(STATEMENT_DURATION_MAX, pool, statement).await
    }

    async fn begin_within(
        limit: Duration,
        pool: &PgPool,
        statement: Option<&'static str>,
    ) -> sqlx::Result<Self> {
        let mut connection = pool.acquire().await?;
        let statement = statement.map(SqlSafeStr::into_sql_str);
        match within(limit, Transactions::begin(&mut connection, statement)).await {
            Ok(()) => Ok(Self(connection)),
            Err(error) => {
                // It may be in a transaction that nobody knows of, so nobody may have it again.
                drop(connection.detach());
                Err(error)
            }
        }
    }

    /// Commits. An error leaves open whether it did.
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        in_time(Transactions::commit(&mut self)).await
    }
}

impl Deref for PostgresUnit {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for PostgresUnit {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl Drop for PostgresUnit {
    fn drop(&mut self) {
        Transactions::start_rollback(&mut self.0);
        let returned = self.0.return_to_pool();
        // Without a runtime the connection is closed, which is all that is left to do then.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        // The pool itself would wait for ever, and have one connection less for as long.
        runtime.spawn(async move {
            if tokio::time::timeout(RETURN_DURATION_MAX, returned).await.is_err() {
                tracing::warn!(
                    "a connection of the database was given up: silent, or busy for nobody"
                );
            }
        });
    }
}

#[cfg(test)]
#[path = "postgres_unit_tests.rs"]
mod tests;
