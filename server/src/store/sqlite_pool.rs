//! Connections of SQLite that can be relied on after a disk was full.

use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::SqlitePoolOptions;

/// How long a unit of work waits for a connection.
pub(super) const ACQUIRE_DURATION_MAX: Duration = Duration::from_secs(5);

/// A pool of so many connections, which stay.
///
/// SQLite itself rolls back a transaction in which the disk is full or fails. The driver, whose own
/// rollback then fails, counts that transaction as open and would refuse to begin any other on its
/// connection for ever, so such a connection is replaced by a new one.
pub(crate) fn sqlite_pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_DURATION_MAX)
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
}
