//! Histories with something wrong in them.

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::history::{
    Answer, BookingSeen, Call, Entry, HoldSeen, NEVER, Outcome, PaymentSeen,
};
use boxoffice_tests::judge::{Promise, TrueBooking, TruePayment, judge};
use uuid::Uuid;

use super::synthetic::{Synthetic, sale};

const CALLS: usize = 20_000;

/// Spoils a right history and asserts that the judge finds this promise broken.
fn assert_found(promise: Promise, spoil: impl FnOnce(&mut Synthetic)) {
    let mut synthetic = sale(CALLS, 11);
    assert!(judge(&synthetic.history, &synthetic.truth).is_empty(), "it is right at first");
    spoil(&mut synthetic);
    let found = judge(&synthetic.history, &synthetic.truth);
    assert!(found.iter().any(|one| one.promise == promise), "{promise:?} in {found:?}");
}

/// The first entry that answers so.
fn find(synthetic: &Synthetic, wanted: impl Fn(&Entry) -> bool) -> Entry {
    synthetic.history.entries.iter().find(|entry| wanted(entry)).expect("there is one").clone()
}

/// A booking that was confirmed and stayed so, and the entry that told of its making.
fn kept(synthetic: &Synthetic) -> (Entry, BookingSeen) {
    let is_kept = |seen: &BookingSeen| {
        let kept = &synthetic.truth.bookings[&seen.id];
        seen.state == booking::State::Confirmed && kept.state == booking::State::Confirmed
    };
    let look = find(synthetic, |entry| entry.booking().is_some_and(is_kept));
    let seen = look.booking().expect("it is one").clone();
    (look, seen)
}

/// One more call, by somebody else, of a minute after everything.
fn add(synthetic: &mut Synthetic, call: Call, outcome: Outcome) {
    let last = synthetic.history.entries.iter().map(|entry| entry.to).max().expect("entries");
    let (from, request) = (last + 60_000_000, Some(Uuid::new_v4()));
    let to = if outcome == Outcome::Unknown { NEVER } else { from + 10 };
    let entry = Entry { caller: 999_999, request, call, from, to, outcome };
    synthetic.history.entries.push(entry);
}

/// One more hold of these places.
fn add_hold(synthetic: &mut Synthetic, seats: Vec<Uuid>, standing: i32) {
    let call = Call::Hold { event: Uuid::nil(), seats: seats.clone(), standing };
    let (id, state, expire_micros) = (Uuid::new_v4(), hold::State::Active, i64::MAX / 2);
    let hold = HoldSeen { id, state, seats, standing, expire_micros };
    add(synthetic, call, Outcome::Done(Answer::Hold(hold)));
}

#[test]
fn a_seat_with_two_owners_is_found() {
    assert_found(Promise::OneOwner, |synthetic| {
        let (_, booking) = kept(synthetic);
        // Its time to pay is over, and it is paid.
        add_hold(synthetic, booking.seats, 0);
    });
    assert_found(Promise::OneOwner, |synthetic| {
        add_hold(synthetic, vec![synthetic.free_seat], 0);
        add_hold(synthetic, vec![synthetic.free_seat], 0);
    });
}

#[test]
fn places_beyond_the_last_are_found() {
    assert_found(Promise::NeverOversold, |synthetic| {
        add_hold(synthetic, Vec::new(), 6);
        add_hold(synthetic, Vec::new(), 5);
    });
}

#[test]
fn a_free_seat_that_is_called_taken_is_found() {
    assert_found(Promise::NoFalseTaken, |synthetic| {
        let seats = vec![synthetic.free_seat];
        let call = Call::Hold { event: Uuid::nil(), seats: seats.clone(), standing: 0 };
        let (code, reason) = (Code::Aborted, ErrorReason::SeatsTaken);
        add(synthetic, call, Outcome::Refused { code, reason, seats });
    });
}

#[test]
fn a_request_with_two_effects_is_found() {
    // The repeat of a request made something else.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| matches!(entry.call, Call::Pay(..)));
        if let Outcome::Done(Answer::Payment(payment)) = &mut again.outcome {
            payment.id = Uuid::new_v4();
        }
        synthetic.history.entries.push(again);
    });
    // The same request id did something else as well.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| matches!(entry.call, Call::Pay(..)));
        again.call = Call::Pay(Uuid::new_v4(), "tok_declined");
        synthetic.history.entries.push(again);
    });
    // It is refused when it comes again.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| matches!(entry.call, Call::Pay(..)));
        (again.from, again.to) = (again.to + 1, again.to + 2);
        let (code, reason) = (Code::FailedPrecondition, ErrorReason::BookingState);
        again.outcome = Outcome::Refused { code, reason, seats: Vec::new() };
        synthetic.history.entries.push(again);
    });
    // Two requests are told that they made the same payment.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| matches!(entry.call, Call::Pay(..)));
        again.request = Some(Uuid::new_v4());
        synthetic.history.entries.push(again);
    });
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_found() {
    assert_found(Promise::Acknowledged, |synthetic| {
        let (_, booking) = kept(synthetic);
        synthetic.truth.bookings.remove(&booking.id);
    });
    // It has another seat.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (_, booking) = kept(synthetic);
        let kept = synthetic.truth.bookings.get_mut(&booking.id).expect("it is there");
        kept.places[0].seat = Some(synthetic.free_seat);
    });
    // It has one ticket too few.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (_, booking) = kept(synthetic);
        let kept = synthetic.truth.bookings.get_mut(&booking.id).expect("it is there");
        kept.live_tickets -= 1;
    });
    // It was cancelled, and is confirmed in the end.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (_, mut booking) = kept(synthetic);
        booking.state = booking::State::Cancelled;
        add(synthetic, Call::Cancel(booking.id), Outcome::Done(Answer::Booking(booking)));
    });
    // It is said not to be there.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (_, booking) = kept(synthetic);
        let (code, reason) = (Code::NotFound, ErrorReason::NotFound);
        let outcome = Outcome::Refused { code, reason, seats: Vec::new() };
        add(synthetic, Call::LookAtBooking(booking.id), outcome);
    });
    // Nobody asked for it.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (state, places) = (booking::State::Expired, Vec::new());
        let phantom = TrueBooking { state, places, live_tickets: 0 };
        synthetic.truth.bookings.insert(Uuid::new_v4(), phantom);
    });
}

#[test]
fn money_that_does_not_agree_is_found() {
    let wrong: [fn(&mut Synthetic); 5] = [
        |synthetic| synthetic.truth.ledger[0].amount_minor += 1,
        |synthetic| synthetic.truth.ledger[0].refunded_minor += 1,
        // A charge that no payment of ours is.
        |synthetic| {
            let mut line = synthetic.truth.ledger[0].clone();
            line.payment_id = Uuid::new_v4();
            synthetic.truth.ledger.push(line);
        },
        // A payment that was never charged.
        |synthetic| drop(synthetic.truth.ledger.pop()),
        // Both books agree that a booking was paid twice.
        |synthetic| {
            let (_, seen) = kept(synthetic);
            let (id, state) = (Uuid::new_v4(), "SUCCEEDED".to_owned());
            let (booking, amount) = (seen.id, seen.total);
            let payment = TruePayment { booking, state, amount, refunded: 0 };
            synthetic.truth.payments.insert(id, payment);
            let mut line = synthetic.truth.ledger[0].clone();
            (line.payment_id, line.amount_minor, line.refunded_minor) = (id, amount, 0);
            synthetic.truth.ledger.push(line);
        },
    ];
    for spoil in wrong {
        assert_found(Promise::MoneyAgrees, spoil);
    }
}

#[test]
fn a_state_that_was_over_is_found() {
    // A booking that was confirmed awaits its payment again.
    assert_found(Promise::OneStory, |synthetic| {
        let (_, mut seen) = kept(synthetic);
        seen.state = booking::State::AwaitingPayment;
        add(synthetic, Call::LookAtBooking(seen.id), Outcome::Done(Answer::Booking(seen)));
    });
    // An earlier version of it is seen.
    assert_found(Promise::OneStory, |synthetic| {
        let (_, mut seen) = kept(synthetic);
        seen.version -= 1;
        add(synthetic, Call::LookAtBooking(seen.id), Outcome::Done(Answer::Booking(seen)));
    });
    // A payment that succeeded fails.
    assert_found(Promise::OneStory, |synthetic| {
        let paid = |seen: &PaymentSeen| seen.state == payment::State::Succeeded;
        let look = find(synthetic, |entry| entry.payment().is_some_and(paid));
        let mut seen = look.payment().expect("it is one").clone();
        seen.state = payment::State::Failed;
        add(synthetic, Call::LookAtPayment(seen.id), Outcome::Done(Answer::Payment(seen)));
    });
    // A hold that was released lives.
    assert_found(Promise::OneStory, |synthetic| {
        let over = |seen: &HoldSeen| seen.state == hold::State::Released;
        let release = find(synthetic, |entry| entry.hold().is_some_and(over));
        let mut seen = release.hold().expect("it is one").clone();
        seen.state = hold::State::Active;
        add(synthetic, Call::LookAtHold(seen.id), Outcome::Done(Answer::Hold(seen)));
    });
}

#[test]
fn answers_that_are_not_clear_are_found() {
    assert_found(Promise::ClearAnswers, |synthetic| {
        add(synthetic, Call::Release(Uuid::new_v4()), Outcome::Unknown);
    });
    assert_found(Promise::ClearAnswers, |synthetic| {
        let (code, reason) = (Code::Internal, ErrorReason::Internal);
        let outcome = Outcome::Refused { code, reason, seats: Vec::new() };
        add(synthetic, Call::Release(Uuid::new_v4()), outcome);
    });
}
