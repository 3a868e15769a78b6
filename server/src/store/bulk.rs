//! Many rows in one statement. The sizes are few, so that the prepared statements are few.

use crate::error::{Reason, Result};

/// How many rows one statement carries: exactly as many as there are up to 32, then these.
const SIZES: [usize; 3] = [512, 128, 32];

/// Cuts rows into pieces of the sizes that statements come in.
pub(crate) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        if rows.is_empty() {
            return None;
        }
        let fitting = SIZES.iter().find(|size| **size <= rows.len());
        let (chunk, rest) = rows.split_at(fitting.copied().unwrap_or(rows.len()));
        rows = rest;
        Some(chunk)
    })
}

/// Writes many rows: `bulk_write!(tx, "insert into t (a, b) ", rows, |b, row| b.push_bind(..),
/// "")`. Between head and tail stands `VALUES (..), (..)`. Answers with the number of rows
/// changed.
macro_rules! bulk_write {
    ($tx:expr, $head:expr, $rows:expr, |$builder:ident, $row:ident| $bind:expr, $tail:expr) => {{
        let mut changed = 0_u64;
        for chunk in $crate::store::chunks($rows) {
            changed += match &mut $tx.conn {
                $crate::store::Conn::Sqlite(conn) => {
                    let mut query = sqlx::QueryBuilder::<sqlx::Sqlite>::new($head);
                    query.push_values(chunk, |mut $builder, $row| {
                        $bind;
                    });
                    query.push($tail);
                    query.build().execute(&mut **conn).await.map(|done| done.rows_affected())
                }
                $crate::store::Conn::Postgres(conn) => {
                    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new($head);
                    query.push_values(chunk, |mut $builder, $row| {
                        $bind;
                    });
                    query.push($tail);
                    let ran = $crate::store::in_time(query.build().execute(&mut **conn)).await;
                    ran.map(|done| done.rows_affected())
                }
            }?;
        }
        changed
    }};
}
pub(crate) use bulk_write;

/// Reads the rows of many keys: as [`bulk_write!`], and `as` the type of a row. The rows of each
/// chunk come in the order the statement asks for; chunk follows chunk.
macro_rules! bulk_rows {
    ($tx:expr, $head:expr, $rows:expr, |$builder:ident, $row:ident| $bind:expr, $tail:expr,
     as $type:ty) => {{
        let mut found: Vec<$type> = Vec::new();
        for chunk in $crate::store::chunks($rows) {
            match &mut $tx.conn {
                $crate::store::Conn::Sqlite(conn) => {
                    let mut query = sqlx::QueryBuilder::<sqlx::Sqlite>::new($head);
                    query.push_values(chunk, |mut $builder, $row| {
                        $bind;
                    });
                    query.push($tail);
                    found.extend(query.build_query_as::<$type>().fetch_all(&mut **conn).await?);
                }
                $crate::store::Conn::Postgres(conn) => {
                    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new($head);
                    query.push_values(chunk, |mut $builder, $row| {
                        $bind;
                    });
                    query.push($tail);
                    let query = query.build_query_as::<$type>();
                    found.extend($crate::store::in_time(query.fetch_all(&mut **conn)).await?);
                }
            }
        }
        found
    }};
}
pub(crate) use bulk_rows;

/// Refuses unless every row was written: somebody else changed one meanwhile.
pub(crate) fn require_all(written: u64, wanted: usize) -> Result<()> {
    if usize::try_from(written) == Ok(wanted) || planted!(LostRaceUnnoticed) {
        Ok(())
    } else {
        Err(Reason::ChangedMeanwhile.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_row_once_and_in_order() {
        for count in [0, 1, 31, 32, 33, 160, 700, 50_000] {
            let rows: Vec<usize> = (0..count).collect();
            let glued: Vec<usize> = chunks(&rows).flatten().copied().collect();
            assert_eq!(glued, rows);
        }
    }
}
