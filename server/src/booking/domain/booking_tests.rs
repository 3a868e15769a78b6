//! The table of the purchase saga, walked cell by cell.

use std::time::Duration;

use super::board::Place;
use super::booking::{Booking, BookingState, NewBooking, PlacesMove, Trigger};
use crate::error::Reason;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, GuestId, HoldId, OfferId, PaymentId, SeatId};
use crate::kernel::limits::{PAY_BY_SPAN, SETTLE_BY_SPAN};
use crate::kernel::money::Currency;
use crate::kernel::time::Timestamp;

/// What happens: a payment begins; its own payment (the one it awaits or was paid by) succeeds,
/// fails or is cancelled; another one does; its owner cancels; a time passes.
const COLUMNS: [&str; 10] = [
    "start",
    "own ok",
    "own fail",
    "own cancel",
    "other ok",
    "other fail",
    "other cancel",
    "cancel",
    "pay by",
    "settle by",
];

/// A cell is `x` (refused, nothing changes), `.` (nothing changes), or the new state with what
/// becomes of the places and, after a `$`, why money is given back. Initials stand for states:
/// Pending, Awaiting, Confirmed, caNcelled, Failed, Expired; `-` keeps the places, `<` frees them,
/// `!` sells them.
const TABLE: [(&str, [&str; 10]); 17] = [
    ("P in time", ["A-", "C!", ".", ".", "C!", ".", ".", "N<", "x", "x"]),
    ("P overdue", ["x", "C!", ".", ".", "C!", ".", ".", "N<", "E<", "x"]),
    ("P declined late", ["x", "C!", ".", ".", "C!", ".", ".", "N<", "F<", "x"]),
    ("A in time", ["x", "C!", "P-", "P-", "C!", ".", ".", "N-", "x", "x"]),
    ("A 4 declines", ["x", "C!", "F<", "P-", "C!", ".", ".", "N-", "x", "x"]),
    ("A overdue", ["x", "C!", "F<", "E<", "C!", ".", ".", "N-", "A-", "x"]),
    ("A settling", ["x", "C!", "F<", "E<", "C!", ".", ".", "N-", "x", "x"]),
    ("A settled out", ["x", "C!", "F<", "E<", "C!", ".", ".", "N-", "x", "E<"]),
    ("A declined, out", ["x", "C!", "F<", "F<", "C!", ".", ".", "N-", "x", "F<"]),
    ("C", ["x", ".", ".", ".", "C-$second_capture", ".", ".", "x", "x", "x"]),
    (
        "N nothing open",
        ["x", "N-$booking_cancelled", ".", ".", "N-$booking_cancelled", ".", ".", "x", "x", "x"],
    ),
    (
        "N open",
        ["x", "N<$booking_cancelled", "N<", "N<", "N-$booking_cancelled", ".", ".", "x", "x", "x"],
    ),
    (
        "N open, out",
        ["x", "N<$booking_cancelled", "N<", "N<", "N-$booking_cancelled", ".", ".", "x", "x", "N<"],
    ),
    ("F places free", ["x", "C!", ".", ".", "C!", ".", ".", "x", "x", "x"]),
    (
        "F places taken",
        ["x", "F-$places_taken", ".", ".", "F-$places_taken", ".", ".", "x", "x", "x"],
    ),
    ("E places free", ["x", "C!", ".", ".", "C!", ".", ".", "x", "x", "x"]),
    (
        "E places taken",
        ["x", "E-$places_taken", ".", ".", "E-$places_taken", ".", ".", "x", "x", "x"],
    ),
];

const BEGIN: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn own() -> PaymentId {
    PaymentId::new(BEGIN, [1; 10])
}

fn other() -> PaymentId {
    PaymentId::new(BEGIN, [2; 10])
}

fn booking(price_minor: i64) -> Booking {
    let new = NewBooking {
        booking_id: BookingId::new(BEGIN, [3; 10]),
        hold_id: HoldId::new(BEGIN, [4; 10]),
        event_id: EventId::new(BEGIN, [5; 10]),
        session: SessionId::Guest(GuestId::new(BEGIN, [6; 10])),
        contact_email: "buyer@example.com".into(),
    };
    let place = Place {
        seat_id: SeatId::new(BEGIN, [7; 10]),
        offer_id: OfferId::new(BEGIN, [8; 10]),
        section_name: "Stalls".into(),
        row_label: "A".into(),
        seat_label: "1".into(),
        price_minor,
        position: 0,
    };
    let euro = Currency::parse("EUR").unwrap();
    Booking::open(new, vec![place], euro, BEGIN).unwrap().0
}

/// A booking in the state of a row, the time it is, and whether its places could be had again.
fn row(name: &str) -> (Booking, Timestamp, bool) {
    let mut booking = booking(500);
    booking.state = match &name[..1] {
        "P" => BookingState::Pending,
        "A" => BookingState::AwaitingPayment,
        "C" => BookingState::Confirmed,
        "N" => BookingState::Cancelled,
        "F" => BookingState::Failed,
        _ => BookingState::Expired,
    };
    let overdue = BEGIN + PAY_BY_SPAN;
    let out = overdue + SETTLE_BY_SPAN;
    let open = name.starts_with('A') || name.contains("open") && !name.contains("nothing");
    booking.open_payment = open.then(own);
    booking.paid_payment = name.starts_with('C').then(own);
    booking.failed_payment_count = match name {
        "A 4 declines" => 4,
        "P declined late" | "A declined, out" => 1,
        _ => 0,
    };
    let now = if name.contains("out") {
        out
    } else if name.contains("overdue") || name.contains("late") || name.contains("settling") {
        overdue
    } else {
        BEGIN + Duration::from_secs(1)
    };
    if name.contains("out") || name.contains("settling") || name.starts_with("N open") {
        booking.settle_by_time = Some(out);
    }
    (booking, now, name.contains("free"))
}

fn trigger(column: &str) -> Trigger {
    match column {
        "start" => Trigger::PaymentStarted(other()),
        "own ok" => Trigger::PaymentSucceeded(own()),
        "own fail" => Trigger::PaymentFailed(own(), "card_declined".into()),
        "own cancel" => Trigger::PaymentCanceled(own()),
        "other ok" => Trigger::PaymentSucceeded(other()),
        "other fail" => Trigger::PaymentFailed(other(), "card_declined".into()),
        "other cancel" => Trigger::PaymentCanceled(other()),
        "cancel" => Trigger::CancelRequested,
        "pay by" => Trigger::PayByPassed,
        _ => Trigger::SettleByPassed,
    }
}

fn initial(state: BookingState) -> &'static str {
    match state {
        BookingState::Pending => "P",
        BookingState::AwaitingPayment => "A",
        BookingState::Confirmed => "C",
        BookingState::Cancelled => "N",
        BookingState::Failed => "F",
        BookingState::Expired => "E",
    }
}

/// Lets something happen and writes down what came of it, as the table does.
fn outcome(mut booking: Booking, trigger: &Trigger, free: bool, now: Timestamp) -> String {
    let before = format!("{booking:?}");
    let version = booking.version;
    match booking.step(trigger, free, now) {
        Err(error) => {
            let reason = error.reason().unwrap();
            assert!(matches!(reason, Reason::BookingState | Reason::PaymentOpen), "{reason:?}");
            assert_eq!(format!("{booking:?}"), before, "a refusal changes nothing");
            "x".into()
        }
        Ok(step) if step.fact.is_none() && step.refund_cause.is_none() => {
            assert_eq!((step.places, format!("{booking:?}")), (PlacesMove::Keep, before));
            ".".into()
        }
        Ok(step) => {
            let told = i64::from(step.fact.is_some());
            assert_eq!(booking.version, version + told, "a version for every fact");
            let places = match step.places {
                PlacesMove::Keep => "-",
                PlacesMove::Free => "<",
                PlacesMove::Sell => "!",
            };
            let refund = step.refund_cause.map(|cause| format!("${cause}")).unwrap_or_default();
            format!("{}{places}{refund}", initial(booking.state))
        }
    }
}

#[test]
fn every_cell_of_the_table_comes_out_as_it_says() {
    let mut wrong = Vec::new();
    for (name, cells) in TABLE {
        for (column, expected) in COLUMNS.iter().zip(cells) {
            let (booking, now, free) = row(name);
            let came = outcome(booking, &trigger(column), free, now);
            if came != expected {
                wrong.push(format!("{name} / {column}: {came} instead of {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_a_booking_that_costs_nothing_is_confirmed_without_a_payment() {
    let free = outcome(booking(0), &Trigger::NothingToPay, false, BEGIN);
    assert_eq!(free, "C!");
    assert_eq!(outcome(booking(500), &Trigger::NothingToPay, false, BEGIN), "x");
    for (name, _) in TABLE.iter().skip(3) {
        let (mut booking, now, _) = row(name);
        booking.total.minor = 0;
        assert_eq!(outcome(booking, &Trigger::NothingToPay, false, now), "x", "{name}");
    }
}

#[test]
fn five_declines_are_the_end_and_the_reason_is_kept() {
    let mut booking = booking(500);
    for decline in 1..=5 {
        booking.step(&Trigger::PaymentStarted(own()), false, BEGIN).unwrap();
        let failed = Trigger::PaymentFailed(own(), "insufficient_funds".into());
        booking.step(&failed, false, BEGIN).unwrap();
        let state = if decline < 5 { BookingState::Pending } else { BookingState::Failed };
        assert_eq!((booking.state, booking.failed_payment_count), (state, decline));
    }
    assert_eq!(booking.failure_code, "insufficient_funds");
    assert_eq!(booking.open_payment, None);
}
