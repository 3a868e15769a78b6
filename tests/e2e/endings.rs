//! What becomes of those who are slow when a server stops: who has not heard of it yet, and who has
//! not taken his answer yet.

use std::time::{Duration, Instant};

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_sdk::booking::v1::HoldSeatsRequest;
use boxoffice_sdk::catalog::v1::GetSeatMapRequest;
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::streams::{channel, with_token};
use boxoffice_tests::{Backend, Process, Proxy, StagePlan, eventually, request_id};
use futures::future::join_all;
use prost::Message;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::input::exchange::frame;
use crate::input::raw::{INITIAL_WINDOW, Raw};

const GET_SEAT_MAP: &str = "/boxoffice.catalog.v1.CatalogService/GetSeatMap";
/// How long a server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Questions about the health of a server that stops, and the pause after each: in all longer than
/// who watches it is kept waiting, and shorter than the server waits for whoever is connected.
const QUESTIONS: usize = 4;
const QUESTION_PAUSE: Duration = Duration::from_millis(300);
/// How long a server may take to stop that waits for one who takes nothing: it waits for five
/// seconds, and the rest is short.
const STUCK_STOP_MAX: Duration = Duration::from_secs(9);
/// The pause of a slow reader after each piece of 16 KiB of his answer; there are about 30.
const READ_PAUSE: Duration = Duration::from_millis(90);
/// How much longer he reads after the server has been told to stop, at the least: longer than it
/// waits for streams.
const READ_AFTER_MIN: Duration = Duration::from_millis(2_200);

/// Asks for the server's health by a connection that there is.
fn ask_for_health(channel: &Channel) -> JoinHandle<Result<ServingStatus, tonic::Status>> {
    let mut health = HealthClient::new(channel.clone());
    tokio::spawn(async move {
        let answer = health.check(HealthCheckRequest::default()).await;
        answer.map(|answer| answer.into_inner().status())
    })
}

async fn stop_unheard(backend: Backend) {
    let mut process = Process::start_at_one_port(backend, &[]).await;
    let stage = process.stage(StagePlan::default()).await;
    let buyer = process.guest().await;
    let (proxy, url) = Proxy::before_url(&process.url()).await;
    let far = channel(&url);
    let served = ask_for_health(&far).await.expect("it has asked").expect("an answer");
    assert_eq!(served, ServingStatus::Serving);
    // What the server says does not arrive any more, so that nobody there hears that it stops.
    proxy.set(|toxics| toxics.is_mute = true);
    let begun = Instant::now();
    process.terminate();
    let address = process.url();
    let address = address.trim_start_matches("http://");
    eventually(async || match TcpStream::connect(address).await {
        Ok(_) => Err("somebody is let in still"),
        Err(_) => Ok(()),
    })
    .await;
    let request = HoldSeatsRequest {
        request_id: request_id(),
        event_id: stage.event_id.clone(),
        seat_ids: vec![stage.seat(0).to_owned()],
        general_admission: Vec::new(),
    };
    let request = with_token(request, Some(&buyer));
    let mut stub = BookingServiceClient::new(far.clone());
    let holding = tokio::spawn(async move { stub.hold_seats(request).await });
    let mut asking = Vec::new();
    for _ in 0..QUESTIONS {
        asking.push(ask_for_health(&far));
        // It chooses the moment of the next question.
        tokio::time::sleep(QUESTION_PAUSE).await;
    }
    proxy.heal();
    for answer in join_all(asking).await {
        let status = answer.expect("it has asked").expect("health is told");
        assert_eq!(status, ServingStatus::NotServing);
    }
    let refused = holding.await.expect("it has tried").expect_err("nothing is begun any more");
    let refused = Error::from(refused);
    assert_eq!((refused.code(), refused.reason()), (Code::Unavailable, ErrorReason::Unavailable));
    assert!(refused.retry_after().is_some(), "{refused}");
    assert!(process.ended().await.success());
    assert!(begun.elapsed() < STOP_MAX, "it stopped only after {:?}", begun.elapsed());
    let held = "select count(*) from booking_hold";
    assert_eq!(process.database.count_by_hand(held).await, 0, "a refused call has done something");
    process.start_again().await;
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_who_has_not_heard_that_a_server_stops_is_refused_and_health_tells_it_on_sqlite() {
    stop_unheard(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_who_has_not_heard_that_a_server_stops_is_refused_and_health_tells_it_on_postgres() {
    stop_unheard(Backend::Postgres).await;
}

/// Somebody who takes an answer piece by piece, in the end: how many bytes came, whether that was
/// all, and when it was over.
type Reading = JoinHandle<(usize, bool, Instant)>;

/// Takes a large answer piece by piece. Comes back when it has begun to come, and goes on when told
/// to.
async fn read_slowly(mut raw: Raw, event_id: &str) -> (oneshot::Sender<()>, Reading) {
    let request = frame(&GetSeatMapRequest { event_id: event_id.to_owned() }.encode_to_vec());
    let ((begun, has_begun), (go_on, goes_on)) = (oneshot::channel(), oneshot::channel());
    let reading = tokio::spawn(async move {
        assert!(raw.call(1, GET_SEAT_MAP, request).await);
        let (bytes, ends) = raw.take_slowly(1, READ_PAUSE, Some((begun, goes_on))).await;
        (bytes, ends == 1, Instant::now())
    });
    has_begun.await.expect("the answer begins");
    (go_on, reading)
}

fn large_hall() -> StagePlan {
    StagePlan { rows: 100, seats_a_row: 100, ..StagePlan::default() }
}

async fn stop_with_slow_readers(backend: Backend) {
    let mut process = Process::start(backend).await;
    let event_id = process.stage(large_hall()).await.event_id;
    let whole = process.anonymous().await;
    let whole = whole.get_seat_map(GetSeatMapRequest { event_id: event_id.clone() }).await;
    let whole = whole.expect("a map").encode_to_vec().len() + 5;
    // One who says himself how much he has room for, and one whose line is slow.
    let by_window = Raw::open(&process, &[(INITIAL_WINDOW, 16 * 1024)]).await;
    let by_line = Raw::narrow(&process).await;
    let reading = [read_slowly(by_window, &event_id), read_slowly(by_line, &event_id)];
    let (go_on, reading): (Vec<_>, Vec<_>) = join_all(reading).await.into_iter().unzip();
    let told = Instant::now();
    for reader in go_on {
        reader.send(()).expect("it waits");
    }
    let took = process.stop().await;
    for read in join_all(reading).await {
        let (bytes, is_whole, at) = read.expect("it has read");
        let after = at.saturating_duration_since(told);
        println!("{bytes} of {whole} bytes, {after:.1?} after it was told; stopped in {took:.1?}");
        assert!(is_whole && bytes == whole, "{bytes} of {whole} bytes came");
        assert!(after > READ_AFTER_MIN, "it was over after {after:?} already");
    }
    process.start_again().await;
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_slow_reader_gets_all_of_an_answer_though_the_server_stops_on_sqlite() {
    stop_with_slow_readers(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_a_slow_reader_gets_all_of_an_answer_though_the_server_stops_on_postgres() {
    stop_with_slow_readers(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_who_takes_nothing_of_an_answer_holds_up_no_server_for_long() {
    let mut process = Process::start(Backend::Sqlite).await;
    let event_id = process.stage(large_hall()).await.event_id;
    let request = frame(&GetSeatMapRequest { event_id }.encode_to_vec());
    let mut stuck = Raw::open(&process, &[(INITIAL_WINDOW, 1_024)]).await;
    assert!(stuck.call(1, GET_SEAT_MAP, request).await);
    assert!(stuck.find(|frame| frame.stream == 1).await.is_some(), "the answer begins");
    let took = process.stop().await;
    println!("stopped in {took:.1?}");
    assert!(took < STUCK_STOP_MAX, "it stopped only after {took:?}");
    process.start_again().await;
    process.finish().await;
}
