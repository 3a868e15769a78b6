//! Pages of lists. Every list is ordered by a time or number and then an id, so that a cursor
//! stays right while rows are added.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};

/// The sort key of the last row of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is ordered by first.
    pub position: i64,
    /// What it is ordered by next; unique.
    pub id: Uuid,
}

impl Cursor {
    /// Before every row of an ascending list.
    pub const FIRST: Self = Self { position: i64::MIN, id: Uuid::nil() };
    /// Before every row of a descending list.
    pub const LAST: Self = Self { position: i64::MAX, id: Uuid::max() };

    /// The opaque text clients send back.
    pub fn token(self) -> String {
        let mut bytes = Vec::with_capacity(24);
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; `None` if it is not one of ours.
    pub fn parse(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (position, id) = bytes.split_first_chunk::<8>()?;
        let id = Uuid::from_slice(id).ok()?;
        Some(Self { position: i64::from_be_bytes(*position), id })
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// How many rows at the most.
    pub size: usize,
    /// Where the page before ended; `None` for the first.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// Clamps the size to what is allowed; zero or less means the default.
    pub fn new(size: i32, after: Option<Cursor>) -> Self {
        let size = match usize::try_from(size) {
            Ok(0) | Err(_) => PAGE_SIZE_DEFAULT,
            Ok(size) => size.min(PAGE_SIZE_MAX),
        };
        Self { size, after }
    }

    /// How many rows to read: one more than the page has, to know whether there is a next.
    pub fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX - 1) + 1
    }
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of rows read with [`PageRequest::limit`].
    pub fn new(mut rows: Vec<T>, request: &PageRequest, cursor: impl Fn(&T) -> Cursor) -> Self {
        let more = rows.len() > request.size;
        rows.truncate(request.size);
        let next = if more { rows.last().map(cursor) } else { None };
        Self { items: rows, next }
    }

    /// The token of the next page; empty on the last.
    pub fn next_token(&self) -> String {
        self.next.map(Cursor::token).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_garbage_does_not() {
        let cursor = Cursor { position: -5, id: Uuid::from_u128(9) };
        assert_eq!(Cursor::parse(&cursor.token()), Some(cursor));
        for wrong in ["", "x", "AAAA", "!!!!", &format!("{}A", cursor.token())] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_clamped() {
        assert_eq!(PageRequest::new(0, None).size, PAGE_SIZE_DEFAULT);
        assert_eq!(PageRequest::new(-1, None).size, PAGE_SIZE_DEFAULT);
        assert_eq!(PageRequest::new(i32::MAX, None).size, PAGE_SIZE_MAX);
    }
}
