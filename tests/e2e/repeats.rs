//! Requests that come again, one after the other and all at once.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    CancelBookingRequest, CreateBookingRequest, ExtendHoldRequest, HoldSeatsRequest,
    ListBookingsRequest, ReleaseHoldRequest, SeatState, booking, hold,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, payment};
use boxoffice_sdk::reporting::v1::GetBookingTimelineRequest;
use boxoffice_sdk::{Client, Code, ErrorReason};
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_server::secret::Secret;
use boxoffice_tests::{Backend, Person, Stage, StagePlan, World, request_id, scenarios};
use futures::future::join_all;

use crate::refusals::refused;

const REPEATS: usize = 50;

fn hold_request(stage: &Stage, seats: &[usize]) -> HoldSeatsRequest {
    HoldSeatsRequest {
        request_id: request_id(),
        event_id: stage.event_id.clone(),
        seat_ids: seats.iter().map(|index| stage.seat(*index).to_owned()).collect(),
        general_admission: Vec::new(),
    }
}

fn booking_request(hold_id: &str) -> CreateBookingRequest {
    CreateBookingRequest {
        request_id: request_id(),
        hold_id: hold_id.to_owned(),
        contact_email: "buyer@example.com".into(),
    }
}

fn payment_request(booking_id: &str) -> CreatePaymentRequest {
    CreatePaymentRequest {
        request_id: request_id(),
        booking_id: booking_id.to_owned(),
        payment_token: "tok_success".into(),
        wait: Some(boxoffice_sdk::Duration { seconds: 10, nanos: 0 }),
    }
}

/// The only one of all equal answers.
#[track_caller]
fn only<T: PartialEq + std::fmt::Debug>(answers: Vec<T>) -> T {
    assert_eq!(answers.len(), REPEATS);
    let mut answers = answers.into_iter();
    let first = answers.next().expect("an answer");
    assert!(answers.all(|answer| answer == first), "not all like {first:?}");
    first
}

/// The same caller on several connections.
async fn several(world: &World, person: &Person) -> Vec<Person> {
    let twins = (0..4).map(|_| async {
        let twin = world.anonymous().await;
        twin.set_tokens(person.tokens());
        twin
    });
    join_all(twins).await
}

/// Makes the same call many times at once, by turns on these connections, and answers with what
/// all of them said.
async fn at_once<T, Answer>(connections: &[Person], call: impl Fn(Client) -> Answer) -> T
where
    T: PartialEq + std::fmt::Debug,
    Answer: Future<Output = Result<T, boxoffice_sdk::Error>>,
{
    let clients = connections.iter().map(|person| (**person).clone()).cycle();
    let answers = join_all(clients.take(REPEATS).map(call)).await;
    only(answers.into_iter().map(|answer| answer.expect("it is done")).collect())
}

/// Holds, books and pays with every request made many times at once.
async fn buy_many_times_over(world: &World, connections: &[Person], stage: &Stage) {
    let request = hold_request(stage, &[0, 1]);
    let held = at_once(connections, |client| {
        let request = request.clone();
        async move { client.hold_seats(request).await }
    });
    let hold = held.await.hold.expect("a hold");
    let request = booking_request(&hold.hold_id);
    let booked = at_once(connections, |client| {
        let request = request.clone();
        async move { client.create_booking(request).await }
    });
    let booking = booked.await.booking.expect("a booking");
    assert_eq!((booking.state(), booking.version), (booking::State::Pending, 1));
    let request = payment_request(&booking.booking_id);
    let paid = at_once(connections, |client| {
        let request = request.clone();
        async move { client.create_payment(request).await }
    });
    let paid = paid.await.payment.expect("a payment");
    assert_eq!(paid.state(), payment::State::Succeeded);

    let person = &connections[0];
    let listed = person.list_bookings(ListBookingsRequest::default()).await.expect("a list");
    assert_eq!(listed.bookings.len(), 1);
    assert_eq!(listed.bookings[0].state(), booking::State::Confirmed);
    assert_eq!(person.tickets_of(&booking).await.len(), 2);
    let entries = world.sandbox().entries().await.expect("a ledger");
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].state, entries[0].amount_minor), (LedgerState::Captured, 5_000));
    // Held, claimed and sold: three changes of two seats.
    let request =
        boxoffice_sdk::catalog::v1::GetSeatMapRequest { event_id: stage.event_id.clone() };
    let map = person.get_seat_map(request).await.expect("a seat map");
    assert_eq!(map.cursor.expect("a cursor").revision, 3);
    world.assert_sound().await;
    let request = GetBookingTimelineRequest { booking_id: booking.booking_id };
    let steps = person.get_booking_timeline(request).await.expect("a timeline").steps;
    for (kind, count) in [("BookingCreated", 1), ("PaymentCreated", 1), ("BookingConfirmed", 1)] {
        assert_eq!(steps.iter().filter(|step| step.r#type == kind).count(), count, "{kind}");
    }
}

scenarios! {
    async fn s_17_a_repeated_request_is_answered_with_what_it_made(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let holding = hold_request(&stage, &[0, 1]);
        let hold = buyer.hold_seats(holding.clone()).await.expect("they are free").hold;
        let again = buyer.hold_seats(holding.clone()).await.expect("a repeat").hold;
        assert_eq!(again, hold);
        let booking_it = booking_request(&hold.expect("a hold").hold_id);
        let booking = buyer.create_booking(booking_it.clone()).await.expect("it is good").booking;
        let again = buyer.create_booking(booking_it.clone()).await.expect("a repeat").booking;
        assert_eq!(again, booking);
        let booking = booking.expect("a booking");
        let paying = payment_request(&booking.booking_id);
        let payment = buyer.create_payment(paying.clone()).await.expect("it is taken").payment;
        // How long a caller waits does not make it another request.
        let repeat = CreatePaymentRequest { wait: None, ..paying.clone() };
        assert_eq!(buyer.create_payment(repeat).await.expect("a repeat").payment, payment);
        assert_eq!(world.sandbox().entries().await.expect("a ledger").len(), 1);
        // Each is answered as it is by now.
        let hold = buyer.hold_seats(holding).await.expect("a repeat").hold.expect("a hold");
        assert_eq!(hold.state(), hold::State::Used);
        let again = buyer.create_booking(booking_it).await.expect("a repeat").booking;
        let again = again.expect("a booking");
        assert_eq!(again.booking_id, booking.booking_id);
        assert_eq!(again.state(), booking::State::Confirmed);
    }

    async fn s_17_a_repeated_change_changes_nothing_more(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        world.clock.advance(Duration::from_secs(60));
        let hold_id = hold.hold_id.clone();
        let extending = ExtendHoldRequest { request_id: request_id(), hold_id: hold_id.clone() };
        let longer = buyer.extend_hold(extending.clone()).await.expect("there is time").hold;
        world.clock.advance(Duration::from_secs(60));
        let again = buyer.extend_hold(extending.clone()).await.expect("a repeat").hold;
        assert_eq!(again, longer);
        let releasing = ReleaseHoldRequest { request_id: request_id(), hold_id };
        let gone = buyer.release_hold(releasing.clone()).await.expect("it is theirs").hold;
        assert_eq!(buyer.release_hold(releasing).await.expect("a repeat").hold, gone);
        let late = buyer.extend_hold(extending).await.expect("a repeat").hold.expect("a hold");
        assert_eq!(late.state(), hold::State::Released);
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let cancelling =
            CancelBookingRequest { request_id: request_id(), booking_id: booking.booking_id };
        let cancelled = buyer.cancel_booking(cancelling.clone()).await.expect("unpaid").booking;
        let other = world.guest().await;
        other.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        assert_eq!(buyer.cancel_booking(cancelling).await.expect("a repeat").booking, cancelled);
        assert_eq!(stage.states(&other).await[stage.seat(0)], SeatState::Held);
    }

    async fn s_17_a_request_id_with_another_body_is_refused(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let elsewhere = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let (code, reason) = (Code::FailedPrecondition, ErrorReason::RequestIdReused);
        let holding = hold_request(&stage, &[0, 1]);
        let hold = buyer.hold_seats(holding.clone()).await.expect("they are free").hold;
        for other in [hold_request(&stage, &[0]), hold_request(&elsewhere, &[0, 1])] {
            let other = HoldSeatsRequest { request_id: holding.request_id.clone(), ..other };
            refused(buyer.hold_seats(other).await, code, reason);
        }
        let spare = buyer.hold(&stage.event_id, &[stage.seat(2)]).await.expect("it is free");
        let first = booking_request(&hold.expect("a hold").hold_id);
        let booking = buyer.create_booking(first.clone()).await.expect("it is good").booking;
        let others = [
            CreateBookingRequest { hold_id: spare.hold_id.clone(), ..first.clone() },
            CreateBookingRequest { contact_email: "other@example.com".into(), ..first },
        ];
        for other in others {
            refused(buyer.create_booking(other).await, code, reason);
        }
        let booking_id = booking.expect("a booking").booking_id;
        let paying = payment_request(&booking_id);
        buyer.create_payment(paying.clone()).await.expect("it is taken");
        let other = CreatePaymentRequest { payment_token: "tok_declined".into(), ..paying };
        refused(buyer.create_payment(other).await, code, reason);
        assert_eq!(world.sandbox().entries().await.expect("a ledger").len(), 1);
        buyer.book(&spare).await.expect("the spare hold was left alone");
        let states = elsewhere.states(&buyer).await;
        assert!(states.values().all(|state| *state == SeatState::Available));
    }

    async fn s_17_one_id_for_two_bodies_at_once_has_one_effect(world: &World) {
        let stages = [
            world.stage(StagePlan::default()).await,
            world.stage(StagePlan::default()).await,
        ];
        let buyer = world.guest().await;
        for index in 0..5 {
            let id = request_id();
            let calls = stages.iter().map(|stage| {
                let request = hold_request(stage, &[index]);
                buyer.hold_seats(HoldSeatsRequest { request_id: id.clone(), ..request })
            });
            let answers = join_all(calls).await;
            let (held, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
            assert_eq!(held.len(), 1);
            for answer in refusals {
                refused(answer, Code::FailedPrecondition, ErrorReason::RequestIdReused);
            }
            let mut holds = Vec::new();
            for stage in &stages {
                let hold = buyer.hold(&stage.event_id, &[stage.seat(index + 5)]).await;
                holds.push(hold.expect("it is free").hold_id);
            }
            let id = request_id();
            let calls = holds.iter().map(|hold_id| {
                let request = booking_request(hold_id);
                buyer.create_booking(CreateBookingRequest { request_id: id.clone(), ..request })
            });
            let answers = join_all(calls).await;
            let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
            assert_eq!(made.len(), 1);
            for answer in refusals {
                refused(answer, Code::FailedPrecondition, ErrorReason::RequestIdReused);
            }
        }
    }

    async fn s_17_another_callers_same_id_is_another_request(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (first, second) = (world.guest().await, world.customer().await);
        let id = request_id();
        let mut made = Vec::new();
        for (index, person) in [&first, &second].into_iter().enumerate() {
            let request =
                HoldSeatsRequest { request_id: id.clone(), ..hold_request(&stage, &[index]) };
            let hold = person.hold_seats(request).await.expect("it is free").hold;
            let hold = hold.expect("a hold");
            let request =
                CreateBookingRequest { request_id: id.clone(), ..booking_request(&hold.hold_id) };
            let booking = person.create_booking(request).await.expect("it is good").booking;
            let booking = booking.expect("a booking");
            let request = CreatePaymentRequest {
                request_id: id.clone(),
                ..payment_request(&booking.booking_id)
            };
            let paid = person.create_payment(request).await.expect("it is taken").payment;
            made.push((hold.hold_id, booking.booking_id, paid.expect("a payment").payment_id));
        }
        assert_ne!(made[0].0, made[1].0);
        assert_ne!(made[0].1, made[1].1);
        assert_ne!(made[0].2, made[1].2);
        assert_eq!(world.sandbox().entries().await.expect("a ledger").len(), 2);
    }

    async fn s_18_fifty_equal_requests_at_once_have_one_effect(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let connections = several(world, &world.guest().await).await;
        buy_many_times_over(world, &connections, &stage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_18_fifty_equal_requests_to_two_servers_have_one_effect() {
    let world = World::start(Backend::Postgres).await;
    let replica = world.replica().await;
    let stage = world.stage(StagePlan::default()).await;
    let mut connections = several(&world, &world.guest().await).await;
    for person in connections.iter_mut().step_by(2) {
        *person = replica.same(person).await;
    }
    buy_many_times_over(&world, &connections, &stage).await;
    replica.finish().await;
    world.finish().await;
}

/// Another secret is put in use, and the one before is still accepted.
async fn the_secret_changes(backend: Backend) {
    let mut world = World::start(backend).await;
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let holding = hold_request(&stage, &[0, 1]);
    let hold = buyer.hold_seats(holding.clone()).await.expect("they are free").hold;
    let booking_it = booking_request(&hold.expect("a hold").hold_id);
    let booking = buyer.create_booking(booking_it.clone()).await.expect("it is good").booking;
    let old = std::mem::replace(&mut world.config.secret, secret("another secret, 9876543210-zyx"));
    world.config.previous_secrets = vec![old];
    let world = world.restart().await;
    let buyer = world.again(&buyer).await;
    let again = buyer.create_booking(booking_it.clone()).await.expect("a repeat").booking;
    assert_eq!(again, booking);
    let again = buyer.hold_seats(holding.clone()).await.expect("a repeat").hold;
    assert_eq!(again.expect("a hold").state(), hold::State::Used);
    let other = CreateBookingRequest { contact_email: "x@example.com".into(), ..booking_it };
    let (code, reused) = (Code::FailedPrecondition, ErrorReason::RequestIdReused);
    refused(buyer.create_booking(other).await, code, reused);
    let other = HoldSeatsRequest { seat_ids: vec![stage.seat(0).to_owned()], ..holding };
    refused(buyer.hold_seats(other).await, code, reused);
    world.finish().await;
}

fn secret(text: &str) -> Secret {
    Secret::parse(&text.repeat(2)).expect("it is strong enough")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_a_repeat_is_known_across_a_change_of_the_secret_on_sqlite() {
    the_secret_changes(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_a_repeat_is_known_across_a_change_of_the_secret_on_postgres() {
    the_secret_changes(Backend::Postgres).await;
}
