//! Lists of events.

use super::event::EventRow;
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
            r"select event_id, venue_id, organizer_id, title, description, category, state,
                start_time, end_time, currency_code, hold_ttl_micros, hold_life_max_micros,
                places_per_buyer_max, create_time, version
            from catalog_event where ",
            $scope,
            r" and (start_time, event_id) > ($2, $3) and start_time >= $4 and start_time < $5
                and ($6 = '' or city_key = $6) and ($7 = '' or category_key = $7)
                and search_key like $8 escape '\' and search_key like $9 escape '\'
                and search_key like $10 escape '\' and search_key like $11 escape '\'
                and search_key like $12 escape '\' and search_key like $13 escape '\'
                and search_key like $14 escape '\' and search_key like $15 escape '\'
            order by start_time, event_id limit $16"
        )
    };
}

/// Binds what both statements have, after the scope.
macro_rules! bind_filter {
    ($query:expr, $filter:ident, $page:ident) => {{
        let after = $page.after.unwrap_or(Cursor::FIRST);
        let query = $query
            .bind(after.position)
            .bind(after.id)
            .bind($filter.start_time_from.micros())
            .bind($filter.start_time_before.micros())
            .bind($filter.city_key.clone())
            .bind($filter.category_key.clone());
        $filter
            .patterns
            .iter()
            .fold(query, |query, pattern| query.bind(pattern.clone()))
            .bind($page.limit())
    }};
}

impl Tx {
    /// Lists the events of the scope that match the filter, by start time and then id.
    pub(crate) async fn events(
        &mut self,
        scope: Scope,
        filter: &EventFilter,
        page: &PageRequest,
        now: Timestamp,
    ) -> Result<Page<Event>> {
        const ON_SALE: &str = events_where!("state = 'PUBLISHED' and end_time > $1");
        const MINE: &str = events_where!("organizer_id = $1");
        let rows: Vec<EventRow> = match scope {
            Scope::OnSale => sql!(self, fetch_all
                bind_filter!(sqlx::query_as(ON_SALE).bind(now.micros()), filter, page))?,
            Scope::Of(organizer_id) => sql!(self, fetch_all
                bind_filter!(sqlx::query_as(MINE).bind(organizer_id.uuid()), filter, page))?,
        };
        // The row's eighth column is the start time.
        let rows = Page::new(rows, page, |row| Cursor { position: row.7, id: row.0 });
        Ok(Page { items: self.complete_events(rows.items).await?, next: rows.next })
    }
}
