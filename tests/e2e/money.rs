//! What is charged: once, and only for what can be had.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    Booking, CancelBookingRequest, CreateBookingRequest, SeatState, booking,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, payment};
use boxoffice_sdk::reporting::v1::GetBookingTimelineRequest;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_server::adapters::sandbox::{LedgerEntry, LedgerState};
use boxoffice_tests::{Person, StagePlan, World, request_id, scenarios};
use futures::future::join_all;

use crate::refusals::refused;

async fn ledger(world: &World) -> Vec<LedgerEntry> {
    world.sandbox().entries().await.expect("a ledger")
}

async fn claim(person: &Person, event_id: &str, seats: &[&str]) -> Booking {
    let hold = person.hold(event_id, seats).await.expect("the seats are free");
    person.book(&hold).await.expect("the hold is good")
}

async fn cancel(person: &Person, booking: &Booking) {
    let request =
        CancelBookingRequest { request_id: request_id(), booking_id: booking.booking_id.clone() };
    person.cancel_booking(request).await.expect("it is not paid");
}

scenarios! {
    async fn s_21_a_free_booking_is_confirmed_at_once(world: &World) {
        let stage = world.stage(StagePlan { price_minor_units: 0, ..StagePlan::default() }).await;
        let buyer = world.guest().await;
        let seats = [stage.seat(0), stage.seat(1)];
        let booking = claim(&buyer, &stage.event_id, &seats).await;
        assert_eq!(booking.state(), booking::State::Confirmed);
        assert_eq!(booking.total.as_ref().expect("a total").minor_units, 0);
        assert_eq!(buyer.look_at(&booking).await, booking);
        assert_eq!(buyer.tickets_of(&booking).await.len(), 2);
        let states = stage.states(&buyer).await;
        assert!(seats.iter().all(|seat| states[*seat] == SeatState::Sold));
        let answer = buyer.pay(&booking, "tok_success").await;
        let error = refused(answer, Code::FailedPrecondition, ErrorReason::BookingState);
        assert_eq!(error.metadata()["state"], "CONFIRMED");
        // It stays sold when the time to pay, had there been any, is over.
        world.clock.advance(Duration::from_secs(11 * 60));
        world.assert_sound().await;
        assert_eq!(buyer.look_at(&booking).await, booking);
        assert!(ledger(world).await.is_empty());
    }

    async fn s_22_nothing_is_charged_for_a_booking_that_cannot_be_paid(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, stranger) = (world.guest().await, world.guest().await);
        let cancelled = claim(&buyer, &stage.event_id, &[stage.seat(0)]).await;
        cancel(&buyer, &cancelled).await;
        let answer = buyer.pay(&cancelled, "tok_success").await;
        let error = refused(answer, Code::FailedPrecondition, ErrorReason::BookingState);
        assert_eq!(error.metadata()["state"], "CANCELLED");
        let abandoned = claim(&buyer, &stage.event_id, &[stage.seat(1)]).await;
        let foreign = stranger.pay(&abandoned, "tok_success").await;
        let foreign = refused(foreign, Code::NotFound, ErrorReason::NotFound);
        let unknown = Booking {
            booking_id: "bkg_00000000000000000000000000000001".into(),
            ..abandoned.clone()
        };
        let unknown = buyer.pay(&unknown, "tok_success").await;
        let unknown = refused(unknown, Code::NotFound, ErrorReason::NotFound);
        assert_eq!(foreign.to_string(), unknown.to_string());
        let answer = buyer.pay(&abandoned, "tok_of_somebody_else").await;
        refused(answer, Code::InvalidArgument, ErrorReason::PaymentTokenInvalid);
        assert_eq!(buyer.look_at(&abandoned).await, abandoned);
        // Neither the instant its time is over nor when it has ended for it.
        world.clock.advance(Duration::from_secs(10 * 60 + 1));
        let answer = buyer.pay(&abandoned, "tok_success").await;
        refused(answer, Code::FailedPrecondition, ErrorReason::BookingState);
        buyer.wait_for(&abandoned, booking::State::Expired).await;
        let answer = buyer.pay(&abandoned, "tok_success").await;
        let error = refused(answer, Code::FailedPrecondition, ErrorReason::BookingState);
        assert_eq!(error.metadata()["state"], "EXPIRED");
        assert!(ledger(world).await.is_empty());
    }

    async fn s_22_a_hold_alone_cannot_be_paid(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let digits = hold.hold_id.strip_prefix("hld_").expect("the prefix of holds");
        for (booking_id, code, reason) in [
            (hold.hold_id.clone(), Code::InvalidArgument, ErrorReason::InvalidFields),
            (format!("bkg_{digits}"), Code::NotFound, ErrorReason::NotFound),
        ] {
            let request = CreatePaymentRequest {
                request_id: request_id(),
                booking_id,
                payment_token: "tok_success".into(),
                wait: None,
            };
            refused(buyer.create_payment(request).await, code, reason);
        }
        assert!(ledger(world).await.is_empty());
    }

    async fn s_23_payments_made_at_once_confirm_and_charge_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = claim(&buyer, &stage.event_id, &[stage.seat(0), stage.seat(1)]).await;
        let calls = (0..10).map(|_| buyer.pay(&booking, "tok_success"));
        let (taken, refusals): (Vec<_>, Vec<_>) =
            join_all(calls).await.into_iter().partition(Result::is_ok);
        assert_eq!((taken.len(), refusals.len()), (1, 9));
        for answer in refusals {
            let error = answer.expect_err("it was refused");
            assert_eq!(error.code(), Code::FailedPrecondition);
            let reasons = [ErrorReason::PaymentOpen, ErrorReason::BookingState];
            assert!(reasons.contains(&error.reason()), "{error}");
        }
        for payment in taken {
            assert_eq!(payment.expect("it was taken").state(), payment::State::Succeeded);
        }
        let again = buyer.pay(&booking, "tok_success").await;
        let error = refused(again, Code::FailedPrecondition, ErrorReason::BookingState);
        assert_eq!(error.metadata()["state"], "CONFIRMED");
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        assert_eq!(buyer.tickets_of(&booking).await.len(), 2);
        let entries = ledger(world).await;
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].state, entries[0].amount_minor), (LedgerState::Captured, 5_000));
        assert_eq!((entries[0].ask_count, entries[0].refunded_minor), (1, 0));
        // Once it is sound, every event has arrived.
        world.assert_sound().await;
        let request = GetBookingTimelineRequest { booking_id: booking.booking_id };
        let steps = buyer.get_booking_timeline(request).await.expect("a timeline").steps;
        let count = |kind: &str| steps.iter().filter(|step| step.r#type == kind).count();
        assert_eq!((count("BookingConfirmed"), count("PaymentSucceeded")), (1, 1));
        assert_eq!((count("BookingPaymentStarted"), count("PaymentCreated")), (1, 1));
        assert_eq!((count("TicketIssued"), count("RefundRequested")), (2, 0));
    }

    async fn s_32_the_requests_of_a_finished_purchase_begin_nothing_anew(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let booking_request = CreateBookingRequest {
            request_id: request_id(),
            hold_id: hold.hold_id.clone(),
            contact_email: "buyer@example.com".into(),
        };
        let made = buyer.create_booking(booking_request.clone()).await.expect("a booking");
        let booking = made.booking.expect("a booking");
        let paying = |token: &str| CreatePaymentRequest {
            request_id: request_id(),
            booking_id: booking.booking_id.clone(),
            payment_token: token.into(),
            wait: Some(boxoffice_sdk::Duration { seconds: 5, nanos: 0 }),
        };
        let requests = [paying("tok_declined"), paying("tok_success")];
        let mut payments = Vec::new();
        for request in &requests {
            let answer = buyer.create_payment(request.clone()).await.expect("an answer");
            payments.push(answer.payment.expect("a payment"));
        }
        let confirmed = buyer.look_at(&booking).await;
        assert_eq!(confirmed.state(), booking::State::Confirmed);
        for _ in 0..3 {
            let again = buyer.create_booking(booking_request.clone()).await.expect("the same");
            assert_eq!(again.booking.as_ref(), Some(&confirmed));
            for (request, payment) in requests.iter().zip(&payments) {
                let again = buyer.create_payment(request.clone()).await.expect("the same");
                assert_eq!(again.payment.as_ref(), Some(payment));
            }
        }
        world.assert_sound().await;
        let entries = ledger(world).await;
        assert_eq!(entries.iter().map(|entry| entry.ask_count).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(buyer.tickets_of(&booking).await.len(), 1);
    }

    async fn s_38_no_answer_until_the_deadline_ends_the_booking_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = claim(&buyer, &stage.event_id, &[stage.seat(0)]).await;
        buyer.pay(&booking, "tok_declined").await.expect("an answer");
        let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        world.clock.advance(Duration::from_secs(10 * 60 + 5));
        let settling = "select count(*) from booking_booking where settle_by_time is not null";
        world.database.wait_by_hand(settling, |count| count == 1).await;
        world.clock.advance(Duration::from_secs(5 * 60 + 5));
        let failed = buyer.wait_for(&booking, booking::State::Failed).await;
        assert_eq!(failed.failure_code, "pay_by_passed");
        assert_eq!(stage.states(&buyer).await[stage.seat(0)], SeatState::Available);
        // However often the gateway is asked from now on, nothing more becomes of it.
        for _ in 0..3 {
            world.clock.advance(Duration::from_secs(65));
            world.assert_sound().await;
        }
        assert_eq!(buyer.look_at(&booking).await, failed);
        let kinds: Vec<String> =
            buyer.timeline_of(&booking).await.into_iter().map(|step| step.r#type).collect();
        let count = |kind: &str| kinds.iter().filter(|step| *step == kind).count();
        assert_eq!((count("BookingSettling"), count("BookingFailed")), (1, 1), "{kinds:?}");
    }
}
