//! Payments whose buyers have to do something more, such as 3-D Secure.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::payment::v1::{
    ConfirmPaymentActionRequest, FailureCode, Payment, PaymentMethod, payment,
};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id, scenarios};

use crate::refusals::refused;

/// A payment that requires an action.
async fn challenged(world: &World) -> (Stage, Person, Booking, Payment) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let payment = buyer.pay(&booking, "tok_requires_action").await.expect("an answer");
    (stage, buyer, booking, payment)
}

fn confirming(payment: &Payment, answer: &str) -> ConfirmPaymentActionRequest {
    ConfirmPaymentActionRequest {
        request_id: request_id(),
        payment_id: payment.payment_id.clone(),
        answer: answer.into(),
        wait: Some(boxoffice_sdk::Duration { seconds: 5, nanos: 0 }),
    }
}

async fn confirm(buyer: &Person, request: ConfirmPaymentActionRequest) -> Result<Payment, Error> {
    Ok(buyer.confirm_payment_action(request).await?.payment.expect("a payment"))
}

scenarios! {
    async fn s_37b_an_action_that_succeeds_confirms_the_booking(world: &World) {
        let (stage, buyer, booking, payment) = challenged(world).await;
        assert_eq!(payment.state(), payment::State::RequiresAction);
        assert_eq!(payment.method(), PaymentMethod::Card);
        let action = payment.action.as_ref().expect("an action");
        assert_eq!(action.r#type(), payment::action::Type::Redirect);
        assert_eq!(action.answers, ["succeed", "decline"]);
        assert!(!action.redirect_url.is_empty());
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::AwaitingPayment);
        let open = buyer.pay(&booking, "tok_success").await;
        refused(open, Code::FailedPrecondition, ErrorReason::PaymentOpen);
        let request = confirming(&payment, "succeed");
        let paid = confirm(&buyer, request.clone()).await.expect("an answer");
        assert_eq!((paid.state(), paid.action.as_ref()), (payment::State::Succeeded, None));
        assert_eq!(confirm(&buyer, request.clone()).await.expect("the same"), paid);
        let another = ConfirmPaymentActionRequest { answer: "decline".into(), ..request };
        let another = confirm(&buyer, another).await;
        refused(another, Code::FailedPrecondition, ErrorReason::RequestIdReused);
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        assert_eq!(stage.states(&buyer).await[stage.seat(0)], SeatState::Sold);
        buyer.wait_for_timeline(&booking, &[
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentRequiresAction",
            "PaymentSucceeded", "BookingConfirmed", "TicketIssued",
        ]).await;
    }

    async fn s_37b_an_action_that_is_declined_leaves_the_booking_to_be_paid(world: &World) {
        let (_, buyer, booking, payment) = challenged(world).await;
        let failed = confirm(&buyer, confirming(&payment, "decline")).await.expect("an answer");
        assert_eq!(failed.state(), payment::State::Failed);
        assert_eq!(failed.failure(), FailureCode::AuthenticationFailed);
        assert_eq!(failed.failure_code, "authentication_failed");
        let pending = buyer.look_at(&booking).await;
        assert_eq!(pending.state(), booking::State::Pending);
        assert_eq!(pending.failure_code, "authentication_failed");
        let again = confirm(&buyer, confirming(&payment, "succeed")).await;
        let error = refused(again, Code::FailedPrecondition, ErrorReason::PaymentActionNotAwaited);
        assert_eq!(error.metadata()["state"], "FAILED");
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        assert_eq!(paid.state(), payment::State::Succeeded);
        assert_eq!(paid.failure(), FailureCode::Unspecified);
    }

    async fn s_37b_an_action_nobody_takes_is_cancelled_when_the_time_passes(world: &World) {
        let (stage, buyer, booking, payment) = challenged(world).await;
        world.clock.advance(Duration::from_secs(10 * 60 + 5));
        buyer.wait_for(&booking, booking::State::Expired).await;
        stage.wait_for(&buyer, stage.seat(0), SeatState::Available).await;
        let canceled = buyer.look_at_payment(&payment).await;
        assert_eq!((canceled.state(), canceled.action.as_ref()), (payment::State::Canceled, None));
        let entry = world.ledger_of(&payment).await.expect("it was asked for");
        assert_eq!(entry.state, LedgerState::Canceled);
        let late = confirm(&buyer, confirming(&payment, "succeed")).await;
        refused(late, Code::FailedPrecondition, ErrorReason::PaymentActionNotAwaited);
    }

    async fn s_24_a_cancellation_ends_an_action(world: &World) {
        let (stage, buyer, booking, payment) = challenged(world).await;
        buyer.cancel(&booking).await.expect("it is not paid");
        stage.wait_for(&buyer, stage.seat(0), SeatState::Available).await;
        assert_eq!(buyer.look_at_payment(&payment).await.state(), payment::State::Canceled);
    }

    async fn s_60_nobody_else_confirms_an_action_and_only_with_an_answer_it_names(world: &World) {
        let (_, buyer, booking, payment) = challenged(world).await;
        let stranger = world.guest().await;
        let foreign = confirm(&stranger, confirming(&payment, "succeed")).await;
        refused(foreign, Code::NotFound, ErrorReason::NotFound);
        let wrong = confirm(&buyer, confirming(&payment, "please")).await;
        refused(wrong, Code::InvalidArgument, ErrorReason::InvalidFields);
        assert_eq!(buyer.look_at_payment(&payment).await.state(), payment::State::RequiresAction);
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::AwaitingPayment);
        let none = Payment { payment_id: "pay_00000000000000000000000000000001".into(), ..payment };
        let none = confirm(&buyer, confirming(&none, "succeed")).await;
        refused(none, Code::NotFound, ErrorReason::NotFound);
    }
}
