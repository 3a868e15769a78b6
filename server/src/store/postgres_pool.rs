//! Connections of PostgreSQL, and what the server is told about each.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::driver::STATEMENTS_CACHED;
use super::sqlite_pool::ACQUIRE_DURATION_MAX;

/// Connections for units of work. One more hears the other replicas, and one asks for health.
const POSTGRES_CONNECTIONS: u32 = 15;

/// How the database at this URL is connected to.
fn options(url: &str) -> sqlx::Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("boxoffice")
        .statement_cache_capacity(STATEMENTS_CACHED)
        .options([
            ("lock_timeout", "3s"),
            ("statement_timeout", "20s"),
            ("idle_in_transaction_session_timeout", "20s"),
            // A connection that was given up while the server was busy on it frees the server soon:
            // else there would be as many more as were given up within those 20 seconds.
            ("client_connection_check_interval", "1s"),
        ]);
    Ok(options)
}

/// The connections for units of work, of which there is one at once.
pub(super) async fn open_postgres(url: &str) -> sqlx::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_DURATION_MAX)
        .connect_with(options(url)?)
        .await
}

/// A place for one connection that stays, beside the others: whatever becomes of it, none of them
/// is missing.
pub(super) fn one_of_its_own(url: &str) -> sqlx::Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE_DURATION_MAX);
    Ok(pool.connect_lazy_with(options(url)?))
}
