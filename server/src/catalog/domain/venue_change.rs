//! Changes of venues: new names, and sections remade.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::faults::Faults;
use super::venue::{Row, Seat, Section, Venue, count_seats};
use super::venue_draft::{
    SectionDraft, VenuePlan, parse_city, parse_country_code, parse_name, parse_sections,
    parse_time_zone,
};
use crate::error::{Error, Result};
use crate::kernel::id::{Entropy, SeatId, SectionId};
use crate::kernel::time::Timestamp;

/// What can be changed of a venue, by the name an update mask has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VenueField {
    /// `name`.
    Name,
    /// `city`.
    City,
    /// `country_code`.
    CountryCode,
    /// `time_zone`.
    TimeZone,
    /// `sections`.
    Sections,
}

impl VenueField {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("name", Self::Name),
        ("city", Self::City),
        ("country_code", Self::CountryCode),
        ("time_zone", Self::TimeZone),
        ("sections", Self::Sections),
    ];
}

/// New values for some fields of a venue, all of them sound.
#[derive(Clone, Debug)]
pub struct VenueChange {
    name: Option<String>,
    city: Option<String>,
    country_code: Option<String>,
    time_zone: Option<String>,
    sections: Option<Vec<SectionDraft>>,
}

impl VenueChange {
    /// Checks the fields that are to change; all faults are named, by the paths of UpdateVenue's
    /// fields.
    pub fn parse(fields: &BTreeSet<VenueField>, plan: &VenuePlan) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let has = |field: VenueField| fields.contains(&field);
        let name = has(VenueField::Name).then(|| parse_name(&mut faults, &plan.name));
        let city = has(VenueField::City).then(|| parse_city(&mut faults, &plan.city));
        let country_code = has(VenueField::CountryCode)
            .then(|| parse_country_code(&mut faults, &plan.country_code));
        let time_zone =
            has(VenueField::TimeZone).then(|| parse_time_zone(&mut faults, &plan.time_zone));
        let sections =
            has(VenueField::Sections).then(|| parse_sections(&mut faults, &plan.sections));
        faults.or(Self { name, city, country_code, time_zone, sections })
    }

    /// Whether sections are remade, so that the venue is wanted with all its seats.
    pub fn remakes_sections(&self) -> bool {
        self.sections.is_some()
    }

    /// The venue as it is after the change; `None` if nothing is different. Refused with
    /// `InvalidFields` if a section is to go on that the venue does not have.
    pub fn apply(
        &self,
        venue: &Venue,
        now: Timestamp,
        entropy: impl FnMut() -> Entropy,
    ) -> Result<Option<Venue>> {
        let mut changed = venue.clone();
        let texts = [
            (&self.name, &mut changed.name),
            (&self.city, &mut changed.city),
            (&self.country_code, &mut changed.country_code),
            (&self.time_zone, &mut changed.time_zone),
        ];
        for (new, text) in texts {
            if let Some(new) = new {
                text.clone_from(new);
            }
        }
        if let Some(drafts) = &self.sections {
            changed.sections = remake(drafts, &venue.sections, now, entropy)?;
            changed.seat_count = count_seats(&changed.sections);
        }
        if changed == *venue {
            return Ok(None);
        }
        Ok(Some(Venue { version: venue.version + 1, ..changed }))
    }
}

/// The sections of a venue that are gone after a change.
pub fn sections_gone(before: &Venue, after: &Venue) -> BTreeSet<SectionId> {
    let ids = |venue: &Venue| -> BTreeSet<SectionId> {
        venue.sections.iter().map(|section| section.section_id).collect()
    };
    ids(before).difference(&ids(after)).copied().collect()
}

/// Sections anew. One goes on by its id or by its name; within it, so do the seats whose row and
/// label stay the same.
fn remake(
    drafts: &[SectionDraft],
    before: &[Section],
    now: Timestamp,
    mut entropy: impl FnMut() -> Entropy,
) -> Result<Vec<Section>> {
    let by_id: HashMap<SectionId, &Section> =
        before.iter().map(|section| (section.section_id, section)).collect();
    let by_name: HashMap<&str, &Section> =
        before.iter().map(|section| (section.name.as_str(), section)).collect();
    let mut faults = Faults::default();
    let mut going_on = HashSet::new();
    for (index, draft) in drafts.iter().enumerate() {
        let field = format_args!("venue.sections[{index}].section_id");
        let Some(section_id) = draft.section_id else { continue };
        if !by_id.contains_key(&section_id) {
            faults.note(field, "must be a section of the venue");
        } else if !going_on.insert(section_id) {
            faults.note(field, "must be named once only");
        }
    }
    faults.or(()).map_err(Error::from)?;
    let sections = drafts.iter().map(|draft| {
        let section = match draft.section_id {
            Some(section_id) => by_id.get(&section_id),
            // A name that was given away is that of another section now.
            None => by_name
                .get(draft.name.as_str())
                .filter(|section| !going_on.contains(&section.section_id)),
        };
        rebuild(draft, section.copied(), now, &mut entropy)
    });
    Ok(sections.collect())
}

fn rebuild(
    draft: &SectionDraft,
    before: Option<&Section>,
    now: Timestamp,
    entropy: &mut impl FnMut() -> Entropy,
) -> Section {
    let rows = before.iter().flat_map(|section| &section.rows);
    let known: HashMap<(&str, &str), SeatId> = rows
        .flat_map(|row| row.seats.iter().map(move |seat| (row, seat)))
        .map(|(row, seat)| ((row.label.as_str(), seat.label.as_str()), seat.seat_id))
        .collect();
    let rows = draft.rows.iter().map(|row| Row {
        label: row.label.clone(),
        seats: row
            .seat_labels
            .iter()
            .map(|label| {
                let seat_id = known.get(&(row.label.as_str(), label.as_str())).copied();
                let seat_id = seat_id.unwrap_or_else(|| SeatId::new(now, entropy()));
                Seat { seat_id, label: label.clone() }
            })
            .collect(),
    });
    let rows = rows.collect();
    let section_id =
        before.map_or_else(|| SectionId::new(now, entropy()), |section| section.section_id);
    Section { section_id, name: draft.name.clone(), rows }
}

#[cfg(test)]
mod tests {
    use super::super::venue_draft::{RowPlan, SectionPlan, VenueDraft};
    use super::*;
    use crate::error::Reason;
    use crate::kernel::id::{UserId, VenueId};

    const NOW: Timestamp = Timestamp::from_micros(1);

    fn section(name: &str, rows: &[(&str, i32)]) -> SectionPlan {
        let rows = rows.iter().map(|(label, seat_count)| RowPlan {
            label: (*label).to_owned(),
            seat_count: *seat_count,
            seat_labels: vec![],
        });
        let (name, rows) = (name.to_owned(), rows.collect());
        SectionPlan { name, rows, ..SectionPlan::default() }
    }

    fn plan(sections: Vec<SectionPlan>) -> VenuePlan {
        VenuePlan {
            name: "Opera".to_owned(),
            city: "Wien".to_owned(),
            country_code: "AT".to_owned(),
            time_zone: "Europe/Vienna".to_owned(),
            sections,
        }
    }

    /// Draws numbers that never come again.
    fn dice(start: u8) -> impl FnMut() -> Entropy {
        let mut drawn = start;
        move || {
            drawn += 1;
            [drawn; 10]
        }
    }

    fn venue() -> Venue {
        let plan =
            plan(vec![section("Stalls", &[("A", 3), ("B", 3)]), section("Circle", &[("A", 2)])]);
        let Ok(draft) = VenueDraft::parse(&plan) else { panic!("the plan is sound") };
        draft.build(VenueId::derived(&[]), UserId::derived(&[]), NOW, dice(0))
    }

    fn change(fields: &[VenueField], plan: &VenuePlan) -> VenueChange {
        let fields = fields.iter().copied().collect();
        VenueChange::parse(&fields, plan).unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    fn remade(sections: Vec<SectionPlan>) -> Result<Option<Venue>> {
        change(&[VenueField::Sections], &plan(sections)).apply(&venue(), NOW, dice(100))
    }

    fn ids(section: &Section) -> Vec<SeatId> {
        let rows = section.rows.iter().flat_map(|row| &row.seats);
        rows.map(|seat| seat.seat_id).collect()
    }

    #[test]
    fn only_what_is_named_changes_and_only_that_is_checked() {
        let plan = VenuePlan { city: "Linz".to_owned(), ..VenuePlan::default() };
        let changed = change(&[VenueField::City], &plan).apply(&venue(), NOW, dice(100));
        let Ok(Some(changed)) = changed else { panic!("a change") };
        assert_eq!(changed, Venue { city: "Linz".to_owned(), version: 2, ..venue() });
        let same = change(&[VenueField::City], &VenuePlan { city: "Wien".to_owned(), ..plan });
        assert!(matches!(same.apply(&venue(), NOW, dice(100)), Ok(None)));
        let wrong = VenueChange::parse(&[VenueField::Name].into(), &VenuePlan::default());
        let wrong = wrong.err().map(Faults::into_violations).unwrap_or_default();
        assert_eq!(wrong[0].field, "venue.name");
    }

    #[test]
    fn seats_go_on_whose_section_row_and_label_stay() {
        let before = venue();
        let after =
            remade(vec![section("Balcony", &[("A", 1)]), section("Stalls", &[("B", 4), ("C", 1)])]);
        let Ok(Some(after)) = after else { panic!("a change") };
        assert_eq!(after.seat_count, 6);
        let (balcony, stalls) = (&after.sections[0], &after.sections[1]);
        assert_eq!(stalls.section_id, before.sections[0].section_id);
        assert_eq!(ids(stalls)[..3], ids(&before.sections[0])[3..], "row B goes on");
        let old: HashSet<SeatId> = before.sections.iter().flat_map(ids).collect();
        assert!(ids(balcony).iter().chain(&ids(stalls)[3..]).all(|seat| !old.contains(seat)));
        assert_eq!(sections_gone(&before, &after), BTreeSet::from([before.sections[1].section_id]));
    }

    #[test]
    fn a_section_is_renamed_by_its_id_even_to_the_name_of_another() {
        let before = venue();
        let id = |index: usize| before.sections[index].section_id.to_string();
        let mut sections = vec![section("Circle", &[("A", 3)]), section("Stalls", &[("A", 2)])];
        sections[0].section_id = id(0);
        let Ok(Some(after)) = remade(sections.clone()) else { panic!("a change") };
        assert_eq!(after.sections[0].section_id, before.sections[0].section_id);
        assert_eq!(ids(&after.sections[0]), ids(&before.sections[0])[..3]);
        assert_ne!(after.sections[1].section_id, before.sections[0].section_id, "a new one");
        sections[1].section_id = id(1);
        let Ok(Some(swapped)) = remade(sections) else { panic!("a change") };
        assert_eq!(swapped.sections[1].section_id, before.sections[1].section_id);
        assert!(sections_gone(&before, &swapped).is_empty());
    }

    #[test]
    fn a_section_goes_on_as_one_of_the_venue_and_once_only() {
        let id = venue().sections[0].section_id.to_string();
        let mut sections = vec![section("One", &[("A", 1)]), section("Two", &[("A", 1)])];
        for (ids, wrong) in [([&id, &id], 1), ([&SectionId::derived(&[]).to_string(), &id], 0)] {
            for (section, id) in sections.iter_mut().zip(ids) {
                section.section_id.clone_from(id);
            }
            let Err(Error::Rejected(refusal)) = remade(sections.clone()) else { panic!("refused") };
            assert_eq!(refusal.reason, Reason::InvalidFields);
            assert_eq!(refusal.violations[0].field, format!("venue.sections[{wrong}].section_id"));
        }
    }
}
