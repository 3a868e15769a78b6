//! A server that is killed, as by a power cut, goes on where it was.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, GetHoldRequest, booking, hold};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_tests::{Person, Process, Stage, StagePlan, kills, look_until};
use futures::future::join_all;

/// How soon a server is ready again.
const READY_MAX: Duration = Duration::from_secs(2);
/// How soon whatever was going on is finished by a server that is ready again.
const FINISHED_MAX: Duration = Duration::from_secs(5);

async fn kill_and_start_again(process: &mut Process) {
    process.kill();
    let ready = process.start_again().await;
    assert!(ready < READY_MAX, "ready only after {ready:?}");
}

async fn book(buyer: &Person, stage: &Stage, seat: usize) -> Booking {
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("the seat is free");
    buyer.book(&hold).await.expect("the hold is good")
}

/// Each of the bookings is confirmed by itself, and charged once.
async fn assert_confirmed_and_charged_once(
    process: &Process,
    buyer: &Person,
    bookings: &[Booking],
    begun: Instant,
) {
    for booking in bookings {
        buyer.wait_for(booking, booking::State::Confirmed).await;
    }
    assert!(begun.elapsed() < FINISHED_MAX, "it took {:?}", begun.elapsed());
    let ledger = process.ledger().await;
    assert_eq!(ledger.len(), bookings.len());
    for entry in ledger {
        assert_eq!((entry.state, entry.refunded_minor), (LedgerState::Captured, 0));
    }
}

kills! {
    async fn s_47_a_live_hold_survives_a_kill_for_its_owner_alone(process: &mut Process) {
        let stage = process.stage(StagePlan::default()).await;
        let (buyer, other) = (process.guest().await, process.guest().await);
        let seats = [stage.seat(0), stage.seat(1)];
        let held = buyer.hold(&stage.event_id, &seats).await.expect("the seats are free");
        kill_and_start_again(process).await;
        let (buyer, other) = (process.again(&buyer).await, process.again(&other).await);
        let request = GetHoldRequest { hold_id: held.hold_id.clone() };
        let found = buyer.get_hold(request.clone()).await.expect("it is there").hold;
        let found = found.expect("a hold");
        assert_eq!(found, held);
        assert_eq!(found.state(), hold::State::Active);
        let refused = other.hold(&stage.event_id, &[seats[1]]).await.expect_err("it is held");
        assert_eq!(refused.reason(), ErrorReason::SeatsTaken);
        let hidden = other.get_hold(request).await.expect_err("it is not his");
        assert_eq!(hidden.reason(), ErrorReason::NotFound);
        other.book(&held).await.expect_err("it is not his");
        let booking = buyer.book(&held).await.expect("it is his");
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        assert_eq!(paid.state(), payment::State::Succeeded);
    }

    async fn s_09_a_booking_survives_a_kill_with_all_its_seats(process: &mut Process) {
        let stage = process.stage(StagePlan::default()).await;
        let (buyer, other) = (process.guest().await, process.guest().await);
        let unpaid = book(&buyer, &stage, 0).await;
        let declined = book(&buyer, &stage, 1).await;
        buyer.pay(&declined, "tok_declined").await.expect("an answer");
        let paid = buyer.buy(&stage.event_id, &[stage.seat(2)]).await;
        let before = buyer.look_at(&declined).await;
        kill_and_start_again(process).await;
        let (buyer, other) = (process.again(&buyer).await, process.again(&other).await);
        assert_eq!(buyer.look_at(&unpaid).await, unpaid);
        assert_eq!(buyer.look_at(&declined).await, before);
        assert_eq!(buyer.look_at(&paid).await, paid);
        for seat in 0..3 {
            let refused = other.hold(&stage.event_id, &[stage.seat(seat)]).await;
            assert_eq!(refused.expect_err("taken").reason(), ErrorReason::SeatsTaken);
        }
        for booking in [&unpaid, &declined] {
            buyer.pay(booking, "tok_success").await.expect("an answer");
            assert_eq!(buyer.look_at(booking).await.state(), booking::State::Confirmed);
        }
    }

    async fn s_39_a_payment_that_was_acknowledged_goes_on_by_itself(process: &mut Process) {
        let stage = process.stage(StagePlan::default()).await;
        let buyer = process.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let payment = buyer.start_paying(&booking, "tok_success").await.expect("it is recorded");
        assert_eq!(payment.state(), payment::State::Pending);
        kill_and_start_again(process).await;
        let begun = Instant::now();
        let buyer = process.again(&buyer).await;
        assert_confirmed_and_charged_once(process, &buyer, &[booking], begun).await;
        let paid = buyer.look_at_payment(&payment).await;
        assert_eq!(paid.state(), payment::State::Succeeded);
    }

    async fn s_31_a_kill_after_the_charge_charges_nothing_more(process: &mut Process) {
        let stage = process.stage(StagePlan::default()).await;
        let buyer = process.guest().await;
        let mut bookings = Vec::new();
        for seat in 0..10 {
            bookings.push(book(&buyer, &stage, seat).await);
        }
        let tokens = ["tok_timeout_after_charge", "tok_success", "tok_timeout_before_charge"];
        let started = bookings.iter().zip(tokens.iter().cycle());
        let started = started.map(|(booking, token)| buyer.start_paying(booking, token));
        for payment in join_all(started).await {
            payment.expect("it is recorded");
        }
        look_until(async || process.ledger().await, |ledger| {
            ledger.iter().any(|entry| entry.state == LedgerState::Captured)
        }).await;
        kill_and_start_again(process).await;
        let begun = Instant::now();
        let buyer = process.again(&buyer).await;
        assert_confirmed_and_charged_once(process, &buyer, &bookings, begun).await;
    }

    async fn s_40_the_events_of_a_sale_that_was_cut_off_all_arrive(process: &mut Process) {
        let stage = process.stage(StagePlan::default()).await;
        let buyer = process.guest().await;
        let seats = 0..10;
        let purchases = seats.map(|seat| {
            let (buyer, stage) = (&buyer, &stage);
            async move { buyer.buy(&stage.event_id, &[stage.seat(seat)]).await }
        });
        let bookings = join_all(purchases).await;
        kill_and_start_again(process).await;
        let begun = Instant::now();
        let buyer = process.again(&buyer).await;
        for booking in &bookings {
            buyer.wait_for_timeline(booking, &[
                "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentSucceeded",
                "BookingConfirmed", "TicketIssued",
            ]).await;
        }
        assert!(begun.elapsed() < FINISHED_MAX, "it took {:?}", begun.elapsed());
        process.assert_sound().await;
        let twice = "select count(*) from store_event_log l where 4 <>
            (select count(*) from store_inbox i where i.message_id = l.message_id)";
        assert_eq!(process.database.count_by_hand(twice).await, 0, "four consumers, once each");
    }

    async fn s_42_what_a_killed_relay_had_claimed_leaves_as_soon_as_it_is_back(
        process: &mut Process
    ) {
        let stage = process.stage(StagePlan::default()).await;
        let buyer = process.guest().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        process.assert_sound().await;
        process.kill();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
        let columns = "message_id, context, kind, aggregate_id, aggregate_version, payload,
            occur_time";
        let claimed = format!(
            "begin;
            insert into store_outbox ({columns}, lease_id, lease_until)
                select {columns}, message_id, {} from store_event_log;
            delete from store_event_log;
            delete from store_inbox;
            delete from reporting_booking_step;
            commit",
            now + 600_000_000
        );
        process.database.by_hand(&claimed).await;
        process.start_again().await;
        let begun = Instant::now();
        let buyer = process.again(&buyer).await;
        buyer.wait_for_timeline(&booking, &[
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentSucceeded",
            "BookingConfirmed", "TicketIssued",
        ]).await;
        assert!(begun.elapsed() < FINISHED_MAX, "it took {:?}", begun.elapsed());
    }
}
