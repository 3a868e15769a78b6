//! Requests that come again, commits that fail, consumers that fail for a while.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{CreateBookingRequest, GetBookingRequest, GetHoldRequest};
use boxoffice_sdk::payment::v1::CreatePaymentRequest;
use boxoffice_tests::{Person, StagePlan, World, eventually, request_id};

use crate::verdict::{By, Findings};

/// Beyond the longest pause between two attempts to deliver an event.
const TRIED_AGAIN: Duration = Duration::from_secs(61);
/// What a booking goes through that is paid at once.
const PAID: [&str; 6] = [
    "BookingCreated",
    "PaymentCreated",
    "BookingPaymentStarted",
    "PaymentSucceeded",
    "BookingConfirmed",
    "TicketIssued",
];

/// The outbox cannot be written for a while.
pub async fn a_commit_that_fails(world: &World, findings: &mut Findings) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let request = GetHoldRequest { hold_id: hold.hold_id.clone() };
    // A server that answers too early may not have it yet.
    eventually(async || buyer.get_hold(request.clone()).await).await;
    world.database.by_hand("alter table store_outbox rename to elsewhere").await;
    let answer = buyer.book(&hold).await;
    world.database.by_hand("alter table elsewhere rename to store_outbox").await;
    if let Ok(booking) = answer {
        let request = GetBookingRequest { booking_id: booking.booking_id };
        let found = buyer.get_booking(request).await;
        findings.if_refused(&found, "an answer comes to nothing");
    }
}

/// The same request again, another one under its id, and the same id of another caller.
pub async fn repeats(world: &World, findings: &mut Findings) {
    let stage = world.stage(StagePlan::default()).await;
    let (one, two) = (world.guest().await, world.guest().await);
    let request_id = request_id();
    let booking = async |person: &Person, seat: usize| {
        let hold = person.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("it is free");
        let request = CreateBookingRequest {
            request_id: request_id.clone(),
            hold_id: hold.hold_id,
            contact_email: "buyer@example.com".into(),
        };
        person.create_booking(request).await
    };
    let booked = booking(&one, 0).await.expect("the hold is good").booking.expect("a booking");
    findings.if_refused(&booking(&two, 1).await, "a caller meets another one's request");
    let paying = CreatePaymentRequest {
        request_id: request_id.clone(),
        booking_id: booked.booking_id,
        payment_token: "tok_declined".into(),
        wait: Some(boxoffice_sdk::Duration { seconds: 5, nanos: 0 }),
    };
    let pay = async |request: &CreatePaymentRequest| {
        let answer = one.create_payment(request.clone()).await?;
        Ok(answer.payment.expect("a payment").payment_id)
    };
    let first: Result<_, boxoffice_sdk::Error> = pay(&paying).await;
    let first = first.expect("a declined payment is an answer");
    let again = pay(&paying).await;
    let is_the_same = again.as_ref().is_ok_and(|again| *again == first);
    findings.unless(is_the_same, "a repeat makes another payment");
    let other = CreatePaymentRequest { payment_token: "tok_expired_card".into(), ..paying };
    findings.unless_refused(&pay(&other).await, "another request is taken for a repeat");
}

/// The timelines cannot take that a booking was made, until they can.
pub async fn a_failing_consumer(world: &World, findings: &mut Findings) {
    const WAITING: &str = "select coalesce(max(failure_count), -1) from store_outbox";
    // What a consumer has seen before it saw what came before that.
    const OVERTAKEN: &str = "select count(*) from store_inbox i
        join (select message_id, aggregate_id, aggregate_version from store_outbox
            union all select message_id, aggregate_id, aggregate_version from store_event_log) e
            on e.message_id = i.message_id
        join store_outbox earlier on earlier.aggregate_id = e.aggregate_id
            and earlier.aggregate_version < e.aggregate_version
        where not exists (select 1 from store_inbox seen
            where seen.consumer = i.consumer and seen.message_id = earlier.message_id)";
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    world.database.by_hand("alter table reporting_booking rename to elsewhere").await;
    let bought = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
    // It is tried again with all that came since, or there is nothing left to try.
    for _ in 0..2 {
        let before = world.database.count_by_hand(WAITING).await;
        world.clock.advance(TRIED_AGAIN);
        let tried = |count: i64| count > before.max(0) || count < 0;
        world.database.wait_by_hand(WAITING, tried).await;
    }
    if world.database.count_by_hand(OVERTAKEN).await > 0 {
        findings.add(By::Answers("an event overtakes an earlier one"), &bought.booking_id);
    }
    world.database.by_hand("alter table elsewhere rename to reporting_booking").await;
    world.clock.advance(TRIED_AGAIN);
    world.database.wait_by_hand("select count(*) from store_outbox", |count| count == 0).await;
    let steps = buyer.timeline_of(&bought).await;
    let kinds: Vec<&str> = steps.iter().map(|step| step.r#type.as_str()).collect();
    if kinds != PAID {
        findings.add(By::Answers("a timeline has a hole"), kinds);
    }
}
