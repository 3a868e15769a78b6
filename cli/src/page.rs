//! Lists that come in pages.

use boxoffice_sdk::Error;
use clap::Args;

/// The largest page that the server gives.
const PAGE_SIZE_MAX: usize = 200;

/// How much of a list is wanted.
#[derive(Args, Clone, Copy)]
pub struct Limit {
    /// Show this many at the most.
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

/// The beginning of a list.
pub struct Listed<T> {
    /// What was asked for, in the list's own order.
    pub items: Vec<T>,
    /// True when there is more.
    pub has_more: bool,
}

impl Limit {
    /// Reads page after page until there is enough or nothing more. `read` takes a page size and a
    /// page token and gives the page and the next token.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub async fn collect<T, Read, Page>(self, read: Read) -> Result<Listed<T>, Error>
    where
        Read: Fn(i32, String) -> Page,
        Page: Future<Output = Result<(Vec<T>, String), Error>>,
    {
        let mut items = Vec::new();
        let mut page_token = String::new();
        loop {
            let missing = self.limit.saturating_sub(items.len());
            if missing == 0 {
                return Ok(Listed { items, has_more: !page_token.is_empty() });
            }
            let page_size = i32::try_from(missing.min(PAGE_SIZE_MAX)).unwrap_or_default();
            let (page, next) = read(page_size, page_token).await?;
            items.extend(page);
            if next.is_empty() {
                let has_more = items.len() > self.limit;
                items.truncate(self.limit);
                return Ok(Listed { items, has_more });
            }
            page_token = next;
        }
    }
}

impl<T> Listed<T> {
    /// What to say below the list when there is more of it.
    pub fn footer(&self) -> &'static str {
        if self.has_more { "there is more: raise --limit\n" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves the numbers below 500 in pages, by their position.
    async fn numbers(page_size: i32, page_token: String) -> Result<(Vec<i32>, String), Error> {
        let begin: i32 = page_token.parse().unwrap_or_default();
        let end = (begin + page_size).min(500);
        let next = if end < 500 { end.to_string() } else { String::new() };
        Ok(((begin..end).collect(), next))
    }

    #[tokio::test]
    async fn pages_are_read_until_the_limit_or_the_end() {
        let listed = Limit { limit: 450 }.collect(numbers).await.expect("numbers");
        assert_eq!(listed.items, (0..450).collect::<Vec<_>>());
        assert!(listed.has_more);
        let listed = Limit { limit: 501 }.collect(numbers).await.expect("numbers");
        assert_eq!(listed.items.len(), 500);
        assert!(!listed.has_more);
    }
}
