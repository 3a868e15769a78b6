//! Venues and events to sell.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use boxoffice_sdk::booking::v1::SeatState;
use boxoffice_sdk::catalog::v1::{
    CreateEventRequest, CreateVenueRequest, EventDraft, GetSeatMapRequest, OfferDraft,
    PublishEventRequest, RowDraft, SectionDraft, VenueDraft,
};

use crate::patience::look_until;
use crate::people::{Person, request_id};

/// What a place of general admission costs, in cents.
const STANDING_PRICE: i64 = 1_500;

/// What to put on sale. The default is one section "Stalls" with row "A" of ten seats at 25.00 EUR.
#[derive(Clone, Debug)]
pub struct StagePlan {
    /// How many rows, labelled A, B, C … or by number beyond Z.
    pub rows: usize,
    /// How many seats each has.
    pub seats_a_row: i32,
    /// How many places of general admission there are besides, at 15.00 EUR; none when 0.
    pub standing: i32,
    /// What each seat costs, in cents.
    pub price_minor_units: i64,
    /// How long holds last; the platform's default unless set.
    pub hold_ttl: Option<Duration>,
    /// How long holds may last in all.
    pub hold_life_max: Option<Duration>,
    /// How many places one buyer may have; the platform's default when 0.
    pub places_per_buyer_max: i32,
}

impl Default for StagePlan {
    fn default() -> Self {
        Self {
            rows: 1,
            seats_a_row: 10,
            standing: 0,
            price_minor_units: 2_500,
            hold_ttl: None,
            hold_life_max: None,
            places_per_buyer_max: 0,
        }
    }
}

/// An event on sale.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The event.
    pub event_id: String,
    /// Its venue.
    pub venue_id: String,
    /// Its seats, in the venue's order.
    pub seats: Vec<String>,
    /// Its offer of general admission; empty if there is none.
    pub standing: String,
}

fn row_label(index: usize) -> String {
    match u8::try_from(index) {
        Ok(letter) if letter < 26 => char::from(b'A' + letter).to_string(),
        _ => (index + 1).to_string(),
    }
}

fn span(span: Duration) -> boxoffice_sdk::Duration {
    span.try_into().expect("a span that fits")
}

impl Stage {
    /// Makes a venue and an event there, a month ahead, and publishes it.
    pub async fn publish(organizer: &Person, plan: &StagePlan) -> Self {
        let rows = (0..plan.rows).map(|index| RowDraft {
            label: row_label(index),
            seat_count: plan.seats_a_row,
            seat_labels: Vec::new(),
        });
        let venue = VenueDraft {
            name: "Test Hall".into(),
            city: "Graz".into(),
            country_code: "AT".into(),
            time_zone: "Europe/Vienna".into(),
            sections: vec![SectionDraft {
                name: "Stalls".into(),
                rows: rows.collect(),
                ..Default::default()
            }],
        };
        let request = CreateVenueRequest { request_id: request_id(), venue: Some(venue) };
        let venue = organizer.create_venue(request).await.expect("a venue").venue.expect("one");
        let section = venue.sections.first().expect("a section");
        let start = SystemTime::now() + Duration::from_secs(30 * 24 * 60 * 60);
        let mut offers = vec![OfferDraft {
            section_id: section.section_id.clone(),
            name: "Stalls".into(),
            price_minor_units: plan.price_minor_units,
            ..Default::default()
        }];
        if plan.standing > 0 {
            let (name, price_minor_units) = ("Standing".into(), STANDING_PRICE);
            let quantity = plan.standing;
            offers.push(OfferDraft { name, price_minor_units, quantity, ..Default::default() });
        }
        let draft = EventDraft {
            venue_id: venue.venue_id.clone(),
            title: "Test Night".into(),
            start_time: Some(start.into()),
            end_time: Some((start + Duration::from_secs(7_200)).into()),
            currency_code: "EUR".into(),
            offers,
            hold_ttl: plan.hold_ttl.map(span),
            hold_life_max: plan.hold_life_max.map(span),
            places_per_buyer_max: plan.places_per_buyer_max,
            ..Default::default()
        };
        let request = CreateEventRequest { request_id: request_id(), event: Some(draft) };
        let event = organizer.create_event(request).await.expect("an event").event.expect("one");
        let standing = event.offers.iter().find(|offer| offer.quantity > 0);
        let standing = standing.map(|offer| offer.offer_id.clone()).unwrap_or_default();
        let event_id = event.event_id;
        let request = PublishEventRequest { request_id: request_id(), event_id: event_id.clone() };
        organizer.publish_event(request).await.expect("it is published");
        let map = organizer.get_seat_map(GetSeatMapRequest { event_id: event_id.clone() }).await;
        let map = map.expect("a seat map");
        let rows = map.sections.iter().flat_map(|section| &section.rows);
        let seats = rows.flat_map(|row| &row.seats).map(|seat| seat.seat_id.clone()).collect();
        Self { event_id, venue_id: venue.venue_id, seats, standing }
    }

    /// The seat at that place of the venue's order.
    pub fn seat(&self, index: usize) -> &str {
        &self.seats[index]
    }

    /// The state of every seat, as anybody sees it.
    pub async fn states(&self, person: &Person) -> HashMap<String, SeatState> {
        let request = GetSeatMapRequest { event_id: self.event_id.clone() };
        let map = person.get_seat_map(request).await.expect("a seat map");
        let rows = map.sections.iter().flat_map(|section| &section.rows);
        rows.flat_map(|row| &row.seats).map(|seat| (seat.seat_id.clone(), seat.state())).collect()
    }

    /// Waits until a seat is in that state.
    pub async fn wait_for(&self, person: &Person, seat: &str, state: SeatState) {
        look_until(async || self.states(person).await[seat], |now| *now == state).await;
    }
}
