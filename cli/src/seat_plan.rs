//! Where the seats of an event are: from what people call them to their ids, and back.

use std::collections::HashMap;

use boxoffice_sdk::booking::v1::SeatState;
use boxoffice_sdk::catalog::v1::{
    GetSeatMapRequest, GetSeatMapResponse, SeatMapRow, SeatMapSection,
};
use boxoffice_sdk::{Client, Error};

use crate::failure::Failure;

/// The seat map of an event, with an index from seats to places.
pub struct SeatPlan {
    map: GetSeatMapResponse,
    places: HashMap<String, Place>,
}

/// Where a seat is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of its section.
    pub section_name: String,
    /// The label of its row.
    pub row_label: String,
    /// Its label within the row.
    pub seat_label: String,
}

impl Place {
    /// How a place is shown, e.g. `Stalls A-12`.
    pub fn label(section_name: &str, row_label: &str, seat_label: &str) -> String {
        format!("{section_name} {row_label}-{seat_label}")
    }

    fn shown(&self) -> String {
        Place::label(&self.section_name, &self.row_label, &self.seat_label)
    }
}

impl SeatPlan {
    /// Reads the seat map of an event.
    ///
    /// # Errors
    ///
    /// Those of `GetSeatMap`.
    pub async fn load(client: &Client, event_id: &str) -> Result<SeatPlan, Error> {
        let request = GetSeatMapRequest { event_id: event_id.to_owned() };
        Ok(SeatPlan::new(client.get_seat_map(request).await?))
    }

    /// The plan of a map.
    pub fn new(map: GetSeatMapResponse) -> SeatPlan {
        let mut places = HashMap::new();
        for section in &map.sections {
            for row in &section.rows {
                for seat in &row.seats {
                    let place = Place {
                        section_name: section.name.clone(),
                        row_label: row.label.clone(),
                        seat_label: seat.label.clone(),
                    };
                    places.insert(seat.seat_id.clone(), place);
                }
            }
        }
        SeatPlan { map, places }
    }

    /// The map itself.
    pub fn map(&self) -> &GetSeatMapResponse {
        &self.map
    }

    /// Where a seat is, if the event has it.
    pub fn place(&self, seat_id: &str) -> Option<&Place> {
        self.places.get(seat_id)
    }

    /// What people call a seat, or its id if the event has none such.
    pub fn label(&self, seat_id: &str) -> String {
        self.place(seat_id).map_or_else(|| seat_id.to_owned(), Place::shown)
    }

    /// The name of an offer, or its id if the event has none such.
    pub fn offer_name(&self, offer_id: &str) -> String {
        let offer = self.map.offers.iter().find(|offer| offer.offer_id == offer_id);
        offer.map_or_else(|| offer_id.to_owned(), |offer| offer.name.clone())
    }

    /// The ids of seats that are given as ids or as `Section/Row/Seat`, letter case aside.
    ///
    /// # Errors
    ///
    /// A sentence that names the first the event does not have.
    pub fn resolve(&self, given: &[String]) -> Result<Vec<String>, Failure> {
        let by_name: HashMap<String, &String> = self
            .places
            .iter()
            .map(|(seat_id, place)| {
                let Place { section_name, row_label, seat_label } = place;
                (format!("{section_name}/{row_label}/{seat_label}").to_lowercase(), seat_id)
            })
            .collect();
        let resolved = given.iter().map(|seat| {
            if self.places.contains_key(seat) {
                return Ok(seat.clone());
            }
            by_name.get(&seat.to_lowercase()).map(|seat_id| (*seat_id).clone()).ok_or_else(|| {
                let sections = self.section_names();
                let form = "expected Section/Row/Seat or a seat id";
                Failure::usage(format!("no seat \"{seat}\": {form}; sections: {sections}"))
            })
        });
        resolved.collect()
    }

    /// The sections, or the one of this name, letter case aside.
    ///
    /// # Errors
    ///
    /// A sentence when there is none of this name.
    pub fn sections(&self, name: Option<&str>) -> Result<Vec<&SeatMapSection>, Failure> {
        let wanted = |section: &&SeatMapSection| {
            name.is_none_or(|name| section.name.to_lowercase() == name.to_lowercase())
        };
        let sections: Vec<_> = self.map.sections.iter().filter(wanted).collect();
        match name {
            Some(name) if sections.is_empty() => {
                let names = self.section_names();
                Err(Failure::usage(format!("no section \"{name}\" is on sale, only: {names}")))
            }
            _ => Ok(sections),
        }
    }

    /// The first so many free seats next to each other in one row.
    ///
    /// # Errors
    ///
    /// A sentence that tells how many there are at the most, or that there is no such section.
    pub fn adjacent(&self, count: usize, section: Option<&str>) -> Result<Vec<String>, Failure> {
        let mut longest = 0;
        for row in self.sections(section)?.into_iter().flat_map(|section| &section.rows) {
            for run in free_runs(row) {
                if let Some(seats) = run.get(..count) {
                    return Ok(seats.to_vec());
                }
                longest = longest.max(run.len());
            }
        }
        let most = match longest {
            0 => "none is free".to_owned(),
            _ => format!("{longest} at the most"),
        };
        Err(Failure::said(format!("there are no {count} free seats next to each other: {most}")))
    }

    fn section_names(&self) -> String {
        let names = self.map.sections.iter().map(|section| section.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The ids of the free seats of a row, grouped by who sits next to whom.
fn free_runs(row: &SeatMapRow) -> Vec<Vec<String>> {
    let runs = row.seats.split(|seat| seat.state() != SeatState::Available);
    runs.map(|run| run.iter().map(|seat| seat.seat_id.clone()).collect()).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use boxoffice_sdk::catalog::v1::{Offer, SeatMapSeat};
    use boxoffice_sdk::r#type::v1::Money;

    /// A plan of one section for each picture: a line a row, a letter a seat, `.` for a free one.
    pub fn plan(sections: &[(&str, &[&str])]) -> SeatPlan {
        let sections = sections.iter().map(|(name, rows)| SeatMapSection {
            section_id: format!("sec_{name}"),
            name: (*name).to_owned(),
            offer_id: "off_1".to_owned(),
            rows: ('A'..).zip(*rows).map(|(label, row)| picture_row(name, label, row)).collect(),
        });
        let price = Money { currency_code: "EUR".to_owned(), minor_units: 4_500 };
        let offer = Offer {
            offer_id: "off_1".to_owned(),
            name: "Full".to_owned(),
            price: Some(price),
            ..Default::default()
        };
        SeatPlan::new(GetSeatMapResponse {
            event_id: "evt_1".to_owned(),
            cursor: None,
            offers: vec![offer],
            sections: sections.collect(),
            offer_statuses: Vec::new(),
        })
    }

    fn picture_row(section: &str, label: char, picture: &str) -> SeatMapRow {
        let seats = (1..).zip(picture.chars()).map(|(number, letter)| SeatMapSeat {
            seat_id: format!("sea_{section}_{label}_{number}"),
            label: number.to_string(),
            state: match letter {
                '.' => SeatState::Available.into(),
                'h' => SeatState::Held.into(),
                'c' => SeatState::Claimed.into(),
                'b' => SeatState::Blocked.into(),
                _ => SeatState::Sold.into(),
            },
        });
        SeatMapRow { label: label.to_string(), seats: seats.collect() }
    }

    fn ok<T>(outcome: Result<T, Failure>) -> Option<T> {
        outcome.ok()
    }

    #[test]
    fn seats_are_found_by_place_or_id_and_shown_by_place() {
        let plan = plan(&[("Stalls", &["..", ".."]), ("Box/left", &["."])]);
        let given =
            ["stalls/b/2".to_owned(), "sea_Stalls_A_1".to_owned(), "Box/left/A/1".to_owned()];
        let expected = ["sea_Stalls_B_2", "sea_Stalls_A_1", "sea_Box/left_A_1"];
        assert_eq!(ok(plan.resolve(&given)), Some(expected.map(str::to_owned).to_vec()));
        assert_eq!(plan.label("sea_Stalls_B_2"), "Stalls B-2");
        assert_eq!(plan.label("sea_other"), "sea_other");
        let failure = plan.resolve(&["Stalls/C/1".to_owned()]).err();
        assert_eq!(failure.map(|failure| failure.exit_code()), Some(2));
    }

    #[test]
    fn the_first_free_seats_side_by_side_are_taken() {
        let plan = plan(&[("Stalls", &[".s.h..", "......"]), ("Circle", &["...."])]);
        let taken = |count, section| ok(plan.adjacent(count, section));
        let seats = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        assert_eq!(taken(1, None), seats(&["sea_Stalls_A_1"]));
        assert_eq!(taken(2, None), seats(&["sea_Stalls_A_5", "sea_Stalls_A_6"]));
        let row_b = ["sea_Stalls_B_1", "sea_Stalls_B_2", "sea_Stalls_B_3"];
        assert_eq!(taken(3, None), seats(&row_b));
        assert_eq!(taken(1, Some("circle")), seats(&["sea_Circle_A_1"]));
        let none = plan.adjacent(7, None).err().map(|failure| failure.sentence());
        let expected = "there are no 7 free seats next to each other: 6 at the most";
        assert_eq!(none.as_deref(), Some(expected));
        assert!(plan.adjacent(1, Some("Balcony")).is_err());
    }
}
