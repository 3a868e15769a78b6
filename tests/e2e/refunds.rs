//! Money that an organizer gives back, place by place.

use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::payment::v1::{Payment, RefundPaymentRequest, payment, refund};
use boxoffice_sdk::ticket::v1::ticket;
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id, scenarios};
use futures::future::join_all;

use crate::refusals::refused;

struct Sale {
    organizer: Person,
    stage: Stage,
    buyer: Person,
    booking: Booking,
    payment: Payment,
}

/// Three seats at 25.00 that are paid.
async fn sold(world: &World, token: &str) -> Sale {
    let organizer = world.organizer().await;
    let stage = Stage::publish(&organizer, &StagePlan::default()).await;
    let buyer = world.customer().await;
    let seats = [stage.seat(0), stage.seat(1), stage.seat(2)];
    let hold = buyer.hold(&stage.event_id, &seats).await.expect("the seats are free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let payment = buyer.pay(&booking, token).await.expect("an answer");
    assert_eq!(payment.state(), payment::State::Succeeded);
    let booking = buyer.look_at(&booking).await;
    Sale { organizer, stage, buyer, booking, payment }
}

fn refunding(payment: &Payment, places: &[&str]) -> RefundPaymentRequest {
    RefundPaymentRequest {
        request_id: request_id(),
        payment_id: payment.payment_id.clone(),
        place_ids: places.iter().map(|place| (*place).to_owned()).collect(),
        reason: "the view is bad".into(),
    }
}

async fn give_back(by: &Person, request: &RefundPaymentRequest) -> Result<Payment, Error> {
    Ok(by.refund_payment(request.clone()).await?.payment.expect("a payment"))
}

/// Waits until every refund is made, and compares what the gateway gave back.
async fn assert_given_back(world: &World, payment: &Payment, minor: i64) {
    let due = "select count(*) from payment_refund where state = 'PENDING'";
    world.database.wait_by_hand(due, |count| count == 0).await;
    let entry = world.ledger_of(payment).await.expect("it was charged");
    assert_eq!((entry.amount_minor, entry.refunded_minor), (7_500, minor));
}

scenarios! {
    async fn s_34_an_organizer_gives_places_back_one_by_one_and_then_all(world: &World) {
        let Sale { organizer, stage, buyer, booking, payment } = sold(world, "tok_success").await;
        let place = booking.places[0].clone();
        let request = refunding(&payment, &[&place.place_id]);
        let first = give_back(&organizer, &request).await.expect("a refund");
        assert_eq!(first.refunded.as_ref().expect("an amount").minor_units, 2_500);
        let [made] = first.refunds.as_slice() else { panic!("one refund: {first:?}") };
        assert_eq!(made.amount.as_ref().expect("an amount").minor_units, 2_500);
        assert_eq!(made.cause, "refunded_by_organizer");
        assert_eq!(made.reason, "the view is bad");
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        assert_eq!(stage.states(&buyer).await[&place.seat_id], SeatState::Available);
        let tickets = buyer.tickets_of(&booking).await;
        let valid = tickets.iter().filter(|ticket| ticket.state() == ticket::State::Valid);
        assert_eq!((valid.count(), tickets.len()), (2, 3));
        assert_given_back(world, &payment, 2_500).await;
        let again = give_back(&organizer, &request).await.expect("the same");
        assert_eq!((again.refunds.len(), again.refunds[0].state()), (1, refund::State::Succeeded));
        let other = RefundPaymentRequest { place_ids: Vec::new(), ..request.clone() };
        let other = give_back(&organizer, &other).await;
        refused(other, Code::FailedPrecondition, ErrorReason::RequestIdReused);
        let gone = give_back(&organizer, &refunding(&payment, &[&place.place_id])).await;
        assert_eq!(gone.expect_err("it was given back").reason(), ErrorReason::PlaceUnknown);
        world.guest().await.buy(&stage.event_id, &[&place.seat_id]).await;
        let all = give_back(&organizer, &refunding(&payment, &[])).await.expect("a refund");
        assert_eq!(all.refunded, all.amount);
        let cancelled = buyer.look_at(&booking).await;
        assert_eq!(cancelled.state(), booking::State::Cancelled);
        assert_given_back(world, &payment, 7_500).await;
        let more = give_back(&organizer, &refunding(&payment, &[])).await;
        refused(more, Code::FailedPrecondition, ErrorReason::PaymentNotRefundable);
        world.assert_sound().await;
        assert_eq!(buyer.look_at_payment(&payment).await.refunds.len(), 2);
        assert_given_back(world, &payment, 7_500).await;
    }

    async fn s_34_only_the_organizer_and_operators_give_money_back(world: &World) {
        let sale = sold(world, "tok_success").await;
        let Sale { organizer, buyer, booking, payment, .. } = &sale;
        let before = buyer.look_at_payment(payment).await;
        let request = refunding(payment, &[]);
        let own = give_back(buyer, &request).await;
        refused(own, Code::PermissionDenied, ErrorReason::RoleMissing);
        let foreign = give_back(&world.organizer().await, &request).await;
        let foreign = refused(foreign, Code::NotFound, ErrorReason::NotFound);
        let unknown = RefundPaymentRequest {
            payment_id: "pay_00000000000000000000000000000001".into(),
            ..request.clone()
        };
        let unknown = give_back(organizer, &unknown).await;
        let unknown = refused(unknown, Code::NotFound, ErrorReason::NotFound);
        assert_eq!(foreign.to_string(), unknown.to_string());
        let stranger = refunding(payment, &["pla_00000000000000000000000000000001"]);
        let stranger = give_back(organizer, &stranger).await;
        assert_eq!(stranger.expect_err("no such place").reason(), ErrorReason::PlaceUnknown);
        let wrong = give_back(organizer, &refunding(payment, &["sea_1"])).await;
        refused(wrong, Code::InvalidArgument, ErrorReason::InvalidFields);
        assert_eq!(buyer.look_at_payment(payment).await, before);
        assert_eq!(buyer.look_at(booking).await, *booking);
        give_back(&world.admin().await, &request).await.expect("an operator may");
        assert_given_back(world, payment, 7_500).await;
    }

    async fn s_34_a_payment_that_took_nothing_gives_nothing_back(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let declined = buyer.pay(&booking, "tok_declined").await.expect("an answer");
        let answer = give_back(&organizer, &refunding(&declined, &[])).await;
        let error = refused(answer, Code::FailedPrecondition, ErrorReason::PaymentNotRefundable);
        assert_eq!(error.metadata()["state"], "FAILED");
        buyer.pay(&booking, "tok_success").await.expect("an answer");
        let answer = give_back(&organizer, &refunding(&declined, &[])).await;
        refused(answer, Code::FailedPrecondition, ErrorReason::PaymentNotRefundable);
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
    }

    async fn s_34_a_place_that_cost_nothing_is_given_back_without_money(world: &World) {
        let organizer = world.organizer().await;
        let plan = StagePlan { price_minor_units: 0, standing: 5, ..StagePlan::default() };
        let stage = Stage::publish(&organizer, &plan).await;
        let buyer = world.guest().await;
        let (seats, standing) = ([stage.seat(0), stage.seat(1)], [(stage.standing.as_str(), 1)]);
        let hold = buyer.hold_places(&stage.event_id, &seats, &standing).await.expect("free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let payment = buyer.pay(&booking, "tok_success").await.expect("an answer");
        let request = refunding(&payment, &[&booking.places[0].place_id]);
        for _ in 0..2 {
            let answer = give_back(&organizer, &request).await.expect("it is given back");
            assert_eq!(answer.refunded.expect("an amount").minor_units, 0);
            assert!(answer.refunds.is_empty(), "{:?}", answer.refunds);
        }
        assert_eq!(stage.states(&buyer).await[stage.seat(0)], SeatState::Available);
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        let tickets = buyer.tickets_of(&booking).await;
        let valid = tickets.iter().filter(|ticket| ticket.state() == ticket::State::Valid);
        assert_eq!(valid.count(), 2);
        let paid = booking.places.iter().find(|place| place.seat_id.is_empty()).expect("one");
        let paid = refunding(&payment, &[&paid.place_id]);
        give_back(&organizer, &paid).await.expect("what was paid");
        // What is left has cost nothing, and can be given back all the same.
        give_back(&organizer, &refunding(&payment, &[])).await.expect("the rest");
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Cancelled);
        let recorded = "select count(*) from identity_audit where action = 'RefundPayment'";
        assert_eq!(world.database.count_by_hand(recorded).await, 3);
        let more = give_back(&organizer, &refunding(&payment, &[])).await;
        refused(more, Code::FailedPrecondition, ErrorReason::PaymentNotRefundable);
    }

    async fn s_34_refunds_at_once_give_every_place_back_once(world: &World) {
        let Sale { organizer, buyer, booking, payment, .. } = sold(world, "tok_success").await;
        let places: Vec<&str> = booking.places.iter().map(|p| p.place_id.as_str()).collect();
        let requests = (0..12).map(|number| match number % 4 {
            3 => refunding(&payment, &[]),
            place => refunding(&payment, &[places[place]]),
        });
        let requests: Vec<RefundPaymentRequest> = requests.collect();
        let answers = join_all(requests.iter().map(|request| give_back(&organizer, request))).await;
        assert!(answers.iter().any(Result::is_ok));
        // The place was given back, or all of them were; nothing else is a reason.
        let reasons = [ErrorReason::PlaceUnknown, ErrorReason::PaymentNotRefundable];
        let errors = answers.iter().filter_map(|answer| answer.as_ref().err());
        for error in errors {
            assert!(reasons.contains(&error.reason()), "{error}");
        }
        give_back(&organizer, &refunding(&payment, &[])).await.ok();
        assert_given_back(world, &payment, 7_500).await;
        let refunded = buyer.look_at_payment(&payment).await;
        let sum: i64 = refunded
            .refunds
            .iter()
            .filter_map(|refund| refund.amount.as_ref())
            .map(|amount| amount.minor_units)
            .sum();
        assert_eq!((sum, refunded.refunded), (7_500, refunded.amount));
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Cancelled);
    }

    async fn s_34_a_refund_whose_answer_is_lost_is_made_once(world: &World) {
        let token = "tok_timeout_after_refund";
        let Sale { organizer, buyer, payment, .. } = sold(world, token).await;
        give_back(&organizer, &refunding(&payment, &[])).await.expect("a refund");
        assert_given_back(world, &payment, 7_500).await;
        let refunded = buyer.look_at_payment(&payment).await;
        let [made] = refunded.refunds.as_slice() else { panic!("one refund: {refunded:?}") };
        assert_eq!(made.state(), refund::State::Succeeded);
        assert_eq!(world.sandbox().entries().await.expect("entries").len(), 1);
    }
}
