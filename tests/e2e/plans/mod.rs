//! What organizers plan, change and put on sale.

mod events;
mod imports;
mod left;
mod races;
mod sale;
mod venues;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use boxoffice_sdk::catalog::v1::{
    CreateEventRequest, CreateVenueRequest, Event, EventDraft, GetSeatMapRequest, GetVenueRequest,
    PublishEventRequest, RowDraft, SectionDraft, UpdateEventRequest, UpdateVenueRequest, Venue,
    VenueDraft,
};
use boxoffice_sdk::{Code, Error, ErrorReason, FieldMask, Timestamp};
use boxoffice_tests::{Person, request_id};

use crate::catalog::event_draft;

/// A section of rows, each with so many seats.
pub fn section(name: &str, rows: &[(&str, i32)]) -> SectionDraft {
    let rows = rows.iter().map(|(label, seat_count)| RowDraft {
        label: (*label).into(),
        seat_count: *seat_count,
        seat_labels: Vec::new(),
    });
    SectionDraft { name: name.into(), rows: rows.collect(), section_id: String::new() }
}

/// Makes a venue; answers with all its seats.
pub async fn build(organizer: &Person, sections: Vec<SectionDraft>) -> Venue {
    let draft = VenueDraft {
        name: "Playhouse".into(),
        city: "Graz".into(),
        country_code: "AT".into(),
        time_zone: "Europe/Vienna".into(),
        sections,
    };
    let request = CreateVenueRequest { request_id: request_id(), venue: Some(draft) };
    let venue = organizer.create_venue(request).await.expect("a venue").venue.expect("one");
    read(organizer, &venue.venue_id).await
}

async fn read(person: &Person, venue_id: &str) -> Venue {
    let request = GetVenueRequest { venue_id: venue_id.into() };
    person.get_venue(request).await.expect("a venue").venue.expect("one")
}

/// Makes a draft of an event.
pub async fn draft(organizer: &Person, draft: EventDraft) -> Event {
    let request = CreateEventRequest { request_id: request_id(), event: Some(draft) };
    organizer.create_event(request).await.expect("a draft").event.expect("one")
}

/// Puts a draft on sale.
pub async fn publish(organizer: &Person, event_id: &str) -> Result<Event, Error> {
    let request = PublishEventRequest { request_id: request_id(), event_id: event_id.into() };
    Ok(organizer.publish_event(request).await?.event.expect("one"))
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() })
}

async fn change_venue(
    person: &Person,
    venue: &Venue,
    paths: &[&str],
    new: VenueDraft,
) -> Result<Venue, Error> {
    let request = UpdateVenueRequest {
        request_id: request_id(),
        venue_id: venue.venue_id.clone(),
        venue: Some(new),
        update_mask: mask(paths),
        etag: venue.etag.clone(),
    };
    Ok(person.update_venue(request).await?.venue.expect("one"))
}

async fn remake(
    person: &Person,
    venue: &Venue,
    sections: Vec<SectionDraft>,
) -> Result<Venue, Error> {
    let changed =
        change_venue(person, venue, &["sections"], VenueDraft { sections, ..Default::default() });
    Ok(read(person, &changed.await?.venue_id).await)
}

/// Changes the fields of an event that are named.
pub async fn change(
    person: &Person,
    event: &Event,
    paths: &[&str],
    new: EventDraft,
) -> Result<Event, Error> {
    let request = UpdateEventRequest {
        request_id: request_id(),
        event_id: event.event_id.clone(),
        event: Some(new),
        update_mask: mask(paths),
        etag: event.etag.clone(),
    };
    Ok(person.update_event(request).await?.event.expect("one"))
}

fn in_days(days: u64) -> Timestamp {
    let at = Timestamp::from(SystemTime::now() + Duration::from_secs(days * 24 * 60 * 60));
    Timestamp { nanos: 0, ..at }
}

/// A draft of an event two days ahead: less than a sign-in lasts.
fn soon(venue: &Venue) -> EventDraft {
    let (start_time, end_time) = (Some(in_days(2)), Some(in_days(3)));
    EventDraft { start_time, end_time, ..event_draft(venue, "Faust") }
}

/// Every seat of a venue by section, row and label.
fn seats(venue: &Venue) -> HashMap<(String, String, String), String> {
    let mut seats = HashMap::new();
    for section in &venue.sections {
        for row in &section.rows {
            for seat in &row.seats {
                let place = (section.section_id.clone(), row.label.clone(), seat.label.clone());
                seats.insert(place, seat.seat_id.clone());
            }
        }
    }
    seats
}

/// The seats of an event on sale with their section, row, label and price.
async fn on_sale(person: &Person, event_id: &str) -> Vec<(String, String, String, String, i64)> {
    let request = GetSeatMapRequest { event_id: event_id.into() };
    let map = person.get_seat_map(request).await.expect("a map");
    let price = |offer_id: &str| {
        let offer = map.offers.iter().find(|offer| offer.offer_id == offer_id);
        offer.and_then(|offer| offer.price.as_ref()).expect("a price").minor_units
    };
    let mut seats = Vec::new();
    for section in &map.sections {
        for row in &section.rows {
            for seat in &row.seats {
                let (section_id, row) = (section.section_id.clone(), row.label.clone());
                let place = (seat.seat_id.clone(), section_id, row, seat.label.clone());
                seats.push((place.0, place.1, place.2, place.3, price(&section.offer_id)));
            }
        }
    }
    seats
}

fn refused<T: std::fmt::Debug>(
    outcome: Result<T, Error>,
    code: Code,
    reason: ErrorReason,
) -> Error {
    let error = outcome.expect_err("a refusal");
    assert_eq!((error.code(), error.reason()), (code, reason), "{error:?}");
    error
}

fn precondition<T: std::fmt::Debug>(outcome: Result<T, Error>, reason: ErrorReason) -> Error {
    refused(outcome, Code::FailedPrecondition, reason)
}

fn fields(error: &Error) -> Vec<&str> {
    error.violations().iter().map(|violation| violation.field.as_str()).collect()
}
