//! Bookings that are paid and given back.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{Booking, CancelBookingRequest, SeatState, booking};
use boxoffice_sdk::operations::v1::VerifyInvariantsRequest;
use boxoffice_sdk::ticket::v1::{CheckInTicketRequest, ticket};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id, scenarios};

use crate::refusals::refused;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn assert_refunded_once(world: &World, owner: &Person, booking: &Booking) {
    let made = "select count(*) from payment_refund where state = 'SUCCEEDED'";
    world.database.wait_by_hand(made, |count| count == 1).await;
    world.assert_sound().await;
    let booking = owner.look_at(booking).await;
    assert_eq!(booking.refunded, booking.total);
    let entries = world.sandbox().entries().await.expect("the ledger's entries");
    let total = booking.total.as_ref().expect("a total").minor_units;
    let given_back: i64 = entries.iter().map(|entry| entry.refunded_minor).sum();
    assert_eq!(given_back, total, "once and whole");
}

async fn publish(world: &World, plan: StagePlan) -> (Person, Stage) {
    let organizer = world.organizer().await;
    let stage = Stage::publish(&organizer, &plan).await;
    (organizer, stage)
}

scenarios! {
    async fn s_34_no_promise_is_broken_while_a_refund_is_under_way(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        world.assert_sound().await;
        world.clock.advance(Duration::from_secs(60));
        // Whoever gives the money back does not find the payment for a while.
        let hide = "update payment_payment set payment_id = booking_id";
        let show = "update payment_payment set payment_id = (select paid_payment_id
            from booking_booking b where b.booking_id = payment_payment.booking_id)";
        assert_eq!(world.database.by_hand(hide).await, 1);
        buyer.cancel(&booking).await.expect("it is in time");
        let request = VerifyInvariantsRequest { settle: None };
        let results = world.admin().await.verify_invariants(request).await.expect("verified");
        let money = results.results.iter().find(|r| r.name == "captured_money_has_a_home");
        assert_eq!(money.expect("it is verified").violation_count, 0, "{money:?}");
        assert_eq!(world.database.by_hand(show).await, 1);
        assert_refunded_once(world, &buyer, &booking).await;
    }

    async fn s_34_an_owner_cancels_in_time_and_the_money_comes_back_once(world: &World) {
        let stage = world.stage(StagePlan { standing: 5, ..StagePlan::default() }).await;
        let buyer = world.guest().await;
        let wish = [(stage.standing.as_str(), 1)];
        let hold = buyer.hold_places(&stage.event_id, &[stage.seat(0)], &wish).await.expect("free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        buyer.pay(&booking, "tok_success").await.expect("it is paid");
        let booking_id = booking.booking_id.clone();
        let request = CancelBookingRequest { request_id: request_id(), booking_id };
        let answer = buyer.cancel_booking(request.clone()).await.expect("it is in time");
        assert_eq!(answer.refund_amount, booking.total, "the amount is in the reply");
        let cancelled = answer.booking.expect("a booking");
        assert_eq!(cancelled.state(), booking::State::Cancelled);
        assert!(cancelled.places.iter().all(|place| place.return_time.is_some()));
        // At once: the tickets are worth nothing and the seat is free.
        let tickets = buyer.tickets_of(&booking).await;
        assert_eq!(tickets.len(), 2);
        assert!(tickets.iter().all(|ticket| ticket.state() == ticket::State::Void));
        assert_eq!(stage.states(&buyer).await[stage.seat(0)], SeatState::Available);
        let again = buyer.cancel_booking(request).await.expect("a repeat");
        assert_eq!(again.refund_amount, booking.total);
        let refusal = buyer.cancel(&booking).await;
        refused(refusal, Code::FailedPrecondition, ErrorReason::BookingState);
        assert_refunded_once(world, &buyer, &booking).await;
        world.guest().await.buy(&stage.event_id, &[stage.seat(0)]).await;
    }

    async fn s_34_within_a_day_of_the_start_only_the_organizer_cancels(world: &World) {
        let (organizer, stage) = publish(world, StagePlan::default()).await;
        let buyer = world.customer().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        // The event starts thirty days after it was made.
        world.clock.advance(DAY * 29 + Duration::from_secs(60));
        let buyer = world.again(&buyer).await;
        let refusal = buyer.cancel(&booking).await;
        refused(refusal, Code::FailedPrecondition, ErrorReason::CancelTooLate);
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        let stranger = world.organizer().await;
        refused(stranger.cancel(&booking).await, Code::NotFound, ErrorReason::NotFound);
        let organizer = world.again(&organizer).await;
        assert_eq!(organizer.look_at(&booking).await.state(), booking::State::Confirmed);
        let cancelled = organizer.cancel(&booking).await.expect("the organizer may");
        assert_eq!(cancelled.state(), booking::State::Cancelled);
        assert_refunded_once(world, &buyer, &booking).await;
        buyer
            .wait_for_timeline(&booking, &[
                "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentSucceeded",
                "BookingConfirmed", "TicketIssued", "BookingCancelled", "TicketVoided",
                "RefundRequested", "RefundSucceeded",
            ])
            .await;
    }

    async fn s_34_an_organizer_who_has_bought_cancels_as_the_organizer(world: &World) {
        let (organizer, stage) = publish(world, StagePlan::default()).await;
        let admin = world.admin().await;
        let own = organizer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let of_admin = admin.buy(&stage.event_id, &[stage.seat(1)]).await;
        // Too late for any other buyer.
        world.clock.advance(DAY * 29 + Duration::from_secs(60));
        for (person, booking) in [(organizer, own), (admin, of_admin)] {
            let person = world.again(&person).await;
            let cancelled = person.cancel(&booking).await.expect("the organizer may");
            assert_eq!(cancelled.state(), booking::State::Cancelled);
            assert_eq!(cancelled.refunded, booking.total);
        }
        let made = "select count(*) from payment_refund where state = 'SUCCEEDED'";
        world.database.wait_by_hand(made, |count| count == 2).await;
    }

    async fn s_34_whoever_has_entered_gets_no_money_back_by_herself(world: &World) {
        let (organizer, stage) = publish(world, StagePlan::default()).await;
        let buyer = world.guest().await;
        let seats = [stage.seat(0), stage.seat(1)];
        let booking = buyer.buy(&stage.event_id, &seats).await;
        let ticket = buyer.tickets_of(&booking).await.remove(0);
        let request = CheckInTicketRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            code: ticket.code.clone(),
            gate: "North".into(),
        };
        organizer.check_in_ticket(request).await.expect("the first to enter");
        let refusal = buyer.cancel(&booking).await;
        let error = refused(refusal, Code::FailedPrecondition, ErrorReason::TicketUsed);
        assert_eq!(error.metadata()["ticket_id"], ticket.ticket_id);
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        organizer.cancel(&booking).await.expect("the organizer may be generous");
        assert_refunded_once(world, &buyer, &booking).await;
    }
}
