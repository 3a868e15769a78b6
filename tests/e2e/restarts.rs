//! Stopped and started again and again in the middle of a sale: whoever is patient buys all the
//! same, and streams go on without a gap.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_tests::streams::{Keeper, Recorder, StreamLog, Tally, assert_kept, channel, linger};
use boxoffice_tests::{Backend, Chance, HandClock, Person, Process, Stage, StagePlan, search_logs};
use futures::StreamExt;
use futures::future::join_all;
use tokio::sync::watch;

/// Restarts, unless `BOXOFFICE_TEST_RESTARTS` says how many.
const RESTARTS: usize = 5;
const BUYERS: usize = 8;
/// As many as an event lets one buyer have.
const SEATS_A_BUYER: usize = 100;
/// Restarts for which one buyer has seats enough; after him comes the next.
const RESTARTS_A_BUYER: usize = 5;
/// The first seats, which everybody tries to get.
const CONTESTED_SEATS: usize = SEATS_A_BUYER / 3;
/// How long a buyer would rather wait than fail.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon a server is ready again.
const READY_MAX: Duration = Duration::from_secs(3);

/// The revision at which the sale ended; `None` while it goes on.
type Closing = watch::Receiver<Option<i64>>;

/// One buyer after the other buys until the sale closes.
async fn queue_until_closing(
    buyers: Vec<Person>,
    stage: Arc<Stage>,
    first: usize,
    is_closing: watch::Receiver<bool>,
) -> Vec<(Person, Vec<Booking>)> {
    let mut bought = Vec::new();
    for (number, buyer) in buyers.into_iter().enumerate() {
        let own = CONTESTED_SEATS + (first + number) * SEATS_A_BUYER;
        let bookings = buy_until_closing(&buyer, &stage, own, &is_closing).await;
        bought.push((buyer, bookings));
    }
    bought
}

/// Buys seat after seat until the sale closes. Every third try is for a seat that others want as
/// well; whatever else goes wrong fails the test.
async fn buy_until_closing(
    buyer: &Person,
    stage: &Stage,
    own: usize,
    is_closing: &watch::Receiver<bool>,
) -> Vec<Booking> {
    let mut bookings = Vec::new();
    for number in 0..SEATS_A_BUYER {
        if *is_closing.borrow() {
            break;
        }
        let seat = if number % 3 == 2 { number / 3 } else { own + number };
        let hold = match buyer.hold(&stage.event_id, &[stage.seat(seat)]).await {
            Ok(hold) => hold,
            Err(error) if error.reason() == ErrorReason::SeatsTaken => continue,
            Err(error) => panic!("no hold: {error}"),
        };
        let booking = buyer.book(&hold).await.expect("a booking");
        buyer.pay(&booking, "tok_success").await.expect("a payment");
        bookings.push(confirmed(buyer, &booking).await);
    }
    bookings
}

/// Watches a booking until it is confirmed.
async fn confirmed(buyer: &Person, booking: &Booking) -> Booking {
    let mut states = buyer.watch_booking(&booking.booking_id);
    let confirmed = async {
        loop {
            let told = states.next().await.expect("it goes on").expect("a booking");
            let now = told.booking.expect("a booking");
            if now.state() == booking::State::Confirmed {
                return now;
            }
        }
    };
    tokio::time::timeout(PATIENCE, confirmed).await.expect("it is confirmed in time")
}

fn patient(person: &Person) -> Person {
    (**person).clone().with_patience(PATIENCE).with_deadline(PATIENCE).into()
}

async fn closed(mut closing: Closing) -> Option<i64> {
    *closing.wait_for(Option::is_some).await.expect("the test is not over")
}

/// Watches by the SDK, and without it.
async fn watch_all(
    process: &Process,
    stage: &Stage,
    closing: &Closing,
) -> Vec<tokio::task::JoinHandle<Vec<StreamLog>>> {
    let clock = Arc::new(HandClock::default());
    let mut watching = Vec::new();
    for index in 0..2 {
        let name = format!("user {index}");
        let mut recorder = Recorder::new(name, channel(&process.url), &stage.event_id, &clock);
        let (person, closing) = (process.anonymous().await, closing.clone());
        watching.push(tokio::spawn(async move {
            recorder.watch_by_sdk(&person, closed(closing)).await;
            recorder.logs
        }));
    }
    for index in 0..2 {
        let name = format!("steady {index}");
        let mut recorder = Recorder::new(name, channel(&process.url), &stage.event_id, &clock);
        let closing = closing.clone();
        watching.push(tokio::spawn(async move {
            while recorder.watch(recorder.cursor(), closed(closing.clone())).await {}
            recorder.logs
        }));
    }
    watching
}

/// Stops it in the middle of the sale and starts it again. Says how long it was away at the most.
async fn restart_under_load(process: &mut Process, count: usize) -> Duration {
    let mut chance = Chance::of_test();
    let mut away_max = Duration::ZERO;
    for _ in 0..count {
        linger(Duration::from_millis(200 + chance.below(500))).await;
        let stopped = process.stop().await;
        let ready = process.start_again();
        assert!(ready < READY_MAX, "ready only after {ready:?}");
        away_max = away_max.max(stopped + ready);
    }
    // Some of the sale comes after the last of them.
    linger(Duration::from_millis(300)).await;
    away_max
}

async fn sell_over_restarts(backend: Backend) {
    let mut process = Process::start_at_one_port(backend, &[]).await;
    let count = std::env::var("BOXOFFICE_TEST_RESTARTS")
        .map_or(RESTARTS, |count| count.parse().expect("a number"));
    let queue = count.div_ceil(RESTARTS_A_BUYER);
    let rows = (CONTESTED_SEATS + BUYERS * queue * SEATS_A_BUYER).div_ceil(50);
    let plan =
        StagePlan { rows, seats_a_row: 50, places_per_buyer_max: 100, ..StagePlan::default() };
    let stage = Arc::new(process.stage(plan).await);
    let keeper = Keeper::begin(&process.database, &stage.event_id).await;
    let (close, closing) = watch::channel(None);
    let (last_call, is_closing) = watch::channel(false);
    let watching = watch_all(&process, &stage, &closing).await;
    let mut buying = Vec::new();
    for index in 0..BUYERS {
        let mut buyers = Vec::new();
        for _ in 0..queue {
            buyers.push(patient(&process.guest().await));
        }
        let (stage, first) = (Arc::clone(&stage), index * queue);
        let bought = queue_until_closing(buyers, stage, first, is_closing.clone());
        buying.push(tokio::spawn(bought));
    }
    let away_max = restart_under_load(&mut process, count).await;
    last_call.send_replace(true);
    let mut sold = 0;
    for bought in join_all(buying).await {
        for (buyer, bookings) in bought.expect("no purchase failed") {
            for booking in &bookings {
                assert_eq!(buyer.tickets_of(booking).await.len(), 1);
            }
            sold += bookings.len();
        }
    }
    assert!(sold >= BUYERS * 2, "only {sold} seats were sold");
    process.assert_sound().await;
    let ledger = process.ledger().await;
    assert_eq!(ledger.len(), sold, "one charge a purchase");
    assert!(ledger.iter().all(|entry| entry.state == LedgerState::Captured));
    close.send_replace(Some(keeper.at_rest(&process.database).await.1.1));
    let mut logs = Vec::new();
    for log in join_all(watching).await {
        logs.extend(log.expect("it watched"));
    }
    let history = assert_kept(&logs, &keeper, &process.database).await;
    let tally = Tally::of(&logs);
    boxoffice_tests::tell!(
        "{count} restarts, {sold} sold, away for {away_max:.1?} at the most, {} \
        revisions; {tally}",
        history.len()
    );
    assert_eq!(tally.resynchronised, 0, "nothing was forgotten");
    assert!(tally.resumed >= count, "streams went on after each restart");
    let leaks = search_logs(process.folder.path(), &[]);
    assert!(leaks.is_empty(), "{leaks:#?}");
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_no_purchase_fails_over_restarts_and_streams_go_on_on_sqlite() {
    sell_over_restarts(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_75_no_purchase_fails_over_restarts_and_streams_go_on_on_postgres() {
    sell_over_restarts(Backend::Postgres).await;
}
