//! Venues as organizers describe them.

use std::collections::HashSet;

use super::faults::Faults;
use super::venue::{Row, Seat, Section, Venue, count_seats};
use crate::kernel::id::{Entropy, SeatId, SectionId, UserId, VenueId};
use crate::kernel::limits::VENUE_SEATS_MAX;
use crate::kernel::time::Timestamp;

/// Sections of a venue at the most.
const SECTIONS_MAX: usize = 1_000;
/// Seats that `seat_count` makes at the most.
const ROW_COUNT_MAX: i32 = 1_000;

/// A venue as somebody describes it; nothing of it has been checked.
#[derive(Clone, Debug, Default)]
pub struct VenuePlan {
    /// 1 to 200 characters.
    pub name: String,
    /// 1 to 100 characters.
    pub city: String,
    /// ISO 3166-1 alpha-2, two capital letters.
    pub country_code: String,
    /// IANA time zone, e.g. "Europe/Vienna".
    pub time_zone: String,
    /// 1,000 at the most.
    pub sections: Vec<SectionPlan>,
}

/// A section of a [`VenuePlan`].
#[derive(Clone, Debug, Default)]
pub struct SectionPlan {
    /// 1 to 100 characters, unique within the venue.
    pub name: String,
    /// At least one, in order from the stage.
    pub rows: Vec<RowPlan>,
    /// The wire form of the id of the section it goes on as; empty unless that is said.
    pub section_id: String,
}

/// A row of a [`SectionPlan`]. Either `seat_count` or `seat_labels` says which seats it has.
#[derive(Clone, Debug, Default)]
pub struct RowPlan {
    /// 1 to 20 characters, unique within the section.
    pub label: String,
    /// Makes seats labelled "1" to this number, 1,000 at the most; 0 when `seat_labels` are given.
    pub seat_count: i32,
    /// Makes seats with these labels. Each 1 to 20 characters, unique within the row.
    pub seat_labels: Vec<String>,
}

impl RowPlan {
    fn seats_wanted(&self) -> usize {
        usize::try_from(self.seat_count).unwrap_or(0).saturating_add(self.seat_labels.len())
    }
}

/// A venue that can be built: every rule of its description holds.
#[derive(Clone, Debug)]
pub struct VenueDraft {
    name: String,
    city: String,
    country_code: String,
    time_zone: String,
    sections: Vec<SectionDraft>,
}

#[derive(Clone, Debug)]
pub(super) struct SectionDraft {
    pub(super) name: String,
    /// The section it goes on as, if that was said.
    pub(super) section_id: Option<SectionId>,
    pub(super) rows: Vec<RowDraft>,
}

#[derive(Clone, Debug)]
pub(super) struct RowDraft {
    pub(super) label: String,
    pub(super) seat_labels: Vec<String>,
}

impl VenueDraft {
    /// Checks a description; all of its faults are named, by the paths of CreateVenue's fields.
    pub fn parse(plan: &VenuePlan) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let name = parse_name(&mut faults, &plan.name);
        let city = parse_city(&mut faults, &plan.city);
        let country_code = parse_country_code(&mut faults, &plan.country_code);
        let time_zone = parse_time_zone(&mut faults, &plan.time_zone);
        let sections = parse_sections(&mut faults, &plan.sections);
        for (index, section) in sections.iter().enumerate() {
            if section.section_id.is_some() {
                let field = format_args!("venue.sections[{index}].section_id");
                faults.note(field, "must be empty in a new venue");
            }
        }
        faults.or(Self { name, city, country_code, time_zone, sections })
    }

    /// Builds the venue with new ids for its sections and seats.
    pub fn build(
        &self,
        venue_id: VenueId,
        organizer_id: UserId,
        now: Timestamp,
        mut entropy: impl FnMut() -> Entropy,
    ) -> Venue {
        let sections: Vec<Section> = self
            .sections
            .iter()
            .map(|section| Section {
                section_id: SectionId::new(now, entropy()),
                name: section.name.clone(),
                rows: section.rows.iter().map(|row| row.build(now, &mut entropy)).collect(),
            })
            .collect();
        Venue {
            venue_id,
            organizer_id,
            name: self.name.clone(),
            city: self.city.clone(),
            country_code: self.country_code.clone(),
            time_zone: self.time_zone.clone(),
            seat_count: count_seats(&sections),
            create_time: now,
            version: 1,
            sections,
        }
    }
}

impl RowDraft {
    fn build(&self, now: Timestamp, entropy: &mut impl FnMut() -> Entropy) -> Row {
        let seats = self
            .seat_labels
            .iter()
            .map(|label| Seat { seat_id: SeatId::new(now, entropy()), label: label.clone() });
        Row { label: self.label.clone(), seats: seats.collect() }
    }
}

pub(super) fn parse_name(faults: &mut Faults, name: &str) -> String {
    faults.line("venue.name", name, 1..=200)
}

pub(super) fn parse_city(faults: &mut Faults, city: &str) -> String {
    faults.line("venue.city", city, 1..=100)
}

pub(super) fn parse_country_code(faults: &mut Faults, code: &str) -> String {
    if !(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        faults.note("venue.country_code", "must be two capital letters (ISO 3166-1 alpha-2)");
    }
    code.to_owned()
}

/// A time zone is one of the IANA list, in its own spelling: programs that show times look it up.
pub(super) fn parse_time_zone(faults: &mut Faults, name: &str) -> String {
    if name.parse::<chrono_tz::Tz>().is_err() {
        faults.note("venue.time_zone", "must be an IANA time zone, e.g. \"Europe/Vienna\"");
    }
    name.to_owned()
}

pub(super) fn parse_sections(faults: &mut Faults, sections: &[SectionPlan]) -> Vec<SectionDraft> {
    if sections.len() > SECTIONS_MAX {
        faults.note("venue.sections", format!("must be {SECTIONS_MAX} at the most"));
    }
    let rows = sections.iter().flat_map(|section| &section.rows);
    let seats = rows.map(RowPlan::seats_wanted).fold(0, usize::saturating_add);
    // Before any seat is made: a short request can ask for very many.
    if seats > VENUE_SEATS_MAX {
        faults.note("venue.sections", format!("must have {VENUE_SEATS_MAX} seats at the most"));
        return Vec::new();
    }
    let mut names = HashSet::new();
    let mut drafts = Vec::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        let path = format!("venue.sections[{index}]");
        let name =
            faults.unique_line(format_args!("{path}.name"), &section.name, 1..=100, &mut names);
        if section.rows.is_empty() {
            faults.note(format_args!("{path}.rows"), "must be at least one");
        }
        let mut labels = HashSet::new();
        let mut rows = Vec::with_capacity(section.rows.len());
        for (index, row) in section.rows.iter().enumerate() {
            let path = format!("{path}.rows[{index}]");
            let field = format_args!("{path}.label");
            let label = faults.unique_line(field, &row.label, 1..=20, &mut labels);
            rows.push(RowDraft { label, seat_labels: parse_seats(faults, &path, row) });
        }
        let section_id = Some(&section.section_id).filter(|id| !id.is_empty()).and_then(|id| {
            let must = "must be an id as the server gave it";
            faults.some(format_args!("{path}.section_id"), SectionId::parse(id), must)
        });
        drafts.push(SectionDraft { name, section_id, rows });
    }
    drafts
}

fn parse_seats(faults: &mut Faults, path: &str, row: &RowPlan) -> Vec<String> {
    if row.seat_labels.is_empty() {
        if !(1..=ROW_COUNT_MAX).contains(&row.seat_count) {
            let must = format!("must be 1 to {ROW_COUNT_MAX} unless seat_labels are given");
            faults.note(format_args!("{path}.seat_count"), must);
            return Vec::new();
        }
        return (1..=row.seat_count).map(|number| number.to_string()).collect();
    }
    if row.seat_count != 0 {
        faults.note(format_args!("{path}.seat_count"), "must not be set beside seat_labels");
    }
    let mut seen = HashSet::with_capacity(row.seat_labels.len());
    let labels = row.seat_labels.iter().enumerate().map(|(index, label)| {
        let field = format_args!("{path}.seat_labels[{index}]");
        faults.unique_line(field, label, 1..=20, &mut seen)
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, seat_count: i32, seat_labels: &[&str]) -> RowPlan {
        let seat_labels = seat_labels.iter().map(ToString::to_string).collect();
        RowPlan { label: label.to_owned(), seat_count, seat_labels }
    }

    fn section(name: &str, rows: Vec<RowPlan>) -> SectionPlan {
        SectionPlan { name: name.to_owned(), rows, ..SectionPlan::default() }
    }

    fn plan(rows: Vec<RowPlan>) -> VenuePlan {
        VenuePlan {
            name: "Opera".to_owned(),
            city: "Wien".to_owned(),
            country_code: "AT".to_owned(),
            time_zone: "Europe/Vienna".to_owned(),
            sections: vec![section("Stalls", rows)],
        }
    }

    fn faulty_fields(plan: &VenuePlan) -> Vec<String> {
        let faults = VenueDraft::parse(plan).err().map(Faults::into_violations);
        faults.unwrap_or_default().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn rows_are_built_by_count_or_by_labels_and_each_seat_has_its_own_id() {
        let plan = plan(vec![row("A", 3, &[]), row("B", 0, &["7", " 8a "])]);
        let Ok(draft) = VenueDraft::parse(&plan) else { panic!("the plan is sound") };
        let mut drawn = 0;
        let now = Timestamp::from_micros(1);
        let venue = draft.build(VenueId::derived(&[]), UserId::derived(&[]), now, || {
            drawn += 1;
            [drawn; 10]
        });
        let labels: Vec<Vec<&str>> = venue.sections[0]
            .rows
            .iter()
            .map(|row| row.seats.iter().map(|seat| seat.label.as_str()).collect())
            .collect();
        assert_eq!(labels, [vec!["1", "2", "3"], vec!["7", "8a"]]);
        assert_eq!(venue.seat_count, 5);
        let rows = venue.sections.iter().flat_map(|section| &section.rows);
        let ids: HashSet<SeatId> = rows.flat_map(|r| &r.seats).map(|seat| seat.seat_id).collect();
        assert_eq!(ids.len(), 5);
    }

    #[test]
    fn labels_repeat_in_different_rows_and_rows_in_different_sections_only() {
        let mut twice = plan(vec![row("A", 2, &[]), row("A", 0, &["1", "1"])]);
        assert_eq!(
            faulty_fields(&twice),
            ["venue.sections[0].rows[1].label", "venue.sections[0].rows[1].seat_labels[1]"]
        );
        twice.sections =
            vec![section("Left", vec![row("A", 2, &[])]), section("Right", vec![row("A", 2, &[])])];
        assert!(faulty_fields(&twice).is_empty());
        twice.sections[1].name = " Left".to_owned();
        assert_eq!(faulty_fields(&twice), ["venue.sections[1].name"]);
    }

    #[test]
    fn a_row_has_a_count_or_labels_not_both_and_not_neither() {
        for seats in
            [row("A", 0, &[]), row("A", -1, &[]), row("A", 1_001, &[]), row("A", 1, &["1"])]
        {
            assert_eq!(faulty_fields(&plan(vec![seats])), ["venue.sections[0].rows[0].seat_count"]);
        }
    }

    #[test]
    fn every_fault_is_named_by_its_path() {
        let mut wrong = plan(vec![]);
        wrong.name = " ".to_owned();
        wrong.city = "x".repeat(101);
        wrong.country_code = "at".to_owned();
        wrong.time_zone = "Vienna".to_owned();
        let named = faulty_fields(&wrong);
        let fields = ["name", "city", "country_code", "time_zone", "sections[0].rows"];
        assert_eq!(named, fields.map(|field| format!("venue.{field}")));
        let mut numbered = plan(vec![row("A", 1, &[])]);
        numbered.sections[0].section_id = SectionId::derived(&[]).to_string();
        assert_eq!(faulty_fields(&numbered), ["venue.sections[0].section_id"]);
    }

    #[test]
    fn a_club_has_no_sections_and_nobody_has_too_many() {
        let mut club = plan(vec![]);
        club.sections.clear();
        assert!(faulty_fields(&club).is_empty());
        let sections = (0..=SECTIONS_MAX).map(|n| section(&n.to_string(), vec![row("A", 1, &[])]));
        club.sections = sections.collect();
        assert_eq!(faulty_fields(&club), ["venue.sections"]);
    }

    #[test]
    fn a_hundred_thousand_seats_are_a_venue_and_one_more_is_not() {
        let rows = |count: usize| (0..count).map(|n| row(&format!("r{n}"), 1_000, &[])).collect();
        assert!(faulty_fields(&plan(rows(100))).is_empty());
        assert_eq!(faulty_fields(&plan(rows(101))), ["venue.sections"]);
        let endless = (0..3).map(|n| row(&format!("r{n}"), i32::MAX, &[])).collect();
        assert_eq!(faulty_fields(&plan(endless)), ["venue.sections"]);
    }

    #[test]
    fn time_zones_are_those_of_the_list() {
        let faulty = |zone: &str| {
            let plan = VenuePlan { time_zone: zone.to_owned(), ..plan(vec![row("A", 1, &[])]) };
            !faulty_fields(&plan).is_empty()
        };
        for zone in ["UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires", "Etc/GMT+1"] {
            assert!(!faulty(zone), "{zone}");
        }
        for zone in ["", "Vienna", "Europe/Wien", "europe/vienna", "Europe/Vienna ", "a/../b"] {
            assert!(faulty(zone), "{zone}");
        }
    }
}
