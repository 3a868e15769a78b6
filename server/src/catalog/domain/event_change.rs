//! Changes of events: a few fields get new values, as far as the state of the event allows.

use std::collections::BTreeSet;

use super::event::{Event, EventState};
use super::event_draft::{EventDraft, EventPlan};
use super::faults::Faults;
use super::offer::{OfferPlan, build_offers, check_sections};
use super::venue::Venue;
use crate::error::{Reason, Result};
use crate::kernel::id::Entropy;
use crate::kernel::time::Timestamp;

/// What can be changed of an event, by the name an update mask has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventField {
    /// `title`.
    Title,
    /// `description`.
    Description,
    /// `category`.
    Category,
    /// `tags`.
    Tags,
    /// `image_url`.
    ImageUrl,
    /// `start_time`.
    StartTime,
    /// `end_time`.
    EndTime,
    /// `currency_code`.
    CurrencyCode,
    /// `offers`.
    Offers,
    /// `hold_ttl`.
    HoldTtl,
    /// `hold_life_max`.
    HoldLifeMax,
    /// `places_per_buyer_max`.
    PlacesPerBuyerMax,
    /// `cancel_until`.
    CancelUntil,
}

/// When a field of an event may change.
enum Changeable {
    /// Until it is called off.
    Always,
    /// Until it is called off, or that time has come.
    BeforeItIsOver,
    /// As long as it is a draft; else it is refused for this reason.
    AsDraft(Reason),
}

impl EventField {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 13] = [
        ("title", Self::Title),
        ("description", Self::Description),
        ("category", Self::Category),
        ("tags", Self::Tags),
        ("image_url", Self::ImageUrl),
        ("start_time", Self::StartTime),
        ("end_time", Self::EndTime),
        ("currency_code", Self::CurrencyCode),
        ("offers", Self::Offers),
        ("hold_ttl", Self::HoldTtl),
        ("hold_life_max", Self::HoldLifeMax),
        ("places_per_buyer_max", Self::PlacesPerBuyerMax),
        ("cancel_until", Self::CancelUntil),
    ];

    fn changeable(self) -> Changeable {
        match self {
            Self::Title | Self::Description | Self::Category | Self::Tags | Self::ImageUrl => {
                Changeable::Always
            }
            Self::StartTime | Self::EndTime => Changeable::BeforeItIsOver,
            Self::CurrencyCode | Self::Offers => Changeable::AsDraft(Reason::EventPricesFixed),
            Self::HoldTtl | Self::HoldLifeMax | Self::PlacesPerBuyerMax | Self::CancelUntil => {
                Changeable::AsDraft(Reason::EventTermsFixed)
            }
        }
    }

    /// Takes the field over from another plan.
    fn copy(self, from: &EventPlan, to: &mut EventPlan) {
        match self {
            Self::Title => to.title.clone_from(&from.title),
            Self::Description => to.description.clone_from(&from.description),
            Self::Category => to.category.clone_from(&from.category),
            Self::Tags => to.tags.clone_from(&from.tags),
            Self::ImageUrl => to.image_url.clone_from(&from.image_url),
            Self::StartTime => to.start_time = from.start_time,
            Self::EndTime => to.end_time = from.end_time,
            Self::CurrencyCode => to.currency_code.clone_from(&from.currency_code),
            Self::Offers => to.offers.clone_from(&from.offers),
            Self::HoldTtl => to.hold_ttl = from.hold_ttl,
            Self::HoldLifeMax => to.hold_life_max = from.hold_life_max,
            Self::PlacesPerBuyerMax => to.places_per_buyer_max = from.places_per_buyer_max,
            Self::CancelUntil => to.cancel_until = from.cancel_until,
        }
    }
}

/// New values for some fields of an event.
#[derive(Clone, Debug)]
pub struct EventChange {
    fields: BTreeSet<EventField>,
    plan: EventPlan,
}

impl EventChange {
    /// Of these fields to what the plan has there; nothing else of it counts.
    pub fn new(fields: BTreeSet<EventField>, plan: EventPlan) -> Self {
        Self { fields, plan }
    }

    fn has(&self, field: EventField) -> bool {
        self.fields.contains(&field)
    }

    /// The event as it is after the change; `None` if nothing is different. Refused as
    /// UpdateEvent's contract says.
    pub fn apply(
        &self,
        event: &Event,
        venue: &Venue,
        now: Timestamp,
        entropy: impl FnMut() -> Entropy,
    ) -> Result<Option<Event>> {
        self.require_changeable(event, now)?;
        let mut plan = plan_of(event);
        for field in &self.fields {
            field.copy(&self.plan, &mut plan);
        }
        let draft = EventDraft::parse(&plan)?;
        self.check_times(&draft, now)?;
        if self.has(EventField::Offers) {
            check_sections(&draft.offers, venue)?;
        }
        let offers = build_offers(&draft.offers, &event.offers, now, entropy);
        let changed = Event {
            title: draft.title,
            description: draft.description,
            category: draft.category,
            tags: draft.tags,
            image_url: draft.image_url,
            start_time: draft.start_time,
            end_time: draft.end_time,
            terms: draft.terms,
            offers,
            ..event.clone()
        };
        if changed == *event {
            return Ok(None);
        }
        Ok(Some(Event { version: event.version + 1, ..changed }))
    }

    fn require_changeable(&self, event: &Event, now: Timestamp) -> Result<()> {
        match event.state {
            EventState::Draft => return Ok(()),
            EventState::Cancelled => return Err(Reason::EventCancelled.into()),
            EventState::Published => {}
        }
        for field in &self.fields {
            match field.changeable() {
                Changeable::Always => {}
                Changeable::AsDraft(reason) => return Err(reason.into()),
                Changeable::BeforeItIsOver => {
                    let (name, over) = match field {
                        EventField::StartTime => ("event.start_time", event.start_time <= now),
                        _ => ("event.end_time", event.has_ended(now)),
                    };
                    if over {
                        let mut faults = Faults::default();
                        faults.note(name, "cannot change any more");
                        return Err(faults.rejection(Reason::EventTimesInvalid).into());
                    }
                }
            }
        }
        Ok(())
    }

    /// Times that do not change may be past: whoever mends a title does not plan anew.
    fn check_times(&self, draft: &EventDraft, now: Timestamp) -> Result<()> {
        let mut faults = Faults::default();
        if self.has(EventField::StartTime) && draft.start_time <= now {
            faults.note("event.start_time", "must be in the future");
        }
        if self.has(EventField::EndTime) && draft.end_time <= now {
            faults.note("event.end_time", "must be in the future");
        }
        if draft.end_time <= draft.start_time {
            faults.note("event.end_time", "must be after start_time");
        }
        faults.or(()).map_err(|faults| faults.rejection(Reason::EventTimesInvalid).into())
    }
}

/// An event as somebody would describe it who wants just this one.
fn plan_of(event: &Event) -> EventPlan {
    let terms = &event.terms;
    EventPlan {
        venue_id: event.venue_id.to_string(),
        title: event.title.clone(),
        description: event.description.clone(),
        category: event.category.clone(),
        tags: event.tags.clone(),
        image_url: event.image_url.clone(),
        start_time: Some(event.start_time),
        end_time: Some(event.end_time),
        currency_code: terms.currency.code().to_owned(),
        offers: event.offers.iter().map(OfferPlan::from).collect(),
        hold_ttl: Some(terms.hold_ttl),
        hold_life_max: Some(terms.hold_life_max),
        places_per_buyer_max: i32::try_from(terms.places_per_buyer_max).ok(),
        cancel_until: Some(terms.cancel_until),
    }
}
