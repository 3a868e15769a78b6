//! The RPCs as a client meets them, without the layers before them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use boxoffice_proto::booking::v1::SeatState;
use boxoffice_proto::catalog::v1 as wire;
use boxoffice_proto::catalog::v1::catalog_service_server::CatalogService as _;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use super::CatalogGrpc;
use crate::adapters::system_clock::SystemClock;
use crate::catalog::tests::catalog_of;
use crate::identity::tests::fixture::secrets;
use crate::kernel::caller::{Caller, Role, Scopes, SessionId};
use crate::kernel::id::{GuestId, UserId};
use crate::ports::clock::Clock;
use crate::store::testing::TestDatabase;
use crate::transport::request_key::RequestKeys;
use crate::transport::wire::time;

fn server(database: &TestDatabase) -> CatalogGrpc {
    let clock = Arc::new(SystemClock::default());
    let service = catalog_of(database, clock);
    CatalogGrpc::new(service, RequestKeys::new(&secrets()))
}

fn from<T>(session: SessionId, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let roles = [Role::Organizer].into_iter().collect();
    let token_expire_time = SystemClock::default().now() + Duration::from_secs(60);
    request.extensions_mut().insert(Caller {
        session,
        roles,
        scopes: Scopes::default(),
        token_expire_time,
    });
    request
}

fn organizer<T>(message: T) -> Request<T> {
    from(SessionId::User(UserId::derived(&[b"organizer"])), message)
}

fn request_id() -> String {
    Uuid::from_u128(rand::random()).to_string()
}

fn venue_draft() -> wire::VenueDraft {
    let row = |label: &str, seat_count: i32, seat_labels: &[&str]| wire::RowDraft {
        label: label.to_owned(),
        seat_count,
        seat_labels: seat_labels.iter().map(ToString::to_string).collect(),
    };
    wire::VenueDraft {
        name: "Opera".to_owned(),
        city: "Wien".to_owned(),
        country_code: "AT".to_owned(),
        time_zone: "Europe/Vienna".to_owned(),
        sections: vec![
            wire::SectionDraft {
                name: "Stalls".to_owned(),
                rows: vec![row("A", 2, &[]), row("B", 0, &["1a", "1b", "2"])],
                section_id: String::new(),
            },
            wire::SectionDraft {
                name: "Gallery".to_owned(),
                rows: vec![row("A", 1, &[])],
                section_id: String::new(),
            },
        ],
    }
}

fn event_draft(venue: &wire::Venue) -> wire::EventDraft {
    let now = SystemClock::default().now();
    let offers = venue.sections.iter().map(|section| wire::OfferDraft {
        section_id: section.section_id.clone(),
        name: section.name.clone(),
        price_minor_units: 4_500,
        quantity: 0,
    });
    wire::EventDraft {
        venue_id: venue.venue_id.clone(),
        title: "Figaro".to_owned(),
        start_time: Some(time(now + Duration::from_secs(3_600))),
        end_time: Some(time(now + Duration::from_secs(7_200))),
        currency_code: "EUR".to_owned(),
        offers: offers.collect(),
        ..wire::EventDraft::default()
    }
}

/// The code, the reason and the wrong fields.
fn told(status: &Status) -> (Code, String, Vec<String>) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
    let faults = details.bad_request().map(|faults| faults.field_violations.clone());
    let fields = faults.unwrap_or_default().into_iter().map(|fault| fault.field);
    (status.code(), reason, fields.collect())
}

#[tokio::test]
async fn an_organizer_builds_a_venue_and_everybody_finds_its_event_and_seats()
-> Result<(), Box<dyn std::error::Error>> {
    for database in TestDatabase::each().await? {
        let server = server(&database);
        let venue = Some(venue_draft());
        let created = wire::CreateVenueRequest { request_id: request_id(), venue };
        let made = server.create_venue(organizer(created)).await?.into_inner();
        let Some(venue) = made.venue else { panic!("a venue") };
        assert_eq!((venue.seat_count, venue.sections.len()), (6, 2));

        let event = Some(event_draft(&venue));
        let created = wire::CreateEventRequest { request_id: request_id(), event };
        let made = server.create_event(organizer(created)).await?.into_inner();
        let Some(event) = made.event else { panic!("an event") };
        assert_eq!((event.state(), event.etag.as_str()), (wire::event::State::Draft, "1"));
        assert_eq!(event.hold_ttl.map(|ttl| ttl.seconds), Some(600));

        let event_id = event.event_id.clone();
        let published = wire::PublishEventRequest { request_id: request_id(), event_id };
        let made = server.publish_event(organizer(published)).await?.into_inner();
        let Some(event) = made.event else { panic!("an event") };
        assert_eq!((event.state(), event.etag.as_str()), (wire::event::State::Published, "2"));

        let list = server.list_events(Request::new(wire::ListEventsRequest::default())).await?;
        assert_eq!(list.get_ref().events.as_slice(), std::slice::from_ref(&event));

        let event_id = event.event_id.clone();
        let map = server.get_seat_map(Request::new(wire::GetSeatMapRequest { event_id })).await?;
        let map = map.into_inner();
        let venue_id = venue.venue_id.clone();
        let whole = server.get_venue(Request::new(wire::GetVenueRequest { venue_id })).await?;
        let whole = whole.into_inner().venue.unwrap_or_default();
        assert_eq!(map.sections.len(), whole.sections.len());
        let offers: BTreeMap<_, _> =
            event.offers.iter().map(|offer| (&offer.section_id, &offer.offer_id)).collect();
        for (shown, section) in map.sections.iter().zip(&whole.sections) {
            assert_eq!(offers.get(&section.section_id), Some(&&shown.offer_id));
            let rows = section.rows.iter().map(|row| wire::SeatMapRow {
                label: row.label.clone(),
                seats: row.seats.iter().map(available).collect(),
            });
            assert_eq!(shown.rows, rows.collect::<Vec<_>>());
        }
        database.discard().await?;
    }
    Ok(())
}

fn available(seat: &wire::Seat) -> wire::SeatMapSeat {
    wire::SeatMapSeat {
        seat_id: seat.seat_id.clone(),
        label: seat.label.clone(),
        state: SeatState::Available.into(),
    }
}

#[tokio::test]
async fn all_faults_of_a_request_come_at_once_with_their_paths()
-> Result<(), Box<dyn std::error::Error>> {
    for database in TestDatabase::each().await? {
        let server = server(&database);
        let mut venue = venue_draft();
        venue.city.clear();
        venue.sections[1].name = "Stalls".to_owned();
        venue.sections[0].rows[1].label = "A".to_owned();
        venue.sections[0].rows[1].seat_labels[1] = "\0".to_owned();
        let request = wire::CreateVenueRequest { request_id: "1".into(), venue: Some(venue) };
        let Err(status) = server.create_venue(organizer(request)).await else { panic!("faults") };
        let fields = [
            "request_id",
            "venue.city",
            "venue.sections[0].rows[1].label",
            "venue.sections[0].rows[1].seat_labels[1]",
            "venue.sections[1].name",
        ];
        let fields = fields.map(ToOwned::to_owned).to_vec();
        assert_eq!(told(&status), (Code::InvalidArgument, "INVALID_FIELDS".to_owned(), fields));

        let endless = prost_types::Duration { seconds: -1, nanos: i32::MIN };
        let event = wire::EventDraft {
            hold_ttl: Some(endless),
            places_per_buyer_max: -1,
            ..event_draft(&wire::Venue::default())
        };
        let request = wire::CreateEventRequest { request_id: request_id(), event: Some(event) };
        let Err(status) = server.create_event(organizer(request)).await else { panic!("faults") };
        let fields = ["venue_id", "hold_ttl", "places_per_buyer_max", "offers"];
        assert_eq!(told(&status).2, fields.map(|field| format!("event.{field}")));

        let request = wire::ListEventsRequest {
            page_token: "?".to_owned(),
            start_time_from: Some(prost_types::Timestamp { seconds: -1, nanos: 0 }),
            text: "x ".repeat(9),
            ..wire::ListEventsRequest::default()
        };
        let Err(status) = server.list_events(Request::new(request)).await else { panic!("faults") };
        assert_eq!(told(&status).2, ["page_token", "start_time_from", "text"]);

        let mask = |paths: &[&str]| {
            let paths = paths.iter().map(ToString::to_string).collect();
            Some(prost_types::FieldMask { paths })
        };
        let request = wire::UpdateVenueRequest {
            venue: Some(wire::VenueDraft { time_zone: "Wien".to_owned(), ..venue_draft() }),
            update_mask: mask(&["time_zone", "name"]),
            ..wire::UpdateVenueRequest::default()
        };
        let Err(status) = server.update_venue(organizer(request)).await else { panic!("faults") };
        assert_eq!(told(&status).2, ["request_id", "venue_id", "venue.time_zone"]);
        let request = wire::UpdateEventRequest {
            event: Some(wire::EventDraft::default()),
            update_mask: mask(&["venue_id", "title", "offers[0]"]),
            ..wire::UpdateEventRequest::default()
        };
        let Err(status) = server.update_event(organizer(request)).await else { panic!("faults") };
        let fields = ["request_id", "event_id", "update_mask", "update_mask"];
        assert_eq!(told(&status).2, fields);

        let empty = wire::CreateEventRequest::default();
        let Err(status) = server.create_event(organizer(empty)).await else { panic!("faults") };
        assert_eq!(told(&status).2, ["request_id", "event"]);
        database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_names_twenty_faults_at_the_most() -> Result<(), Box<dyn std::error::Error>> {
    for database in TestDatabase::each().await? {
        let mut venue = venue_draft();
        venue.sections[0].rows[0] = wire::RowDraft {
            label: "A".to_owned(),
            seat_count: 0,
            seat_labels: vec![String::new(); 10_000],
        };
        let request = wire::CreateVenueRequest { request_id: request_id(), venue: Some(venue) };
        let refused = server(&database).create_venue(organizer(request)).await;
        let Err(status) = refused else { panic!("faults") };
        assert_eq!(told(&status).2.len(), 20);
        assert!(status.details().len() + status.message().len() < 6_000);
        database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_mine_needs_a_caller_and_a_guest_has_nothing()
-> Result<(), Box<dyn std::error::Error>> {
    for database in TestDatabase::each().await? {
        let server = server(&database);
        let venues = wire::ListVenuesRequest { mine: true, ..Default::default() };
        let events = wire::ListEventsRequest { mine: true, ..Default::default() };
        let Err(status) = server.list_venues(Request::new(venues.clone())).await else {
            panic!("nobody's venues")
        };
        assert_eq!(told(&status), (Code::Unauthenticated, "TOKEN_MISSING".to_owned(), vec![]));
        let Err(status) = server.list_events(Request::new(events.clone())).await else {
            panic!("nobody's events")
        };
        assert_eq!(told(&status).1, "TOKEN_MISSING");

        let venue = Some(venue_draft());
        let created = wire::CreateVenueRequest { request_id: request_id(), venue };
        server.create_venue(organizer(created)).await?;
        let guest = SessionId::Guest(GuestId::derived(&[]));
        let list = server.list_venues(from(guest, venues.clone())).await?;
        assert!(list.get_ref().venues.is_empty());
        assert!(server.list_events(from(guest, events)).await?.get_ref().events.is_empty());
        assert_eq!(server.list_venues(organizer(venues)).await?.get_ref().venues.len(), 1);
        database.discard().await?;
    }
    Ok(())
}
