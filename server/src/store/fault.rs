//! What the databases' faults mean to whoever asked.

use crate::error::{Error, Reason};

/// PostgreSQL's codes for trouble that a later attempt may not meet: lost connections, a server
/// that stops, is full, is in use otherwise or only reads during a failover, and a disk that fails.
const PASSING_CODES: [&str; 6] = ["08", "53", "57", "55", "58", "25006"];
/// Those for a loss against somebody else's change: a deadlock, a serialization failure, a lock
/// that took too long.
const RACE_CODES: [&str; 2] = ["40", "55P03"];
/// Of the passing codes, that of a statement that took too long: it takes as long the next time.
const STATEMENT_TIMEOUT: &str = "57014";
/// SQLite's: busy, locked, read-only, a disk that fails or is full, a file that cannot be opened.
const SQLITE_PASSING_CODES: [i64; 7] = [5, 6, 8, 10, 13, 14, 15];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => {
                Self::Duplicate(error.to_string())
            }
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                if code.len() == 5 && RACE_CODES.iter().any(|class| code.starts_with(class)) {
                    return Reason::ChangedMeanwhile.into();
                }
                let passing = if code.len() == 5 {
                    code != STATEMENT_TIMEOUT
                        && PASSING_CODES.iter().any(|class| code.starts_with(class))
                } else {
                    // The low byte is the primary code; the rest refines it.
                    code.parse::<i64>().is_ok_and(|n| SQLITE_PASSING_CODES.contains(&(n & 0xff)))
                };
                if passing { Self::Unavailable(error.to_string()) } else { Self::internal(error) }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            _ => Self::internal(error),
        }
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
