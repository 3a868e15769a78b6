//! The tables of venues.

use uuid::Uuid;

use crate::catalog::domain::venue::{Seat, Section, Venue};
use crate::error::Result;
use crate::kernel::id::{UserId, VenueId};
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_write, column, sql};

type VenueRow = (Uuid, Uuid, String, String, String, String, i64, i64, i64);

/// Reads a row of `catalog_venue`, without its sections.
fn venue(row: VenueRow) -> Result<Venue> {
    let (venue_id, organizer_id, name, city, country_code, time_zone, seat_count, time, version) =
        row;
    Ok(Venue {
        venue_id: venue_id.into(),
        organizer_id: organizer_id.into(),
        name,
        city,
        country_code,
        time_zone,
        seat_count: column(u32::try_from(seat_count).ok(), "seat_count")?,
        create_time: Timestamp::from_micros(time),
        version,
        sections: Vec::new(),
    })
}

fn numbered<T>(items: impl Iterator<Item = T>) -> Vec<(i64, T)> {
    (0_i64..).zip(items).collect()
}

impl Tx {
    /// Inserts a venue with all its seats.
    pub(crate) async fn insert_venue(&mut self, venue: &Venue) -> Result<()> {
        const VENUE: &str = "insert into catalog_venue (venue_id, organizer_id, name, city,
                country_code, time_zone, seat_count, create_time, version)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        sql!(self, execute sqlx::query(VENUE)
            .bind(venue.venue_id.uuid())
            .bind(venue.organizer_id.uuid())
            .bind(venue.name.clone())
            .bind(venue.city.clone())
            .bind(venue.country_code.clone())
            .bind(venue.time_zone.clone())
            .bind(i64::from(venue.seat_count))
            .bind(venue.create_time.micros())
            .bind(venue.version))?;
        self.insert_sections(venue).await
    }

    /// Inserts the sections and seats of a venue.
    pub(super) async fn insert_sections(&mut self, venue: &Venue) -> Result<()> {
        const SECTIONS: &str =
            "insert into catalog_section (section_id, venue_id, name, position) ";
        const SEATS: &str = "insert into catalog_seat (seat_id, venue_id, section_id, row_label,
            seat_label, position) ";
        let venue_id = venue.venue_id.uuid();
        let sections = numbered(venue.sections.iter());
        bulk_write!(
            self,
            SECTIONS,
            &sections,
            |b, row| b
                .push_bind(row.1.section_id.uuid())
                .push_bind(venue_id)
                .push_bind(row.1.name.clone())
                .push_bind(row.0),
            ""
        );
        let seats = venue.sections.iter().flat_map(|section| {
            let rows = section.rows.iter();
            rows.flat_map(move |row| row.seats.iter().map(move |seat| (section, row, seat)))
        });
        let seats = numbered(seats);
        bulk_write!(
            self,
            SEATS,
            &seats,
            |b, row| {
                let (section, seat_row, seat) = row.1;
                b.push_bind(seat.seat_id.uuid())
                    .push_bind(venue_id)
                    .push_bind(section.section_id.uuid())
                    .push_bind(seat_row.label.clone())
                    .push_bind(seat.label.clone())
                    .push_bind(row.0)
            },
            ""
        );
        Ok(())
    }

    /// Reads a venue with its sections, but without their seats.
    pub(crate) async fn venue(&mut self, venue_id: VenueId) -> Result<Option<Venue>> {
        const VENUE: &str = "select venue_id, organizer_id, name, city, country_code, time_zone,
            seat_count, create_time, version from catalog_venue where venue_id = $1";
        const SECTIONS: &str = "select section_id, name from catalog_section
            where venue_id = $1 order by position";
        let id = venue_id.uuid();
        let row: Option<VenueRow> = sql!(self, fetch_optional sqlx::query_as(VENUE).bind(id))?;
        let Some(row) = row else { return Ok(None) };
        let rows: Vec<(Uuid, String)> = sql!(self, fetch_all sqlx::query_as(SECTIONS).bind(id))?;
        let sections = rows.into_iter().map(|(section_id, name)| Section {
            section_id: section_id.into(),
            name,
            rows: Vec::new(),
        });
        Ok(Some(Venue { sections: sections.collect(), ..venue(row)? }))
    }

    /// Reads a venue with all its seats.
    pub(crate) async fn venue_with_seats(&mut self, venue_id: VenueId) -> Result<Option<Venue>> {
        const SEATS: &str = "select seat_id, section_id, row_label, seat_label from catalog_seat
            where venue_id = $1 order by position";
        type SeatRow = (Uuid, Uuid, String, String);
        let Some(mut venue) = self.venue(venue_id).await? else { return Ok(None) };
        let rows: Vec<SeatRow> = sql!(self, fetch_all sqlx::query_as(SEATS).bind(venue_id.uuid()))?;
        // Seats come section by section, in the order of the sections.
        let mut rows = rows.into_iter().peekable();
        for section in &mut venue.sections {
            let section_id = section.section_id.uuid();
            while let Some((seat_id, _, row_label, label)) = rows.next_if(|row| row.1 == section_id)
            {
                section.place(row_label, Seat { seat_id: seat_id.into(), label });
            }
        }
        Ok(Some(venue))
    }

    /// Lists venues without their sections, the newest first: one organizer's, or everybody's.
    pub(crate) async fn venues(
        &mut self,
        organizer_id: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<Venue>> {
        const ALL: &str = "select venue_id, organizer_id, name, city, country_code, time_zone,
                seat_count, create_time, version
            from catalog_venue where (create_time, venue_id) < ($1, $2)
            order by create_time desc, venue_id desc limit $3";
        const MINE: &str = "select venue_id, organizer_id, name, city, country_code, time_zone,
                seat_count, create_time, version
            from catalog_venue where (create_time, venue_id) < ($1, $2) and organizer_id = $4
            order by create_time desc, venue_id desc limit $3";
        let after = page.after.unwrap_or(Cursor::LAST);
        let rows: Vec<VenueRow> = match organizer_id {
            None => sql!(self, fetch_all sqlx::query_as(ALL)
                .bind(after.position).bind(after.id).bind(page.limit()))?,
            Some(id) => sql!(self, fetch_all sqlx::query_as(MINE)
                .bind(after.position).bind(after.id).bind(page.limit()).bind(id.uuid()))?,
        };
        let venues = rows.into_iter().map(venue).collect::<Result<Vec<_>>>()?;
        Ok(Page::new(venues, page, |venue| Cursor {
            position: venue.create_time.micros(),
            id: venue.venue_id.uuid(),
        }))
    }
}
