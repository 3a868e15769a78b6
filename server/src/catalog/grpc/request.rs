//! What requests ask for, in the catalog's own words.

use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_proto::catalog::v1 as wire;
use prost_types::FieldMask;

use crate::catalog::domain::event_change::{EventChange, EventField};
use crate::catalog::domain::event_draft::{EventDraft, EventPlan};
use crate::catalog::domain::faults::Faults;
use crate::catalog::domain::offer::OfferPlan;
use crate::catalog::domain::search::{EventFilter, FilterPlan};
use crate::catalog::domain::venue_change::{VenueChange, VenueField};
use crate::catalog::domain::venue_draft::{RowPlan, SectionPlan, VenueDraft, VenuePlan};
use crate::kernel::id::{EventId, SeatId, UserId};
use crate::kernel::limits::{AVAILABILITY_EVENTS_MAX, BLOCK_SEATS_MAX};
use crate::transport::parse::{Fields, duration, instant};

/// The draft of a CreateVenue.
pub(super) fn venue_draft(
    fields: &mut Fields,
    draft: Option<wire::VenueDraft>,
) -> Option<VenueDraft> {
    let plan = venue_plan(fields, draft)?;
    sound(fields, VenueDraft::parse(&plan))
}

/// The change of an UpdateVenue.
pub(super) fn venue_change(
    fields: &mut Fields,
    draft: Option<wire::VenueDraft>,
    mask: Option<&FieldMask>,
) -> Option<VenueChange> {
    let plan = venue_plan(fields, draft);
    let named = masked(fields, mask, &VenueField::ALL);
    sound(fields, VenueChange::parse(&named?, &plan?))
}

fn venue_plan(fields: &mut Fields, draft: Option<wire::VenueDraft>) -> Option<VenuePlan> {
    let Some(draft) = draft else { return fields.fault("venue", "must be set") };
    let sections = draft.sections.into_iter().map(|section| SectionPlan {
        name: section.name,
        rows: section.rows.into_iter().map(row_plan).collect(),
        section_id: section.section_id,
    });
    Some(VenuePlan {
        name: draft.name,
        city: draft.city,
        country_code: draft.country_code,
        time_zone: draft.time_zone,
        sections: sections.collect(),
    })
}

fn row_plan(row: wire::RowDraft) -> RowPlan {
    RowPlan { label: row.label, seat_count: row.seat_count, seat_labels: row.seat_labels }
}

/// The draft of a CreateEvent.
pub(super) fn event_draft(
    fields: &mut Fields,
    draft: Option<wire::EventDraft>,
) -> Option<EventDraft> {
    let plan = event_plan(fields, draft)?;
    sound(fields, EventDraft::parse(&plan))
}

/// The change of an UpdateEvent. Whether its values are sound is seen beside those that stay.
pub(super) fn event_change(
    fields: &mut Fields,
    draft: Option<wire::EventDraft>,
    mask: Option<&FieldMask>,
) -> Option<EventChange> {
    let plan = event_plan(fields, draft);
    let named = masked(fields, mask, &EventField::ALL);
    Some(EventChange::new(named?, plan?))
}

/// The fields that an update mask names.
fn masked<F: Copy + Ord>(
    fields: &mut Fields,
    mask: Option<&FieldMask>,
    known: &[(&'static str, F)],
) -> Option<BTreeSet<F>> {
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    if paths.is_empty() {
        return fields.fault("update_mask", "must name at least one field");
    }
    let mut named = BTreeSet::new();
    let mut all_known = true;
    for path in paths {
        match known.iter().find(|(name, _)| name == path) {
            Some((_, field)) => {
                named.insert(*field);
            }
            None => {
                all_known = false;
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                // What a caller sends may be long and strange.
                let path: String = path.chars().filter(|c| !c.is_control()).take(50).collect();
                let must = format!("{path:?} cannot be changed, only: {}", names.join(", "));
                fields.fault::<()>("update_mask", must);
            }
        }
    }
    all_known.then_some(named)
}

fn event_plan(fields: &mut Fields, draft: Option<wire::EventDraft>) -> Option<EventPlan> {
    let Some(draft) = draft else { return fields.fault("event", "must be set") };
    let offers = draft.offers.into_iter().map(|offer| OfferPlan {
        section_id: offer.section_id,
        name: offer.name,
        price_minor: offer.price_minor_units,
        quantity: offer.quantity,
    });
    let places = Some(draft.places_per_buyer_max);
    Some(EventPlan {
        venue_id: draft.venue_id,
        title: draft.title,
        description: draft.description,
        category: draft.category,
        tags: draft.tags,
        image_url: draft.image_url,
        start_time: draft.start_time.as_ref().and_then(instant),
        end_time: draft.end_time.as_ref().and_then(instant),
        currency_code: draft.currency_code,
        offers: offers.collect(),
        hold_ttl: draft.hold_ttl.as_ref().map(span),
        hold_life_max: draft.hold_life_max.as_ref().map(span),
        places_per_buyer_max: places.filter(|places| *places != 0),
        cancel_until: draft.cancel_until.as_ref().map(span),
    })
}

/// A span that is not well formed is read as one so long that no rule admits it.
fn span(span: &prost_types::Duration) -> Duration {
    duration(span).unwrap_or(Duration::MAX)
}

/// The seats of a BlockSeats or UnblockSeats.
pub(super) fn seats(fields: &mut Fields, seat_ids: &[String]) -> Option<BTreeSet<SeatId>> {
    let ids = ids(fields, "seat_ids", seat_ids, BLOCK_SEATS_MAX, SeatId::parse)?;
    Some(ids.into_iter().collect())
}

/// The events of a GetAvailability.
pub(super) fn events(fields: &mut Fields, event_ids: &[String]) -> Option<Vec<EventId>> {
    ids(fields, "event_ids", event_ids, AVAILABILITY_EVENTS_MAX, EventId::parse)
}

fn ids<T>(
    fields: &mut Fields,
    field: &str,
    texts: &[String],
    count_max: usize,
    parse: fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    fields.number(field, texts.len(), 1..=count_max)?;
    let ids = texts
        .iter()
        .enumerate()
        .map(|(index, text)| fields.id(&format!("{field}[{index}]"), text, parse));
    // Every one is looked at, so that all faults are named.
    ids.collect::<Vec<_>>().into_iter().collect()
}

/// Whose venues or events a list is to show.
pub(super) enum Owner {
    /// Everybody's.
    Any,
    /// The caller's own, in every state.
    Caller,
    /// This organizer's.
    Organizer(UserId),
}

/// Whose a list is to show, by its fields `mine` and `organizer_id`.
pub(super) fn owner(fields: &mut Fields, mine: bool, organizer_id: &str) -> Option<Owner> {
    match (mine, organizer_id) {
        (false, "") => Some(Owner::Any),
        (true, "") => Some(Owner::Caller),
        (false, id) => fields.id("organizer_id", id, UserId::parse).map(Owner::Organizer),
        (true, _) => fields.fault("organizer_id", "must be empty beside mine"),
    }
}

/// The filter of a ListEvents.
pub(super) fn event_filter(
    fields: &mut Fields,
    request: &wire::ListEventsRequest,
) -> Option<EventFilter> {
    let from =
        request.start_time_from.as_ref().map(|time| fields.time("start_time_from", Some(time)));
    let before = &request.start_time_before;
    let before = before.as_ref().map(|time| fields.time("start_time_before", Some(time)));
    let plan = FilterPlan {
        city: request.city.clone(),
        category: request.category.clone(),
        tag: request.tag.clone(),
        text: request.text.clone(),
        start_time_from: from.flatten(),
        start_time_before: before.flatten(),
    };
    sound(fields, EventFilter::parse(&plan))
}

/// Notes what the domain found wrong beside the other faults of the request.
fn sound<T>(fields: &mut Fields, parsed: Result<T, Faults>) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(faults) => {
            for fault in faults.into_violations() {
                fields.fault::<()>(fault.field, fault.description);
            }
            None
        }
    }
}
