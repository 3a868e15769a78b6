//! The purchase as a whole: how it succeeds, fails, and runs out of time.

use std::time::{Duration, Instant};

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, ListBookingsRequest, SeatState, booking};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_tests::{Person, Stage, StagePlan, World, eventually, scenarios};

/// Beyond the time to pay, which is 10 minutes.
const PAY_BY_PASSED: Duration = Duration::from_secs(10 * 60 + 5);

async fn book(buyer: &Person, stage: &Stage, seats: &[&str]) -> Booking {
    let hold = buyer.hold(&stage.event_id, seats).await.expect("the seats are free");
    buyer.book(&hold).await.expect("the hold is good")
}

/// One page of the caller's bookings in these states.
async fn page(
    buyer: &Person,
    states: &[booking::State],
    page_size: i32,
    page_token: String,
) -> (Vec<String>, String) {
    let states = states.iter().map(|state| (*state).into()).collect();
    let request = ListBookingsRequest { page_size, page_token, states };
    let listed = buyer.list_bookings(request).await.expect("bookings are listed");
    let ids = listed.bookings.into_iter().map(|booking| booking.booking_id).collect();
    (ids, listed.next_page_token)
}

scenarios! {
    async fn s_11_a_payment_in_flight_keeps_its_seat_until_it_is_settled(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, other) = (world.guest().await, world.guest().await);
        let seat = stage.seat(0);
        let booking = book(&buyer, &stage, &[seat]).await;
        let payment = buyer.start_paying(&booking, "tok_hang").await.expect("it is recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        world.clock.advance(PAY_BY_PASSED);
        eventually(async || {
            let held = other.hold(&stage.event_id, &[seat]).await;
            held.inspect_err(|error| assert_eq!(error.reason(), ErrorReason::SeatsTaken))
        }).await;
        // Somebody else has the seat, so the payment must have been settled before.
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Expired);
        assert_eq!(buyer.look_at_payment(&payment).await.state(), payment::State::Canceled);
        let entry = world.ledger_of(&payment).await.expect("it was asked for");
        assert_eq!(entry.state, LedgerState::Canceled);
        buyer.wait_for_timeline(&booking, &[
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentUnknown",
            "BookingSettling", "PaymentCanceled", "BookingExpired",
        ]).await;
    }

    async fn s_11_a_gateway_that_never_answers_is_awaited_for_five_minutes(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, other) = (world.guest().await, world.guest().await);
        let seat = stage.seat(0);
        let booking = book(&buyer, &stage, &[seat]).await;
        let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        world.clock.advance(PAY_BY_PASSED);
        buyer.wait_for_timeline(&booking, &[
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentUnknown",
            "BookingSettling",
        ]).await;
        world.clock.advance(Duration::from_secs(4 * 60));
        let refused = other.hold(&stage.event_id, &[seat]).await.expect_err("still claimed");
        assert_eq!(refused.reason(), ErrorReason::SeatsTaken);
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::AwaitingPayment);
        world.clock.advance(Duration::from_secs(61));
        buyer.wait_for(&booking, booking::State::Expired).await;
        other.hold(&stage.event_id, &[seat]).await.expect("it is free");
        // Nobody knows what became of the money, so the gateway goes on being asked.
        assert_eq!(buyer.look_at_payment(&payment).await.state(), payment::State::Unknown);
        let asked = "select ask_count from payment_payment";
        let before = world.database.count_by_hand(asked).await;
        world.clock.advance(Duration::from_secs(61));
        world.database.wait_by_hand(asked, |count| count > before).await;
        assert_eq!(buyer.look_at_payment(&payment).await.state(), payment::State::Unknown);
    }

    async fn s_25_a_purchase_moves_to_confirmed_within_five_seconds(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.customer().await;
        let begun = Instant::now();
        let booking = book(&buyer, &stage, &[stage.seat(0), stage.seat(1)]).await;
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Pending);
        buyer.start_paying(&booking, "tok_success").await.expect("the payment is recorded");
        let confirmed = buyer.wait_for(&booking, booking::State::Confirmed).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!((confirmed.failed_payment_count, confirmed.failure_code.as_str()), (0, ""));
        buyer.wait_for_timeline(&booking, &[
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentSucceeded",
            "BookingConfirmed", "TicketIssued", "TicketIssued",
        ]).await;
        let steps = buyer.timeline_of(&booking).await;
        let times: Vec<_> = steps.iter().map(|step| step.occur_time).collect();
        assert!(times.is_sorted_by_key(|time| time.map(|time| (time.seconds, time.nanos))));
    }

    async fn s_25_bookings_are_listed_by_page_and_state(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, other) = (world.customer().await, world.guest().await);
        let mut paid = Vec::new();
        for seat in 0..3 {
            paid.insert(0, buyer.buy(&stage.event_id, &[stage.seat(seat)]).await.booking_id);
        }
        let unpaid = book(&buyer, &stage, &[stage.seat(3)]).await.booking_id;
        let (all, end) = page(&buyer, &[], 50, String::new()).await;
        assert_eq!((all[0].as_str(), &all[1..], end.as_str()), (unpaid.as_str(), &paid[..], ""));
        let confirmed = [booking::State::Confirmed];
        let (first, token) = page(&buyer, &confirmed, 2, String::new()).await;
        let (second, end) = page(&buyer, &confirmed, 2, token).await;
        assert_eq!((&first[..], &second[..], end.as_str()), (&paid[..2], &paid[2..], ""));
        let (failed, _) = page(&buyer, &[booking::State::Failed], 50, String::new()).await;
        let (of_another, _) = page(&other, &[], 50, String::new()).await;
        assert!(failed.is_empty() && of_another.is_empty());
    }

    async fn s_26_the_fifth_decline_fails_the_booking_and_frees_its_seats(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let seats = [stage.seat(0), stage.seat(1)];
        let booking = book(&buyer, &stage, &seats).await;
        let tokens = ["tok_declined", "tok_insufficient_funds", "tok_expired_card"];
        let codes = ["card_declined", "insufficient_funds", "expired_card"];
        for attempt in 0..5 {
            let declined = buyer.pay(&booking, tokens[attempt % 3]).await.expect("an answer");
            assert_eq!(declined.state(), payment::State::Failed);
            assert_eq!(declined.failure_code, codes[attempt % 3]);
            let entry = world.ledger_of(&declined).await.expect("it was asked for");
            assert_eq!(entry.state, LedgerState::Declined);
            let now = buyer.look_at(&booking).await;
            let state =
                if attempt < 4 { booking::State::Pending } else { booking::State::Failed };
            assert_eq!((now.state(), now.failure_code.as_str()), (state, codes[attempt % 3]));
        }
        let states = stage.states(&buyer).await;
        assert!(seats.iter().all(|seat| states[*seat] == SeatState::Available));
        assert_eq!(buyer.look_at(&booking).await.failed_payment_count, 5);
        let refused = buyer.pay(&booking, "tok_success").await.expect_err("it is over");
        assert_eq!(refused.reason(), ErrorReason::BookingState);
        assert_eq!(world.sandbox().entries().await.expect("entries").len(), 5);
    }

    async fn s_26_a_declined_booking_that_runs_out_of_time_says_so(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, &[stage.seat(0)]).await;
        buyer.pay(&booking, "tok_declined").await.expect("an answer");
        world.clock.advance(PAY_BY_PASSED);
        let failed = buyer.wait_for(&booking, booking::State::Failed).await;
        assert_eq!(failed.failure_code, "pay_by_passed");
        stage.wait_for(&buyer, stage.seat(0), SeatState::Available).await;
    }

    async fn s_28_after_a_decline_the_seat_is_still_his_and_a_retry_works(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, other) = (world.guest().await, world.guest().await);
        let booking = book(&buyer, &stage, &[stage.seat(0)]).await;
        buyer.pay(&booking, "tok_declined").await.expect("an answer");
        let refused = other.hold(&stage.event_id, &[stage.seat(0)]).await.expect_err("his seat");
        assert_eq!(refused.reason(), ErrorReason::SeatsTaken);
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        assert_eq!(paid.state(), payment::State::Succeeded);
        let confirmed = buyer.look_at(&booking).await;
        assert_eq!(confirmed.state(), booking::State::Confirmed);
        assert_eq!((confirmed.failed_payment_count, confirmed.failure_code.as_str()), (1, ""));
        let refused = buyer.pay(&booking, "tok_success").await.expect_err("it is paid");
        assert_eq!(refused.reason(), ErrorReason::BookingState);
        assert_eq!(world.sandbox().entries().await.expect("entries").len(), 2);
    }

    async fn s_28_a_retry_after_the_time_to_pay_charges_nothing(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, other) = (world.guest().await, world.guest().await);
        let booking = book(&buyer, &stage, &[stage.seat(0)]).await;
        let declined = buyer.pay(&booking, "tok_declined").await.expect("an answer");
        world.clock.advance(PAY_BY_PASSED);
        // Whether or not the sweeper has been there: the time is over.
        let refused = buyer.pay(&booking, "tok_success").await.expect_err("too late");
        assert_eq!(refused.reason(), ErrorReason::BookingState);
        buyer.wait_for(&booking, booking::State::Failed).await;
        let theirs = other.buy(&stage.event_id, &[stage.seat(0)]).await;
        assert_eq!(theirs.state(), booking::State::Confirmed);
        let refused = buyer.pay(&booking, "tok_success").await.expect_err("too late");
        assert_eq!(refused.reason(), ErrorReason::BookingState);
        let entries = world.sandbox().entries().await.expect("entries");
        assert_eq!(entries.len(), 2);
        assert!(entries.iter().any(|entry| entry.payment_id.to_string() == declined.payment_id));
    }
}
