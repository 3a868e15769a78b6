//! Events leave once they are true, and do their work once however often they come.

use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::reporting::v1::TimelineStep;
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::store::{Signal, heard};
use boxoffice_tests::{Person, Stage, StagePlan, World, look_until, scenarios};
use tokio::time::timeout;

/// Everything that events leave behind.
const COUNTS: [&str; 7] = [
    "select count(*) from store_event_log",
    "select count(*) from store_inbox",
    "select count(*) from reporting_booking_step",
    "select count(*) from ticket_ticket",
    "select count(*) from payment_refund",
    "select count(*) from booking_seat_change",
    "select count(*) from notification_notification",
];
/// How long it may take until an event has caused a mail.
const TOLD_MAX: Duration = Duration::from_secs(20);
/// What an event is, in the outbox and in the log.
const COLUMNS: &str =
    "message_id, context, kind, aggregate_id, aggregate_version, payload, occur_time";

async fn counts(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for count in COUNTS {
        counts.push(world.database.count_by_hand(count).await);
    }
    counts
}

async fn wait_until_all_left(world: &World) {
    world.database.wait_by_hand("select count(*) from store_outbox", |count| count == 0).await;
}

async fn book(buyer: &Person, stage: &Stage, seat: usize) -> Booking {
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("the seat is free");
    buyer.book(&hold).await.expect("the hold is good")
}

/// Bookings that ended in every way that needs no clock, with their timelines.
async fn ended(buyer: &Person, stage: &Stage) -> Vec<(Booking, Vec<TimelineStep>)> {
    let bought = buyer.buy(&stage.event_id, &[stage.seat(0), stage.seat(1)]).await;
    let declined = book(buyer, stage, 2).await;
    for _ in 0..5 {
        buyer.pay(&declined, "tok_declined").await.expect("an answer");
    }
    let cancelled = book(buyer, stage, 3).await;
    let payment = buyer.start_paying(&cancelled, "tok_hang").await.expect("it is recorded");
    buyer.wait_for_payment(&payment, payment::State::Unknown).await;
    buyer.cancel(&cancelled).await.expect("it is not paid");
    buyer.wait_for_payment(&payment, payment::State::Canceled).await;
    let found = book(buyer, stage, 4).await;
    buyer.pay(&found, "tok_timeout_after_charge").await.expect("an answer");
    buyer.wait_for(&found, booking::State::Confirmed).await;
    let mut ended = Vec::new();
    for (booking, length) in [(bought, 7), (declined, 21), (cancelled, 7), (found, 7)] {
        let timeline = async || buyer.timeline_of(&booking).await;
        let steps = look_until(timeline, |steps| steps.len() >= length).await;
        assert_eq!(steps.len(), length, "{steps:?}");
        ended.push((booking, steps));
    }
    ended
}

scenarios! {
    async fn s_52_whoever_sends_mails_is_told_that_there_is_one(world: &World) {
        let mut signals = world.app.store().signals().listen();
        world.customer().await;
        let told = timeout(TOLD_MAX, heard(&mut signals, Signal::Mails)).await;
        told.expect("the welcome is caused");
    }

    async fn s_40_every_committed_event_leaves_once_and_a_refusal_tells_nothing(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let unpaid = book(&buyer, &stage, 1).await;
        world.assert_sound().await;
        let told = "select (select count(*) from store_event_log)
            - (select count(distinct message_id) from store_inbox)";
        assert_eq!(world.database.count_by_hand(told).await, 0);
        let seen_twice = "select count(*) from store_event_log l where 4 <>
            (select count(*) from store_inbox i where i.message_id = l.message_id)";
        assert_eq!(world.database.count_by_hand(seen_twice).await, 0, "four consumers, once each");
        let steps = "select count(*) from store_event_log l where 1 <>
            (select count(*) from reporting_booking_step s where s.message_id = l.message_id)
            and l.context in ('booking', 'payment', 'ticket')";
        assert_eq!(world.database.count_by_hand(steps).await, 0, "one step an event");
        let before = counts(world).await;
        let taken = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect_err("it is sold");
        assert_eq!(taken.reason(), ErrorReason::SeatsTaken);
        let unknown = buyer.pay(&unpaid, "tok_of_nobody").await.expect_err("no such token");
        assert_eq!(unknown.reason(), ErrorReason::PaymentTokenInvalid);
        let hold = buyer.hold(&stage.event_id, &[stage.seat(2)]).await.expect("it is free");
        world.clock.advance(Duration::from_secs(10 * 60 - 30));
        buyer.pay(&unpaid, "tok_success").await.expect("there are seconds left");
        world.clock.advance(Duration::from_secs(60));
        let late = buyer.book(&hold).await.expect_err("it is over");
        assert_eq!(late.reason(), ErrorReason::HoldExpired);
        world.assert_sound().await;
        // Only the purchase told anything: two facts of the booking, two of the payment, a ticket.
        assert_eq!(counts(world).await[0], before[0] + 5);
    }

    async fn s_42_what_a_relay_had_claimed_is_taken_over_after_its_lease(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        world.assert_sound().await;
        let before = counts(world).await;
        // As another relay leaves it that was killed right after it claimed everything.
        let lease = world.clock.now().micros() + 10_000_000;
        let claimed = format!(
            "begin;
            insert into store_outbox ({COLUMNS}, lease_id, lease_until)
                select {COLUMNS}, message_id, {lease} from store_event_log;
            delete from store_event_log;
            commit"
        );
        world.database.by_hand(&claimed).await;
        let meanwhile = buyer.buy(&stage.event_id, &[stage.seat(1)]).await;
        buyer.wait_for_timeline(&meanwhile, &[
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentSucceeded",
            "BookingConfirmed", "TicketIssued",
        ]).await;
        let left = "select count(*) from store_outbox where lease_id = message_id";
        assert_eq!(world.database.count_by_hand(left).await, before[0], "the lease is respected");
        world.clock.advance(Duration::from_secs(10));
        wait_until_all_left(world).await;
        assert_eq!(counts(world).await[0], before[0] + 6);
    }

    async fn s_43_events_that_come_again_change_nothing(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let ended = ended(&buyer, &stage).await;
        world.assert_sound().await;
        let before = counts(world).await;
        let entries = format!("{:?}", world.sandbox().entries().await.expect("entries"));
        let again = format!(
            "insert into store_outbox ({COLUMNS}) select {COLUMNS} from store_event_log;"
        );
        let moved = format!("begin; {again} delete from store_event_log; commit");
        for how in [moved, again] {
            world.database.by_hand(&how).await;
            wait_until_all_left(world).await;
            world.assert_sound().await;
            assert_eq!(counts(world).await, before);
            for (booking, steps) in &ended {
                assert_eq!(&buyer.timeline_of(booking).await, steps);
            }
            let now = format!("{:?}", world.sandbox().entries().await.expect("entries"));
            assert_eq!(now, entries, "nobody was asked for anything again");
        }
    }

    async fn s_43b_an_event_that_fails_holds_up_its_own_booking_alone(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let stuck = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        world.assert_sound().await;
        // The booking's own events wait once more, and the first makes no sense to anybody.
        let its = "aggregate_id in (select booking_id from booking_booking)";
        let seen = format!("message_id in (select message_id from store_event_log where {its})");
        let spoilt = format!(
            "begin;
            insert into store_outbox ({COLUMNS}) select {COLUMNS} from store_event_log
                where {its};
            delete from store_inbox where {seen};
            delete from reporting_booking_step where {seen};
            delete from store_event_log where {its};
            create table kept as select message_id, payload from store_outbox;
            update store_outbox set payload = substr(payload, 2) where kind = 'BookingCreated';
            commit"
        );
        world.database.by_hand(&spoilt).await;
        let failed = "select count(*) from store_outbox where failure_count > 1";
        world.database.wait_by_hand(failed, |count| count > 0).await;
        let free = buyer.buy(&stage.event_id, &[stage.seat(1)]).await;
        let whole = [
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentSucceeded",
            "BookingConfirmed", "TicketIssued",
        ];
        buyer.wait_for_timeline(&free, &whole).await;
        let kinds = ["PaymentCreated", "PaymentSucceeded", "TicketIssued"];
        buyer.wait_for_timeline(&stuck, &kinds).await;
        let mended = "update store_outbox set payload = (select kept.payload from kept
            where kept.message_id = store_outbox.message_id) where kind = 'BookingCreated'";
        assert_eq!(world.database.by_hand(mended).await, 1);
        world.clock.advance(Duration::from_secs(61));
        buyer.wait_for_timeline(&stuck, &whole).await;
    }
}
