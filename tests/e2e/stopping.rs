//! A server that is told to stop: what it has begun is finished, and nothing is begun any more.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_proto::payment::v1::payment_service_client::PaymentServiceClient;
use boxoffice_sdk::booking::v1::{Booking, HoldSeatsRequest, WatchBookingRequest};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, Payment, payment};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::streams::{
    Keeper, Recorder, StreamEnd, assert_kept, channel, linger, narrow_channel, open_seats,
    with_token,
};
use boxoffice_tests::{
    Backend, HandClock, Person, Process, Stage, StagePlan, request_id, search_logs,
};
use futures::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::watch_seats::release;

/// How many payments there are.
const PAYMENTS: &str = "select count(*) from payment_payment";
/// How soon a server stops that waits for nobody but a reader.
const READER_MAX: Duration = Duration::from_secs(5);
const HOLDERS: usize = 6;
const SEATS_A_HOLDER: usize = 80;
/// Calls that are tried after the first that was refused.
const REFUSED_TRIES: usize = 3;

/// Holds one seat after the other, by calls that nobody repeats, until some were refused. Says
/// what became of each.
async fn hold_until_refused(
    person: Person,
    channel: Channel,
    stage: Arc<Stage>,
    first: usize,
) -> Vec<(String, Option<Error>)> {
    let mut stub = BookingServiceClient::new(channel);
    let mut outcomes = Vec::new();
    let mut refused = 0;
    for seat in first..first + SEATS_A_HOLDER {
        let seat = stage.seat(seat).to_owned();
        let request = HoldSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: vec![seat.clone()],
            general_admission: Vec::new(),
        };
        let held = stub.hold_seats(with_token(request, Some(&person))).await;
        let error = held.err().map(Error::from);
        refused += usize::from(error.is_some());
        outcomes.push((seat, error));
        if refused > REFUSED_TRIES {
            break;
        }
    }
    outcomes
}

/// Begins a payment and waits for its outcome, by a call that nobody repeats.
fn pay_slowly(
    person: &Person,
    booking: &Booking,
    url: &str,
    token: &str,
) -> JoinHandle<Result<Payment, Error>> {
    let request = CreatePaymentRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
        payment_token: token.to_owned(),
        wait: Some(boxoffice_sdk::Duration { seconds: 10, nanos: 0 }),
    };
    let (request, channel) = (with_token(request, Some(person)), channel(url));
    tokio::spawn(async move {
        let paid = PaymentServiceClient::new(channel).create_payment(request).await;
        paid.map(|paid| paid.into_inner().payment.expect("a payment")).map_err(Error::from)
    })
}

/// Watches the server's health to the end of the stream, which must be one without an error.
fn watch_health(url: &str) -> JoinHandle<Vec<ServingStatus>> {
    let mut health = HealthClient::new(channel(url));
    tokio::spawn(async move {
        let watched = health.watch(HealthCheckRequest::default()).await.expect("it can be watched");
        let (mut watched, mut told) = (watched.into_inner(), Vec::new());
        while let Some(message) = watched.message().await.expect("it ends as it should") {
            told.push(message.status());
        }
        told
    })
}

/// Watches a booking to the end of the stream, and says how it ended.
fn watch_booking(person: &Person, booking: &Booking, url: &str) -> JoinHandle<Error> {
    let request = WatchBookingRequest { booking_id: booking.booking_id.clone() };
    let (request, channel) = (with_token(request, Some(person)), channel(url));
    tokio::spawn(async move {
        let watched = BookingServiceClient::new(channel).watch_booking(request).await;
        let mut watched = watched.expect("it can be watched").into_inner();
        loop {
            match watched.message().await {
                Ok(message) => assert!(message.is_some(), "it ended without a status"),
                Err(status) => return Error::from(status),
            }
        }
    })
}

/// What was answered is there, and what was refused has never been.
async fn assert_all_or_nothing(process: &Process, outcomes: &[(String, Option<Error>)]) {
    let held = outcomes.iter().filter(|(_, error)| error.is_none()).count();
    assert!(held >= HOLDERS, "only {held} holds before it stopped");
    assert!(outcomes.len() >= held + HOLDERS, "not everybody was refused in the end");
    for (_, error) in outcomes {
        let code = error.as_ref().map_or(Code::Ok, Error::code);
        assert!([Code::Ok, Code::Unavailable].contains(&code), "{error:?}");
    }
    let there = "select count(*) from booking_seat where state = 'HELD'";
    assert_eq!(process.database.count_by_hand(there).await, i64::try_from(held).expect("it fits"));
}

/// Nobody has a lease that the next server would have to wait for.
async fn assert_nothing_leased(process: &Process) {
    let leased = "select (select count(*) from store_outbox where lease_id is not null)
        + (select count(*) from notification_notification n where n.state = 'PENDING'
            and n.lease_until > n.update_time)";
    assert_eq!(process.database.count_by_hand(leased).await, 0, "something is still leased");
}

async fn stop_under_load(backend: Backend, level: &str) {
    let mut process = Process::start_at_one_port(backend, &["--log", level]).await;
    let url = process.url();
    let plan =
        StagePlan { rows: 10, seats_a_row: 50, places_per_buyer_max: 100, ..Default::default() };
    let stage = Arc::new(process.stage(plan).await);
    let keeper = Keeper::begin(&process.database, &stage.event_id).await;
    let buyer = process.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(499)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let (health, booked) = (watch_health(&url), watch_booking(&buyer, &booking, &url));
    // Somebody who has connected and says nothing, and somebody who has called and may again.
    let mut silent = TcpStream::connect(url.trim_start_matches("http://")).await.expect("a port");
    let idle = process.guest().await;
    let clock = Arc::new(HandClock::default());
    let mut recorder = Recorder::new("watcher", channel(&url), &stage.event_id, &clock);
    let watching = tokio::spawn(async move {
        assert!(recorder.watch(None, std::future::pending()).await, "the server ends it");
        recorder.logs
    });
    let mut holding = Vec::new();
    for index in 0..HOLDERS {
        let (person, stage) = (process.guest().await, Arc::clone(&stage));
        let first = index * SEATS_A_HOLDER;
        holding.push(tokio::spawn(hold_until_refused(person, channel(&url), stage, first)));
    }
    // The gateway tells the outcome only when it is asked again.
    let paying = pay_slowly(&buyer, &booking, &url, "tok_timeout_before_charge");
    process.database.wait_by_hand(PAYMENTS, |count| count == 1).await;
    let held = "select count(*) from booking_seat where state = 'HELD'";
    process.database.wait_by_hand(held, |held| held >= HOLDERS as i64).await;

    let took = process.stop().await;
    let mut outcomes = Vec::new();
    for held in join_all(holding).await {
        outcomes.extend(held.expect("it has tried"));
    }
    assert_all_or_nothing(&process, &outcomes).await;
    assert_nothing_leased(&process).await;
    let paid = paying.await.expect("it has tried").expect("a call in flight gets its answer");
    assert_eq!(paid.booking_id, booking.booking_id);
    let told = health.await.expect("it was watched");
    assert_eq!(told, [ServingStatus::Serving, ServingStatus::NotServing]);
    let ended = booked.await.expect("it was watched");
    assert_eq!((ended.code(), ended.reason()), (Code::Unavailable, ErrorReason::Unavailable));
    assert_eq!(silent.read(&mut [0; 64]).await.unwrap_or(0), 0, "nothing is left to say");
    let logs = watching.await.expect("it was watched");
    let StreamEnd::Told { code, reason, cursor } = &logs[0].end else {
        panic!("{:?}", logs[0].end)
    };
    assert_eq!((*code, *reason), (Code::Unavailable, ErrorReason::Unavailable));
    assert!(cursor.is_some(), "it says where to go on");
    assert_kept(&logs, &keeper, &process.database).await;
    println!("stopped after {took:.1?}, with {} calls, {:?}", outcomes.len(), paid.state());

    // Whoever is patient is served by the next one, with the same client as before.
    let patient: Person = (*idle).clone().with_patience(Duration::from_secs(30)).into();
    let waiting =
        tokio::spawn(async move { patient.hold(&stage.event_id, &[stage.seat(498)]).await });
    linger(Duration::from_millis(100)).await;
    process.start_again().await;
    waiting.await.expect("it has tried").expect("the next server holds it");
    process.assert_sound().await;
    let leaks = search_logs(process.folder.path(), &[]);
    assert!(leaks.is_empty(), "{leaks:#?}");
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_server_that_is_told_to_stop_finishes_what_it_began_on_sqlite() {
    stop_under_load(Backend::Sqlite, "trace").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_server_that_is_told_to_stop_finishes_what_it_began_on_postgres() {
    stop_under_load(Backend::Postgres, "debug").await;
}

/// Whoever takes nothing of what he is sent holds nobody up for long.
async fn stop_with_a_stuck_reader(backend: Backend) {
    let mut process = Process::start(backend).await;
    let plan =
        StagePlan { rows: 2, seats_a_row: 50, places_per_buyer_max: 100, ..Default::default() };
    let stage = process.stage(plan).await;
    let narrow = narrow_channel(&process.url());
    let mut stuck = open_seats(&narrow, &stage.event_id, None, None).await.expect("a stream");
    stuck.message().await.expect("no error").expect("the snapshot");
    // More than the connection takes of a stream whose reader takes nothing.
    let buyer = process.guest().await;
    let seats: Vec<&str> = stage.seats[..50].iter().map(String::as_str).collect();
    for _ in 0..5 {
        release(&buyer, buyer.hold(&stage.event_id, &seats).await.expect("they are free")).await;
    }
    let took = process.stop().await;
    println!("stopped after {took:.1?} with a stuck reader");
    assert!(took < READER_MAX, "it waited {took:?} for a reader");
    drop(stuck);
    assert_nothing_leased(&process).await;
    process.start_again().await;
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_reader_that_is_stuck_does_not_keep_a_server_from_stopping_on_sqlite() {
    stop_with_a_stuck_reader(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_reader_that_is_stuck_does_not_keep_a_server_from_stopping_on_postgres() {
    stop_with_a_stuck_reader(Backend::Postgres).await;
}

/// Whoever waits for a gateway that says nothing gets his answer all the same.
async fn stop_while_the_gateway_hangs(backend: Backend) {
    let mut process = Process::start_at_one_port(backend, &[]).await;
    let stage = process.stage(StagePlan::default()).await;
    let buyer = process.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let paying = pay_slowly(&buyer, &booking, &process.url(), "tok_hang");
    process.database.wait_by_hand(PAYMENTS, |count| count == 1).await;
    let took = process.stop().await;
    let paid = paying.await.expect("it has tried").expect("a call in flight gets its answer");
    let awaited = [payment::State::Pending, payment::State::Unknown];
    assert!(awaited.contains(&paid.state()), "{paid:?}");
    println!("stopped after {took:.1?} while the gateway hung");
    // It is not forgotten: the next server asks again, and gives it up in the buyer's name.
    process.start_again().await;
    buyer.cancel(&booking).await.expect("it is cancelled");
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_call_that_waits_for_the_gateway_is_answered_when_the_server_stops_on_sqlite() {
    stop_while_the_gateway_hangs(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_call_that_waits_for_the_gateway_is_answered_when_the_server_stops_on_postgres() {
    stop_while_the_gateway_hangs(Backend::Postgres).await;
}
