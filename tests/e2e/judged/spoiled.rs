//! Histories with something wrong in them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::LedgerLine;
use boxoffice_tests::history::{
    Answer, BookingSeen, Call, Entry, History, HoldSeen, Moment, NEVER, Outcome, PaymentSeen,
};
use boxoffice_tests::judge::{Finding, Promise, TrueBooking, TrueHold, TruePayment, Truth, judge};
use uuid::Uuid;

use super::platform::TTL_MICROS;
use super::synthetic::{Synthetic, sale};

/// As many calls as it takes to have everything in them that is spoiled here.
const CALLS: usize = 20_000;

/// A right history, which everyone spoils in another way.
static RIGHT: LazyLock<Synthetic> = LazyLock::new(|| {
    let synthetic = sale(CALLS, 11);
    assert!(judge(&synthetic.history, &synthetic.truth).is_empty(), "it is right at first");
    synthetic
});

/// Spoils a right history and asserts that the judge finds this promise broken.
pub fn assert_found(promise: Promise, spoil: impl FnOnce(&mut Synthetic)) {
    let found = found(spoil);
    assert!(promises(&found).contains(&promise), "{promise:?} in {found:?}");
}

/// The same, of that promise alone.
pub fn assert_found_alone(promise: Promise, spoil: impl FnOnce(&mut Synthetic)) {
    let found = found(spoil);
    assert_eq!(promises(&found), BTreeSet::from([promise]), "{found:?}");
}

/// What the judge finds once a right history is spoiled.
fn found(spoil: impl FnOnce(&mut Synthetic)) -> Vec<Finding> {
    let mut synthetic = RIGHT.clone();
    spoil(&mut synthetic);
    judge(&synthetic.history, &synthetic.truth)
}

fn promises(found: &[Finding]) -> BTreeSet<Promise> {
    found.iter().map(|one| one.promise).collect()
}

/// The first entry that answers so.
pub fn find(synthetic: &Synthetic, wanted: impl Fn(&Entry) -> bool) -> Entry {
    synthetic.history.entries.iter().find(|entry| wanted(entry)).expect("there is one").clone()
}

/// A booking that was confirmed and stayed so, and the entry that told of its making.
pub fn kept(synthetic: &Synthetic) -> (Entry, BookingSeen) {
    let is_kept = |seen: &BookingSeen| {
        let kept = &synthetic.truth.bookings[&seen.id];
        seen.state == booking::State::Confirmed && kept.state == booking::State::Confirmed
    };
    let look = find(synthetic, |entry| entry.booking().is_some_and(is_kept));
    let seen = look.booking().expect("it is one").clone();
    (look, seen)
}

/// When the last call was answered.
fn last(synthetic: &Synthetic) -> Moment {
    let ends = synthetic.history.entries.iter().map(|entry| entry.to);
    ends.filter(|to| *to < NEVER).max().unwrap_or_default()
}

/// One more call, by somebody else, of a minute after everything.
pub fn add(synthetic: &mut Synthetic, call: Call, outcome: Outcome) {
    let (from, request) = (last(synthetic) + 60_000_000, Some(Uuid::new_v4()));
    let to = if outcome == Outcome::Unknown { NEVER } else { from + 10 };
    let entry = Entry { caller: 999_999, request, call, from, to, outcome };
    synthetic.history.entries.push(entry);
}

/// One more hold of these places.
pub fn add_hold(synthetic: &mut Synthetic, seats: Vec<Uuid>, standing: i32) {
    let call = Call::Hold { event: Uuid::nil(), seats: seats.clone(), standing };
    let (id, state, end) = (Uuid::new_v4(), hold::State::Active, last(synthetic));
    // It lasts as long as it may.
    let create_micros = synthetic.history.shown_at_most(end, end);
    let expire_micros = create_micros + TTL_MICROS;
    let kept = TrueHold {
        state,
        seats: seats.iter().copied().collect(),
        standing: i64::from(standing),
        create_micros,
        expire_micros,
    };
    synthetic.truth.holds.insert(id, kept);
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
        let half = i32::try_from(synthetic.truth.standing / 2).expect("it fits");
        add_hold(synthetic, Vec::new(), half);
        add_hold(synthetic, Vec::new(), half + 1);
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
fn places_that_are_free_and_called_taken_are_found() {
    // Everybody has gone, so that there are always some.
    assert_found_alone(Promise::NoFalseTaken, |synthetic| {
        let call = Call::Hold { event: Uuid::nil(), seats: Vec::new(), standing: 1 };
        let (code, reason) = (Code::Aborted, ErrorReason::SeatsTaken);
        add(synthetic, call, Outcome::Refused { code, reason, seats: Vec::new() });
    });
}

/// A history of two holds, of three standing places each, and a third that was refused while both
/// were held. What is found if there are so many places, and a buyer may have so many.
fn found_of_three_holds(
    (standing, limit): (i64, i64),
    reason: ErrorReason,
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
    let (code, seats) = (Code::Aborted, Vec::new());
    add(&mut synthetic, call, Outcome::Refused { code, reason, seats });
    promises(&judge(&synthetic.history, &synthetic.truth))
}

#[test]
fn a_refusal_is_doubted_from_the_first_place_on_that_there_was() {
    let right = BTreeSet::new();
    for (reason, promise) in [
        (ErrorReason::SeatsTaken, Promise::NoFalseTaken),
        (ErrorReason::TooManyPlaces, Promise::NoFalseRefusal),
    ] {
        let is_limit = reason == ErrorReason::TooManyPlaces;
        let of = |places: i64| if is_limit { (100, places) } else { (places, 100) };
        assert_eq!(found_of_three_holds(of(8), reason, false), right, "two are left");
        let wrong = BTreeSet::from([promise]);
        assert_eq!(found_of_three_holds(of(9), reason, false), wrong, "three are left");
        assert_eq!(found_of_three_holds(of(8), reason, true), wrong, "three came back");
    }
}

#[test]
fn a_refusal_of_what_is_not_so_is_found() {
    let refused = |reason| {
        let (code, seats) = (Code::FailedPrecondition, Vec::new());
        Outcome::Refused { code, reason, seats }
    };
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

#[test]
fn a_request_with_two_effects_is_found() {
    // The repeat of a request made something else.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| {
            entry.payment().is_some() && matches!(entry.call, Call::Pay(..))
        });
        if let Outcome::Done(Answer::Payment(payment)) = &mut again.outcome {
            payment.id = Uuid::new_v4();
        }
        synthetic.history.entries.push(again);
    });
    // The same request id did something else as well.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| {
            entry.payment().is_some() && matches!(entry.call, Call::Pay(..))
        });
        again.call = Call::Pay(Uuid::new_v4(), "tok_declined");
        synthetic.history.entries.push(again);
    });
    // It is refused when it comes again.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| {
            entry.payment().is_some() && matches!(entry.call, Call::Pay(..))
        });
        (again.from, again.to) = (again.to + 1, again.to + 2);
        let (code, reason) = (Code::FailedPrecondition, ErrorReason::BookingState);
        again.outcome = Outcome::Refused { code, reason, seats: Vec::new() };
        synthetic.history.entries.push(again);
    });
    // Two requests are told that they made the same payment.
    assert_found(Promise::OneEffect, |synthetic| {
        let mut again = find(synthetic, |entry| {
            entry.payment().is_some() && matches!(entry.call, Call::Pay(..))
        });
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
    // It was cancelled, and is confirmed in the end.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (_, mut booking) = kept(synthetic);
        booking.state = booking::State::Cancelled;
        add(synthetic, Call::Cancel(booking.id), Outcome::Done(Answer::Booking(booking)));
    });
    // It is said not to be there.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (look, booking) = kept(synthetic);
        let (code, reason) = (Code::NotFound, ErrorReason::NotFound);
        let outcome = Outcome::Refused { code, reason, seats: Vec::new() };
        add(synthetic, Call::LookAtBooking(booking.id), outcome);
        synthetic.history.entries.last_mut().expect("it was added").caller = look.caller;
    });
    // Nobody asked for it.
    assert_found(Promise::Acknowledged, |synthetic| {
        let (state, places) = (booking::State::Expired, Vec::new());
        let phantom = TrueBooking { state, places, tickets: Vec::new() };
        synthetic.truth.bookings.insert(Uuid::new_v4(), phantom);
    });
}

/// A charge that was taken.
fn captured(synthetic: &mut Synthetic) -> &mut LedgerLine {
    let mut lines = synthetic.truth.ledger.iter_mut();
    lines.find(|line| line.state == "CAPTURED").expect("there is one")
}

#[test]
fn money_that_does_not_agree_is_found() {
    let wrong: [fn(&mut Synthetic); 6] = [
        |synthetic| captured(synthetic).amount_minor += 1,
        |synthetic| captured(synthetic).refunded_minor += 1,
        // It is said to have been declined.
        |synthetic| {
            let id = captured(synthetic).payment_id;
            let (booking, amount) = {
                let kept = &synthetic.truth.payments[&id];
                (kept.booking, kept.amount)
            };
            let state = payment::State::Failed;
            let seen = PaymentSeen { id, booking, state, amount, refunded: 0 };
            let from = synthetic.history.entries[0].from;
            add(synthetic, Call::LookAtPayment(id), Outcome::Done(Answer::Payment(seen)));
            let added = synthetic.history.entries.last_mut().expect("it was added");
            (added.from, added.to) = (from, from + 1);
        },
        // A charge that no payment of ours is.
        |synthetic| {
            let mut line = captured(synthetic).clone();
            line.payment_id = Uuid::new_v4();
            synthetic.truth.ledger.push(line);
        },
        // A payment that was never charged.
        |synthetic| {
            let id = captured(synthetic).payment_id;
            synthetic.truth.ledger.retain(|line| line.payment_id != id);
        },
        // Both books agree that a booking was paid twice.
        |synthetic| {
            let (_, seen) = kept(synthetic);
            let (id, state) = (Uuid::new_v4(), "SUCCEEDED".to_owned());
            let (booking, amount) = (seen.id, seen.total);
            let payment = TruePayment { booking, state, amount, refunded: 0 };
            synthetic.truth.payments.insert(id, payment);
            let mut line = captured(synthetic).clone();
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
