//! The table of the purchase saga, walked cell by cell.

use std::collections::BTreeSet;
use std::time::Duration;

use super::booking::{Booking, BookingState, NewBooking};
use super::inventory::EventTerms;
use super::place::Place;
use super::saga::{BookingFact, Canceller, Circumstances, PlacesMove, Trigger};
use super::saga_table::TABLE;
use crate::error::Reason;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{
    BookingId, EventId, GuestId, HoldId, OfferId, PaymentId, PlaceId, SeatId, UserId,
};
use crate::kernel::limits::{CANCEL_UNTIL_DEFAULT, PAY_BY_SPAN, SETTLE_BY_SPAN};
use crate::kernel::money::Currency;
use crate::kernel::time::Timestamp;

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
    let place = |number: u8| Place {
        place_id: PlaceId::new(BEGIN, [number; 10]),
        seat_id: Some(SeatId::new(BEGIN, [number; 10])),
        offer_id: OfferId::new(BEGIN, [8; 10]),
        offer_name: "Stalls".into(),
        section_name: "Stalls".into(),
        row_label: "A".into(),
        seat_label: number.to_string(),
        price_minor,
        position: i64::from(number),
        return_time: None,
    };
    let euro = Currency::parse("EUR").unwrap();
    Booking::open(new, vec![place(1), place(2)], euro, BEGIN).unwrap().0
}

/// The terms of the booking's event, which starts after that long.
fn terms(starts_after: Duration) -> EventTerms {
    EventTerms {
        event_id: EventId::new(BEGIN, [5; 10]),
        organizer_id: UserId::new(BEGIN, [9; 10]),
        on_sale: true,
        start_time: BEGIN + starts_after,
        currency: Currency::parse("EUR").unwrap(),
        hold_ttl: Duration::from_secs(600),
        hold_life_max: Duration::from_secs(1_800),
        places_per_buyer_max: 10,
        cancel_until: CANCEL_UNTIL_DEFAULT,
    }
}

const SOON: Duration = Duration::from_secs(3_600);
const LATER: Duration = Duration::from_secs(30 * 24 * 3_600);

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
    booking.paid_payment = (name.starts_with('C') || name == "N was paid").then(own);
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
        "own+" => Trigger::PaymentSucceeded(own()),
        "own-" => Trigger::PaymentFailed(own(), "card_declined".into()),
        "own~" => Trigger::PaymentCanceled(own()),
        "other+" => Trigger::PaymentSucceeded(other()),
        "other-" => Trigger::PaymentFailed(other(), "card_declined".into()),
        "other~" => Trigger::PaymentCanceled(other()),
        "owner" => Trigger::CancelRequested(Canceller::Owner),
        "org" => Trigger::CancelRequested(Canceller::Organizer),
        "off" => Trigger::CancelRequested(Canceller::Event),
        "all" => Trigger::PlacesReturned(BTreeSet::new()),
        "one" => Trigger::PlacesReturned(BTreeSet::from([PlaceId::new(BEGIN, [1; 10])])),
        "pay_by" => Trigger::PayByPassed,
        "settle_by" => Trigger::SettleByPassed,
        _ => panic!("no such column: {column}"),
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
fn outcome(
    mut booking: Booking,
    trigger: &Trigger,
    circumstances: Circumstances<'_>,
    now: Timestamp,
) -> String {
    let before = format!("{booking:?}");
    let version = booking.version;
    match booking.step(trigger, circumstances, now) {
        Err(error) => {
            let reason = error.reason().unwrap();
            let known = [Reason::BookingState, Reason::PaymentOpen, Reason::CancelTooLate];
            assert!(known.contains(&reason), "{reason:?}");
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
            let places = match &step.places {
                PlacesMove::Keep => "-",
                PlacesMove::Free => "<",
                PlacesMove::Block => "|",
                PlacesMove::Return(places) if places.len() == 1 => "1",
                PlacesMove::Return(_) => "?",
                PlacesMove::Sell => "!",
            };
            let refund = match step.refund_cause {
                None => "",
                Some("second_capture") => "$2",
                Some("booking_cancelled") => "$N",
                Some("places_taken") => "$T",
                Some(cause) => panic!("no cause of the table: {cause}"),
            };
            let told = match &step.fact {
                Some(BookingFact::Cancelled(told)) if told.refund == Some(booking.total) => "+",
                Some(BookingFact::Cancelled(told)) => {
                    assert_eq!(told.refund, None);
                    ""
                }
                _ => "",
            };
            format!("{}{places}{refund}{told}", initial(booking.state))
        }
    }
}

/// The lines of the table: the name of the state, and its cells.
fn states() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().skip(1).map(|line| {
        let (name, cells) = line.split_once('|').unwrap();
        (name.trim_end(), cells)
    })
}

#[test]
fn every_cell_of_the_table_comes_out_as_it_says() {
    let mut wrong = Vec::new();
    let columns: Vec<&str> = TABLE.lines().next().unwrap().split_whitespace().collect();
    for (name, cells) in states() {
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), columns.len(), "{name}");
        for (column, expected) in columns.iter().zip(cells) {
            let (booking, now, places_are_free) = row(name);
            let terms = terms(if name.contains("soon") { SOON } else { LATER });
            let circumstances = Circumstances { terms: &terms, places_are_free };
            let came = outcome(booking, &trigger(column), circumstances, now);
            if came != expected {
                wrong.push(format!("{name} / {column}: {came} instead of {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_a_booking_that_costs_nothing_is_confirmed_without_a_payment() {
    let terms = terms(LATER);
    let circumstances = Circumstances { terms: &terms, places_are_free: false };
    let free = outcome(booking(0), &Trigger::NothingToPay, circumstances, BEGIN);
    assert_eq!(free, "C!");
    assert_eq!(outcome(booking(500), &Trigger::NothingToPay, circumstances, BEGIN), "x");
    for (name, _) in states().skip(3) {
        let (mut booking, now, _) = row(name);
        booking.total.minor = 0;
        let came = outcome(booking, &Trigger::NothingToPay, circumstances, now);
        assert_eq!(came, "x", "{name}");
    }
}

#[test]
fn five_declines_are_the_end_and_the_reason_is_kept() {
    let terms = terms(LATER);
    let circumstances = Circumstances { terms: &terms, places_are_free: false };
    let mut booking = booking(500);
    for decline in 1..=5 {
        booking.step(&Trigger::PaymentStarted(own()), circumstances, BEGIN).unwrap();
        let failed = Trigger::PaymentFailed(own(), "insufficient_funds".into());
        booking.step(&failed, circumstances, BEGIN).unwrap();
        let state = if decline < 5 { BookingState::Pending } else { BookingState::Failed };
        assert_eq!((booking.state, booking.failed_payment_count), (state, decline));
    }
    assert_eq!(booking.failure_code, "insufficient_funds");
    assert_eq!(booking.open_payment, None);
}

#[test]
fn places_come_back_once_each_and_what_is_left_is_refunded_at_the_end() {
    let terms = terms(LATER);
    let circumstances = Circumstances { terms: &terms, places_are_free: false };
    let mut booking = row("C").0;
    let one_back = trigger("one");
    let step = booking.step(&one_back, circumstances, BEGIN).unwrap();
    let Some(BookingFact::PlacesReturned(places, refund)) = step.fact else { panic!() };
    assert_eq!((places.len(), refund.minor, booking.refunded().minor), (1, 500, 500));
    let again = booking.step(&one_back, circumstances, BEGIN).unwrap_err();
    assert_eq!(again.reason(), Some(Reason::PlaceUnknown));
    let step = booking.step(&trigger("owner"), circumstances, BEGIN).unwrap();
    let Some(BookingFact::Cancelled(told)) = step.fact else { panic!() };
    assert_eq!(told.refund.unwrap().minor, 500, "only the other place");
    assert_eq!((booking.refunded().minor, booking.place_set().count()), (1_000, 0));
}
