//! Events as organizers describe them.

use std::time::Duration;

use super::about::{description, image_url, tags};
use super::event::{Event, EventState, check_times};
use super::faults::Faults;
use super::offer::{OfferDraft, OfferPlan, build_offers, check_sections, parse_offers};
use super::terms::{SaleTerms, parse_terms};
use super::venue::Venue;
use crate::error::Result;
use crate::kernel::id::{Entropy, EventId, VenueId};
use crate::kernel::time::Timestamp;

/// An event as somebody describes it; nothing of it has been checked.
#[derive(Clone, Debug, Default)]
pub struct EventPlan {
    /// The wire form of the venue's id.
    pub venue_id: String,
    /// 1 to 200 characters.
    pub title: String,
    /// 10,000 characters at the most.
    pub description: String,
    /// 50 characters at the most.
    pub category: String,
    /// 20 at the most, each 1 to 30 characters.
    pub tags: Vec<String>,
    /// An http or https address, or empty.
    pub image_url: String,
    /// Required.
    pub start_time: Option<Timestamp>,
    /// Required.
    pub end_time: Option<Timestamp>,
    /// ISO 4217.
    pub currency_code: String,
    /// At least one.
    pub offers: Vec<OfferPlan>,
    /// 10 minutes unless set.
    pub hold_ttl: Option<Duration>,
    /// 30 minutes unless set, and never less than `hold_ttl`.
    pub hold_life_max: Option<Duration>,
    /// 10 unless set.
    pub places_per_buyer_max: Option<i32>,
    /// 24 hours unless set; 366 days at the most.
    pub cancel_until: Option<Duration>,
}

/// An event whose description is sound. Whether it fits its venue and the present time is seen
/// when it is built.
#[derive(Clone, Debug)]
pub struct EventDraft {
    venue_id: VenueId,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) category: String,
    pub(super) tags: Vec<String>,
    pub(super) image_url: String,
    pub(super) start_time: Timestamp,
    pub(super) end_time: Timestamp,
    pub(super) terms: SaleTerms,
    pub(super) offers: Vec<OfferDraft>,
}

impl EventDraft {
    /// Checks a description; all of its faults are named, by the paths of CreateEvent's fields.
    pub fn parse(plan: &EventPlan) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let venue_id = VenueId::parse(&plan.venue_id);
        let must = "must be an id as the server gave it";
        let venue_id = faults.some("event.venue_id", venue_id, must);
        let title = faults.line("event.title", &plan.title, 1..=200);
        let description = description(&mut faults, &plan.description);
        let category = faults.line("event.category", &plan.category, 0..=50);
        let tags = tags(&mut faults, &plan.tags);
        let image_url = image_url(&mut faults, &plan.image_url);
        let start_time = faults.some("event.start_time", plan.start_time, "must be a time");
        let end_time = faults.some("event.end_time", plan.end_time, "must be a time");
        let terms = parse_terms(&mut faults, plan);
        let offers = parse_offers(&mut faults, &plan.offers);
        let (Some(venue_id), Some(start_time), Some(end_time), Some(terms)) =
            (venue_id, start_time, end_time, terms)
        else {
            return Err(faults);
        };
        faults.or(Self {
            venue_id,
            title,
            description,
            category,
            tags,
            image_url,
            start_time,
            end_time,
            terms,
            offers,
        })
    }

    /// Where it is to take place.
    pub fn venue_id(&self) -> VenueId {
        self.venue_id
    }

    /// Builds the event at its venue, whose organizer it belongs to. Refused with
    /// `EventTimesInvalid` unless it starts in the future and ends after that, and with
    /// `InvalidFields` if an offer sells a section that the venue does not have.
    pub fn build(
        &self,
        event_id: EventId,
        venue: &Venue,
        now: Timestamp,
        entropy: impl FnMut() -> Entropy,
    ) -> Result<Event> {
        check_times(self.start_time, self.end_time, now)?;
        check_sections(&self.offers, venue)?;
        Ok(Event {
            event_id,
            venue_id: venue.venue_id,
            organizer_id: venue.organizer_id,
            title: self.title.clone(),
            description: self.description.clone(),
            category: self.category.clone(),
            tags: self.tags.clone(),
            image_url: self.image_url.clone(),
            state: EventState::Draft,
            start_time: self.start_time,
            end_time: self.end_time,
            terms: self.terms,
            offers: build_offers(&self.offers, &[], now, entropy),
            venue: venue.summary(),
            was_published: false,
            create_time: now,
            version: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::domain::venue::{Section, VenueSummary};
    use crate::error::{Error, Reason};
    use crate::kernel::id::{SectionId, UserId};

    const PRICE_MAX: i64 = 100_000_000;
    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn section_id(number: u8) -> SectionId {
        SectionId::derived(&[&[number]])
    }

    fn offer(number: u8, price_minor: i64) -> OfferPlan {
        let section_id = section_id(number).to_string();
        OfferPlan { section_id, name: "Stalls".to_owned(), price_minor, quantity: 0 }
    }

    fn plan() -> EventPlan {
        EventPlan {
            venue_id: VenueId::derived(&[]).to_string(),
            title: "Figaro".to_owned(),
            start_time: Some(NOW + Duration::from_secs(3_600)),
            end_time: Some(NOW + Duration::from_secs(7_200)),
            currency_code: "EUR".to_owned(),
            offers: vec![offer(1, 0), offer(2, PRICE_MAX)],
            ..EventPlan::default()
        }
    }

    fn venue() -> Venue {
        let section = |number: u8| Section {
            section_id: section_id(number),
            name: number.to_string(),
            rows: vec![],
        };
        let VenueSummary { name, city, country_code, time_zone } = VenueSummary::default();
        Venue {
            venue_id: VenueId::derived(&[]),
            organizer_id: UserId::derived(&[]),
            name,
            city,
            country_code,
            time_zone,
            seat_count: 0,
            create_time: NOW,
            version: 1,
            sections: vec![section(1), section(2), section(3)],
        }
    }

    fn parsed(plan: &EventPlan) -> EventDraft {
        EventDraft::parse(plan).unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    fn faulty_fields(plan: &EventPlan) -> Vec<String> {
        let faults = EventDraft::parse(plan).err().map(Faults::into_violations);
        faults.unwrap_or_default().into_iter().map(|fault| fault.field).collect()
    }

    fn built(plan: &EventPlan) -> Result<Event> {
        parsed(plan).build(EventId::derived(&[]), &venue(), NOW, || [7; 10])
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let terms = parsed(&plan()).terms;
        assert_eq!(terms.hold_ttl, Duration::from_secs(600));
        assert_eq!(terms.hold_life_max, Duration::from_secs(1_800));
        assert_eq!(terms.places_per_buyer_max, 10);
        assert_eq!(terms.cancel_until, Duration::from_secs(86_400));
    }

    #[test]
    fn the_longest_life_of_a_hold_is_never_less_than_its_first() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        let long = EventPlan { hold_ttl: minutes(120), ..plan() };
        assert_eq!(parsed(&long).terms.hold_life_max, Duration::from_secs(7_200));
        for (ttl, life, wrong) in [
            (minutes(20), minutes(19), vec!["event.hold_life_max"]),
            (minutes(20), minutes(20), vec![]),
            (minutes(20), minutes(241), vec!["event.hold_life_max"]),
            (minutes(121), None, vec!["event.hold_ttl"]),
            (minutes(0), minutes(5), vec!["event.hold_ttl"]),
        ] {
            let plan = EventPlan { hold_ttl: ttl, hold_life_max: life, ..plan() };
            assert_eq!(faulty_fields(&plan), wrong);
        }
    }

    #[test]
    fn every_fault_is_named_by_its_path() {
        let fields = faulty_fields(&EventPlan {
            places_per_buyer_max: Some(101),
            description: "x".repeat(10_001),
            category: "x".repeat(51),
            tags: vec![String::new()],
            image_url: "x".to_owned(),
            cancel_until: Some(Duration::MAX),
            offers: vec![offer(1, -1), offer(1, 1), OfferPlan::default()],
            ..EventPlan::default()
        });
        let named = [
            "venue_id",
            "title",
            "description",
            "category",
            "tags[0]",
            "image_url",
            "start_time",
            "end_time",
            "currency_code",
            "places_per_buyer_max",
            "cancel_until",
            "offers[0].price_minor_units",
            "offers[1].section_id",
            "offers[2].section_id",
            "offers[2].name",
        ];
        assert_eq!(fields, named.map(|field| format!("event.{field}")));
        assert_eq!(faulty_fields(&EventPlan { offers: vec![], ..plan() }), ["event.offers"]);
        let dear = EventPlan { offers: vec![offer(1, PRICE_MAX + 1)], ..plan() };
        assert_eq!(faulty_fields(&dear), ["event.offers[0].price_minor_units"]);
    }

    #[test]
    fn an_event_starts_in_the_future_and_ends_after_that() {
        let (start, end) = (plan().start_time, plan().end_time);
        for (start, end) in [(Some(NOW), end), (start, start), (end, start)] {
            let event = built(&EventPlan { start_time: start, end_time: end, ..plan() });
            let reason = event.err().and_then(|error| error.reason());
            assert_eq!(reason, Some(Reason::EventTimesInvalid));
        }
        assert!(built(&plan()).is_ok());
    }

    #[test]
    fn offers_sell_sections_of_the_venue_only() {
        let plan = EventPlan { offers: vec![offer(3, 1), offer(4, 1)], ..plan() };
        let Err(Error::Rejected(rejection)) = built(&plan) else { panic!("a refusal") };
        assert_eq!(rejection.reason, Reason::InvalidFields);
        assert_eq!(rejection.violations[0].field, "event.offers[1].section_id");
    }

    #[test]
    fn only_drafts_are_published_and_only_before_they_start() {
        let Ok(draft) = built(&plan()) else { panic!("a draft") };
        let Ok(Some(event)) = draft.publish(NOW) else { panic!("published") };
        assert_eq!((event.state, event.version), (EventState::Published, 2));
        assert!(matches!(event.publish(NOW), Ok(None)));
        let late = draft.publish(draft.start_time).err().and_then(|error| error.reason());
        assert_eq!(late, Some(Reason::EventTimesInvalid));
        let off = Event { state: EventState::Cancelled, ..draft };
        let refused = off.publish(NOW).err().and_then(|error| error.reason());
        assert_eq!(refused, Some(Reason::EventNotDraft));
    }
}
