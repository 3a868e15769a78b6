//! Payments whose requests are repeated, whose answers are lost, and whose bookings are cancelled.

use std::collections::BTreeSet;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, Payment, payment};
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_tests::{Person, Stage, StagePlan, World, look_until, request_id, scenarios};
use futures::future::join_all;

async fn book(buyer: &Person, stage: &Stage, seat: usize) -> Booking {
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("the seat is free");
    buyer.book(&hold).await.expect("the hold is good")
}

fn paying(booking: &Booking) -> CreatePaymentRequest {
    CreatePaymentRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
        payment_token: "tok_success".into(),
        wait: None,
    }
}

/// The payment's answer is lost; still the booking is confirmed, and its money taken once.
async fn lost_answer(world: &World, token: &str) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let booking = book(&buyer, &stage, 0).await;
    let payment = buyer.start_paying(&booking, token).await.expect("the payment is recorded");
    assert_eq!(payment.state(), payment::State::Pending);
    buyer.wait_for(&booking, booking::State::Confirmed).await;
    let paid = buyer.look_at_payment(&payment).await;
    assert_eq!(paid.state(), payment::State::Succeeded);
    let entries = world.sandbox().entries().await.expect("entries");
    let [entry] = entries.as_slice() else { panic!("one charge, not {entries:?}") };
    assert_eq!((entry.state, entry.amount_minor), (LedgerState::Captured, 2_500));
    assert_eq!((entry.refunded_minor, entry.ask_count), (0, 2));
    buyer
        .wait_for_timeline(
            &booking,
            &[
                "BookingCreated",
                "PaymentCreated",
                "BookingPaymentStarted",
                "PaymentUnknown",
                "PaymentSucceeded",
                "BookingConfirmed",
                "TicketIssued",
            ],
        )
        .await;
}

scenarios! {
    async fn s_30_a_repeated_payment_request_charges_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let request = paying(&booking);
        let mut ids = BTreeSet::new();
        for _ in 0..5 {
            let answer = buyer.create_payment(request.clone()).await.expect("the same answer");
            ids.insert(answer.payment.expect("a payment").payment_id);
        }
        assert_eq!(ids.len(), 1);
        buyer.wait_for(&booking, booking::State::Confirmed).await;
        let answer = buyer.create_payment(request.clone()).await.expect("the same answer, later");
        let payment = answer.payment.expect("a payment");
        assert_eq!(payment.state(), payment::State::Succeeded);
        assert!(ids.contains(&payment.payment_id));
        let another = CreatePaymentRequest { payment_token: "tok_declined".into(), ..request };
        let refused = buyer.create_payment(another).await.expect_err("another body");
        assert_eq!(refused.reason(), ErrorReason::RequestIdReused);
        let entries = world.sandbox().entries().await.expect("entries");
        assert_eq!((entries.len(), entries[0].ask_count), (1, 1));
    }

    async fn s_30_parallel_payments_of_a_booking_charge_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        for seat in 0..5 {
            let booking = book(&buyer, &stage, seat).await;
            let same = paying(&booking);
            let requests = (0..10).map(|index| match index {
                0..5 => same.clone(),
                _ => paying(&booking),
            });
            let answers = join_all(requests.map(|request| buyer.create_payment(request))).await;
            let mut ids = BTreeSet::new();
            for answer in answers {
                match answer {
                    Ok(answer) => drop(ids.insert(answer.payment.expect("one").payment_id)),
                    Err(error) => assert!(
                        [ErrorReason::PaymentOpen, ErrorReason::BookingState]
                            .contains(&error.reason()),
                        "{error}"
                    ),
                }
            }
            assert_eq!(ids.len(), 1, "one payment was made");
            buyer.wait_for(&booking, booking::State::Confirmed).await;
            let entries = world.sandbox().entries().await.expect("entries");
            assert_eq!(entries.len(), seat + 1);
            assert!(entries.iter().all(|entry| entry.state == LedgerState::Captured));
        }
    }

    async fn s_31_an_answer_lost_after_the_charge_is_found_and_charged_once(world: &World) {
        lost_answer(world, "tok_timeout_after_charge").await;
    }

    async fn s_35_an_answer_lost_before_the_charge_is_asked_for_and_charged_once(world: &World) {
        lost_answer(world, "tok_timeout_before_charge").await;
    }

    async fn s_35_an_unknown_outcome_shows_as_unknown_and_blocks_a_second_payment(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let payment = buyer.start_paying(&booking, "tok_hang").await.expect("it is recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        let waiting = buyer.look_at(&booking).await;
        assert_eq!(waiting.state(), booking::State::AwaitingPayment);
        let refused = buyer.pay(&booking, "tok_success").await.expect_err("one at a time");
        assert_eq!(refused.reason(), ErrorReason::PaymentOpen);
        assert_eq!(refused.metadata().get("payment_id"), Some(&payment.payment_id));
        assert_eq!(world.sandbox().entries().await.expect("entries").len(), 1);
    }

    async fn s_24_a_cancel_overtakes_a_payment_that_hangs(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let payment = buyer.start_paying(&booking, "tok_hang").await.expect("it is recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        let cancelled = buyer.cancel(&booking).await.expect("it is not paid");
        assert_eq!(cancelled.state(), booking::State::Cancelled);
        stage.wait_for(&buyer, stage.seat(0), SeatState::Available).await;
        let canceled = buyer.look_at_payment(&payment).await;
        assert_eq!(canceled.state(), payment::State::Canceled);
        let entry = world.ledger_of(&payment).await.expect("it was asked for");
        assert_eq!((entry.state, entry.refunded_minor), (LedgerState::Canceled, 0));
        assert!(buyer.tickets_of(&booking).await.is_empty());
        let refused = buyer.pay(&booking, "tok_success").await.expect_err("it is cancelled");
        assert_eq!(refused.reason(), ErrorReason::BookingState);
    }

    async fn s_33_money_taken_while_the_booking_is_cancelled_is_given_back_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        for seat in 0..5 {
            let booking = book(&buyer, &stage, seat).await;
            let payment = buyer.start_paying(&booking, "tok_timeout_after_charge").await;
            let payment = payment.expect("it is recorded");
            look_until(async || world.ledger_of(&payment).await, |entry| {
                entry.as_ref().is_some_and(|entry| entry.state != LedgerState::Open)
            }).await;
            let is_noted = |payment: &Payment| payment.state() != payment::State::Pending;
            look_until(async || buyer.look_at_payment(&payment).await, is_noted).await;
            // The answer is found a second later: mostly, the cancellation comes before that.
            if buyer.cancel(&booking).await.is_err() {
                assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
                continue;
            }
            stage.wait_for(&buyer, stage.seat(seat), SeatState::Available).await;
            buyer
                .wait_for_timeline(&booking, &[
                    "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentUnknown",
                    "BookingCancelled", "PaymentSucceeded", "RefundRequested",
                    "BookingPlacesFreed", "RefundSucceeded",
                ])
                .await;
            let told = "select count(*) from notification_notification
                where kind = 'REFUND_SUCCEEDED' and state = 'SENT'";
            world.database.wait_by_hand(told, |count| count == 1).await;
            let refunded = buyer.look_at_payment(&payment).await;
            assert_eq!(refunded.state(), payment::State::Succeeded);
            assert_eq!(refunded.refunded.expect("an amount").minor_units, 2_500);
            let entry = world.ledger_of(&payment).await.expect("it was asked for");
            assert_eq!((entry.state, entry.refunded_minor), (LedgerState::Captured, 2_500));
            assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Cancelled);
            assert!(buyer.tickets_of(&booking).await.is_empty());
            return;
        }
        panic!("no cancellation came in time");
    }
}
