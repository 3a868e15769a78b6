//! Histories with something wrong in them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::LedgerLine;
use boxoffice_tests::history::{
    Answer, BookingSeen, Call, Entry, HoldSeen, Moment, NEVER, Outcome, PaymentSeen,
};
use boxoffice_tests::judge::{Finding, Promise, TrueBooking, TrueHold, TruePayment, judge};
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

/// Which promises are broken.
pub fn promises(found: &[Finding]) -> BTreeSet<Promise> {
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
        again.outcome = Outcome::refused(Code::FailedPrecondition, ErrorReason::BookingState);
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
        let outcome = Outcome::refused(Code::NotFound, ErrorReason::NotFound);
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
        let outcome = Outcome::refused(Code::Internal, ErrorReason::Internal);
        add(synthetic, Call::Release(Uuid::new_v4()), outcome);
    });
}
