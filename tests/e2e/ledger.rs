//! No money is lost or made: the gateway's ledger and the platform's payments agree to the cent.

use std::collections::BTreeMap;

use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::payment::v1::{Payment, payment};
use boxoffice_server::adapters::sandbox::{LedgerEntry, LedgerState};
use boxoffice_tests::{Person, Stage, StagePlan, World, scenarios};
use futures::future::join_all;

const BUYERS: usize = 20;
const PURCHASES_A_BUYER: usize = 5;

/// A purchase that one buyer made, with every payment of it.
struct Purchase {
    booking: Booking,
    payments: Vec<Payment>,
}

/// Buys a seat in one of ten ways.
async fn purchase(buyer: &Person, stage: &Stage, number: usize) -> Purchase {
    let seat = stage.seat(number);
    let hold = buyer.hold(&stage.event_id, &[seat]).await.expect("the seat is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let (tokens, cancelled): (&[&str], bool) = match number % 10 {
        0 | 1 => (&["tok_success"], false),
        2 => (&["tok_declined", "tok_expired_card", "tok_success"], false),
        3 => (&["tok_insufficient_funds"], true),
        4 => (&["tok_declined"; 5], false),
        5 => (&["tok_timeout_before_charge"], false),
        6 => (&["tok_declined", "tok_timeout_after_charge"], false),
        7 => (&["tok_hang"], true),
        8 => (&["tok_timeout_after_charge"], true),
        _ => (&["tok_success"], true),
    };
    let mut payments = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let is_last = index + 1 == tokens.len();
        let payment = buyer.start_paying(&booking, token).await.expect("it is recorded");
        payments.push(match cancelled && is_last {
            true => payment,
            false => buyer.wait_for_outcome(&payment).await,
        });
    }
    if cancelled {
        // It may be paid by then: the money is taken or given back, as the booking says.
        drop(buyer.cancel(&booking).await);
    }
    Purchase { booking, payments }
}

/// Waits until no payment is open and no refund is on its way, nor an event that causes one.
async fn wait_until_settled(world: &World) {
    let unsettled = "select (select count(*) from payment_refund where state = 'PENDING')
        + (select count(*) from store_outbox)
        + (select count(*) from payment_payment where state in ('PENDING', 'UNKNOWN'))
        + (select count(*) from booking_booking where open_payment_id is not null)";
    world.database.wait_by_hand(unsettled, |count| count == 0).await;
}

/// What the platform says of a payment has to be what the ledger says.
fn assert_agrees(payment: &Payment, entry: Option<&LedgerEntry>) {
    let amount = payment.amount.as_ref().expect("an amount").minor_units;
    let refunded = payment.refunded.as_ref().map_or(0, |refunded| refunded.minor_units);
    let Some(entry) = entry else { panic!("the gateway never heard of {payment:?}") };
    let expected = match payment.state() {
        payment::State::Succeeded => LedgerState::Captured,
        payment::State::Failed => LedgerState::Declined,
        payment::State::Canceled => LedgerState::Canceled,
        other => panic!("{other:?} is not settled"),
    };
    let known = (entry.state, entry.amount_minor, entry.refunded_minor);
    assert_eq!(known, (expected, amount, refunded), "{payment:?}");
}

scenarios! {
    async fn s_27_after_a_hundred_mixed_purchases_every_cent_and_seat_is_found(world: &World) {
        let plan = StagePlan { rows: 10, price_minor_units: 1_999, ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let buyers = join_all((0..BUYERS).map(|_| world.guest())).await;
        let bought = join_all(buyers.iter().enumerate().map(|(index, buyer)| {
            let first = index * PURCHASES_A_BUYER;
            let numbers = first..first + PURCHASES_A_BUYER;
            join_all(numbers.map(|number| purchase(buyer, &stage, number)))
        }))
        .await;
        wait_until_settled(world).await;
        let entries = world.sandbox().entries().await.expect("the ledger's entries");
        let ledger: BTreeMap<String, &LedgerEntry> =
            entries.iter().map(|entry| (entry.payment_id.to_string(), entry)).collect();
        let (mut payment_count, mut sold, mut due) = (0, 0, 0);
        for (buyer, purchases) in buyers.iter().zip(&bought) {
            for Purchase { booking, payments } in purchases {
                let booking = buyer.look_at(booking).await;
                if booking.state() == booking::State::Confirmed {
                    sold += booking.places.len();
                    due += booking.total.expect("a total").minor_units;
                }
                for payment in payments {
                    let payment = buyer.look_at_payment(payment).await;
                    assert_agrees(&payment, ledger.get(&payment.payment_id).copied());
                    payment_count += 1;
                }
            }
        }
        assert_eq!(entries.len(), payment_count, "the gateway knows of no other payment");
        let captured = entries.iter().filter(|entry| entry.state == LedgerState::Captured);
        let kept: i64 = captured.map(|entry| entry.amount_minor - entry.refunded_minor).sum();
        assert_eq!(kept, due, "what the gateway kept is what the bookings cost");
        assert!(sold >= 50, "only {sold} were sold");
        let states = stage.states(&buyers[0]).await;
        let count = |wanted| states.values().filter(|state| **state == wanted).count();
        assert_eq!(count(SeatState::Sold), sold);
        assert_eq!(count(SeatState::Available), states.len() - sold);
    }
}
