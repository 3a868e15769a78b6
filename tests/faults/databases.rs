//! A PostgreSQL that crashes, is killed, or ends connections, under a sale: the server gets over it
//! by itself, and says so while it cannot.

use std::time::{Duration, Instant};

use boxoffice_sdk::booking::v1::SeatState;
use boxoffice_sdk::{Fold, SeatView};
use boxoffice_tests::pressure::{Siege, Verdict};
use boxoffice_tests::{
    Backend, Chance, Database, Door, PostgresServer, Process, eventually_within, length,
    look_until, portions,
};
use futures::StreamExt;
use http::StatusCode;
use tonic::transport::Endpoint;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

const BUYERS: usize = 8;
/// Crashes of one test, unless `BOXOFFICE_TEST_CRASHES` says how many.
const CRASHES: usize = 2;
/// How many more of one event's sale at the most until somebody has noticed.
const MORE_CRASHES_MAX: usize = 10;
/// Crashes of one event's sale; then the next event goes on sale.
const CRASHES_A_SALE: usize = 4;
/// Connections that are ended, unless `BOXOFFICE_TEST_RESETS` says how many.
const TERMINATIONS: usize = 8;
/// How many of them in one event's sale.
const TERMINATIONS_A_SALE: usize = 20;
/// How many at the most until somebody notices.
const TERMINATIONS_MAX: usize = 200;
/// How soon a server says that it cannot serve, once its database is away.
const NOTICED_MAX: Duration = Duration::from_secs(8);
/// How soon a watcher sees a change of which its server is not told.
const SEEN_MAX: Duration = Duration::from_secs(3);
/// How soon it serves again, once its database is back.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

async fn prepared(server: &PostgresServer) -> Process {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create_on(&server.url(), Backend::Postgres, folder.path()).await;
    let mut process = Process::prepare(database, folder, &[]);
    process.start_again().await;
    process
}

/// What the server says of itself: by gRPC, and to a readiness probe.
async fn health(door: &Door) -> (ServingStatus, StatusCode) {
    let endpoint = Endpoint::from_shared(door.url()).expect("an address");
    let mut client = HealthClient::new(endpoint.connect().await.expect("it listens"));
    let request = HealthCheckRequest { service: "boxoffice.booking.v1.BookingService".into() };
    let HealthCheckResponse { status } = client.check(request).await.expect("told").into_inner();
    let page = reqwest::get(format!("{}/readyz", door.url())).await.expect("a page");
    let alive = reqwest::get(format!("{}/healthz", door.url())).await.expect("a page");
    assert_eq!(alive.status(), StatusCode::OK, "it lives, whatever its database does");
    (ServingStatus::try_from(status).expect("a known status"), page.status())
}

async fn wait_for_health(door: &Door, serves: bool, patience: Duration) -> Duration {
    let wanted = match serves {
        true => (ServingStatus::Serving, StatusCode::OK),
        false => (ServingStatus::NotServing, StatusCode::SERVICE_UNAVAILABLE),
    };
    let begun = Instant::now();
    eventually_within(patience, async || {
        let now = health(door).await;
        if now == wanted { Ok(()) } else { Err(format!("still {now:?}")) }
    })
    .await;
    begun.elapsed()
}

/// Lets the database crash at random moments at which somebody waits for an answer, so often and
/// until as many have noticed. Says how often.
async fn crash_at_random(
    server: &mut PostgresServer,
    process: &Process,
    siege: &Siege,
    least: usize,
) -> usize {
    let (mut chance, mut crashes) = (siege.chance(), 0);
    while crashes < least || (siege.unanswered() < least && crashes < least + MORE_CRASHES_MAX) {
        let pause = chance.between(Duration::from_millis(200), Duration::from_millis(800));
        // It chooses the moment of a crash, at random.
        tokio::time::sleep(pause).await;
        look_until(async || siege.is_hit(), |is_hit| *is_hit).await;
        if crashes % 2 == 0 {
            server.crash()
        } else {
            server.kill()
        }
        crashes += 1;
        let begun = Instant::now();
        server.start_again().await;
        let started = begun.elapsed();
        let serves = wait_for_health(process, true, RECOVERY_MAX).await;
        boxoffice_tests::tell!(
            "the database was back after {started:?}, the server after {serves:?} more"
        );
    }
    // It chooses the moment of closing: some of the sale is to come after the last crash.
    tokio::time::sleep(Duration::from_millis(500)).await;
    crashes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_a_postgres_that_crashes_loses_nothing_and_the_server_gets_over_it() {
    let mut server = PostgresServer::start().await;
    let process = prepared(&server).await;
    let (seed, least) = (Chance::seed(), length("BOXOFFICE_TEST_CRASHES", CRASHES));
    let (mut verdict, mut crashes) = (Verdict::default(), 0);
    for (seed, least) in (seed..).zip(portions(least, CRASHES_A_SALE)) {
        let siege = Siege::begin(&process, Siege::plan(BUYERS), seed).await;
        let mut siege = siege.watched(&process.database).await;
        crashes += siege.sell_during(crash_at_random(&mut server, &process, &siege, least)).await;
        verdict.add(siege.end(&process.database, &process.ledger_file()).await);
    }
    let log = std::fs::read_to_string(server.log()).expect("a log");
    let recoveries = log.matches("automatic recovery in progress").count();
    assert_eq!(recoveries, crashes, "it crashed each time");
    verdict.assert_noticed(least);
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_76_health_follows_a_database_that_is_away() {
    let mut server = PostgresServer::start().await;
    let process = prepared(&server).await;
    let stage = process.stage(Default::default()).await;
    assert_eq!(health(&process).await, (ServingStatus::Serving, StatusCode::OK));
    server.crash();
    let noticed = wait_for_health(&process, false, NOTICED_MAX).await;
    assert!(noticed > Duration::from_secs(1), "a moment is no absence");
    server.start_again().await;
    let back = wait_for_health(&process, true, RECOVERY_MAX).await;
    boxoffice_tests::tell!("noticed after {noticed:?}, serving {back:?} after it was back");
    let buyer = process.guest().await;
    buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
    process.finish().await;
}

/// Ends connections of the server at random, and now and then those by which it hears others, so
/// often and until somebody has noticed. Says how many.
async fn terminate_at_random(process: &Process, siege: &Siege, times: usize) -> i64 {
    let (mut ended, mut number, mut chance) = (0, 0, siege.chance());
    while number < times || (siege.unanswered() == 0 && number < TERMINATIONS_MAX) {
        number += 1;
        let pause = chance.between(Duration::from_millis(50), Duration::from_millis(250));
        // It chooses the moment of an end, at random.
        tokio::time::sleep(pause).await;
        let which = match number % 4 {
            0 => "query like 'LISTEN %'",
            1 => "state = 'idle in transaction'",
            _ => "state = 'active' and pid <> pg_backend_pid()",
        };
        let statement = format!(
            "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity
                where application_name = 'boxoffice' and datname = current_database() and {which}
                order by random() limit 3) as chosen"
        );
        ended += process.database.count_by_hand(&statement).await;
    }
    // It chooses the moment of closing: some of the sale is to come after the last end.
    tokio::time::sleep(Duration::from_millis(200)).await;
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_a_sale_whose_backends_are_terminated_loses_nothing() {
    let process = Process::start(Backend::Postgres).await;
    let (seed, times) = (Chance::seed(), length("BOXOFFICE_TEST_RESETS", TERMINATIONS));
    let (mut verdict, mut ended) = (Verdict::default(), 0);
    for (seed, times) in (seed..).zip(portions(times, TERMINATIONS_A_SALE)) {
        let siege = Siege::begin(&process, Siege::plan(BUYERS), seed).await;
        let mut siege = siege.watched(&process.database).await;
        ended += siege.sell_during(terminate_at_random(&process, &siege, times)).await;
        verdict.add(siege.end(&process.database, &process.ledger_file()).await);
    }
    boxoffice_tests::tell!("{ended} connections were ended");
    assert!(ended > 0, "no connection was ended");
    verdict.assert_noticed(1);
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_a_watcher_sees_what_happens_elsewhere_though_its_server_cannot_hear_it() {
    let process = Process::start(Backend::Postgres).await;
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut other = Process::prepare(process.database.clone(), folder, &[]);
    other.start_again().await;
    let stage = process.stage(Default::default()).await;
    let (watcher, buyer) = (process.anonymous().await, process.guest().await);
    let buyer = other.again(&buyer).await;
    let mut stream = watcher.watch_seats(&stage.event_id, None);
    let mut view = SeatView::default();
    for seat in (0..3).map(|index| stage.seat(index)) {
        let listening = "select count(*) from pg_stat_activity
            where datname = current_database() and query like 'LISTEN %'";
        process.database.wait_by_hand(listening, |count| count == 2).await;
        let deaf = "select count(pg_terminate_backend(pid)) from pg_stat_activity
            where datname = current_database() and query like 'LISTEN %'";
        assert_eq!(process.database.count_by_hand(deaf).await, 2, "both are deaf now");
        let begun = Instant::now();
        buyer.hold(&stage.event_id, &[seat]).await.expect("it is free");
        while view.state(seat) != Some(SeatState::Held) {
            let message = tokio::time::timeout(SEEN_MAX, stream.next()).await.expect("in time");
            let message = message.expect("the stream goes on").expect("a message");
            assert_eq!(view.apply(&message), Fold::Applied);
        }
        println!("it was seen after {:?}", begun.elapsed());
    }
    other.kill();
    process.finish().await;
}
