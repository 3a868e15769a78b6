//! The two drivers behind one face. Statements are written once; `sql!` runs them on whichever
//! database is open.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

use super::event::Event;
use super::outbox::append_events;
use super::postgres_pool::open_postgres;
use super::postgres_unit::{PostgresUnit, in_time};
use super::probe::Probe;
use super::replicas::CHANNEL;
use super::signal::{Signal, Signals};
use super::sqlite_pool::{ACQUIRE_DURATION_MAX, sqlite_pool};
use crate::error::{Error, Result};
use crate::kernel::id::EventId;

/// Statements each connection keeps prepared: bulk statements come in several sizes.
pub(super) const STATEMENTS_CACHED: usize = 1_000;
/// Connections for reading on SQLite; writing has one of its own.
const SQLITE_READERS: u32 = 4;

/// Which database is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

#[derive(Clone)]
pub(super) enum Pool {
    Sqlite { writer: SqlitePool, readers: SqlitePool, lock: Arc<File> },
    Postgres(PgPool),
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) pool: Pool,
    signals: Signals,
    pub(super) url: Arc<str>,
}

impl Store {
    /// Opens the database of a `sqlite://` or `postgres://` URL and brings its tables up to date.
    pub async fn open(url: &str) -> Result<Self> {
        let pool = if url.starts_with("sqlite:") {
            open_sqlite(url).await?
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Pool::Postgres(open_postgres(url).await?)
        } else {
            return Err(Error::internal("the database URL is neither sqlite:// nor postgres://"));
        };
        super::migrate::migrate(&pool).await?;
        Ok(Self { pool, signals: Signals::default(), url: url.into() })
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match self.pool {
            Pool::Sqlite { .. } => Engine::Sqlite,
            Pool::Postgres(_) => Engine::Postgres,
        }
    }

    /// Begins a unit of work that writes. On SQLite there is one at a time.
    pub async fn begin(&self) -> Result<Tx> {
        let conn = match self.pool.clone() {
            Pool::Sqlite { writer, .. } => {
                let begun = async move { writer.begin_with("begin immediate").await };
                Conn::Sqlite(to_the_end(begun).await?)
            }
            Pool::Postgres(pool) => {
                let begun = async move { PostgresUnit::begin(&pool, None).await };
                Conn::Postgres(to_the_end(begun).await?)
            }
        };
        Ok(self.tx(conn))
    }

    fn tx(&self, conn: Conn) -> Tx {
        Tx { conn, events: Vec::new(), signals: BTreeSet::new(), sender: self.signals.clone() }
    }

    /// Begins a unit of work that only reads, all of it at one instant.
    pub async fn read(&self) -> Result<Tx> {
        const SNAPSHOT: &str = "begin isolation level repeatable read read only";
        let conn = match self.pool.clone() {
            Pool::Sqlite { readers, .. } => {
                Conn::Sqlite(to_the_end(async move { readers.begin().await }).await?)
            }
            Pool::Postgres(pool) => {
                let begun = async move { PostgresUnit::begin(&pool, Some(SNAPSHOT)).await };
                Conn::Postgres(to_the_end(begun).await?)
            }
        };
        Ok(self.tx(conn))
    }

    /// What asks the database whether it is there.
    pub fn probe(&self) -> Result<Probe> {
        Probe::of(&self.url)
    }

    /// What is heard after commits, on this replica and, on PostgreSQL, from the others.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The database server's time in microseconds since 1970-01-01 UTC; `None` on SQLite, whose
    /// time is this machine's. Half of the round trip is taken to be the way back; how long all of
    /// it took is told besides.
    pub async fn server_micros(&self) -> Result<Option<(i64, Duration)>> {
        const SQL: &str = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
        match self.engine() {
            Engine::Sqlite => Ok(None),
            Engine::Postgres => {
                let mut tx = self.read().await?;
                // On a new connection the statement is prepared first, which is a way there and
                // back of its own.
                sql!(tx, execute sqlx::query(SQL))?;
                let asked = Instant::now();
                let micros: i64 = sql!(tx, fetch_one sqlx::query_scalar(SQL))?;
                let took = asked.elapsed();
                let back = i64::try_from(took.as_micros() / 2).unwrap_or(0);
                Ok(Some((micros.saturating_add(back), took)))
            }
        }
    }

    /// Closes every connection, once those in use have been given back.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { writer, readers, lock } => {
                readers.close().await;
                writer.close().await;
                if let Err(error) = lock.unlock() {
                    tracing::warn!(%error, "the database's lock file stays locked");
                }
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins a transaction even if the caller leaves meanwhile, and then rolls it back. Cut off in the
/// middle, it would stay open on a connection that goes back to the pool, and whoever got that next
/// would be in it: unable to write, if it was for reading.
async fn to_the_end<T: Send + 'static>(
    begun: impl Future<Output = sqlx::Result<T>> + Send + 'static,
) -> Result<T> {
    Ok(tokio::spawn(begun).await.map_err(Error::internal)??)
}

/// Makes sure that this process is the only one on a SQLite file: two would not hear each other.
fn lock_file(database: &Path) -> Result<File> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let complain = |error: std::io::Error| {
        Error::Unavailable(format!("the lock file {}: {error}", path.display()))
    };
    let file = File::options().create(true).append(true).open(&path).map_err(complain)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(complain(error)),
        Err(TryLockError::WouldBlock) => Err(Error::Unavailable(format!(
            "--database: another server has {} open; use postgres:// for several replicas",
            database.display()
        ))),
    }
}

async fn open_sqlite(url: &str) -> Result<Pool> {
    let options = SqliteConnectOptions::from_str(url)?;
    let lock = Arc::new(lock_file(options.get_filename())?);
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: what was acknowledged survives a power cut, not only a crash of this process.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(ACQUIRE_DURATION_MAX)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS_CACHED);
    let writer = sqlite_pool(1).connect_with(options.clone()).await?;
    let readers = options.pragma("query_only", "on");
    let readers = sqlite_pool(SQLITE_READERS).connect_with(readers).await?;
    Ok(Pool::Sqlite { writer, readers, lock })
}

pub(crate) enum Conn {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(PostgresUnit),
}

/// A unit of work: what is done through it happens whole, at `commit`, or not at all.
pub struct Tx {
    pub(crate) conn: Conn,
    events: Vec<Event>,
    signals: BTreeSet<Signal>,
    sender: Signals,
}

impl Tx {
    /// Which database it is open on.
    pub fn engine(&self) -> Engine {
        match self.conn {
            Conn::Sqlite(_) => Engine::Sqlite,
            Conn::Postgres(_) => Engine::Postgres,
        }
    }

    /// What a `select` that is followed by writing ends with, so that the rows stay as they were
    /// read. SQLite needs nothing: there is one writer.
    pub fn for_update(&self) -> &'static str {
        match self.conn {
            Conn::Sqlite(_) => "",
            Conn::Postgres(_) => " for update",
        }
    }

    /// What a `select` ends with whose rows are wanted only as far as nobody else is changing them
    /// right now. SQLite needs nothing: there is one writer.
    pub fn for_update_of_the_unlocked(&self) -> &'static str {
        match self.conn {
            Conn::Sqlite(_) => "",
            Conn::Postgres(_) => " for update skip locked",
        }
    }

    /// Waits until no other replica works on these events, and keeps them to itself until the end
    /// of the transaction. SQLite needs nothing: there is one writer.
    pub async fn lock_events(&mut self, events: &BTreeSet<EventId>) -> Result<()> {
        const SQL: &str = "select pg_advisory_xact_lock($1)";
        if let Conn::Postgres(conn) = &mut self.conn
            && !planted!(LostRaceUnnoticed)
        {
            // A set is sorted, so two replicas never wait for each other.
            for event_id in events {
                let (_, key) = event_id.uuid().as_u64_pair();
                in_time(sqlx::query(SQL).bind(key.cast_signed()).execute(&mut **conn)).await?;
            }
        }
        Ok(())
    }

    /// Puts an event into the outbox: it leaves if, and only if, the transaction commits.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
        self.signals.insert(Signal::Outbox);
    }

    /// Lets those who wait know, after the commit, that something changed.
    pub fn signal(&mut self, signal: Signal) {
        self.signals.insert(signal);
    }

    /// Makes it happen. An error leaves open whether it did: the connection may have been lost
    /// after the commit. Whoever asked repeats with the same request id.
    pub async fn commit(mut self) -> Result<()> {
        let events = std::mem::take(&mut self.events);
        append_events(&mut self, &events).await?;
        if let Conn::Postgres(conn) = &mut self.conn {
            let messages: Vec<_> = self.signals.iter().filter_map(Signal::message).collect();
            for message in &messages {
                const SQL: &str = "select pg_notify($1, $2)";
                let told = sqlx::query(SQL).bind(CHANNEL).bind(message);
                in_time(told.execute(&mut **conn)).await?;
            }
            if messages.is_empty() {
                // After a statement has failed, PostgreSQL takes a commit for a rollback and says
                // nothing. Any statement before it complains; signals are statements.
                in_time(sqlx::query("select 1").execute(&mut **conn)).await?;
            }
        }
        crash_point!(BeforeCommit);
        match self.conn {
            Conn::Sqlite(conn) => conn.commit().await?,
            Conn::Postgres(conn) => conn.commit().await?,
        }
        crash_point!(AfterCommit);
        for signal in self.signals {
            self.sender.send(signal);
        }
        Ok(())
    }
}

/// Runs one query on whichever database the transaction is open on:
/// `sql!(tx, fetch_all sqlx::query_as(SQL).bind(id))`. `execute` answers with the number of rows.
macro_rules! sql {
    ($tx:expr, execute $query:expr) => {
        match &mut $tx.conn {
            $crate::store::Conn::Sqlite(conn) => {
                $query.execute(&mut **conn).await.map(|done| done.rows_affected())
            }
            $crate::store::Conn::Postgres(conn) => {
                let ran = $crate::store::in_time($query.execute(&mut **conn)).await;
                ran.map(|done| done.rows_affected())
            }
        }
        .map_err($crate::error::Error::from)
    };
    ($tx:expr, $fetch:ident $query:expr) => {
        match &mut $tx.conn {
            $crate::store::Conn::Sqlite(conn) => $query.$fetch(&mut **conn).await,
            $crate::store::Conn::Postgres(conn) => {
                $crate::store::in_time($query.$fetch(&mut **conn)).await
            }
        }
        .map_err($crate::error::Error::from)
    };
}
pub(crate) use sql;

/// Declares a row type whose columns have the names of its fields, readable on both databases.
macro_rules! row {
    ($visible:vis struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $visible struct $name { $($visible $field: $type,)* }

        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<Self> {
                use sqlx::Row;
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }

        impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &sqlx::postgres::PgRow) -> sqlx::Result<Self> {
                use sqlx::Row;
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }
    };
}
pub(crate) use row;

/// Reads a stored word or number back into its type. A value that does not parse was not written
/// by this program.
pub(crate) fn column<T>(parsed: Option<T>, name: &'static str) -> Result<T> {
    parsed.ok_or_else(|| Error::internal(format!("the column {name} holds an impossible value")))
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;
