//! Making a venue, and what is on there, from a table of its seats.

use std::path::PathBuf;
use std::time::SystemTime;
use std::{fs, io};

use boxoffice_sdk::Timestamp;
use boxoffice_sdk::catalog::v1::{
    CreateEventRequest, CreateVenueRequest, Event, EventDraft, OfferDraft, Venue, VenueDraft,
};
use clap::Args;

use crate::Shell;
use crate::failure::Failure;
use crate::seating::{self, Seating};
use crate::text::Moment;

/// `venues import`.
#[derive(Args)]
pub struct ImportVenue {
    /// A CSV table with a line for each seat and the columns section, row, seat and, if wanted,
    /// offer: the name of what sells the section. `-` reads the standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name.
    #[arg(long)]
    name: String,
    /// Its city.
    #[arg(long)]
    city: String,
    /// Its country, two capital letters, e.g. AT.
    #[arg(long)]
    country: String,
    /// Its time zone, e.g. Europe/Vienna.
    #[arg(long)]
    time_zone: String,
    /// Also make a draft of an event with this title.
    #[arg(long, value_name = "TITLE", requires_all = ["starts", "ends", "currency", "offers"])]
    event: Option<String>,
    /// When it starts: RFC 3339, or a span from now such as +30d. Repeat it for more nights.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse, requires = "event")]
    starts: Vec<Moment>,
    /// When it ends: RFC 3339, or a span from each start such as +2h30m.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse, requires = "event")]
    ends: Option<Moment>,
    /// The currency of its prices, e.g. EUR.
    #[arg(long, requires = "event")]
    currency: Option<String>,
    /// What an offer of the table costs, in minor units, e.g. "Full price=4500"; one for each. A
    /// table without a column of offers has those of its sections' names.
    #[arg(long = "offer", value_name = "NAME=PRICE_MINOR", requires = "event")]
    #[arg(value_parser = parse_price)]
    offers: Vec<(String, i64)>,
}

/// A venue that was made, with the drafts of what is on there.
pub struct Imported {
    /// The venue, without its seats.
    pub venue: Venue,
    /// The drafts, in the order of their starts as given.
    pub events: Vec<Event>,
}

impl ImportVenue {
    /// Makes the venue, and then the drafts. Nothing is made if anything of the table or the
    /// prices is wrong.
    pub async fn run(self, shell: &Shell) -> Result<Imported, Failure> {
        let seating = self.read()?;
        let prices = self.prices(&seating)?;
        let times = self.times(SystemTime::now().into())?;
        let draft = VenueDraft {
            name: self.name,
            city: self.city,
            country_code: self.country,
            time_zone: self.time_zone,
            sections: seating.sections,
        };
        let request = CreateVenueRequest { venue: Some(draft), ..Default::default() };
        let response = shell.client.create_venue(request).await?;
        let venue = response.venue.ok_or_else(Failure::incomplete)?;
        let mut events = Vec::with_capacity(times.len());
        for (start_time, end_time) in times {
            let draft = EventDraft {
                venue_id: venue.venue_id.clone(),
                title: self.event.clone().unwrap_or_default(),
                start_time: Some(start_time),
                end_time: Some(end_time),
                currency_code: self.currency.clone().unwrap_or_default(),
                offers: offers(&venue, &prices),
                ..Default::default()
            };
            let request = CreateEventRequest { event: Some(draft), ..Default::default() };
            let made = shell.client.create_event(request).await.inspect_err(|_| {
                let (id, count) = (&venue.venue_id, events.len());
                shell.output.note(&format!("venue {id} was made, with {count} of its events"));
            });
            events.push(made?.event.ok_or_else(Failure::incomplete)?);
        }
        Ok(Imported { venue, events })
    }

    fn read(&self) -> Result<Seating, Failure> {
        let name = self.file.display();
        let table = match self.file.as_os_str() == "-" {
            true => {
                let mut table = Vec::new();
                io::Read::read_to_end(&mut io::stdin().lock(), &mut table).map(|_| table)
            }
            false => fs::read(&self.file),
        };
        let table =
            table.map_err(|error| Failure::said(format!("{name} cannot be read: {error}")))?;
        seating::read(&table).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Failure::said(format!("{name}: {}", faults.join("; ")))
        })
    }

    /// The name and price of the offer that sells each section, if there is to be an event.
    fn prices(&self, seating: &Seating) -> Result<Vec<(String, String, i64)>, Failure> {
        if self.event.is_none() {
            return Ok(Vec::new());
        }
        for (name, _) in &self.offers {
            if !seating.offers.iter().any(|(_, offer)| offer == name) {
                return Err(Failure::usage(format!("no section of the table has \"{name}\"")));
            }
        }
        let prices = seating.offers.iter().map(|(section, offer)| {
            let price = self.offers.iter().find(|(name, _)| name == offer);
            let Some((_, price)) = price else {
                let what = format!("{section} has no price: add --offer \"{offer}=PRICE_MINOR\"");
                return Err(Failure::usage(what));
            };
            Ok((section.clone(), offer.clone(), *price))
        });
        prices.collect()
    }

    /// The start and end of each event that is to be made.
    fn times(&self, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, Failure> {
        let Some(ends) = self.ends else { return Ok(Vec::new()) };
        if self.starts.len() > 1 && matches!(ends, Moment::At(_)) {
            return Err(Failure::usage("several nights end a span after each, e.g. --ends +3h"));
        }
        let now = Timestamp { seconds: now.seconds, nanos: 0 };
        let times = self.starts.iter().map(|starts| {
            let start = starts.resolve(now);
            (start, ends.resolve(start))
        });
        Ok(times.collect())
    }
}

fn offers(venue: &Venue, prices: &[(String, String, i64)]) -> Vec<OfferDraft> {
    let offers = prices.iter().filter_map(|(section, name, price_minor_units)| {
        let section = venue.sections.iter().find(|made| made.name == *section)?;
        Some(OfferDraft {
            section_id: section.section_id.clone(),
            name: name.clone(),
            price_minor_units: *price_minor_units,
            quantity: 0,
        })
    });
    offers.collect()
}

/// Reads `Full price=4500`. The last equals sign counts.
fn parse_price(text: &str) -> Result<(String, i64), String> {
    let wrong = || "expected NAME=PRICE_MINOR, e.g. \"Full price=4500\" for 45.00".to_owned();
    let (name, price) = text.rsplit_once('=').ok_or_else(wrong)?;
    let price = price.trim().parse().map_err(|_| wrong())?;
    let name = name.trim().to_owned();
    if name.is_empty() || price < 0 { Err(wrong()) } else { Ok((name, price)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_a_name_and_minor_units() {
        assert_eq!(parse_price("A=B = 4500"), Ok(("A=B".to_owned(), 4_500)));
        for wrong in ["Full", "=5", "Full=", "Full=-1", "Full=4.5"] {
            assert!(parse_price(wrong).is_err(), "{wrong}");
        }
    }
}
