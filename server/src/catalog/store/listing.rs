//! Lists of events.

use super::event::{EventRow, event_columns};
use crate::catalog::domain::event::Event;
use crate::catalog::domain::search::{EventFilter, Scope};
use crate::error::Result;
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, sql};

/// Lists the events of a scope. The filter's words stand in one text, so that the statement has one
/// form: what is not asked for matches everything.
macro_rules! events_where {
    ($scope:literal) => {
        concat!(
            "select ",
            event_columns!(),
            " from catalog_event where ",
            $scope,
            r" and (start_time, event_id) > ($2, $3) and start_time >= $4 and start_time < $5
                and ($6 = '' or city_key = $6) and ($7 = '' or category_key = $7)
                and tags_key like $8 escape '\'
                and search_key like $9 escape '\' and search_key like $10 escape '\'
                and search_key like $11 escape '\' and search_key like $12 escape '\'
                and search_key like $13 escape '\' and search_key like $14 escape '\'
                and search_key like $15 escape '\' and search_key like $16 escape '\'
            order by start_time, event_id limit $17"
        )
    };
}

/// Binds what all statements have, after the scope.
macro_rules! bind_filter {
    ($query:expr, $filter:ident, $page:ident) => {{
        let after = $page.after.unwrap_or(Cursor::FIRST);
        let query = $query
            .bind(after.position)
            .bind(after.id)
            .bind($filter.start_time_from.micros())
            .bind($filter.start_time_before.micros())
            .bind($filter.city_key.clone())
            .bind($filter.category_key.clone())
            .bind($filter.tag_pattern.clone());
        $filter
            .patterns
            .iter()
            .fold(query, |query, pattern| query.bind(pattern.clone()))
            .bind($page.limit())
    }};
}

impl Tx {
    /// Lists the events of the scope that match the filter, by start time and then id. What is on
    /// sale is found by indexes that what is over has left.
    pub(crate) async fn events(
        &mut self,
        scope: Scope,
        filter: &EventFilter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<Event>> {
        const ON_SALE: &str =
            events_where!("state = 'PUBLISHED' and not is_over and end_time > $1");
        const ON_SALE_OF: &str = events_where!(
            "state = 'PUBLISHED' and not is_over and end_time > $1 and organizer_id = $18"
        );
        const MINE: &str = events_where!("organizer_id = $1");
        let rows: Vec<EventRow> = match scope {
            Scope::OnSale => sql!(self, fetch_all
                bind_filter!(sqlx::query_as(ON_SALE).bind(now.micros()), filter, page))?,
            Scope::OnSaleOf(organizer_id) => sql!(self, fetch_all
                bind_filter!(sqlx::query_as(ON_SALE_OF).bind(now.micros()), filter, page)
                    .bind(organizer_id.uuid()))?,
            Scope::Of(organizer_id) => sql!(self, fetch_all
                bind_filter!(sqlx::query_as(MINE).bind(organizer_id.uuid()), filter, page))?,
        };
        let rows =
            Page::new(rows, page, |row| Cursor { position: row.start_time, id: row.event_id });
        Ok(Page { items: self.complete_events(rows.items).await?, next: rows.next })
    }
}
