//! General admission, carts and blocked seats on the board.

use std::collections::BTreeMap;
use std::time::Duration;

use super::board::Board;
use super::hold::{Hold, HoldState};
use super::inventory::{EventTerms, GaOffer};
use super::place::{GaCount, Place, PlaceSet, PlacesChange, PlacesWanted, Seat};
use crate::error::{Conflict, Reason};
use crate::kernel::caller::{Caller, Role, Scopes, SessionId};
use crate::kernel::id::{BookingId, EventId, GuestId, HoldId, OfferId, PlaceId, SeatId, UserId};
use crate::kernel::money::Currency;
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const TTL: Duration = Duration::from_secs(600);

fn event() -> EventId {
    EventId::new(NOW, [1; 10])
}

fn standing() -> OfferId {
    OfferId::new(NOW, [2; 10])
}

fn seat(number: u8) -> SeatId {
    SeatId::new(NOW, [number; 10])
}

fn caller(number: u8) -> Caller {
    let session = SessionId::Guest(GuestId::new(NOW, [number; 10]));
    let roles = [Role::Guest].into_iter().collect();
    Caller { session, roles, scopes: Scopes::default(), token_expire_time: NOW + TTL }
}

/// An event of three seats and five places without numbers, four of all of them a buyer.
fn board(buyers: &[u8]) -> Board {
    let terms = EventTerms {
        event_id: event(),
        organizer_id: UserId::new(NOW, [9; 10]),
        on_sale: true,
        start_time: NOW + TTL * 1_000,
        currency: Currency::parse("EUR").unwrap(),
        hold_ttl: TTL,
        hold_life_max: TTL * 3,
        places_per_buyer_max: 4,
        cancel_until: TTL,
    };
    let seats = (1..=3).map(|number| {
        let place = Place {
            place_id: PlaceId::from(seat(number).uuid()),
            seat_id: Some(seat(number)),
            offer_id: OfferId::new(NOW, [3; 10]),
            offer_name: "Stalls".into(),
            section_name: "Stalls".into(),
            row_label: "A".into(),
            seat_label: number.to_string(),
            price_minor: 1_000,
            position: i64::from(number),
            return_time: None,
        };
        let seat = Seat {
            place,
            state: SeatState::Available,
            session: None,
            hold_id: None,
            booking_id: None,
            version: 1,
            stored_version: 1,
        };
        ((event(), seat.place.seat_id.unwrap()), seat)
    });
    let offer = GaOffer {
        offer_id: standing(),
        name: "Standing".into(),
        price_minor: 700,
        quantity: 5,
        position: 100,
    };
    let (held, claimed, sold, blocked) = (0, 0, 0, 0);
    let count = GaCount { offer, held, claimed, sold, blocked, version: 1, stored_version: 1 };
    Board {
        terms: BTreeMap::from([(event(), terms)]),
        seats: seats.collect(),
        offers: BTreeMap::from([((event(), standing()), count)]),
        place_counts: buyers.iter().map(|buyer| ((event(), caller(*buyer).session), 0)).collect(),
        ..Board::default()
    }
}

fn places(seats: &[u8], quantity: u32) -> PlaceSet {
    let quantities = BTreeMap::from([(standing(), quantity)]);
    PlaceSet {
        seats: seats.iter().map(|number| seat(*number)).collect(),
        quantities: quantities.into_iter().filter(|(_, quantity)| *quantity > 0).collect(),
    }
}

fn wish(buyer: u8, request: u8, places: PlaceSet) -> PlacesWanted {
    PlacesWanted {
        hold_id: HoldId::new(NOW, [buyer + 100 * request; 10]),
        event_id: event(),
        session: caller(buyer).session,
        places,
        body_hash: vec![buyer, request].into(),
    }
}

fn counts(board: &Board) -> (i64, i64, i64, i64) {
    let count = &board.offers[&(event(), standing())];
    (count.available(), count.held, count.claimed, count.sold)
}

fn hold(board: &mut Board, buyer: u8, seats: &[u8], quantity: u32) -> Result<Hold, Reason> {
    let wanted = wish(buyer, 0, places(seats, quantity));
    board.hold(&wanted, NOW).map_err(|error| error.reason().unwrap())
}

#[test]
fn seats_and_quantities_are_held_together_or_not_at_all() {
    let mut board = board(&[1, 2, 3]);
    hold(&mut board, 1, &[1], 3).unwrap();
    assert_eq!(counts(&board), (2, 3, 0, 0));
    assert_eq!(board.changes.len(), 1, "seats and offers change in one revision");
    let error = board.hold(&wish(2, 0, places(&[1, 2], 3)), NOW).unwrap_err();
    let crate::error::Error::Rejected(rejection) = error else { panic!() };
    let expected = [Conflict::Seat(seat(1), SeatState::Held), Conflict::Offer(standing(), 2)];
    assert_eq!(rejection.conflicts, expected);
    assert_eq!((counts(&board), board.changes.len()), ((2, 3, 0, 0), 1), "nothing changed");
    hold(&mut board, 3, &[2], 2).unwrap();
    assert_eq!(counts(&board).0, 0, "the last ones");
    assert_eq!(hold(&mut board, 2, &[], 1), Err(Reason::SeatsTaken));
}

#[test]
fn one_limit_counts_seats_and_quantities_of_all_holds() {
    let mut board = board(&[1]);
    hold(&mut board, 1, &[1], 2).unwrap();
    let more = |board: &mut Board, quantity| {
        let wanted = wish(1, 1, places(&[2], quantity));
        board.hold(&wanted, NOW).map_err(|error| error.reason().unwrap())
    };
    assert_eq!(more(&mut board, 1).unwrap_err(), Reason::TooManyPlaces);
    more(&mut board, 0).unwrap();
}

#[test]
fn quantities_of_holds_whose_time_is_over_stand_in_nobodys_way() {
    let mut board = board(&[1, 2]);
    let first = hold(&mut board, 1, &[], 4).unwrap();
    let later = NOW + TTL;
    let wanted = wish(2, 0, places(&[], 4));
    board.hold(&wanted, later).unwrap();
    assert_eq!(board.holds[&first.hold_id].state, HoldState::Expired);
    assert_eq!(counts(&board), (1, 4, 0, 0));
}

#[test]
fn a_cart_grows_and_shrinks_and_a_repeat_of_its_first_request_is_still_known() {
    let mut board = board(&[1]);
    let first = hold(&mut board, 1, &[1], 1).unwrap();
    let change = PlacesChange {
        add: [seat(2)].into(),
        remove: [seat(1)].into(),
        quantities: [(standing(), 3)].into(),
    };
    let changed = board.change(first.hold_id, &caller(1), &change, NOW).unwrap();
    assert_eq!(changed.places, places(&[2], 3));
    assert_eq!(changed.expire_time, first.expire_time, "its time stays");
    assert_eq!((counts(&board), board.changes.len()), ((2, 3, 0, 0), 2));
    assert_eq!(hold(&mut board, 1, &[1], 1).unwrap().places, changed.places, "a repeat");
    let refused = |board: &mut Board, change: PlacesChange| {
        let before = format!("{:?}{:?}", board.holds, board.seats);
        let error = board.change(first.hold_id, &caller(1), &change, NOW).unwrap_err();
        assert_eq!(format!("{:?}{:?}", board.holds, board.seats), before, "nothing changed");
        error.reason().unwrap()
    };
    let too_many = PlacesChange { add: [seat(1)].into(), ..PlacesChange::default() };
    assert_eq!(refused(&mut board, too_many), Reason::TooManyPlaces);
    let not_had = PlacesChange { remove: [seat(3)].into(), ..PlacesChange::default() };
    assert_eq!(refused(&mut board, not_had), Reason::SeatUnknown);
    let nothing = PlacesChange {
        remove: [seat(2)].into(),
        quantities: [(standing(), 0)].into(),
        ..PlacesChange::default()
    };
    assert_eq!(refused(&mut board, nothing), Reason::HoldEmpty);
    let other = PlacesChange {
        quantities: [(OfferId::new(NOW, [77; 10]), 1)].into(),
        ..PlacesChange::default()
    };
    assert_eq!(refused(&mut board, other), Reason::OfferUnknown);
}

#[test]
fn quantities_go_from_hold_to_booking_to_sale_and_back() {
    let mut board = board(&[1]);
    let held = hold(&mut board, 1, &[3], 2).unwrap();
    let booking_id = BookingId::new(NOW, [5; 10]);
    let claimed = board.claim(held.hold_id, booking_id, &caller(1), NOW).unwrap();
    assert_eq!(counts(&board), (3, 0, 2, 0));
    let ids: std::collections::BTreeSet<_> = claimed.iter().map(|place| place.place_id).collect();
    assert_eq!((claimed.len(), ids.len()), (3, 3), "a place of its own each");
    assert_eq!(claimed[0].seat_id, Some(seat(3)), "seats come first");
    let set: PlaceSet = claimed.iter().collect();
    assert_eq!(set, held.places);
    let owner = (booking_id, held.session);
    board.sell(event(), &set, Some(SeatState::Claimed), owner.0, owner.1).unwrap();
    assert_eq!(counts(&board), (3, 0, 0, 2));
    board.take_back(event(), &places(&[], 1), SeatState::Sold, owner, false);
    assert_eq!(counts(&board), (4, 0, 0, 1));
    board.take_back(event(), &places(&[3], 1), SeatState::Sold, owner, true);
    assert_eq!(counts(&board), (4, 0, 0, 0), "off sale for good");
    assert_eq!(board.seats[&(event(), seat(3))].state, SeatState::Blocked);
}

#[test]
fn seats_are_blocked_all_or_none_and_twice_is_no_error() {
    let mut board = board(&[1]);
    board.block(event(), &[seat(1)].into(), true, NOW).unwrap();
    board.block(event(), &[seat(1), seat(2)].into(), true, NOW).unwrap();
    assert_eq!(hold(&mut board, 1, &[1], 0), Err(Reason::SeatsTaken));
    hold(&mut board, 1, &[3], 0).unwrap();
    let held = board.block(event(), &[seat(1), seat(3)].into(), false, NOW).unwrap_err();
    assert_eq!(held.reason(), Some(Reason::SeatsTaken));
    assert_eq!(board.seats[&(event(), seat(1))].state, SeatState::Blocked);
    board.block(event(), &[seat(1), seat(2)].into(), false, NOW).unwrap();
    assert_eq!(board.seats[&(event(), seat(1))].state, SeatState::Available);
    let changes: Vec<usize> = board.changes.iter().map(|change| change.seats.len()).collect();
    assert_eq!(changes, [1, 1, 1, 2], "only what changed is told");
}

#[test]
fn places_of_an_event_that_has_begun_or_is_off_sale_are_not_to_be_had() {
    let mut board = board(&[1]);
    let wanted = places(&[1], 1);
    let start = board.terms[&event()].start_time;
    assert!(board.are_free(event(), &wanted, NOW));
    assert!(!board.are_free(event(), &wanted, start), "it begins");
    assert!(!board.are_free(event(), &wanted, start + TTL), "it is on or over");
    call_off(&mut board);
    assert!(!board.are_free(event(), &wanted, NOW));
}

fn call_off(board: &mut Board) {
    board.terms.get_mut(&event()).unwrap().on_sale = false;
}

#[test]
fn holds_of_an_event_that_was_called_off_give_their_places_to_nobody() {
    let mut board = board(&[1, 2, 3]);
    let ended = hold(&mut board, 1, &[1], 1).unwrap();
    let released = hold(&mut board, 2, &[2], 1).unwrap();
    let expired = hold(&mut board, 3, &[3], 1).unwrap();
    call_off(&mut board);
    let refused = |error: crate::error::Error| error.reason().unwrap();
    let extended = board.extend(ended.hold_id, &caller(1), NOW);
    assert_eq!(extended.map_err(refused), Err(Reason::EventNotOnSale));
    board.end_called_off(ended.hold_id);
    board.release(released.hold_id, &caller(2), NOW).unwrap();
    board.expire_if_over(expired.hold_id, NOW + TTL);
    let states = [ended, released, expired].map(|hold| board.holds[&hold.hold_id].state);
    assert_eq!(states, [HoldState::Expired, HoldState::Released, HoldState::Expired]);
    assert!(board.seats.values().all(|seat| seat.state == SeatState::Blocked));
    let count = &board.offers[&(event(), standing())];
    assert_eq!((count.available(), count.held, count.blocked), (2, 0, 3));
}

#[test]
fn a_buyer_whose_places_nobody_counted_gets_none() {
    let mut board = board(&[]);
    let error = board.hold(&wish(1, 0, places(&[1], 0)), NOW).unwrap_err();
    assert!(matches!(error, crate::error::Error::Internal(_)), "{error:?}");
    assert!(board.holds.is_empty() && board.changes.is_empty());
}
