//! A fresh database for one test.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Connection, FromRow, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::patience::eventually;

/// How long a statement of a test's own waits for a server that writes all the time: whoever waits
/// for SQLite has no turn, only luck.
const LOCKED_MAX: Duration = Duration::from_secs(30);

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in a scratch folder.
    Sqlite,
    /// A database of the server that BOXOFFICE_TEST_POSTGRES names.
    Postgres,
}

/// A database of one test's own.
#[derive(Clone, Debug)]
pub struct Database {
    /// Which it is.
    pub backend: Backend,
    /// Its URL.
    pub url: String,
    name: String,
    server: String,
}

fn server() -> String {
    std::env::var("BOXOFFICE_TEST_POSTGRES").expect(
        "BOXOFFICE_TEST_POSTGRES names the PostgreSQL to test on; run the tests with \
         `script/test`, or `script/services run -- cargo test --workspace`",
    )
}

impl Database {
    /// Makes one; a SQLite file goes into `folder`.
    pub async fn create(backend: Backend, folder: &Path) -> Self {
        Self::create_on(&server(), backend, folder).await
    }

    /// Makes one on a PostgreSQL server of one's own, whose URL this is.
    pub async fn create_on(server: &str, backend: Backend, folder: &Path) -> Self {
        let name = format!("boxoffice_{}", Uuid::now_v7().simple());
        let url = match backend {
            Backend::Sqlite => format!("sqlite://{}", folder.join("boxoffice.db").display()),
            Backend::Postgres => {
                on_server(server, &format!("create database {name}")).await;
                let (base, _) = server.rsplit_once('/').expect("a URL with a database");
                format!("{base}/{name}")
            }
        };
        Self { backend, url, name, server: server.to_owned() }
    }

    /// Removes it.
    pub async fn discard(&self) {
        if self.backend == Backend::Postgres {
            let statement = format!("drop database if exists {} with (force)", self.name);
            on_server(&self.server, &statement).await;
        }
    }

    /// Runs statements of one's own on it, as somebody with the database open by hand would.
    pub async fn by_hand(&self, statements: &str) -> u64 {
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        match self.backend {
            Backend::Sqlite => {
                let mut conn = self.open_sqlite().await;
                let done = sqlx::raw_sql(statements).execute(&mut conn).await.expect("it runs");
                done.rows_affected()
            }
            Backend::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await.expect("it opens");
                let done = sqlx::raw_sql(statements).execute(&mut conn).await.expect("it runs");
                done.rows_affected()
            }
        }
    }

    /// Reads one number, by a query of one's own.
    pub async fn count_by_hand(&self, query: &str) -> i64 {
        let query = sqlx::AssertSqlSafe(query.to_owned());
        match self.backend {
            Backend::Sqlite => {
                let mut conn = self.open_sqlite().await;
                sqlx::query_scalar(query).fetch_one(&mut conn).await.expect("a number")
            }
            Backend::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await.expect("it opens");
                sqlx::query_scalar(query).fetch_one(&mut conn).await.expect("a number")
            }
        }
    }

    /// Reads rows, by a query of one's own.
    pub async fn rows_by_hand<R>(&self, query: &str) -> Vec<R>
    where
        R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let query = sqlx::AssertSqlSafe(query.to_owned());
        match self.backend {
            Backend::Sqlite => {
                let mut conn = self.open_sqlite().await;
                sqlx::query_as(query).fetch_all(&mut conn).await.expect("rows")
            }
            Backend::Postgres => {
                let mut conn = PgConnection::connect(&self.url).await.expect("it opens");
                sqlx::query_as(query).fetch_all(&mut conn).await.expect("rows")
            }
        }
    }

    async fn open_sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::from_str(&self.url).expect("a URL of SQLite");
        let patient = options.busy_timeout(LOCKED_MAX);
        SqliteConnection::connect_with(&patient).await.expect("it opens")
    }

    /// How a query names this id.
    pub fn literal(&self, id: Uuid) -> String {
        match self.backend {
            Backend::Sqlite => format!("x'{}'", id.simple()),
            Backend::Postgres => format!("'{id}'::uuid"),
        }
    }

    /// Waits until a number that a query of one's own reads is as wanted.
    pub async fn wait_by_hand(&self, query: &str, is_wanted: impl Fn(i64) -> bool) {
        eventually(async || {
            let now = self.count_by_hand(query).await;
            if is_wanted(now) { Ok(()) } else { Err(format!("still {now}: {query}")) }
        })
        .await;
    }
}

async fn on_server(server: &str, statement: &str) {
    let mut server = PgConnection::connect(server).await.expect("PostgreSQL is there");
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::query(statement).execute(&mut server).await.expect("the statement runs");
    server.close().await.expect("the connection closes");
}
