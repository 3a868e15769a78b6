//! Histories in which something is kept, told or answered that is nobody's or no longer anybody's.

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::history::{Answer, Call, Entry, ORGANIZER, Outcome};
use boxoffice_tests::judge::Promise;
use uuid::Uuid;

use super::spoiled::{add, add_hold, assert_found, assert_found_alone, find, kept};
use super::synthetic::Synthetic;

/// One more call, by whoever made that one.
fn add_by(synthetic: &mut Synthetic, by: &Entry, call: Call, outcome: Outcome) {
    add(synthetic, call, outcome);
    synthetic.history.entries.last_mut().expect("it was added").caller = by.caller;
}

fn is_ticketed(synthetic: &Synthetic, booking: Uuid) -> bool {
    synthetic.truth.bookings[&booking].tickets.iter().any(|ticket| ticket.state == "VALID")
}

#[test]
fn a_stranger_who_is_answered_is_found() {
    // Somebody else reads a booking.
    assert_found_alone(Promise::NoStranger, |synthetic| {
        let (_, seen) = kept(synthetic);
        add(synthetic, Call::LookAtBooking(seen.id), Outcome::Done(Answer::Booking(seen)));
    });
    // Somebody else is told that a booking cannot be paid now.
    assert_found_alone(Promise::NoStranger, |synthetic| {
        let (_, seen) = kept(synthetic);
        let outcome = Outcome::refused(Code::FailedPrecondition, ErrorReason::BookingState);
        add(synthetic, Call::Pay(seen.id, "tok_success"), outcome);
    });
    // A token that was used is good again.
    assert_found_alone(Promise::NoStranger, |synthetic| {
        add(synthetic, Call::ShowUsedToken, Outcome::Done(Answer::Tokens));
    });
}

#[test]
fn a_buyer_beyond_the_limit_is_found() {
    assert_found_alone(Promise::WithinLimit, |synthetic| {
        let limit = synthetic.truth.places_per_buyer_max.expect("a limit");
        synthetic.truth.standing += limit + 1;
        let half = i32::try_from(limit / 2).expect("it fits");
        add_hold(synthetic, Vec::new(), half);
        add_hold(synthetic, Vec::new(), half + 1);
    });
}

#[test]
fn a_hold_that_lasts_too_long_is_found() {
    // The server says so.
    assert_found_alone(Promise::HoldsEnd, |synthetic| {
        let made = |entry: &Entry| matches!(entry.call, Call::Hold { .. });
        let mut again = find(synthetic, |entry| made(entry) && entry.hold().is_some());
        if let Outcome::Done(Answer::Hold(seen)) = &mut again.outcome {
            seen.expire_micros += 3_600_000_000_000;
        }
        synthetic.history.entries.push(again);
    });
    // Nobody was told.
    assert_found_alone(Promise::HoldsEnd, |synthetic| {
        let kept = synthetic.truth.holds.values_mut().next().expect("there are some");
        kept.expire_micros += 1;
    });
}

#[test]
fn a_hold_that_is_not_there_as_it_was_told_is_found() {
    let a_hold = |synthetic: &Synthetic| {
        let made = find(synthetic, |entry| {
            matches!(entry.call, Call::Hold { .. }) && entry.hold().is_some()
        });
        made.hold().expect("it is one").clone()
    };
    assert_found_alone(Promise::Acknowledged, |synthetic| {
        let id = a_hold(synthetic).id;
        synthetic.truth.holds.remove(&id);
    });
    assert_found_alone(Promise::Acknowledged, |synthetic| {
        let id = a_hold(synthetic).id;
        let free = synthetic.free_seat;
        synthetic.truth.holds.get_mut(&id).expect("it is there").seats.insert(free);
    });
    // It was released, and is good in the end.
    assert_found_alone(Promise::Acknowledged, |synthetic| {
        let over =
            |entry: &Entry| entry.hold().is_some_and(|seen| seen.state == hold::State::Released);
        let id = find(synthetic, over).resource().expect("a hold");
        let kept = synthetic.truth.holds.get_mut(&id).expect("it is there");
        kept.state = hold::State::Active;
    });
    // Nobody asked for it.
    assert_found_alone(Promise::Acknowledged, |synthetic| {
        let phantom = synthetic.truth.holds.values().next().expect("there are some").clone();
        synthetic.truth.holds.insert(Uuid::new_v4(), phantom);
    });
}

#[test]
fn a_blocked_seat_that_is_not_and_one_that_nobody_blocked_are_found() {
    let block = |synthetic: &mut Synthetic, call: fn(Vec<Uuid>) -> Call| {
        let seats = vec![synthetic.free_seat];
        add(synthetic, call(seats), Outcome::Done(Answer::Inventory));
        synthetic.history.entries.last_mut().expect("it was added").caller = ORGANIZER;
    };
    assert_found_alone(Promise::Acknowledged, |synthetic| block(synthetic, Call::Block));
    assert_found_alone(Promise::Acknowledged, |synthetic| {
        synthetic.truth.blocked.insert(synthetic.free_seat);
    });
    assert_found_alone(Promise::Acknowledged, |synthetic| {
        synthetic.truth.blocked.insert(synthetic.free_seat);
        block(synthetic, Call::Block);
        block(synthetic, Call::Unblock);
        let last = synthetic.history.entries.last_mut().expect("it was added");
        (last.from, last.to) = (last.from + 60_000_000, last.to + 60_000_000);
    });
}

#[test]
fn tickets_that_are_not_of_one_place_and_one_entry_are_found() {
    // A place has none.
    assert_found_alone(Promise::OneEntry, |synthetic| {
        let (_, seen) = kept(synthetic);
        let kept = synthetic.truth.bookings.get_mut(&seen.id).expect("it is there");
        let good = kept.tickets.iter().position(|ticket| ticket.state == "VALID");
        kept.tickets.remove(good.expect("nobody has come in yet"));
    });
    // Another place has two.
    assert_found_alone(Promise::OneEntry, |synthetic| {
        let mut kept = synthetic.truth.bookings.values_mut();
        let kept = kept.find(|kept| {
            kept.tickets.len() > 1 && kept.tickets.iter().all(|ticket| ticket.state == "VALID")
        });
        let tickets = &mut kept.expect("there is one").tickets;
        tickets[0].place = tickets[1].place;
    });
    // A ticket has let two people in.
    assert_found_alone(Promise::OneEntry, |synthetic| {
        let tickets = synthetic.truth.bookings.values_mut().flat_map(|kept| &mut kept.tickets);
        let mut used = tickets.filter(|ticket| ticket.state == "USED");
        used.next().expect("there is one").entries = 2;
    });
    // Somebody was let in, and nobody knows.
    assert_found_alone(Promise::OneEntry, |synthetic| {
        let (_, seen) = kept(synthetic);
        assert!(is_ticketed(synthetic, seen.id), "nobody has come in yet");
        let ticket = &synthetic.truth.bookings[&seen.id].tickets;
        let ticket = ticket.iter().find(|ticket| ticket.state == "VALID").expect("one").id;
        add(synthetic, Call::Admit(String::new()), Outcome::Done(Answer::Admitted(ticket)));
    });
    // Somebody was let in whose place had been given back.
    assert_found_alone(Promise::OneEntry, |synthetic| {
        let kept = synthetic.truth.bookings.iter_mut();
        let mut tickets = kept
            .filter(|(_, kept)| kept.state == booking::State::Cancelled)
            .flat_map(|(_, kept)| &mut kept.tickets);
        let ticket = tickets.find(|ticket| ticket.entries == 0).expect("there is one");
        ticket.entries = 1;
        let ticket = ticket.id;
        add(synthetic, Call::Admit(String::new()), Outcome::Done(Answer::Admitted(ticket)));
    });
}

#[test]
fn a_seat_that_was_given_back_and_is_called_taken_is_found() {
    assert_found_alone(Promise::NoFalseTaken, |synthetic| {
        let entries = &synthetic.history.entries;
        // Seats of a cancelled booking that nobody has wanted since it was cancelled.
        let seats = entries.iter().find_map(|cancelled| {
            let seen = cancelled.booking()?;
            let kept = &synthetic.truth.bookings[&seen.id];
            let seats: Vec<_> = kept.places.iter().filter_map(|place| place.seat).collect();
            let is_wanted = |entry: &Entry| match &entry.call {
                Call::Hold { seats: wanted, .. } => {
                    entry.to > cancelled.from && wanted.iter().any(|seat| seats.contains(seat))
                }
                _ => false,
            };
            let is_over = seen.state == booking::State::Cancelled && !seats.is_empty();
            (is_over && !entries.iter().any(is_wanted)).then_some(seats)
        });
        let seats = seats.expect("there are such seats");
        let call = Call::Hold { event: Uuid::nil(), seats: seats.clone(), standing: 0 };
        add(synthetic, call, Outcome::seats_taken(seats));
    });
}

#[test]
fn a_request_that_is_called_a_repeat_and_an_answer_about_something_else_are_found() {
    assert_found_alone(Promise::OneEffect, |synthetic| {
        let outcome = Outcome::refused(Code::InvalidArgument, ErrorReason::RequestIdReused);
        add(synthetic, Call::Hold { event: Uuid::nil(), seats: Vec::new(), standing: 1 }, outcome);
    });
    assert_found_alone(Promise::OneEffect, |synthetic| {
        let (look, seen) = kept(synthetic);
        let others = |entry: &Entry| {
            entry.caller == look.caller && entry.booking().is_some_and(|one| one.id != seen.id)
        };
        let other = find(synthetic, others).resource().expect("a booking");
        let answer = Outcome::Done(Answer::Booking(seen));
        add_by(synthetic, &look, Call::LookAtBooking(other), answer);
    });
}

#[test]
fn an_answer_that_is_not_what_was_asked_for_is_found() {
    // A seat was asked for besides.
    assert_found_alone(Promise::Acknowledged, |synthetic| {
        let free = synthetic.free_seat;
        let changed: Vec<Uuid> = (synthetic.history.entries.iter())
            .filter_map(|entry| match &entry.call {
                Call::Change { hold, .. } => Some(*hold),
                _ => None,
            })
            .collect();
        let holds = synthetic.history.entries.iter_mut();
        let mut whole = holds.filter(|entry| {
            entry.hold().is_some_and(|seen| !changed.contains(&seen.id))
                && matches!(entry.call, Call::Hold { .. })
        });
        let entry = whole.next().expect("there are some");
        if let Call::Hold { seats, .. } = &mut entry.call {
            seats.push(free);
        }
    });
    // It is said to be cancelled, and is not.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (by, seen) = kept(synthetic);
        let call = Call::Cancel(seen.id);
        add_by(synthetic, &by, call, Outcome::Done(Answer::Booking(seen)));
    });
}

#[test]
fn somebody_who_is_turned_away_is_found() {
    assert_found_alone(Promise::ClearAnswers, |synthetic| {
        let (by, seen) = kept(synthetic);
        let outcome = Outcome::refused(Code::Unauthenticated, ErrorReason::TokenInvalid);
        add_by(synthetic, &by, Call::LookAtBooking(seen.id), outcome);
    });
}
