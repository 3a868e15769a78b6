//! The commands.

use boxoffice_sdk::catalog::v1::{
    CreateVenueRequest, GetVenueRequest, ListVenuesRequest, RowDraft, SectionDraft, Venue,
    VenueDraft,
};
use clap::{Args, Subcommand};
use serde_json::json;

use super::change::UpdateVenue;
use super::import::{ImportVenue, Imported};
use crate::Shell;
use crate::event::event_table;
use crate::failure::Failure;
use crate::json;
use crate::output::{Report, Style, push};
use crate::page::Limit;
use crate::table::{Sheet, Table};
use crate::text::{quote, time};

/// `venues`.
#[derive(Subcommand)]
pub enum Venues {
    /// List venues, the newest first.
    List {
        /// Only those of this organizer.
        #[arg(long, value_name = "USER", conflicts_with = "mine")]
        organizer: Option<String>,
        /// Only your own.
        #[arg(long)]
        mine: bool,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show a venue with its sections.
    Get {
        /// The venue's id.
        #[arg(value_name = "VENUE")]
        venue_id: String,
    },
    /// Create a venue with all its seats.
    Create(CreateVenue),
    /// Create a venue from a table of its seats, and drafts of what is on there.
    Import(Box<ImportVenue>),
    /// Change a venue: only what is given.
    Update(UpdateVenue),
}

/// `venues create`.
#[derive(Args)]
pub struct CreateVenue {
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
    /// A section of so many rows (A, B, …) of so many seats (1, 2, …) each; may be repeated.
    #[arg(long = "section", required = true, value_name = "NAME:ROWSxSEATS")]
    #[arg(value_parser = parse_section)]
    sections: Vec<SectionDraft>,
}

impl Venues {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let style = shell.output.style();
        match self {
            Venues::List { organizer, mine, limit } => {
                list(organizer.unwrap_or_default(), mine, limit, shell).await
            }
            Venues::Get { venue_id } => {
                let response = shell.client.get_venue(GetVenueRequest { venue_id }).await?;
                let venue = response.venue.ok_or_else(Failure::incomplete)?;
                Ok(report(&venue, style))
            }
            Venues::Create(create) => {
                let draft = VenueDraft {
                    name: create.name,
                    city: create.city,
                    country_code: create.country,
                    time_zone: create.time_zone,
                    sections: create.sections,
                };
                let request = CreateVenueRequest { venue: Some(draft), ..Default::default() };
                let response = shell.client.create_venue(request).await?;
                let venue = response.venue.ok_or_else(Failure::incomplete)?;
                let next = next_step(&venue);
                Ok(report(&venue, style).next(next))
            }
            Venues::Import(import) => Ok(imported(&import.run(shell).await?, style)),
            Venues::Update(update) => Ok(report(&update.run(shell).await?, style)),
        }
    }
}

async fn list(
    organizer_id: String,
    mine: bool,
    limit: Limit,
    shell: &Shell,
) -> Result<Report, Failure> {
    let listed = limit
        .collect(|page_size, page_token| {
            let organizer_id = organizer_id.clone();
            let request = ListVenuesRequest { page_size, page_token, mine, organizer_id };
            async move {
                let response = shell.client.list_venues(request).await?;
                Ok((response.venues, response.next_page_token))
            }
        })
        .await?;
    let mut table = Table::new(&["VENUE", "NAME", "CITY", "COUNTRY", "TIME ZONE", ">SEATS"]);
    for venue in &listed.items {
        table.row([
            (&venue.venue_id).into(),
            (&venue.name).into(),
            (&venue.city).into(),
            (&venue.country_code).into(),
            (&venue.time_zone).into(),
            venue.seat_count.to_string().into(),
        ]);
    }
    let text = match listed.items.as_slice() {
        [] => "There are no venues.".to_owned(),
        _ => table.render(shell.output.style(), 0) + listed.footer(),
    };
    Ok(Report::new(json::list(&listed.items, json::venue), text))
}

fn report(venue: &Venue, style: Style) -> Report {
    let sheet = Sheet::new(format!("Venue {}", venue.venue_id))
        .field("name", &venue.name)
        .field("place", format!("{}, {}", venue.city, venue.country_code))
        .field("time zone", &venue.time_zone)
        .field("seats", venue.seat_count.to_string())
        .field("created", time(venue.create_time.as_ref()));
    let mut text = sheet.render(style);
    // The answer to creating a venue leaves the seats out, and so the counts would be wrong.
    let has_seats = venue.sections.iter().any(|section| !section.rows.is_empty());
    let headings: &[&str] =
        if has_seats { &["SECTION", "NAME", ">ROWS", ">SEATS"] } else { &["SECTION", "NAME"] };
    let mut table = Table::new(headings);
    for section in &venue.sections {
        let seat_count: usize = section.rows.iter().map(|row| row.seats.len()).sum();
        table.row([
            (&section.section_id).into(),
            (&section.name).into(),
            section.rows.len().to_string().into(),
            seat_count.to_string().into(),
        ]);
    }
    if !venue.sections.is_empty() {
        push(&mut text, format_args!("\n{}", table.render(style, 2)));
    }
    Report::new(json::venue(venue), text)
}

/// A venue and the drafts of what is on there.
fn imported(imported: &Imported, style: Style) -> Report {
    let Imported { venue, events } = imported;
    let Report { json: venue_json, mut text, .. } = report(venue, style);
    let Some(first) = events.first() else {
        return Report::new(venue_json, text).next(next_step(venue));
    };
    push(&mut text, format_args!("\n{}", event_table(events).render(style, 0)));
    let json = json!({ "venue": venue_json, "events": json::list(events, json::event) });
    Report::new(json, text).next(format!("boxoffice events publish {}", first.event_id))
}

fn next_step(venue: &Venue) -> String {
    let mut command = format!("boxoffice events create --venue {}", venue.venue_id);
    command.push_str(" --title TITLE --starts +30d --ends +3h --currency EUR");
    for section in &venue.sections {
        let offer = quote(&format!("{}=Full price:4500", section.name));
        push(&mut command, format_args!(" --offer {offer}"));
    }
    command
}

/// Reads `Stalls:20x30`. Names may hold colons; the last one counts.
pub fn parse_section(text: &str) -> Result<SectionDraft, String> {
    let wrong = || "expected NAME:ROWSxSEATS, e.g. Stalls:20x30".to_owned();
    let (name, size) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (rows, seats) = size.split_once(['x', 'X']).ok_or_else(wrong)?;
    let rows: u32 = rows.trim().parse().map_err(|_| wrong())?;
    let seat_count: i32 = seats.trim().parse().map_err(|_| wrong())?;
    if name.trim().is_empty() || rows == 0 || rows > 10_000 || !(1..=1_000).contains(&seat_count) {
        return Err(wrong());
    }
    let rows = (0..rows)
        .map(|index| RowDraft { label: row_label(index), seat_count, seat_labels: Vec::new() })
        .collect();
    Ok(SectionDraft { name: name.trim().to_owned(), rows, ..Default::default() })
}

/// A, B, … Z, AA, AB, …, as rows are labelled in most houses.
fn row_label(index: u32) -> String {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or_default());
    match index / 26 {
        0 => letter.to_string(),
        above => format!("{}{letter}", row_label(above - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_labelled_like_columns_of_a_sheet() {
        let labels = [0, 1, 25, 26, 27, 51, 52, 701, 702].map(row_label);
        assert_eq!(labels, ["A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn a_section_is_a_name_and_a_size() {
        let section = parse_section("Box: left:2x30").unwrap_or_default();
        assert_eq!(section.name, "Box: left");
        let rows: Vec<(&str, i32)> =
            section.rows.iter().map(|row| (row.label.as_str(), row.seat_count)).collect();
        assert_eq!(rows, [("A", 30), ("B", 30)]);
        for wrong in ["Stalls", "Stalls:20", "Stalls:0x5", "Stalls:5x0", ":2x2", "S:2x1001"] {
            assert!(parse_section(wrong).is_err(), "{wrong}");
        }
    }
}
