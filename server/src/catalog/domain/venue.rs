//! Venues: the physical places.

use crate::kernel::id::{SeatId, SectionId, UserId, VenueId};
use crate::kernel::text::search_key;
use crate::kernel::time::Timestamp;

/// A physical place with sections, rows and seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venue {
    /// Its id.
    pub venue_id: VenueId,
    /// Whose it is.
    pub organizer_id: UserId,
    /// Its name.
    pub name: String,
    /// Its city.
    pub city: String,
    /// ISO 3166-1 alpha-2 code of its country.
    pub country_code: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// How many seats all sections have.
    pub seat_count: u32,
    /// When it was created.
    pub create_time: Timestamp,
    /// Raised by every change.
    pub version: i64,
    /// Its sections in order; lists leave them out.
    pub sections: Vec<Section>,
}

impl Venue {
    /// What its events tell of it.
    pub fn summary(&self) -> VenueSummary {
        VenueSummary {
            name: self.name.clone(),
            city: self.city.clone(),
            country_code: self.country_code.clone(),
            time_zone: self.time_zone.clone(),
        }
    }
}

/// How many seats sections have.
pub(super) fn count_seats(sections: &[Section]) -> u32 {
    let rows = sections.iter().flat_map(|section| &section.rows);
    u32::try_from(rows.map(|row| row.seats.len()).sum::<usize>()).unwrap_or(u32::MAX)
}

/// What an event tells of its venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueSummary {
    /// The venue's name.
    pub name: String,
    /// Its city.
    pub city: String,
    /// ISO 3166-1 alpha-2 code of its country.
    pub country_code: String,
    /// Its IANA time zone.
    pub time_zone: String,
}

impl VenueSummary {
    /// The city for comparison.
    pub fn city_key(&self) -> String {
        search_key(&self.city)
    }
}

/// A part of a venue whose seats are sold by one offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its id.
    pub section_id: SectionId,
    /// Its name, unique within the venue.
    pub name: String,
    /// Its rows, in order from the stage; left out unless the seats were asked for.
    pub rows: Vec<Row>,
}

impl Section {
    /// Adds the next seat: to the last row if that is its row, else to a new one.
    pub fn place(&mut self, row_label: String, seat: Seat) {
        match self.rows.last_mut() {
            Some(row) if row.label == row_label => row.seats.push(seat),
            _ => self.rows.push(Row { label: row_label, seats: vec![seat] }),
        }
    }
}

/// A row of seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its label, unique within the section.
    pub label: String,
    /// Its seats, in order.
    pub seats: Vec<Seat>,
}

/// One chair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its id, the same for every event at the venue.
    pub seat_id: SeatId,
    /// Its label, unique within the row.
    pub label: String,
}
