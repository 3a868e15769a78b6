//! Lists of events.

use std::time::SystemTime;

use boxoffice_sdk::catalog::v1::{Event, ListEventsRequest};
use clap::Args;

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::Report;
use crate::page::Limit;
use crate::table::Table;
use crate::text::{Moment, State, money, time};

/// `events list`.
#[derive(Args)]
pub struct ListEvents {
    /// Only in this city.
    #[arg(long)]
    city: Option<String>,
    /// Only of this category.
    #[arg(long)]
    category: Option<String>,
    /// Only with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only those that start at this time or later: RFC 3339, or a span from now such as +7d.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// Only those that start before this time.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    before: Option<Moment>,
    /// Only with every one of these words in title, description, venue or city.
    #[arg(long)]
    text: Option<String>,
    /// Only those of this organizer.
    #[arg(long, value_name = "USER", conflicts_with = "mine")]
    organizer: Option<String>,
    /// Your own events in every state instead, past ones too.
    #[arg(long)]
    mine: bool,
    #[command(flatten)]
    limit: Limit,
}

impl ListEvents {
    /// Lists them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let now = SystemTime::now().into();
        let filter = ListEventsRequest {
            city: self.city.unwrap_or_default(),
            category: self.category.unwrap_or_default(),
            tag: self.tag.unwrap_or_default(),
            start_time_from: self.from.map(|from| from.resolve(now)),
            start_time_before: self.before.map(|before| before.resolve(now)),
            text: self.text.unwrap_or_default(),
            organizer_id: self.organizer.unwrap_or_default(),
            mine: self.mine,
            ..Default::default()
        };
        let listed = self
            .limit
            .collect(|page_size, page_token| {
                let request = ListEventsRequest { page_size, page_token, ..filter.clone() };
                async move {
                    let response = shell.client.list_events(request).await?;
                    Ok((response.events, response.next_page_token))
                }
            })
            .await?;
        let json = json::list(&listed.items, json::event);
        let Some(first) = listed.items.first() else {
            return Ok(Report::new(json, "There are no such events."));
        };
        let text = event_table(&listed.items).render(shell.output.style(), 0) + listed.footer();
        Ok(Report::new(json, text).next(format!("boxoffice seats map {}", first.event_id)))
    }
}

/// Events in a table.
pub fn event_table(events: &[Event]) -> Table {
    let mut table = Table::new(&["EVENT", "TITLE", "STARTS", "CITY", ">FROM", "STATE"]);
    for event in events {
        let city = event.venue.as_ref().map(|venue| venue.city.as_str());
        table.row([
            (&event.event_id).into(),
            (&event.title).into(),
            time(event.start_time.as_ref()).into(),
            city.unwrap_or("-").into(),
            lowest_price(event).into(),
            event.state().cell(),
        ]);
    }
    table
}

fn lowest_price(event: &Event) -> String {
    let prices = event.offers.iter().filter_map(|offer| offer.price.as_ref());
    money(prices.min_by_key(|price| price.minor_units))
}
