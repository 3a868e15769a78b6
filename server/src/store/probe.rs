//! Whether the database answers, asked over a connection of its own: whoever waits for one of the
//! pool's learns how many others wait, and not whether the database is there.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::postgres_unit::in_time;
use crate::error::Result;

/// Reads a page of a real table: to begin a transaction would not touch SQLite's file.
const SQL: &str = "select count(*) from (select 1 from store_outbox limit 1) as outbox";

/// Asks the database. A question that is given up costs its connection, and the next has another.
pub struct Probe(Asked);

enum Asked {
    Sqlite(SqliteConnectOptions, Option<SqliteConnection>),
    Postgres(PgConnectOptions, Option<PgConnection>),
}

impl Probe {
    /// Of the database at this URL.
    pub(super) fn of(url: &str) -> Result<Self> {
        Ok(Self(if url.starts_with("sqlite:") {
            Asked::Sqlite(SqliteConnectOptions::from_str(url)?.pragma("query_only", "on"), None)
        } else {
            let options = PgConnectOptions::from_str(url)?.application_name("boxoffice health");
            Asked::Postgres(options, None)
        }))
    }

    /// Waits for an answer.
    pub async fn ask(&mut self) -> Result<()> {
        match &mut self.0 {
            Asked::Sqlite(options, kept) => {
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => options.connect().await?,
                };
                sqlx::query(SQL).execute(&mut connection).await?;
                *kept = Some(connection);
            }
            Asked::Postgres(options, kept) => {
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => in_time(options.connect()).await?,
                };
                in_time(sqlx::query(SQL).execute(&mut connection)).await?;
                *kept = Some(connection);
            }
        }
        Ok(())
    }

    /// Closes the connection.
    pub async fn close(self) {
        // It is of no use to anybody any more, whatever becomes of it.
        match self.0 {
            Asked::Sqlite(_, Some(connection)) => drop(connection.close().await),
            Asked::Postgres(_, Some(connection)) => drop(connection.close().await),
            Asked::Sqlite(..) | Asked::Postgres(..) => {}
        }
    }
}
