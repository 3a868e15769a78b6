//! Money: what is told late, what is not told, and what is given back.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::payment::v1::{Payment, RefundPaymentRequest, payment};
use boxoffice_server::kernel::id::PaymentId;
use boxoffice_server::kernel::money::{Currency, Money};
use boxoffice_server::ports::gateway::{Charge, PaymentGateway};
use boxoffice_tests::{Person, Stage, StagePlan, World, notice, request_id};
use serde_json::json;

use crate::verdict::Findings;

/// Beyond the time to pay and the time to settle, which begins when a worker has seen the first.
const PAY_BY_PASSED: Duration = Duration::from_secs(10 * 60 + 5);
const SETTLE_BY_PASSED: Duration = Duration::from_secs(5 * 60 + 5);
/// Beyond the first pause between two questions to the gateway.
const ASKED_AGAIN: Duration = Duration::from_secs(2);

async fn book(person: &Person, stage: &Stage, seats: &[&str]) -> Booking {
    let hold = person.hold(&stage.event_id, seats).await.expect("they are free");
    person.book(&hold).await.expect("the hold is good")
}

/// Begins a payment that the gateway cannot be asked about.
async fn start_unreachable(buyer: &Person, booking: &Booking) -> Payment {
    let payment = buyer.start_paying(booking, "tok_unreachable").await.expect("it is recorded");
    buyer.wait_for_payment(&payment, payment::State::Unknown).await
}

/// The gateway takes the money of such a payment all the same, and says so by a webhook.
async fn take_after_all(world: &World, payment: &Payment) -> u16 {
    let minor = payment.amount.as_ref().expect("an amount").minor_units;
    let charge = Charge {
        payment_id: PaymentId::parse(&payment.payment_id).expect("a payment id"),
        amount: Money { currency: Currency::parse("EUR").expect("a currency"), minor },
        payment_token: "tok_success".into(),
    };
    world.sandbox().charge(&charge).await;
    world.post_signed(&notice("whe_taken", payment, "succeeded")).await
}

/// A payment is declined, another one pays, the first takes the money after all, and the second is
/// said to have been declined.
pub async fn late_notices(world: &World, findings: &mut Findings) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let booking = book(&buyer, &stage, &[stage.seat(0)]).await;
    let first = start_unreachable(&buyer, &booking).await;
    let mut wrong = notice("whe_wrong", &first, "succeeded");
    wrong["charge"]["amount_minor"] = json!(1);
    if world.post_signed(&wrong).await == 200 {
        findings.unless(false, "a webhook names another amount");
        return;
    }
    assert_eq!(world.post_signed(&notice("whe_failed", &first, "failed")).await, 200);
    let second = buyer.pay(&booking, "tok_success").await.expect("an answer");
    assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
    assert_eq!(take_after_all(world, &first).await, 200);
    assert_eq!(world.post_signed(&notice("whe_undone", &second, "failed")).await, 200);
}

/// The gateway takes the money and its answer is lost.
pub async fn a_silent_gateway(world: &World, _: &mut Findings) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let booking = book(&buyer, &stage, &[stage.seat(0)]).await;
    buyer.start_paying(&booking, "tok_timeout_after_charge").await.expect("it is recorded");
    let heard = |count: i64| {
        format!(
            "select count(*) from payment_payment
            where ask_count >= {count} or state not in ('PENDING', 'UNKNOWN')"
        )
    };
    world.database.wait_by_hand(&heard(1), |count| count > 0).await;
    world.clock.advance(ASKED_AGAIN);
    world.database.wait_by_hand(&heard(2), |count| count > 0).await;
}

/// Money comes when its booking has given up and somebody else has booked the seat.
pub async fn late_money(world: &World, _: &mut Findings) {
    let stage = world.stage(StagePlan::default()).await;
    let (late, quick) = (world.guest().await, world.guest().await);
    let booking = book(&late, &stage, &[stage.seat(0)]).await;
    let payment = start_unreachable(&late, &booking).await;
    world.clock.advance(PAY_BY_PASSED);
    let settling = "select count(*) from booking_booking where settle_by_time is not null";
    world.database.wait_by_hand(settling, |count| count == 1).await;
    world.clock.advance(SETTLE_BY_PASSED);
    late.wait_for(&booking, booking::State::Expired).await;
    book(&quick, &stage, &[stage.seat(0)]).await;
    assert_eq!(take_after_all(world, &payment).await, 200);
}

/// One of three places is returned, and another booking is cancelled.
pub async fn money_back(world: &World, _: &mut Findings) {
    let organizer = world.organizer().await;
    let stage = Stage::publish(&organizer, &StagePlan::default()).await;
    let buyer = world.guest().await;
    let booking = book(&buyer, &stage, &[stage.seat(0), stage.seat(1), stage.seat(2)]).await;
    let payment = buyer.pay(&booking, "tok_timeout_after_refund").await.expect("an answer");
    let request = RefundPaymentRequest {
        request_id: request_id(),
        payment_id: payment.payment_id,
        place_ids: vec![booking.places[2].place_id.clone()],
        reason: "the view is bad".into(),
    };
    organizer.refund_payment(request).await.expect("it is paid");
    let asked = |count: i64| {
        format!(
            "select count(*) from payment_refund where ask_count >= {count} or state = 'SUCCEEDED'"
        )
    };
    world.database.wait_by_hand(&asked(1), |count| count > 0).await;
    world.clock.advance(ASKED_AGAIN);
    world.database.wait_by_hand(&asked(2), |count| count > 0).await;
    let cancelled = buyer.buy(&stage.event_id, &[stage.seat(3)]).await;
    buyer.cancel(&cancelled).await.expect("there is time");
}
