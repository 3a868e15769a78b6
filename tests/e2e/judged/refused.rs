//! Histories in which somebody is refused for what is not so.

use std::collections::BTreeSet;

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::history::{Answer, Call, Entry, History, Outcome, Taken};
use boxoffice_tests::judge::{Promise, TrueBooking, Truth, judge};
use uuid::Uuid;

use super::spoiled::{add, add_hold, assert_found, assert_found_alone, find, promises};
use super::synthetic::Synthetic;

#[test]
fn a_free_seat_that_is_called_taken_is_found() {
    assert_found(Promise::NoFalseTaken, |synthetic| {
        let seats = vec![synthetic.free_seat];
        let call = Call::Hold { event: Uuid::nil(), seats: seats.clone(), standing: 0 };
        add(synthetic, call, Outcome::seats_taken(seats));
    });
}

#[test]
fn places_that_are_free_and_called_taken_are_found() {
    // Everybody has gone, so that there are always some.
    assert_found_alone(Promise::NoFalseTaken, |synthetic| {
        let call = Call::Hold { event: Uuid::nil(), seats: Vec::new(), standing: 1 };
        add(synthetic, call, Outcome::too_few_left());
    });
    // A seat of the same call is taken, and there are places enough.
    assert_found_alone(Promise::NoFalseTaken, |synthetic| {
        add_hold(synthetic, vec![synthetic.free_seat], 0);
        let made = synthetic.history.entries.last().expect("it was added").clone();
        let seats = vec![synthetic.free_seat];
        let call = Call::Hold { event: Uuid::nil(), seats: seats.clone(), standing: 1 };
        let taken = Taken { seats, standing: true };
        let outcome = Outcome::taken(taken);
        let (from, to, request) = (made.to + 1, made.to + 2, Some(Uuid::new_v4()));
        let caller = made.caller + 1;
        synthetic.history.entries.push(Entry { caller, request, call, from, to, outcome });
    });
    // Nothing is said to be taken.
    assert_found_alone(Promise::NoFalseTaken, |synthetic| {
        let call = Call::Hold { event: Uuid::nil(), seats: Vec::new(), standing: 1 };
        add(synthetic, call, Outcome::refused(Code::Aborted, ErrorReason::SeatsTaken));
    });
}

/// A history of two holds, of three standing places each, and a third that was refused while both
/// were held. What is found if there are so many places, and a buyer may have so many.
fn found_of_three_holds(
    (standing, limit): (i64, i64),
    refused: &Outcome,
    end_one: bool,
) -> BTreeSet<Promise> {
    let places_per_buyer_max = Some(limit);
    let truth = Truth { standing, places_per_buyer_max, ..Truth::default() };
    let (history, free_seat) = (History::default(), Uuid::nil());
    let mut synthetic = Synthetic { history, truth, free_seat };
    for _ in 0..2 {
        add_hold(&mut synthetic, Vec::new(), 3);
    }
    if end_one {
        let made = synthetic.history.entries[0].clone();
        let Outcome::Done(Answer::Hold(mut hold)) = made.outcome else { panic!("a hold") };
        hold.state = hold::State::Released;
        synthetic.truth.holds.get_mut(&hold.id).expect("it is there").state = hold.state;
        add(&mut synthetic, Call::Release(hold.id), Outcome::Done(Answer::Hold(hold)));
    }
    let call = Call::Hold { event: Uuid::nil(), seats: Vec::new(), standing: 3 };
    add(&mut synthetic, call, refused.clone());
    promises(&judge(&synthetic.history, &synthetic.truth))
}

#[test]
fn a_refusal_is_doubted_from_the_first_place_on_that_there_was() {
    let right = BTreeSet::new();
    let too_many = Outcome::refused(Code::ResourceExhausted, ErrorReason::TooManyPlaces);
    for (refused, promise) in
        [(Outcome::too_few_left(), Promise::NoFalseTaken), (too_many, Promise::NoFalseRefusal)]
    {
        let is_limit = promise == Promise::NoFalseRefusal;
        let of = |places: i64| if is_limit { (100, places) } else { (places, 100) };
        assert_eq!(found_of_three_holds(of(8), &refused, false), right, "two are left");
        let wrong = BTreeSet::from([promise]);
        assert_eq!(found_of_three_holds(of(9), &refused, false), wrong, "three are left");
        assert_eq!(found_of_three_holds(of(8), &refused, true), wrong, "three came back");
    }
}

#[test]
fn a_refusal_of_what_is_not_so_is_found() {
    let refused = |reason| Outcome::refused(Code::FailedPrecondition, reason);
    // A hold whose time is not over.
    assert_found_alone(Promise::NoFalseRefusal, |synthetic| {
        add_hold(synthetic, vec![synthetic.free_seat], 0);
        let made = synthetic.history.entries.last().expect("it was added").clone();
        let hold = made.resource().expect("a hold");
        let (from, to) = (made.to + 1, made.to + 2);
        let (call, outcome) = (Call::Extend(hold), refused(ErrorReason::HoldExpired));
        let request = Some(Uuid::new_v4());
        synthetic.history.entries.push(Entry { call, request, from, to, outcome, ..made });
    });
    // Places that are not too many for one buyer.
    assert_found_alone(Promise::NoFalseRefusal, |synthetic| {
        let call = Call::Hold { event: Uuid::nil(), seats: Vec::new(), standing: 1 };
        add(synthetic, call, refused(ErrorReason::TooManyPlaces));
    });
    // A ticket that nobody has come in by.
    assert_found_alone(Promise::NoFalseRefusal, |synthetic| {
        let code = Uuid::new_v4().to_string();
        add(synthetic, Call::Admit(code), refused(ErrorReason::TicketUsed));
    });
    // A booking by whose tickets nobody has come in.
    assert_found_alone(Promise::NoFalseRefusal, |synthetic| {
        let has_entries = |id: &Uuid| {
            let kept: &TrueBooking = &synthetic.truth.bookings[id];
            kept.tickets.iter().any(|ticket| ticket.entries > 0)
        };
        let look = find(synthetic, |entry| {
            entry.booking().is_some_and(|seen| {
                seen.state == booking::State::Confirmed && !has_entries(&seen.id)
            })
        });
        let id = look.resource().expect("a booking");
        add(synthetic, Call::Cancel(id), refused(ErrorReason::TicketUsed));
        synthetic.history.entries.last_mut().expect("it was added").caller = look.caller;
    });
}
