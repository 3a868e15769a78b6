//! Seats that are not to be sold.

use boxoffice_sdk::catalog::v1::{
    BlockSeatsRequest, GetEventRequest, GetVenueRequest, UnblockSeatsRequest, Venue,
};
use clap::Args;
use serde_json::json;

use crate::Shell;
use crate::failure::Failure;
use crate::output::Report;

/// Seats of an event.
#[derive(Args)]
pub struct GivenSeats {
    /// The event's id.
    #[arg(value_name = "EVENT")]
    event_id: String,
    /// Seats as Section/Row/Seat (e.g. Stalls/A/12) or as ids, or rows as Section/Row.
    #[arg(value_name = "SEAT", required = true)]
    seats: Vec<String>,
}

impl GivenSeats {
    /// Takes them off sale.
    pub async fn block(self, shell: &Shell) -> Result<Report, Failure> {
        let (event_id, seat_ids) = self.resolve(shell).await?;
        let request = BlockSeatsRequest { event_id, seat_ids, ..Default::default() };
        Ok(report(&shell.client.block_seats(request).await?.blocked_seat_ids))
    }

    /// Puts them on sale again.
    pub async fn unblock(self, shell: &Shell) -> Result<Report, Failure> {
        let (event_id, seat_ids) = self.resolve(shell).await?;
        let request = UnblockSeatsRequest { event_id, seat_ids, ..Default::default() };
        Ok(report(&shell.client.unblock_seats(request).await?.blocked_seat_ids))
    }

    /// The event and the ids of the seats. They are looked up at the venue, which knows them before
    /// the event is on sale.
    async fn resolve(self, shell: &Shell) -> Result<(String, Vec<String>), Failure> {
        let request = GetEventRequest { event_id: self.event_id.clone() };
        let event = shell.client.get_event(request).await?.event;
        let venue_id = event.ok_or_else(Failure::incomplete)?.venue_id;
        let venue = shell.client.get_venue(GetVenueRequest { venue_id }).await?.venue;
        let venue = venue.ok_or_else(Failure::incomplete)?;
        let mut seat_ids = Vec::new();
        for given in &self.seats {
            let found = matching(&venue, given);
            if found.is_empty() {
                let form = "expected Section/Row/Seat, Section/Row or a seat id";
                return Err(Failure::usage(format!("no seat or row \"{given}\": {form}")));
            }
            seat_ids.extend(found);
        }
        Ok((self.event_id, seat_ids))
    }
}

/// The seats of a venue that a text names, letter case aside.
fn matching(venue: &Venue, given: &str) -> Vec<String> {
    let wanted = given.to_lowercase();
    let mut found = Vec::new();
    for section in &venue.sections {
        for row in &section.rows {
            let name = format!("{}/{}", section.name, row.label).to_lowercase();
            for seat in &row.seats {
                let label = seat.label.to_lowercase();
                let named = wanted == name || wanted == format!("{name}/{label}");
                if named || seat.seat_id == given {
                    found.push(seat.seat_id.clone());
                }
            }
        }
    }
    found
}

fn report(blocked: &[String]) -> Report {
    let text = match blocked.len() {
        0 => "No seat is blocked now.".to_owned(),
        1 => "1 seat is blocked now.".to_owned(),
        count => format!("{count} seats are blocked now."),
    };
    Report::new(json!({ "blocked_seat_ids": blocked }), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxoffice_sdk::catalog::v1::{Row, Seat, Section};

    #[test]
    fn a_text_names_a_seat_or_a_whole_row() {
        let seat = |label: &str| Seat { seat_id: format!("sea_{label}"), label: label.to_owned() };
        let rows = vec![Row { label: "A".to_owned(), seats: vec![seat("1"), seat("2")] }];
        let section = Section { section_id: String::new(), name: "Stalls".to_owned(), rows };
        let venue = Venue { sections: vec![section], ..Default::default() };
        assert_eq!(matching(&venue, "stalls/a"), ["sea_1", "sea_2"]);
        assert_eq!(matching(&venue, "Stalls/A/2"), ["sea_2"]);
        assert_eq!(matching(&venue, "sea_1"), ["sea_1"]);
        for wrong in ["Stalls", "Stalls/B", "Stalls/A/3", ""] {
            assert!(matching(&venue, wrong).is_empty(), "{wrong}");
        }
    }
}
