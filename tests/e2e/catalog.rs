//! Looking for events: lists, searches, pages, maps, large halls.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use boxoffice_sdk::booking::v1::SeatState;
use boxoffice_sdk::catalog::v1::{
    CreateEventRequest, CreateVenueRequest, Event, EventDraft, GetEventRequest, GetSeatMapRequest,
    GetVenueRequest, ListEventsRequest, ListEventsResponse, ListVenuesRequest, OfferDraft,
    PublishEventRequest, RowDraft, SectionDraft, Venue, VenueDraft,
};
use boxoffice_sdk::{Client, Code, ErrorReason, Timestamp};
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id, scenarios};
use prost::Message;

use crate::wire::web_call;

const LIST_EVENTS: &str = "/boxoffice.catalog.v1.CatalogService/ListEvents";
/// How long a hall of 50,000 seats may take, in an unoptimised build on a busy machine.
const LARGE_HALL_MAX: Duration = Duration::from_secs(30);

/// A draft of an event at a venue, a month ahead, for 12.50 EUR in every section.
pub fn event_draft(venue: &Venue, title: &str) -> EventDraft {
    let start = SystemTime::now() + Duration::from_secs(30 * 24 * 60 * 60);
    let offers = venue.sections.iter().map(|section| OfferDraft {
        section_id: section.section_id.clone(),
        name: section.name.clone(),
        price_minor_units: 1_250,
        ..Default::default()
    });
    EventDraft {
        venue_id: venue.venue_id.clone(),
        title: title.into(),
        start_time: Some(start.into()),
        end_time: Some((start + Duration::from_secs(7_200)).into()),
        currency_code: "EUR".into(),
        offers: offers.collect(),
        ..Default::default()
    }
}

/// A venue of one section with three seats.
pub async fn venue(organizer: &Person, name: &str, city: &str) -> Venue {
    let row = RowDraft { label: "A".into(), seat_count: 3, seat_labels: Vec::new() };
    let sections =
        vec![SectionDraft { name: "Floor".into(), rows: vec![row], ..Default::default() }];
    let draft = VenueDraft {
        name: name.into(),
        city: city.into(),
        country_code: "AT".into(),
        time_zone: "Europe/Vienna".into(),
        sections,
    };
    let request = CreateVenueRequest { request_id: request_id(), venue: Some(draft) };
    let venue = organizer.create_venue(request).await.expect("a venue").venue.expect("one");
    let request = GetVenueRequest { venue_id: venue.venue_id };
    organizer.get_venue(request).await.expect("a venue").venue.expect("one")
}

/// Creates an event and puts it on sale.
pub async fn publish(organizer: &Person, draft: EventDraft) -> Event {
    let request = CreateEventRequest { request_id: request_id(), event: Some(draft) };
    let event = organizer.create_event(request).await.expect("a draft").event.expect("one");
    let request = PublishEventRequest { request_id: request_id(), event_id: event.event_id };
    organizer.publish_event(request).await.expect("it is published").event.expect("one")
}

/// The titles of the events that are listed.
pub async fn list(client: &Client, request: ListEventsRequest) -> Vec<String> {
    let found = client.list_events(request).await.expect("a list");
    assert!(found.next_page_token.is_empty());
    found.events.into_iter().map(|event| event.title).collect()
}

/// One page, over gRPC or over gRPC-Web in either form.
async fn page(world: &World, client: &Client, form: usize, token: String) -> ListEventsResponse {
    let request = ListEventsRequest { page_size: 3, page_token: token, ..Default::default() };
    let text = match form {
        0 => return client.list_events(request).await.expect("a page"),
        1 => false,
        _ => true,
    };
    let body = request.encode_to_vec();
    let answer = web_call(&world.url(), LIST_EVENTS, &body, text, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.messages.len()), (200, 1));
    assert!(answer.trailers.contains("grpc-status:0"), "{}", answer.trailers);
    ListEventsResponse::decode(&*answer.messages[0]).expect("a message")
}

scenarios! {
    async fn s_01_anybody_finds_events_by_city_category_time_and_text(world: &World) {
        let organizer = world.organizer().await;
        let graz = venue(&organizer, "Orpheum", "Graz").await;
        let koeln = venue(&organizer, "Dom", "Köln").await;
        let later = SystemTime::now() + Duration::from_secs(60 * 24 * 60 * 60);
        let later = Timestamp::from(later);
        let jazz = EventDraft { category: "Concert".into(), ..event_draft(&graz, "Jazz Night") };
        let opera = EventDraft {
            category: "opera".into(),
            description: "A gale of 100% wind_machines".into(),
            start_time: Some(later),
            end_time: Some(Timestamp { seconds: later.seconds + 60, nanos: 0 }),
            ..event_draft(&koeln, "Der fliegende Holländer")
        };
        publish(&organizer, jazz).await;
        publish(&organizer, opera).await;
        let hidden = Some(event_draft(&graz, "A draft"));
        let request = CreateEventRequest { request_id: request_id(), event: hidden };
        organizer.create_event(request).await.expect("a draft");

        let (jazz, opera) = ("Jazz Night".to_owned(), "Der fliegende Holländer".to_owned());
        let client = world.anonymous().await;
        let any = ListEventsRequest::default;
        assert_eq!(list(&client, any()).await.join(", "), format!("{jazz}, {opera}"));
        let by_text = |text: &str| ListEventsRequest { text: text.into(), ..any() };
        for request in [
            ListEventsRequest { city: "KOLN".into(), ..any() },
            ListEventsRequest { category: "Opera".into(), ..any() },
            ListEventsRequest { start_time_from: Some(later), ..any() },
            ListEventsRequest { city: "Köln".into(), category: "opera".into(), ..any() },
            by_text("hollander"),
            by_text("dom fliegende"),
            by_text("100%"),
            by_text("wind_machine"),
        ] {
            let found = list(&client, request.clone()).await;
            assert_eq!(found.join(", "), opera, "{request:?}");
        }
        let before = ListEventsRequest { start_time_before: Some(later), ..any() };
        assert_eq!(list(&client, before).await, [jazz]);
        for text in ["jazz opera", "zz%holl", "jazz' or '1'='1", "draft"] {
            assert!(list(&client, by_text(text)).await.is_empty(), "{text}");
        }
        let mismatch = ListEventsRequest { city: "Graz".into(), category: "opera".into(), ..any() };
        assert!(list(&client, mismatch).await.is_empty());
    }

    async fn s_01_event_and_map_have_all_that_booking_needs(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let client = world.anonymous().await;
        let request = GetEventRequest { event_id: stage.event_id.clone() };
        let event = client.get_event(request).await.expect("it is public").event.expect("one");
        assert_eq!(event.venue.expect("a venue").city, "Graz");
        let request = GetSeatMapRequest { event_id: stage.event_id.clone() };
        let map = client.get_seat_map(request).await.expect("it is public");
        assert_eq!(map.offers, event.offers);
        let price = map.offers[0].price.clone().expect("a price");
        assert_eq!((price.currency_code.as_str(), price.minor_units), ("EUR", 2_500));
        let section = &map.sections[0];
        assert_eq!((section.name.as_str(), &section.offer_id), ("Stalls", &map.offers[0].offer_id));
        let labels: Vec<&str> = section.rows[0].seats.iter().map(|s| s.label.as_str()).collect();
        assert_eq!(labels, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
        assert!(section.rows[0].seats.iter().all(|s| s.state() == SeatState::Available));
        // With no more than that, anybody can hold and book.
        let (buyer, seat) = (world.guest().await, section.rows[0].seats[4].seat_id.as_str());
        let booking = buyer.buy(&map.event_id, &[seat]).await;
        assert_eq!(booking.places[0].price, Some(price));
    }

    async fn s_01_pages_join_while_events_are_added(world: &World) {
        let organizer = world.organizer().await;
        let hall = venue(&organizer, "Hall", "Graz").await;
        let client = world.anonymous().await;
        let mut there = HashSet::new();
        for index in 0..8 {
            // Two and two start at the same time: the order must not depend on time alone.
            let mut draft = event_draft(&hall, &format!("Event {index}"));
            let start = draft.start_time.as_mut().expect("a time");
            let seconds = start.seconds / 60 * 60 + i64::from(index / 2);
            *start = Timestamp { seconds, nanos: 0 };
            there.insert(publish(&organizer, draft).await.event_id);
        }
        for form in [0, 1, 2] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let next = page(world, &client, form, token).await;
                assert!(next.events.len() <= 3);
                seen.extend(next.events.into_iter().map(|event| event.event_id));
                token = next.next_page_token;
                if token.is_empty() {
                    break;
                }
                // One more among those that were seen, one more among those to come.
                let mut early = event_draft(&hall, "Early");
                early.start_time = Some((SystemTime::now() + Duration::from_secs(3_600)).into());
                publish(&organizer, early).await;
                publish(&organizer, event_draft(&hall, "Late")).await;
                assert!(seen.len() < 100, "it never ends");
            }
            let distinct: HashSet<String> = seen.iter().cloned().collect();
            assert_eq!(distinct.len(), seen.len(), "an event came twice");
            assert!(there.is_subset(&distinct), "an event was left out");
            there.clear();
            there.extend(distinct);
        }
    }

    async fn s_15_impossible_pages_are_clamped_or_refused(world: &World) {
        world.stage(StagePlan::default()).await;
        let client = world.anonymous().await;
        let slow = "(a+)+$ ".repeat(8);
        let request = ListEventsRequest { text: slow, ..Default::default() };
        let begun = Instant::now();
        client.list_events(request).await.expect("a list");
        assert!(begun.elapsed() < Duration::from_secs(1), "no text makes a search slow");
        for page_size in [0, -1, i32::MIN, i32::MAX, 1_000_000_000] {
            let request = ListEventsRequest { page_size, ..Default::default() };
            assert_eq!(client.list_events(request).await.expect("a page").events.len(), 1);
        }
        for token in ["x", "AAAA", "0", "../../etc", &"A".repeat(5_000)] {
            let request = ListEventsRequest { page_token: token.into(), ..Default::default() };
            let error = client.list_events(request).await.expect_err("no token of ours");
            assert_eq!(error.code(), Code::InvalidArgument);
            assert_eq!(error.violations()[0].field, "page_token");
            let request = ListVenuesRequest { page_token: token.into(), ..Default::default() };
            let error = client.list_venues(request).await.expect_err("no token of ours");
            assert_eq!(error.reason(), ErrorReason::InvalidFields);
        }
    }

    async fn s_14_fifty_thousand_seats_are_made_whole_and_soon(world: &World) {
        let organizer = world.organizer().await;
        let begun = Instant::now();
        let plan = StagePlan { rows: 50, seats_a_row: 1_000, ..Default::default() };
        let stage = Stage::publish(&organizer, &plan).await;
        let seats: HashSet<&String> = stage.seats.iter().collect();
        assert_eq!(seats.len(), 50_000);
        let states = stage.states(&world.anonymous().await).await;
        assert!(states.values().all(|state| *state == SeatState::Available));
        let took = begun.elapsed();
        println!("50,000 seats took {took:?}");
        assert!(took < LARGE_HALL_MAX, "it took {took:?}");
        let booking = world.guest().await.buy(&stage.event_id, &[stage.seat(49_999)]).await;
        assert_eq!(booking.places[0].row_label, "50");
    }

    async fn s_14_a_hall_beyond_the_limit_is_not_made_at_all(world: &World) {
        let organizer = world.organizer().await;
        let rows = |count: usize| {
            let row = |index: usize| RowDraft {
                label: index.to_string(),
                seat_count: 1_000,
                seat_labels: Vec::new(),
            };
            (0..count).map(row).collect()
        };
        let (name, rows) = ("Too many".into(), rows(101));
        let section = SectionDraft { name, rows, ..Default::default() };
        let draft = VenueDraft {
            name: "Bowl".into(),
            city: "Graz".into(),
            country_code: "AT".into(),
            time_zone: "Europe/Vienna".into(),
            sections: vec![section],
        };
        let request = CreateVenueRequest { request_id: request_id(), venue: Some(draft) };
        let error = organizer.create_venue(request).await.expect_err("too many seats");
        assert_eq!(error.reason(), ErrorReason::InvalidFields);
        let mine = ListVenuesRequest { mine: true, ..Default::default() };
        assert!(organizer.list_venues(mine).await.expect("a list").venues.is_empty());
    }
}
