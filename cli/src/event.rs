//! Events and what is on sale for them.

use std::time::{Duration, SystemTime};

use boxoffice_sdk::Timestamp;
use boxoffice_sdk::catalog::v1::{
    CreateEventRequest, Event, EventDraft, GetEventRequest, GetVenueRequest, ListEventsRequest,
    OfferDraft, PublishEventRequest, Venue,
};
use clap::{Args, Subcommand};

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::{Report, Style, push};
use crate::page::Limit;
use crate::table::{Sheet, Table};
use crate::text::{Moment, State, money, parse_span, span, time};

/// `events`.
#[derive(Subcommand)]
pub enum Events {
    /// List what is on sale, by start time.
    List(ListEvents),
    /// Show an event with its offers.
    Get {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
    },
    /// Create a draft of an event at one of your venues.
    Create(CreateEvent),
    /// Put a draft on sale.
    Publish {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
    },
}

/// `events list`.
#[derive(Args)]
pub struct ListEvents {
    /// Only in this city.
    #[arg(long)]
    city: Option<String>,
    /// Only of this category.
    #[arg(long)]
    category: Option<String>,
    /// Only with every one of these words in title, description, venue or city.
    #[arg(long)]
    text: Option<String>,
    /// Your own events in every state instead, past ones too.
    #[arg(long)]
    mine: bool,
    #[command(flatten)]
    limit: Limit,
}

/// `events create`.
#[derive(Args)]
pub struct CreateEvent {
    /// One of your venues.
    #[arg(long, value_name = "VENUE")]
    venue: String,
    /// Its title.
    #[arg(long)]
    title: String,
    /// What it is about.
    #[arg(long, default_value = "")]
    description: String,
    /// What kind it is, e.g. concert.
    #[arg(long, default_value = "")]
    category: String,
    /// When it starts: RFC 3339, or a span from now such as +30d.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    starts: Moment,
    /// When it ends: RFC 3339, or a span from its start such as +2h30m.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    ends: Moment,
    /// The currency of its prices, e.g. EUR.
    #[arg(long)]
    currency: String,
    /// The price of a section, named or by id, in minor units; one for each section on sale.
    #[arg(long = "offer", required = true, value_name = "SECTION=NAME:PRICE_MINOR")]
    #[arg(value_parser = parse_offer)]
    offers: Vec<GivenOffer>,
    /// How long a hold lasts, e.g. 10m.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    hold_ttl: Option<Duration>,
    /// How long a hold may last however often it is extended, e.g. 30m.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    hold_life_max: Option<Duration>,
    /// How many places one buyer may have.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    places_per_buyer_max: i32,
}

/// An offer as it is given: its section may be a name or an id.
#[derive(Clone, Debug, PartialEq)]
struct GivenOffer {
    section: String,
    name: String,
    price_minor_units: i64,
}

impl Events {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let style = shell.output.style();
        match self {
            Events::List(list) => list.run(shell).await,
            Events::Get { event_id } => {
                let response = shell.client.get_event(GetEventRequest { event_id }).await?;
                let event = response.event.ok_or_else(Failure::incomplete)?;
                let next = format!("boxoffice seats map {}", event.event_id);
                Ok(report(&event, style).next(next))
            }
            Events::Create(create) => create.run(shell).await,
            Events::Publish { event_id } => {
                let request = PublishEventRequest { event_id, ..Default::default() };
                let response = shell.client.publish_event(request).await?;
                let event = response.event.ok_or_else(Failure::incomplete)?;
                let next = format!("boxoffice seats map {}", event.event_id);
                Ok(report(&event, style).next(next))
            }
        }
    }
}

impl ListEvents {
    async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let filter = ListEventsRequest {
            city: self.city.unwrap_or_default(),
            category: self.category.unwrap_or_default(),
            text: self.text.unwrap_or_default(),
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
        let mut table = Table::new(&["EVENT", "TITLE", "STARTS", "CITY", ">FROM", "STATE"]);
        for event in &listed.items {
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
        let json = json::list(&listed.items, json::event);
        let Some(first) = listed.items.first() else {
            return Ok(Report::new(json, "There are no such events."));
        };
        let text = table.render(shell.output.style(), 0) + listed.footer();
        Ok(Report::new(json, text).next(format!("boxoffice seats map {}", first.event_id)))
    }
}

impl CreateEvent {
    async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let venue_id = self.venue.clone();
        let response = shell.client.get_venue(GetVenueRequest { venue_id }).await?;
        let venue = response.venue.ok_or_else(Failure::incomplete)?;
        let draft = self.draft(&venue, SystemTime::now().into())?;
        let request = CreateEventRequest { event: Some(draft), ..Default::default() };
        let response = shell.client.create_event(request).await?;
        let event = response.event.ok_or_else(Failure::incomplete)?;
        let next = format!("boxoffice events publish {}", event.event_id);
        Ok(report(&event, shell.output.style()).next(next))
    }

    fn draft(self, venue: &Venue, now: Timestamp) -> Result<EventDraft, Failure> {
        // Whole seconds: nobody who says "+30d" wants a fraction of one on the posters.
        let now = Timestamp { seconds: now.seconds, nanos: 0 };
        let start_time = self.starts.resolve(now);
        let offers: Result<Vec<OfferDraft>, Failure> =
            self.offers.into_iter().map(|offer| offer.at(venue)).collect();
        Ok(EventDraft {
            venue_id: self.venue,
            title: self.title,
            description: self.description,
            category: self.category,
            start_time: Some(start_time),
            end_time: Some(self.ends.resolve(start_time)),
            currency_code: self.currency,
            offers: offers?,
            hold_ttl: self.hold_ttl.map(proto_duration).transpose()?,
            hold_life_max: self.hold_life_max.map(proto_duration).transpose()?,
            places_per_buyer_max: self.places_per_buyer_max,
        })
    }
}

/// A length of time as the contract has it.
///
/// # Errors
///
/// When it is longer than a message can hold.
pub fn proto_duration(span: Duration) -> Result<boxoffice_sdk::Duration, Failure> {
    span.try_into().map_err(|_| Failure::usage("that length of time is too long"))
}

impl GivenOffer {
    fn at(self, venue: &Venue) -> Result<OfferDraft, Failure> {
        let named = venue.sections.iter().find(|section| {
            section.section_id == self.section || section.name.eq_ignore_ascii_case(&self.section)
        });
        let Some(section) = named else {
            let names: Vec<&str> =
                venue.sections.iter().map(|section| section.name.as_str()).collect();
            return Err(Failure::usage(format!(
                "the venue has no section \"{}\", only: {}",
                self.section,
                names.join(", ")
            )));
        };
        Ok(OfferDraft {
            section_id: section.section_id.clone(),
            name: self.name,
            price_minor_units: self.price_minor_units,
        })
    }
}

/// Reads `Stalls=Full price:4500`. The last colon and the first equals sign count.
fn parse_offer(text: &str) -> Result<GivenOffer, String> {
    let wrong = || {
        "expected SECTION=NAME:PRICE_MINOR, e.g. \"Stalls=Full price:4500\" for 45.00".to_owned()
    };
    let (section, offer) = text.split_once('=').ok_or_else(wrong)?;
    let (name, price) = offer.rsplit_once(':').ok_or_else(wrong)?;
    let price_minor_units = price.trim().parse().map_err(|_| wrong())?;
    let (section, name) = (section.trim().to_owned(), name.trim().to_owned());
    if section.is_empty() || name.is_empty() || price_minor_units < 0 {
        return Err(wrong());
    }
    Ok(GivenOffer { section, name, price_minor_units })
}

fn lowest_price(event: &Event) -> String {
    let prices = event.offers.iter().filter_map(|offer| offer.price.as_ref());
    money(prices.min_by_key(|price| price.minor_units))
}

fn report(event: &Event, style: Style) -> Report {
    let venue = event.venue.as_ref().map_or_else(
        || event.venue_id.clone(),
        |venue| format!("{}, {} ({})", venue.name, venue.city, venue.country_code),
    );
    let rules = |ttl: Option<boxoffice_sdk::Duration>| {
        ttl.and_then(|ttl| Duration::try_from(ttl).ok()).map(span).unwrap_or_default()
    };
    let sheet = Sheet::new(format!("Event {}", event.event_id))
        .field("title", &event.title)
        .field_if_any("about", &event.description)
        .field_if_any("category", &event.category)
        .field("state", event.state().cell())
        .field("venue", venue)
        .field("starts", time(event.start_time.as_ref()))
        .field("ends", time(event.end_time.as_ref()))
        .field_if_any("hold lasts", rules(event.hold_ttl))
        .field_if_any("at the most", rules(event.hold_life_max))
        .field("per buyer", format!("{} places", event.places_per_buyer_max));
    let mut table = Table::new(&["OFFER", "NAME", ">PRICE"]);
    for offer in &event.offers {
        table.row([
            (&offer.offer_id).into(),
            (&offer.name).into(),
            money(offer.price.as_ref()).into(),
        ]);
    }
    let mut text = sheet.render(style);
    push(&mut text, format_args!("\n{}", table.render(style, 2)));
    Report::new(json::event(event), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxoffice_sdk::catalog::v1::Section;

    #[test]
    fn an_offer_has_a_section_a_name_and_a_price() {
        let offer = parse_offer("Box: left=Early bird: full:4500");
        let expected = GivenOffer {
            section: "Box: left".to_owned(),
            name: "Early bird: full".to_owned(),
            price_minor_units: 4_500,
        };
        assert_eq!(offer, Ok(expected));
        for wrong in ["Stalls", "Stalls=4500", "Stalls=Full:45.00", "=Full:1", "S=:1", "S=F:-1"] {
            assert!(parse_offer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_offer_finds_its_section_by_name_or_id() {
        let section = |section_id: &str, name: &str| Section {
            section_id: section_id.to_owned(),
            name: name.to_owned(),
            rows: Vec::new(),
        };
        let venue = Venue {
            sections: vec![section("sec_1", "Stalls"), section("sec_2", "Circle")],
            ..Default::default()
        };
        let at = |section: &str| {
            let (section, name) = (section.to_owned(), "Full".to_owned());
            let offer = GivenOffer { section, name, price_minor_units: 1 };
            offer.at(&venue).map(|draft| draft.section_id).map_err(|failure| failure.exit_code())
        };
        assert_eq!(at("circle"), Ok("sec_2".to_owned()));
        assert_eq!(at("sec_1"), Ok("sec_1".to_owned()));
        assert_eq!(at("Balcony"), Err(2));
    }
}
