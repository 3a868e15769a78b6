//! Events as organizers describe them.

use std::collections::HashSet;
use std::time::Duration;

use super::event::{Event, EventState, Offer, SaleTerms, check_times};
use super::faults::Faults;
use super::venue::Venue;
use crate::error::{Error, Result};
use crate::kernel::id::{Entropy, EventId, OfferId, SectionId, VenueId};
use crate::kernel::money::Currency;
use crate::kernel::text::paragraphs;
use crate::kernel::time::Timestamp;

/// What an id must be.
const ID_RULE: &str = "must be an id as the server gave it";

/// Offers of an event at the most: one for each section of the largest venue.
const OFFERS_MAX: usize = 1_000;
/// The highest price of a seat, in minor units.
const PRICE_MAX: i64 = 100_000_000;
/// Characters of a description at the most.
const DESCRIPTION_LENGTH_MAX: usize = 10_000;
/// How long a hold lasts unless the organizer says otherwise.
const HOLD_TTL_DEFAULT: Duration = Duration::from_secs(10 * 60);
/// The shortest hold.
const HOLD_TTL_MIN: Duration = Duration::from_secs(10);
/// The longest hold.
const HOLD_TTL_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// How long a hold may last in all unless the organizer says otherwise.
const HOLD_LIFE_DEFAULT: Duration = Duration::from_secs(30 * 60);
/// How long a hold may last in all at the most.
const HOLD_LIFE_MAX: Duration = Duration::from_secs(4 * 60 * 60);
/// Places of one buyer unless the organizer says otherwise.
const PLACES_DEFAULT: i32 = 10;
/// Places of one buyer at the most.
const PLACES_MAX: i32 = 100;

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
}

/// An offer of an [`EventPlan`].
#[derive(Clone, Debug, Default)]
pub struct OfferPlan {
    /// The wire form of the section's id; each section at most once.
    pub section_id: String,
    /// 1 to 100 characters.
    pub name: String,
    /// 0 to 100,000,000 minor units of the event's currency.
    pub price_minor: i64,
}

/// An event whose description is sound. Whether it fits its venue and the present time is seen
/// when it is built.
#[derive(Clone, Debug)]
pub struct EventDraft {
    venue_id: VenueId,
    title: String,
    description: String,
    category: String,
    start_time: Timestamp,
    end_time: Timestamp,
    terms: SaleTerms,
    offers: Vec<OfferDraft>,
}

#[derive(Clone, Debug)]
struct OfferDraft {
    section_id: SectionId,
    name: String,
    price_minor: i64,
}

impl EventDraft {
    /// Checks a description; all of its faults are named, by the paths of CreateEvent's fields.
    pub fn parse(plan: &EventPlan) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let venue_id = VenueId::parse(&plan.venue_id);
        let venue_id = faults.some("event.venue_id", venue_id, ID_RULE);
        let title = faults.line("event.title", &plan.title, 1..=200);
        let description = paragraphs(&plan.description, 0..=DESCRIPTION_LENGTH_MAX);
        let must = format!("must be {DESCRIPTION_LENGTH_MAX} printable characters at the most");
        let description = faults.some("event.description", description, &must);
        let category = faults.line("event.category", &plan.category, 0..=50);
        let start_time = faults.some("event.start_time", plan.start_time, "must be a time");
        let end_time = faults.some("event.end_time", plan.end_time, "must be a time");
        let terms = parse_terms(&mut faults, plan);
        let offers = parse_offers(&mut faults, &plan.offers);
        let (Some(venue_id), Some(description), Some(start_time), Some(end_time), Some(terms)) =
            (venue_id, description, start_time, end_time, terms)
        else {
            return Err(faults);
        };
        faults.or(Self {
            venue_id,
            title,
            description,
            category,
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
        mut entropy: impl FnMut() -> Entropy,
    ) -> Result<Event> {
        check_times(self.start_time, self.end_time, now)?;
        self.check_sections(venue)?;
        let offers = self.offers.iter().map(|offer| Offer {
            offer_id: OfferId::new(now, entropy()),
            section_id: offer.section_id,
            name: offer.name.clone(),
            price_minor: offer.price_minor,
        });
        Ok(Event {
            event_id,
            venue_id: venue.venue_id,
            organizer_id: venue.organizer_id,
            title: self.title.clone(),
            description: self.description.clone(),
            category: self.category.clone(),
            state: EventState::Draft,
            start_time: self.start_time,
            end_time: self.end_time,
            terms: self.terms,
            offers: offers.collect(),
            venue: venue.summary(),
            create_time: now,
            version: 1,
        })
    }

    fn check_sections(&self, venue: &Venue) -> Result<()> {
        let known: HashSet<SectionId> =
            venue.sections.iter().map(|section| section.section_id).collect();
        let mut faults = Faults::default();
        for (index, offer) in self.offers.iter().enumerate() {
            if !known.contains(&offer.section_id) {
                let field = format_args!("event.offers[{index}].section_id");
                faults.note(field, "must be a section of the event's venue");
            }
        }
        faults.or(()).map_err(Error::from)
    }
}

fn parse_terms(faults: &mut Faults, plan: &EventPlan) -> Option<SaleTerms> {
    let currency = Currency::parse(&plan.currency_code);
    let must = "must be three capital letters (ISO 4217)";
    let currency = faults.some("event.currency_code", currency, must);
    let hold_ttl = plan.hold_ttl.unwrap_or(HOLD_TTL_DEFAULT);
    let sound_ttl = (HOLD_TTL_MIN..=HOLD_TTL_MAX).contains(&hold_ttl);
    if !sound_ttl {
        faults.note("event.hold_ttl", "must be 10 seconds to 2 hours");
    }
    let hold_life_max = plan.hold_life_max.unwrap_or(HOLD_LIFE_DEFAULT.max(hold_ttl));
    // A wrong hold_ttl is no measure of hold_life_max.
    let hold_life_min = if sound_ttl { hold_ttl } else { HOLD_TTL_MIN };
    let sound_life = (hold_life_min..=HOLD_LIFE_MAX).contains(&hold_life_max);
    if !sound_life && (sound_ttl || plan.hold_life_max.is_some()) {
        faults.note("event.hold_life_max", "must be at least hold_ttl and at most 4 hours");
    }
    let places = plan.places_per_buyer_max.unwrap_or(PLACES_DEFAULT);
    let places = u32::try_from(places).ok().filter(|_| (1..=PLACES_MAX).contains(&places));
    let places_per_buyer_max =
        faults.some("event.places_per_buyer_max", places, &format!("must be 1 to {PLACES_MAX}"))?;
    Some(SaleTerms { currency: currency?, hold_ttl, hold_life_max, places_per_buyer_max })
}

fn parse_offers(faults: &mut Faults, offers: &[OfferPlan]) -> Vec<OfferDraft> {
    if !(1..=OFFERS_MAX).contains(&offers.len()) {
        faults.note("event.offers", format!("must be 1 to {OFFERS_MAX}"));
    }
    let mut sold = HashSet::new();
    let mut drafts = Vec::with_capacity(offers.len());
    for (index, offer) in offers.iter().enumerate() {
        let path = format!("event.offers[{index}]");
        let section_id = SectionId::parse(&offer.section_id);
        let section_id = faults.some(format_args!("{path}.section_id"), section_id, ID_RULE);
        if section_id.is_some_and(|id| !sold.insert(id)) {
            faults.note(format_args!("{path}.section_id"), "must be sold by one offer only");
        }
        let name = faults.line(format_args!("{path}.name"), &offer.name, 1..=100);
        let price_minor = offer.price_minor;
        if !(0..=PRICE_MAX).contains(&price_minor) {
            let must = format!("must be 0 to {PRICE_MAX}");
            faults.note(format_args!("{path}.price_minor_units"), must);
        }
        drafts.extend(section_id.map(|section_id| OfferDraft { section_id, name, price_minor }));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::domain::venue::{Section, VenueSummary};
    use crate::error::Reason;
    use crate::kernel::id::UserId;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn section_id(number: u8) -> SectionId {
        SectionId::derived(&[&[number]])
    }

    fn offer(number: u8, price_minor: i64) -> OfferPlan {
        let section_id = section_id(number).to_string();
        OfferPlan { section_id, name: "Stalls".to_owned(), price_minor }
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
            offers: vec![offer(1, -1), offer(1, 1), OfferPlan::default()],
            ..EventPlan::default()
        });
        let named = [
            "venue_id",
            "title",
            "description",
            "category",
            "start_time",
            "end_time",
            "currency_code",
            "places_per_buyer_max",
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
