//! What the catalog answers, in its wire form.

use std::collections::HashMap;

use boxoffice_proto::catalog::v1 as wire;

use crate::booking::domain::availability::Availability;
use crate::booking::domain::inventory::{GaOffer, MapSeat, SeatMap, SeatOffer};
use crate::catalog::domain::event::{Event, EventState};
use crate::catalog::domain::offer::{Offer, Sold};
use crate::catalog::domain::venue::{Row, Section, Venue, VenueSummary};
use crate::kernel::id::{EventId, OfferId};
use crate::kernel::money::Currency;
use crate::transport::wire::{amount, cursor, offer_statuses, seat_state, span, time};

/// A venue with as much of its sections as was read.
pub(super) fn venue(venue: Venue) -> wire::Venue {
    wire::Venue {
        venue_id: venue.venue_id.to_string(),
        name: venue.name,
        city: venue.city,
        country_code: venue.country_code,
        time_zone: venue.time_zone,
        seat_count: i32::try_from(venue.seat_count).unwrap_or(i32::MAX),
        create_time: Some(time(venue.create_time)),
        etag: venue.version.to_string(),
        organizer_id: venue.organizer_id.to_string(),
        sections: venue.sections.into_iter().map(section).collect(),
    }
}

fn section(section: Section) -> wire::Section {
    wire::Section {
        section_id: section.section_id.to_string(),
        name: section.name,
        rows: section.rows.into_iter().map(row).collect(),
    }
}

fn row(row: Row) -> wire::Row {
    let seats = row
        .seats
        .into_iter()
        .map(|seat| wire::Seat { seat_id: seat.seat_id.to_string(), label: seat.label });
    wire::Row { label: row.label, seats: seats.collect() }
}

/// An event.
pub(super) fn event(event: Event) -> wire::Event {
    let terms = event.terms;
    let offers = event.offers.into_iter().map(|offer| event_offer(offer, terms.currency));
    wire::Event {
        event_id: event.event_id.to_string(),
        venue_id: event.venue_id.to_string(),
        title: event.title,
        description: event.description,
        category: event.category,
        state: event_state(event.state).into(),
        start_time: Some(time(event.start_time)),
        end_time: Some(time(event.end_time)),
        currency_code: terms.currency.code().to_owned(),
        offers: offers.collect(),
        hold_ttl: Some(span(terms.hold_ttl)),
        hold_life_max: Some(span(terms.hold_life_max)),
        places_per_buyer_max: i32::try_from(terms.places_per_buyer_max).unwrap_or(i32::MAX),
        venue: Some(venue_summary(event.venue)),
        create_time: Some(time(event.create_time)),
        etag: event.version.to_string(),
        organizer_id: event.organizer_id.to_string(),
        tags: event.tags,
        image_url: event.image_url,
        cancel_until: Some(span(terms.cancel_until)),
    }
}

const fn event_state(state: EventState) -> wire::event::State {
    match state {
        EventState::Draft => wire::event::State::Draft,
        EventState::Published => wire::event::State::Published,
        EventState::Cancelled => wire::event::State::Cancelled,
    }
}

fn venue_summary(venue: VenueSummary) -> wire::VenueSummary {
    wire::VenueSummary {
        name: venue.name,
        city: venue.city,
        country_code: venue.country_code,
        time_zone: venue.time_zone,
    }
}

fn event_offer(offer: Offer, currency: Currency) -> wire::Offer {
    let (section_id, quantity) = match offer.sold {
        Sold::Seats(section_id) => (section_id.to_string(), 0),
        Sold::Admission(quantity) => (String::new(), i32::try_from(quantity).unwrap_or(i32::MAX)),
    };
    wire::Offer {
        offer_id: offer.offer_id.to_string(),
        section_id,
        name: offer.name,
        price: Some(amount(currency, offer.price_minor)),
        quantity,
    }
}

/// A seat map: the flat list of seats, which comes in the venue's order, by section and row.
pub(super) fn seat_map(event_id: EventId, map: SeatMap) -> wire::GetSeatMapResponse {
    let offers: HashMap<OfferId, &SeatOffer> =
        map.offers.iter().map(|offer| (offer.offer_id, offer)).collect();
    let sections = map.seats.chunk_by(|one, next| one.offer_id == next.offer_id);
    // Every seat names an offer of its event, which sells exactly one section.
    let sections = sections.filter_map(|seats| {
        let offer = offers.get(&seats.first()?.offer_id)?;
        Some(map_section(offer, seats))
    });
    let offers_of_seats = map.offers.iter().map(|offer| map_offer(offer, map.currency));
    let ga_offers = map.ga_offers.iter().map(|(offer, _)| map_ga_offer(offer, map.currency));
    let left: Vec<(OfferId, i64)> =
        map.ga_offers.iter().map(|(offer, left)| (offer.offer_id, *left)).collect();
    wire::GetSeatMapResponse {
        event_id: event_id.to_string(),
        cursor: Some(cursor(map.cursor)),
        sections: sections.collect(),
        offers: offers_of_seats.chain(ga_offers).collect(),
        offer_statuses: offer_statuses(&left),
    }
}

fn map_ga_offer(offer: &GaOffer, currency: Currency) -> wire::Offer {
    wire::Offer {
        offer_id: offer.offer_id.to_string(),
        section_id: String::new(),
        name: offer.name.clone(),
        price: Some(amount(currency, offer.price_minor)),
        quantity: i32::try_from(offer.quantity).unwrap_or(i32::MAX),
    }
}

fn map_offer(offer: &SeatOffer, currency: Currency) -> wire::Offer {
    wire::Offer {
        offer_id: offer.offer_id.to_string(),
        section_id: offer.section_id.to_string(),
        name: offer.name.clone(),
        price: Some(amount(currency, offer.price_minor)),
        quantity: 0,
    }
}

fn map_section(offer: &SeatOffer, seats: &[MapSeat]) -> wire::SeatMapSection {
    let rows = seats.chunk_by(|one, next| one.row_label == next.row_label);
    wire::SeatMapSection {
        section_id: offer.section_id.to_string(),
        name: offer.section_name.clone(),
        offer_id: offer.offer_id.to_string(),
        rows: rows.map(map_row).collect(),
    }
}

fn map_row(seats: &[MapSeat]) -> wire::SeatMapRow {
    let label = seats.first().map(|seat| seat.row_label.clone());
    let seats = seats.iter().map(|seat| wire::SeatMapSeat {
        seat_id: seat.seat_id.to_string(),
        label: seat.seat_label.clone(),
        state: seat_state(seat.state).into(),
    });
    wire::SeatMapRow { label: label.unwrap_or_default(), seats: seats.collect() }
}

/// How much of an event is left.
pub(super) fn availability(event_id: EventId, event: Availability) -> wire::EventAvailability {
    let offers = event.offers.into_iter().map(|offer| wire::OfferAvailability {
        offer_id: offer.offer_id.to_string(),
        total_count: offer.capacity(),
        available_count: offer.available,
        held_count: offer.held,
        claimed_count: offer.claimed,
        sold_count: offer.sold,
        blocked_count: offer.blocked,
        name: offer.name,
    });
    wire::EventAvailability {
        event_id: event_id.to_string(),
        cursor: Some(cursor(event.cursor)),
        offers: offers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::domain::inventory::FeedCursor;
    use crate::kernel::id::{SeatId, SectionId};
    use crate::kernel::seat_state::SeatState;

    #[test]
    fn a_flat_map_is_shown_by_section_and_row_in_its_order() {
        let offer = |name: &str| SeatOffer {
            offer_id: OfferId::derived(&[name.as_bytes()]),
            section_id: SectionId::derived(&[name.as_bytes()]),
            section_name: name.to_owned(),
            name: format!("{name} price"),
            price_minor: 100,
        };
        let seat = |offer: &str, row: &str, label: &str| MapSeat {
            seat_id: SeatId::derived(&[offer.as_bytes(), row.as_bytes(), label.as_bytes()]),
            offer_id: OfferId::derived(&[offer.as_bytes()]),
            row_label: row.to_owned(),
            seat_label: label.to_owned(),
            state: SeatState::Sold,
        };
        let door = || GaOffer {
            offer_id: OfferId::derived(&[b"door"]),
            name: "Door".to_owned(),
            price_minor: 200,
            quantity: 9,
            position: 4,
        };
        let Some(currency) = Currency::parse("EUR") else { panic!("EUR is a currency") };
        let map = SeatMap {
            cursor: FeedCursor { epoch: 1, revision: 7 },
            currency,
            offers: vec![offer("left"), offer("right")],
            // The last row of one section and the first of the next have the same label.
            seats: vec![
                seat("left", "A", "1"),
                seat("left", "B", "1"),
                seat("left", "B", "2"),
                seat("right", "B", "1"),
            ],
            ga_offers: vec![(door(), 7)],
        };
        let shown = seat_map(EventId::derived(&[]), map);
        let rows: Vec<(&str, &str, usize)> = shown
            .sections
            .iter()
            .flat_map(|s| s.rows.iter().map(|r| (s.name.as_str(), r.label.as_str(), r.seats.len())))
            .collect();
        assert_eq!(rows, [("left", "A", 1), ("left", "B", 2), ("right", "B", 1)]);
        assert_eq!((shown.offers.len(), shown.offers[2].quantity), (3, 9));
        assert_eq!(shown.offer_statuses[0].offer_id, shown.offers[2].offer_id);
        assert_eq!(shown.offer_statuses[0].available_count, 7);
    }
}
