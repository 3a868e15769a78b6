//! What requests ask for, in the catalog's own words.

use std::time::Duration;

use boxoffice_proto::catalog::v1 as wire;

use crate::catalog::domain::event_draft::{EventDraft, EventPlan, OfferPlan};
use crate::catalog::domain::faults::Faults;
use crate::catalog::domain::search::{EventFilter, FilterPlan};
use crate::catalog::domain::venue_draft::{RowPlan, SectionPlan, VenueDraft, VenuePlan};
use crate::transport::parse::{Fields, duration, instant};

/// The draft of a CreateVenue.
pub(super) fn venue_draft(
    fields: &mut Fields,
    draft: Option<wire::VenueDraft>,
) -> Option<VenueDraft> {
    let Some(draft) = draft else { return fields.fault("venue", "must be set") };
    let sections = draft.sections.into_iter().map(|section| SectionPlan {
        name: section.name,
        rows: section.rows.into_iter().map(row_plan).collect(),
    });
    let plan = VenuePlan {
        name: draft.name,
        city: draft.city,
        country_code: draft.country_code,
        time_zone: draft.time_zone,
        sections: sections.collect(),
    };
    sound(fields, VenueDraft::parse(&plan))
}

fn row_plan(row: wire::RowDraft) -> RowPlan {
    RowPlan { label: row.label, seat_count: row.seat_count, seat_labels: row.seat_labels }
}

/// The draft of a CreateEvent.
pub(super) fn event_draft(
    fields: &mut Fields,
    draft: Option<wire::EventDraft>,
) -> Option<EventDraft> {
    let Some(draft) = draft else { return fields.fault("event", "must be set") };
    let offers = draft.offers.into_iter().map(|offer| OfferPlan {
        section_id: offer.section_id,
        name: offer.name,
        price_minor: offer.price_minor_units,
    });
    let places = Some(draft.places_per_buyer_max);
    let plan = EventPlan {
        venue_id: draft.venue_id,
        title: draft.title,
        description: draft.description,
        category: draft.category,
        start_time: draft.start_time.as_ref().and_then(instant),
        end_time: draft.end_time.as_ref().and_then(instant),
        currency_code: draft.currency_code,
        offers: offers.collect(),
        hold_ttl: draft.hold_ttl.as_ref().map(span),
        hold_life_max: draft.hold_life_max.as_ref().map(span),
        places_per_buyer_max: places.filter(|places| *places != 0),
    };
    sound(fields, EventDraft::parse(&plan))
}

/// A span that is not well formed is read as zero, which no rule admits.
fn span(span: &prost_types::Duration) -> Duration {
    duration(span).unwrap_or(Duration::ZERO)
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
